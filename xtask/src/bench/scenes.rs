//! The hosts that are looked at, and who races whom on them.

use portreeve_lab::fixture::{self, Fixture};

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{Sample, race, words},
};
use crate::shell::{Result, target};

const SMALL_ROUNDS: u32 = 25;
/// The rivals need seconds there.
const BUSY_ROUNDS: u32 = 10;
const PEAK_BYTES_MAX: f64 = 32e6;

const SMALL: &[&[&str]] =
    &[&["portreeve", "ls"], &["portreeve", "audit"], &["ss", "-ltnup"], &["lsof", "-nP", "-i"]];
const BUSY: &[&[&str]] =
    &[&["portreeve", "ls"], &["ss", "-ltnp"], &["portreeve", "who", "443"], &["ss", "-ltnp", "sport = :443"]];

/// A host of the usual size: a few hundred processes, a score of listeners.
pub(super) fn small() -> Result<Vec<Row>> {
    let host = fixture::small()?;
    let samples = race_on(&host, SMALL_ROUNDS, SMALL)?;
    let row = |ours: usize, theirs: usize, share| {
        against("small host", SMALL[ours], &samples[ours], SMALL[theirs], &samples[theirs], share)
    };
    Ok(vec![row(0, 2, 1.0 / 5.0), row(0, 3, 1.0 / 15.0), row(1, 0, 3.0)])
}

/// A host with 100,000 connections in 50 processes.
pub(super) fn busy() -> Result<Vec<Row>> {
    let host = fixture::busy()?;
    let samples = race_on(&host, BUSY_ROUNDS, BUSY)?;
    let row = |ours: usize, theirs: usize, share| {
        against("100,000 connections", BUSY[ours], &samples[ours], BUSY[theirs], &samples[theirs], share)
    };
    let peak = Row {
        what: "peak memory of `portreeve ls`, 100,000 connections".into(),
        ours: samples[0].peak(),
        rival: Some((BUSY[1].join(" "), samples[1].peak())),
        promise: Promise::AtMost(Figure::Bytes(PEAK_BYTES_MAX)),
    };
    Ok(vec![row(0, 1, 1.0 / 3.0), row(2, 3, 1.0 / 10.0), peak])
}

/// Entering a host costs as much as a short program: the stopwatch enters once and starts them all inside.
fn race_on(host: &Fixture, rounds: u32, commands: &[&[&str]]) -> Result<Vec<Sample>> {
    let program = target().join("release/portreeve").to_string_lossy().into_owned();
    let at_path = |word: &&str| if *word == "portreeve" { program.clone() } else { (*word).to_owned() };
    let commands: Vec<Vec<String>> =
        commands.iter().map(|words| words.iter().map(at_path).collect()).collect();
    race(&mut host.command(words(rounds, &commands)?), commands.len())
}

fn against(place: &str, ours: &[&str], our: &Sample, theirs: &[&str], their: &Sample, share: f64) -> Row {
    Row {
        what: format!("`{}`, {place}", ours.join(" ")),
        ours: our.time(),
        rival: Some((theirs.join(" "), their.time())),
        promise: Promise::Share(share),
    }
}
