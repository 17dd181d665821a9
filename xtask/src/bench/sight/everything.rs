//! Every socket with its owner, connections too.

use portreeve_lab::fixture::Fixture;

use crate::{
    bench::{
        race::{Race, Words},
        report::{Figure, Promise, Row},
        sight::BUSY,
    },
    shell::{Result, output, target},
};

const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 180.0;
const PEAK_BYTES_MAX: f64 = 32e6;
const OUTPUT_BYTES_MAX: f64 = 30e6;

const COMMANDS: &[Words] = &[
    &["portreeve", "ls", "-a", "-o", "json"],
    // Without owners.
    &["ss", "-tan"],
    &["ss", "-tanp"],
    &["lsof", "-nP", "-i"],
];

/// Time, memory and output, also against those who tell no owners.
pub(super) fn rows(busy: &Fixture) -> Result<Vec<Row>> {
    let race = Race::run(busy, BUSY, ROUNDS, COMMANDS)?;
    Ok(vec![
        race.within(0, MILLISECONDS_MAX),
        race.against(0, 1, 1.0),
        race.against(0, 2, 1.0 / 20.0),
        race.against(0, 3, 1.0 / 16.0),
        race.peak(0, 2, PEAK_BYTES_MAX),
        size(busy)?,
    ])
}

fn size(busy: &Fixture) -> Result<Row> {
    let program = target().join("release/portreeve").to_string_lossy().into_owned();
    let printed = output(&mut busy.command(["sh", "-c", "\"$0\" ls -a -o json | wc -c", &program]))?;
    Ok(Row {
        what: format!("output of `{}`, {BUSY}", COMMANDS[0].join(" ")),
        ours: Figure::Bytes(printed.trim().parse()?),
        rival: None,
        promise: Promise::AtMost(Figure::Bytes(OUTPUT_BYTES_MAX)),
    })
}
