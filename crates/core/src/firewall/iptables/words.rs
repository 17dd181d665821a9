//! Splits a line into words, where a quotation is one word (iptables-restore(8), ipset(8)).

use alloc::{borrow::Cow, string::String, vec::Vec};

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::firewall) struct Word<'a> {
    /// The word without its quotation marks.
    pub(in crate::firewall) text: Cow<'a, str>,
    /// Whether it stood in quotation marks: no option does.
    pub(in crate::firewall) is_quoted: bool,
}

/// The words of `line`; `None` where a quotation does not end.
pub(in crate::firewall) fn split(line: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest.find([' ', '\t', '"']).unwrap_or(rest.len());
        if rest[end..].starts_with('"') {
            let (word, after) = quoted(rest)?;
            words.push(Word { text: Cow::Owned(word), is_quoted: true });
            rest = after.trim_start();
        } else {
            words.push(Word { text: Cow::Borrowed(&rest[..end]), is_quoted: false });
            rest = rest[end..].trim_start();
        }
    }
    Some(words)
}

/// The first word of `text`, part of which is in quotation marks, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let (mut is_inside, mut is_escaped) = (false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => {
                word.push(letter);
                is_escaped = false;
            }
            '\\' if is_inside => is_escaped = true,
            '"' => is_inside = !is_inside,
            ' ' | '\t' if !is_inside => return Some((word, &text[at..])),
            _ => word.push(letter),
        }
    }
    (!is_inside).then_some((word, ""))
}

/// The words that are still to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a>(&'a [Word<'a>]);

impl<'a> Words<'a> {
    pub(super) const fn of(words: &'a [Word<'a>]) -> Self {
        Self(words)
    }

    /// The next word, whatever it is.
    pub(super) fn take(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(&word.text)
    }

    /// The next word, where it may be an option; it is still to be read.
    pub(super) fn option(self) -> Option<&'a str> {
        self.0.first().filter(|word| !word.is_quoted).map(|word| &*word.text)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

/// An option as it is given to a match or to a target.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) name: &'static str,
    /// Whether `!` stands before it.
    pub(super) is_negated: bool,
    values: [&'a str; VALUES_MAX],
}

/// No option has more values.
const VALUES_MAX: usize = 2;

impl<'a> Given<'a> {
    pub(super) const fn value(&self) -> &'a str {
        self.values[0]
    }

    pub(super) const fn second(&self) -> &'a str {
        self.values[1]
    }
}

/// An option that a match or a target knows, and how many values it has.
pub(super) type Known = (&'static str, usize);

/// The options that stand next, up to a word that every rule may have, or the end; `None` where one is not `known`.
pub(super) fn given<'a>(words: &mut Words<'a>, known: &[Known]) -> Option<Vec<Given<'a>>> {
    let mut all = Vec::new();
    loop {
        let mut ahead = *words;
        let is_negated = ahead.option() == Some("!");
        if is_negated {
            ahead.take();
        }
        if ahead.is_empty() {
            return Some(all);
        }
        let word = ahead.option()?;
        let Some((name, count)) = known.iter().find(|(name, _)| *name == word) else {
            return COMMON.contains(&word).then_some(all);
        };
        ahead.take();
        let mut values = [""; VALUES_MAX];
        for value in values.iter_mut().take(*count) {
            *value = ahead.take()?;
        }
        all.push(Given { name, is_negated, values });
        *words = ahead;
    }
}

/// The options of any rule, as `iptables-save` prints them.
const COMMON: &[&str] = &["-m", "-j", "-g", "-p", "-s", "-d", "-i", "-o", "-f", "-c"];

/// Options whose value is any text, which may look like an option.
const WITH_TEXT: &[&str] = &[
    "--comment",
    "--string",
    "--hex-string",
    "--name",
    "--hashlimit-name",
    "--helper",
    "--label",
    "--nfacct-name",
    "--path",
    "--genre",
];

/// Leaves out the options of a match that is not known, up to the next match or the target, and tells their words.
pub(super) fn leave_out<'a>(words: &mut Words<'a>) -> Vec<&'a str> {
    let mut left_out = Vec::new();
    loop {
        match words.option() {
            Some("-m" | "-j" | "-g") => return left_out,
            None if words.is_empty() => return left_out,
            Some(word) if WITH_TEXT.contains(&word) => {
                words.take();
                words.take();
            }
            _ => left_out.extend(words.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Option<Vec<String>> {
        Some(split(line)?.into_iter().map(|word| word.text.into_owned()).collect())
    }

    #[test]
    fn a_quotation_is_one_word() {
        let line = r#"-m comment --comment "a \"b\" -j \\ c" -j ACCEPT"#;
        assert_eq!(texts(line).unwrap(), ["-m", "comment", "--comment", r#"a "b" -j \ c"#, "-j", "ACCEPT"]);
        assert_eq!(texts(r#"--comment "" x"#).unwrap(), ["--comment", "", "x"]);
        assert_eq!(texts(r#"a"b c"d\e f\"#).unwrap(), [r"ab cd\e", r"f\"]);
        assert_eq!(texts(r#"a "b\""#), None);
        assert_eq!(texts("  ").unwrap(), [""; 0]);
    }
}
