//! Ten times the sockets take no more than ten times as long.

use portreeve_lab::fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::{Figure, Promise, Row},
    },
    shell::Result,
};

const ROUNDS: u32 = 11;
const FEW: u32 = 10_000;
const MANY: u32 = 100_000;
const MOST: u32 = 400_000;
/// What is left to chance, and to memory that no cache holds.
const SHARE_MAX: f64 = 1.2;

const COMMANDS: &[Words] = &[&["portreeve", "ls", "-a", "-o", "json"]];

/// The time for each 100,000 sockets, against that on a smaller host.
pub(super) fn rows() -> Result<Vec<Row>> {
    let few = time_each(FEW)?;
    let many = time_each(MANY)?;
    let most = time_each(MOST)?;
    Ok(vec![row(MANY, many, FEW, few), row(MOST, most, MANY, many)])
}

fn time_each(sockets: u32) -> Result<f64> {
    let race = Race::run(&fixture::connected(sockets)?, "", ROUNDS, COMMANDS)?;
    Ok(race.time(0).value() / f64::from(sockets) * f64::from(MANY))
}

fn row(sockets: u32, ours: f64, fewer: u32, theirs: f64) -> Row {
    let thousand = |sockets| format!("{},000", sockets / 1000);
    Row {
        what: format!("`{}`, each 100,000 of {} sockets", COMMANDS[0].join(" "), thousand(sockets)),
        ours: Figure::Nanoseconds(ours),
        rival: Some((format!("of {}", thousand(fewer)), Figure::Nanoseconds(theirs))),
        promise: Promise::Share(SHARE_MAX),
    }
}
