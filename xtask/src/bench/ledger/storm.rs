//! Two hundred processes that want a port at once: how many cannot bind what they were told.

use super::{Folder, host, portreeve};
use crate::{
    bench::report::{Figure, Promise, Row},
    shell::{Result, output, root},
};

const PROCESSES: u32 = 200;
const ROUNDS: u32 = 5;

/// Those who claimed, beside those who looked for the first free one, of whom some must fail: else it was no storm.
pub(super) fn rows() -> Result<[Row; 1]> {
    let [claimed, scanned] = [failed("claim")?, failed("scan")?];
    if scanned == 0.0 {
        return Err("nobody collided who only looked for a free port: it was no storm".into());
    }
    Ok([Row {
        what: format!("failed binds, {ROUNDS} storms of {PROCESSES} processes"),
        ours: Figure::Count(claimed),
        rival: Some(("the first port that is free".into(), Figure::Count(scanned))),
        promise: Promise::AtMost(Figure::Count(0.0)),
    }])
}

/// How many could not bind the port that they got in this way.
fn failed(way: &str) -> Result<f64> {
    let (host, folder) = (host()?, Folder::new("storm")?);
    let script = root().join("xtask/bench/storm.py").to_string_lossy().into_owned();
    let (processes, rounds) = (PROCESSES.to_string(), ROUNDS.to_string());
    let (portreeve, ledger) = (portreeve(), folder.file("ledger.db"));
    let words = ["python3", &script, way, &processes, &rounds, &portreeve, &ledger];
    Ok(output(&mut host.command(words))?.trim().parse()?)
}
