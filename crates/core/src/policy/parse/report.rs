//! Gathers the mistakes of all files, and drops those that only follow from an earlier one (A26).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use super::{
    Mistake, Source,
    lines::{Lines, Mark, narrow},
};
use crate::{
    nearest::nearest,
    policy::Place,
    text,
    words::{Text, inflect},
};

/// More mistakes than this help nobody; they are counted.
const MISTAKES_MAX: usize = 1_000;
/// Guessing what was meant compares with every known word: only the first mistakes get a guess.
const GUESSES_MAX: u32 = 64;
/// As much of a written value as a sentence repeats.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// What a mistake rests on, which decides whether an earlier one may have caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The file is not TOML here.
    Syntax,
    /// Something that is written.
    Written,
    /// Something that is not written: perhaps only because the file could not be read to its end.
    Missing,
}

#[derive(Debug)]
struct Entry {
    at: Mark,
    also: Option<Mark>,
    basis: Basis,
    text: Text,
    fix: Text,
}

/// Everything found in the files so far.
#[derive(Debug, Default)]
pub(super) struct Report<'a> {
    files: Vec<Lines<'a>>,
    mistakes: Vec<Entry>,
    warnings: Vec<Entry>,
    left_out: u32,
    guesses: u32,
    /// For each file the byte from which on it could not be made out.
    lost_from: Vec<u32>,
}

impl<'a> Report<'a> {
    /// Takes a file in and gives its number.
    pub(super) fn open(&mut self, source: &Source<'a>) -> u32 {
        self.files.push(Lines::new(source.name.clone(), source.text));
        self.lost_from.push(u32::MAX);
        narrow(self.files.len() - 1)
    }

    pub(super) fn lines(&self, file: u32) -> &Lines<'a> {
        &self.files[file as usize]
    }

    pub(super) fn place(&self, at: Mark) -> (Place, u32) {
        self.lines(at.file).place(at.start as usize, at.end as usize)
    }

    /// What is written there.
    pub(super) fn written(&self, at: Mark) -> &'a str {
        self.lines(at.file).text().get(at.start as usize..at.end as usize).unwrap_or("")
    }

    /// The file is not TOML at `at`.
    pub(super) fn syntax(&mut self, at: Mark, also: Option<Mark>, text: Text, fix: Text) {
        self.push(Entry { at, also, basis: Basis::Syntax, text, fix });
    }

    /// What is written at `at` is wrong.
    pub(super) fn wrong(&mut self, at: Mark, text: Text, fix: Text) {
        self.push(Entry { at, also: None, basis: Basis::Written, text, fix });
    }

    /// What is written at `at` refers to something that is nowhere to be found.
    pub(super) fn unknown(&mut self, at: Mark, text: Text, fix: Text) {
        self.missing(at, text, fix);
    }

    /// Something that belongs to what stands at `at` is missing.
    pub(super) fn missing(&mut self, at: Mark, text: Text, fix: Text) {
        self.push(Entry { at, also: None, basis: Basis::Missing, text, fix });
    }

    /// Two places contradict each other.
    pub(super) fn clash(&mut self, one: Mark, other: Mark, text: Text, fix: Text) {
        self.push(Entry { at: one.min(other), also: Some(one.max(other)), basis: Basis::Written, text, fix });
    }

    /// What stands at `at` is allowed, but perhaps not meant.
    pub(super) fn doubt(&mut self, at: Mark, text: Text, fix: Text) {
        if self.warnings.len() < MISTAKES_MAX {
            self.warnings.push(Entry { at, also: None, basis: Basis::Written, text, fix });
        }
    }

    /// From this byte on nothing that is read of the file can be trusted.
    pub(super) fn lose(&mut self, file: u32, from: u32) {
        let lost = &mut self.lost_from[file as usize];
        *lost = from.min(*lost);
    }

    /// The known word that was meant, as long as guessing stays cheap.
    pub(super) fn guess<'k>(
        &mut self,
        word: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        if self.guesses >= GUESSES_MAX {
            return None;
        }
        self.guesses += 1;
        nearest(word, known)
    }

    fn push(&mut self, entry: Entry) {
        if self.mistakes.len() < MISTAKES_MAX {
            self.mistakes.push(entry);
        } else {
            self.left_out += 1;
        }
    }

    /// The mistakes and the warnings, each in order of place.
    pub(super) fn finish(mut self) -> (Vec<Mistake>, Vec<Mistake>) {
        let mut mistakes = core::mem::take(&mut self.mistakes);
        let mut warnings = core::mem::take(&mut self.warnings);
        mistakes.sort_by_key(|entry| entry.at);
        warnings.sort_by_key(|entry| entry.at);
        self.drop_consequences(&mut mistakes);
        let mut mistakes: Vec<_> = mistakes.into_iter().map(|entry| self.mistake(entry)).collect();
        if let (Some(last), 1..) = (mistakes.last().cloned(), self.left_out) {
            let count = self.left_out;
            let en = inflect(count as usize, "mistake", "mistakes");
            mistakes.push(Mistake {
                also: None,
                text: text!("and {count} more {en}", "ほかに {count} 件の誤りがあります"),
                fix: text!("correct these first", "まずここまでを直してください"),
                ..last
            });
        }
        (mistakes, warnings.into_iter().map(|entry| self.mistake(entry)).collect())
    }

    /// Where a file is not TOML, one mistake a line is enough, and nothing rests on what could not be read.
    fn drop_consequences(&self, mistakes: &mut Vec<Entry>) {
        let line = |entry: &Entry| (entry.at.file, self.lines(entry.at.file).line(entry.at.start as usize));
        let broken: BTreeSet<_> =
            mistakes.iter().filter(|entry| entry.basis == Basis::Syntax).map(line).collect();
        if broken.is_empty() {
            return;
        }
        let mut said = BTreeSet::new();
        mistakes.retain(|entry| match entry.basis {
            Basis::Syntax => said.insert(line(entry)),
            Basis::Missing => false,
            Basis::Written => {
                entry.at.start < self.lost_from[entry.at.file as usize] && !broken.contains(&line(entry))
            }
        });
    }

    fn mistake(&self, entry: Entry) -> Mistake {
        let (place, width) = self.place(entry.at);
        let also = entry.also.map(|at| self.place(at).0);
        Mistake { place, width, also, text: entry.text, fix: entry.fix }
    }
}

/// A written value, short enough to stand in a sentence.
pub(super) fn clip(value: &str) -> String {
    match value.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.into(),
    }
}

/// "did you mean …?" where there is a guess, else the advice.
pub(super) fn did_you_mean(guess: Option<&str>, advice: Text) -> Text {
    match guess {
        Some(guess) => text!("did you mean {guess}?", "{guess} のことですか?"),
        None => advice,
    }
}
