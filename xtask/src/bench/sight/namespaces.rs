//! Many network namespaces with a listener each.

use portreeve_lab::fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::Row,
    },
    shell::Result,
};

const NAMESPACES: u16 = 300;
const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 150.0;

const COMMANDS: &[Words] = &[
    &["portreeve", "ls"],
    // What one does who has no better tool.
    &["sh", "-c", "for pid in $(pgrep -x holder); do nsenter --target $pid --net ss -ltnp; done"],
];

/// Time.
pub(super) fn rows() -> Result<Vec<Row>> {
    let race = Race::run(&fixture::divided(NAMESPACES)?, "300 namespaces", ROUNDS, COMMANDS)?;
    Ok(vec![race.within(0, MILLISECONDS_MAX), race.against(0, 1, 1.0 / 50.0)])
}
