//! Commands that take turns on one host, and the rows that come of it.

use portreeve_lab::fixture::Fixture;

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{Sample, race, words},
};
use crate::shell::{Result, target};

/// A program and its arguments; `portreeve` is the one that was built.
pub(super) type Words = &'static [&'static str];

/// What every command took on a host that is called `place`.
pub(super) struct Race {
    place: String,
    commands: &'static [Words],
    samples: Vec<Sample>,
}

impl Race {
    /// Lets the commands take turns for so many rounds.
    ///
    /// Entering a host costs as much as a short program: the stopwatch enters once and starts them all inside.
    pub(super) fn run(
        host: &Fixture,
        place: impl Into<String>,
        rounds: u32,
        commands: &'static [Words],
    ) -> Result<Self> {
        let program = target().join("release/portreeve").to_string_lossy().into_owned();
        let at_path = |word: &&str| if *word == "portreeve" { program.clone() } else { (*word).to_owned() };
        let found: Vec<Vec<String>> =
            commands.iter().map(|words| words.iter().map(at_path).collect()).collect();
        let samples = race(&mut host.command(words(rounds, &found)?), commands.len())?;
        Ok(Self { place: place.into(), commands, samples })
    }

    /// The median time of a command, by its place in the list.
    pub(super) fn time(&self, command: usize) -> Figure {
        self.samples[command].time()
    }

    /// Our time against theirs: at most this share of it.
    pub(super) fn against(&self, ours: usize, theirs: usize, share: f64) -> Row {
        Row {
            what: self.what(ours),
            ours: self.time(ours),
            rival: Some((self.commands[theirs].join(" "), self.time(theirs))),
            promise: Promise::Share(share),
        }
    }

    /// Our time against a limit.
    pub(super) fn within(&self, ours: usize, milliseconds_max: f64) -> Row {
        let promise = Promise::AtMost(Figure::Nanoseconds(milliseconds_max * 1e6));
        Row { what: self.what(ours), ours: self.time(ours), rival: None, promise }
    }

    /// The most memory that we held at once against a limit; what a rival held stands beside it.
    pub(super) fn peak(&self, ours: usize, theirs: usize, bytes_max: f64) -> Row {
        Row {
            what: format!("peak memory of {}", self.what(ours)),
            ours: self.samples[ours].peak(),
            rival: Some((self.commands[theirs].join(" "), self.samples[theirs].peak())),
            promise: Promise::AtMost(Figure::Bytes(bytes_max)),
        }
    }

    fn what(&self, command: usize) -> String {
        format!("`{}`, {}", self.commands[command].join(" "), self.place)
    }
}
