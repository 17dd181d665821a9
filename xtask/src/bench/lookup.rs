//! The name of a number: our table against the C library's.

use std::{hint::black_box, time::Instant};

use portreeve_core::{port::Protocol, registry::Registry};

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{compile, median},
};
use crate::shell::{Result, command, output};

const ROUNDS: u32 = 11;
/// The C library reads /etc/services anew for each number: every 64th is enough to wait for.
const STEP: u16 = 64;

/// Time of one lookup, ours and theirs in turn.
pub(super) fn row() -> Result<Row> {
    let theirs = compile("getservbyport")?;
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(look_up_all()?);
        let printed = output(command(&[theirs.to_string_lossy()]).arg(STEP.to_string()))?;
        let (took, found) = printed.trim().split_once(' ').ok_or("getservbyport printed nothing")?;
        if found == "0" {
            return Err("the C library knows no service; type: apt-get install netbase".into());
        }
        their_times.push(took.parse()?);
    }
    let theirs_each = median(&their_times) / f64::from(65536 / u32::from(STEP));
    Ok(Row {
        what: "name of a number".into(),
        ours: Figure::Nanoseconds(median(&our_times) / 65536.0),
        rival: Some(("getservbyport".into(), Figure::Nanoseconds(theirs_each))),
        promise: Promise::Share(1.0 / 300.0),
    })
}

/// The nanoseconds that every number takes together.
fn look_up_all() -> Result<u64> {
    let registry = Registry::builtin();
    let start = Instant::now();
    let found =
        (0..=u16::MAX).filter(|port| black_box(registry.name(black_box(*port), Protocol::Tcp)).is_some());
    let found = found.count();
    let took = u64::try_from(start.elapsed().as_nanos())?;
    if found == 0 { Err("the built-in table is empty".into()) } else { Ok(took) }
}
