//! What is missed and what is invented where packets get lost (A20).

use std::collections::BTreeSet;

use portreeve_lab::fixture::Fixture;
use serde_json::Value;

use super::{
    COMMANDS,
    scene::{Far, OPEN},
};
use crate::{
    bench::report::{Figure, Promise, Row},
    shell::{Result, output, target},
};

const RUNS: u32 = 20;
const PERCENTS: [u8; 2] = [1, 5];

/// One row for each rate of loss.
pub(super) fn rows(wire: &Fixture) -> Result<Vec<Row>> {
    PERCENTS.iter().map(|percent| row(wire, Far::Loses(*percent))).collect()
}

fn row(wire: &Fixture, far: Far) -> Result<Row> {
    far.begin(wire)?;
    let mut wrong = 0;
    for _ in 0..RUNS {
        wrong += look(wire)?.symmetric_difference(&OPEN.into()).count();
    }
    let wrong = Figure::Count(f64::from(u32::try_from(wrong)?));
    let what = format!("open ports missed or invented, {far}, 20 open, {RUNS} runs");
    Ok(Row { what, ours: wrong, rival: None, promise: Promise::AtMost(Figure::Count(0.0)) })
}

/// The ports that look open.
fn look(wire: &Fixture) -> Result<BTreeSet<u16>> {
    let program = target().join("release/portreeve").to_string_lossy().into_owned();
    let words = [&[program.as_str()], &COMMANDS[0][1..], &["-o", "json"]].concat();
    let told: Value = serde_json::from_str(&output(&mut wire.command(words))?)?;
    let ports = told["ports"].as_array().ok_or("a scan tells of ports")?;
    let open = ports.iter().filter(|port| port["seen"] == "open").filter_map(|port| port["port"].as_u64());
    Ok(open.map(u16::try_from).collect::<std::result::Result<_, _>>()?)
}
