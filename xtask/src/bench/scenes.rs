//! The hosts that are looked at, and who races whom on them.

use portreeve_lab::fixture;

use super::{
    race::{Race, Words},
    report::Row,
};
use crate::shell::Result;

const SMALL_ROUNDS: u32 = 25;
const BUSY_ROUNDS: u32 = 10;
const PEAK_BYTES_MAX: f64 = 32e6;

const SMALL: &[Words] =
    &[&["portreeve", "ls"], &["portreeve", "audit"], &["ss", "-ltnup"], &["lsof", "-nP", "-i"]];
const BUSY: &[Words] =
    &[&["portreeve", "ls"], &["ss", "-ltnp"], &["portreeve", "who", "443"], &["ss", "-ltnp", "sport = :443"]];

/// A host of the usual size: a few hundred processes, a score of listeners.
pub(super) fn small() -> Result<Vec<Row>> {
    let race = Race::run(&fixture::small()?, "small host", SMALL_ROUNDS, SMALL)?;
    Ok(vec![race.against(0, 2, 1.0 / 5.0), race.against(0, 3, 1.0 / 15.0), race.against(1, 0, 3.0)])
}

/// A host with 100,000 connections in 50 processes.
pub(super) fn busy() -> Result<Vec<Row>> {
    let race = Race::run(&fixture::busy()?, "100,000 connections", BUSY_ROUNDS, BUSY)?;
    Ok(vec![race.against(0, 1, 1.0 / 3.0), race.against(2, 3, 1.0 / 10.0), race.peak(0, 1, PEAK_BYTES_MAX)])
}
