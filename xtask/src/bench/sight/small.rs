//! A host of the usual size.

use portreeve_lab::fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::Row,
    },
    shell::Result,
};

const ROUNDS: u32 = 25;
const MILLISECONDS_MAX: f64 = 5.0;

const COMMANDS: &[Words] = &[&["portreeve", "ls"], &["ss", "-ltnup"]];

/// Time.
pub(super) fn rows() -> Result<Vec<Row>> {
    let race = Race::run(&fixture::small()?, "small host", ROUNDS, COMMANDS)?;
    Ok(vec![race.within(0, MILLISECONDS_MAX), race.against(0, 1, 1.0 / 5.5)])
}
