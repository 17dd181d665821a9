//! The listeners of a busy host with their owners.

use portreeve_lab::fixture::Fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::Row,
        sight::BUSY,
    },
    shell::Result,
};

const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 80.0;

const COMMANDS: &[Words] =
    &[&["portreeve", "ls"], &["ss", "-ltnp"], &["lsof", "-nP", "-iTCP", "-sTCP:LISTEN"]];

/// Time.
pub(super) fn rows(busy: &Fixture) -> Result<Vec<Row>> {
    let race = Race::run(busy, BUSY, ROUNDS, COMMANDS)?;
    Ok(vec![race.within(0, MILLISECONDS_MAX), race.against(0, 1, 1.0 / 14.0), race.against(0, 2, 1.0 / 30.0)])
}
