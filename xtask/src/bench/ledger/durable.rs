//! Claims that last, of many clients in one process, beside a transaction of raw SQLite for each.

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use portreeve_lab::fixture::Fixture;

use super::{Folder, host, portreeve, raw};
use crate::{
    bench::{
        report::{Figure, Promise, Row},
        stopwatch::median,
    },
    shell::{Result, output},
};

const ROUNDS: usize = 5;
/// As long as the raw loop goes on.
const TIME: Duration = Duration::from_secs(3);
/// Of how many clients, how many claims each makes, and at least how many times raw SQLite it must be.
const CROWDS: [(u32, u32, f64); 3] = [(64, 500, 12.0), (8, 2_000, 2.5), (1, 4_000, 0.8)];
const SLOWEST_SHARE_MAX: f64 = 1.0 / 50.0;

/// What claims took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// On an average, all clients together.
    pub(super) nanoseconds_each: u64,
    slowest_nanoseconds: u64,
}

impl Pace {
    /// So many claims in all, in so long.
    pub(super) fn of(claims: usize, elapsed: Duration, slowest: Duration) -> Result<Self> {
        let nanoseconds = u64::try_from(elapsed.as_nanos())?;
        let nanoseconds_each =
            nanoseconds.checked_div(u64::try_from(claims)?).ok_or("nothing was claimed")?;
        Ok(Self { nanoseconds_each, slowest_nanoseconds: u64::try_from(slowest.as_nanos())? })
    }

    /// What `claim --clients` printed of so many claims.
    pub(super) fn told(printed: &str, claims: u32) -> Result<Self> {
        let took: serde_json::Value = serde_json::from_str(printed)?;
        let nanoseconds =
            |key: &str| took[key].as_u64().ok_or_else(|| format!("portreeve printed `{printed}`"));
        let [elapsed, slowest] = ["nanoseconds", "slowest_nanoseconds"].map(nanoseconds);
        Self::of(usize::try_from(claims)?, Duration::from_nanos(elapsed?), Duration::from_nanos(slowest?))
    }
}

/// How many claims a second, and the slowest of many clients.
pub(super) fn rows() -> Result<Vec<Row>> {
    let host = host()?;
    let mut rows = Vec::new();
    for (clients, each, times) in CROWDS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let folder = Folder::new("durable")?;
            theirs.push(raw::run(Path::new(&folder.file("raw.db")), clients, TIME)?);
            ours.push(claim(&host, &folder, clients, each)?);
        }
        rows.push(rate(clients, times, &ours, &theirs));
        if clients > 8 {
            rows.push(slowest(clients, &ours, &theirs));
        }
    }
    Ok(rows)
}

fn rate(clients: u32, times: f64, ours: &[Pace], theirs: &[Pace]) -> Row {
    Row {
        what: format!("durable claims of {clients} clients in one process"),
        ours: each_second(ours),
        rival: Some(("SQLite, a transaction each".into(), each_second(theirs))),
        promise: Promise::Times(times),
    }
}

/// How many claims a second.
pub(super) fn each_second(paces: &[Pace]) -> Figure {
    let each: Vec<u64> = paces.iter().map(|pace| pace.nanoseconds_each).collect();
    Figure::EachSecond(1e9 / median(&each))
}

fn slowest(clients: u32, ours: &[Pace], theirs: &[Pace]) -> Row {
    let slowest = |paces: &[Pace]| {
        Figure::Nanoseconds(median(&paces.iter().map(|pace| pace.slowest_nanoseconds).collect::<Vec<_>>()))
    };
    Row {
        what: format!("slowest claim of {clients} clients"),
        ours: slowest(ours),
        rival: Some(("SQLite, a transaction each".into(), slowest(theirs))),
        promise: Promise::Share(SLOWEST_SHARE_MAX),
    }
}

/// What asks `ledger` for what is in `file` by so many clients, and prints what they took.
pub(super) fn asking(file: String, clients: u32, ledger: String) -> [String; 7] {
    const SCRIPT: &str =
        r#""$0" claim --batch "$1" --clients "$2" --ledger "$3" --policy none --quiet 2>&1 >/dev/null"#;
    ["sh".into(), "-c".into(), SCRIPT.into(), portreeve(), file, clients.to_string(), ledger]
}

/// Lets portreeve ask a new ledger; each client has a scope, and so a pool, of its own.
fn claim(host: &Fixture, folder: &Folder, clients: u32, each: u32) -> Result<Pace> {
    let mut asks = String::new();
    for turn in 0..each {
        for client in 0..clients {
            writeln!(asks, "{{\"name\":\"n{turn}\",\"scope\":\"netns:c{client}\"}}")?;
        }
    }
    let file = folder.file("asks.ndjson");
    fs::write(&file, asks)?;
    let words = asking(file, clients, folder.file("ledger.db"));
    let printed = output(&mut host.command(words.each_ref().map(String::as_str)))?;
    Pace::told(&printed, clients * each)
}
