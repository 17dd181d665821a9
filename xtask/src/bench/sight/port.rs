//! Who holds one port of a busy host.

use portreeve_lab::fixture::Fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::Row,
        sight::BUSY,
    },
    shell::Result,
};

const ROUNDS: u32 = 25;
const NARROW_MILLISECONDS_MAX: f64 = 5.0;
const FULL_MILLISECONDS_MAX: f64 = 75.0;

const COMMANDS: &[Words] = &[
    &["portreeve", "who", "443"],
    // Asks every process, and not those of the socket's own group alone.
    &["portreeve", "who", "--full", "443"],
    &["ss", "-ltnp", "sport = :443"],
];

/// Time, the quick way and the whole one.
pub(super) fn rows(busy: &Fixture) -> Result<Vec<Row>> {
    let race = Race::run(busy, BUSY, ROUNDS, COMMANDS)?;
    Ok(vec![
        race.within(0, NARROW_MILLISECONDS_MAX),
        race.against(0, 2, 1.0 / 200.0),
        race.within(1, FULL_MILLISECONDS_MAX),
    ])
}
