//! The name of a number and the number of a name: our table against the C library's.

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
/// So many times we look up what the C library looks up once, which would be too short to measure.
const REPEATS: u32 = 100;
const SHARE_MAX: f64 = 1.0 / 300.0;

/// Time of one lookup each way, ours and theirs in turn.
pub(super) fn rows() -> Result<[Row; 2]> {
    Ok([name_of_number()?, number_of_name()?])
}

fn name_of_number() -> Result<Row> {
    let theirs = compile("getservbyport")?;
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(look_up_numbers()?);
        let printed = output(command(&[theirs.to_string_lossy()]).arg(STEP.to_string()))?;
        let (took, found) = printed.trim().split_once(' ').ok_or("getservbyport printed nothing")?;
        if found == "0" {
            return Err(NO_SERVICES.into());
        }
        their_times.push(took.parse()?);
    }
    let ours = median(&our_times) / 65536.0;
    let theirs = median(&their_times) / f64::from(65536 / u32::from(STEP));
    Ok(row("name of a number", ours, "getservbyport", theirs))
}

fn number_of_name() -> Result<Row> {
    let program = compile("getservbyname")?;
    let (mut our_times, mut their_times, mut count) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let printed = output(&mut command(&[program.to_string_lossy()]))?;
        let mut lines = printed.lines();
        their_times.push(lines.next().ok_or("getservbyname printed nothing")?.parse()?);
        let names: Vec<_> = lines.collect();
        our_times.push(look_up_names(&names)?);
        count = u32::try_from(names.len())?;
    }
    let ours = median(&our_times) / f64::from(count * REPEATS);
    Ok(row("number of a name", ours, "getservbyname", median(&their_times) / f64::from(count)))
}

const NO_SERVICES: &str = "the C library knows no service; type: apt-get install netbase";

fn row(what: &str, ours: f64, rival: &str, theirs: f64) -> Row {
    Row {
        what: what.into(),
        ours: Figure::Nanoseconds(ours),
        rival: Some((rival.into(), Figure::Nanoseconds(theirs))),
        promise: Promise::Share(SHARE_MAX),
    }
}

/// The nanoseconds that every number takes together.
fn look_up_numbers() -> Result<u64> {
    let registry = Registry::builtin();
    let start = Instant::now();
    let found =
        (0..=u16::MAX).filter(|port| black_box(registry.name(black_box(*port), Protocol::Tcp)).is_some());
    let found = found.count();
    let took = u64::try_from(start.elapsed().as_nanos())?;
    if found == 0 { Err("the built-in table is empty".into()) } else { Ok(took) }
}

/// The nanoseconds that these names take together, each looked up [`REPEATS`] times; most must be in our table too.
fn look_up_names(names: &[&str]) -> Result<u64> {
    let registry = Registry::builtin();
    let is_found = |name: &&&str| {
        let found = registry.find(black_box(name)).find(|found| found.protocol == Protocol::Tcp);
        black_box(found).is_some()
    };
    let start = Instant::now();
    let found: usize = (0..REPEATS).map(|_| names.iter().filter(is_found).count()).sum();
    let took = u64::try_from(start.elapsed().as_nanos())?;
    if names.is_empty() {
        return Err(NO_SERVICES.into());
    }
    let most = usize::try_from(REPEATS)? * names.len() / 2;
    if found < most { Err("the built-in table lacks most names of /etc/services".into()) } else { Ok(took) }
}
