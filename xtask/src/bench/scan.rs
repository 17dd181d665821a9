//! What a look from outside takes over a wire to a host that refuses, drops, or loses packets, beside nmap (A17, A20).

mod losing;
mod scene;

use portreeve_lab::fixture::Fixture;

use self::scene::{Far, begin};
use super::{
    race::{Race, Words},
    report::Row,
};
use crate::shell::Result;

const COMMANDS: &[Words] = &[
    &["portreeve", "scan", "198.51.100.2", "--rate", "100000", "--policy", "none"],
    &["nmap", "-n", "-sS", "-p-", "198.51.100.2"],
];

/// What the host does, how often everybody looks, and our share of nmap's time at most.
const RACES: [(Far, u32, f64); 3] =
    [(Far::Refuses, 11, 1.0), (Far::Drops, 3, 1.0 / 20.0), (Far::Loses(1), 5, 1.0 / 5.0)];

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let wire = begin()?;
    let mut rows = RACES.iter().map(|race| row(&wire, *race)).collect::<Result<Vec<_>>>()?;
    rows.extend(losing::rows(&wire)?);
    Ok(rows)
}

fn row(wire: &Fixture, (far, rounds, share): (Far, u32, f64)) -> Result<Row> {
    far.begin(wire)?;
    Ok(Race::run(wire, far.to_string(), rounds, COMMANDS)?.against(0, 1, share))
}
