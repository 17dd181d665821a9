//! Claims in an etcd of three members, beside plain puts of the same etcd, each of a connection that stays.

mod put;

use std::{fmt::Write as _, fs, path::Path, process::Stdio, time::Instant};

use portreeve_lab::{
    Network,
    etcd::{Door, Etcd},
    namespace::Namespace,
};

use super::{
    Folder, KEPT,
    durable::{Pace, asking, each_second},
    portreeve,
};
use crate::{
    bench::report::{Promise, Row},
    shell::{Result, output},
};

const ROUNDS: u32 = 3;
/// Of how many clients, and how many claims each makes.
const CROWDS: [(u32, u32); 2] = [(1, 300), (8, 150)];
const PUT_TIMES_MIN: f64 = 0.7;
/// How many claims are asked for in one go.
const BATCH: u32 = 1_200;
const BATCH_TIMES_MIN: f64 = 12.0;

/// An etcd, and a host beside it.
struct Fleet {
    etcd: Etcd,
    host: Namespace,
    // It goes last.
    _network: Network,
}

impl Fleet {
    fn start() -> Result<Self> {
        let network = Network::create()?;
        let host = Namespace::create_with_mounts()?;
        network.plug(&host)?;
        let fleet = Self { etcd: Etcd::start(&network, Door::Open)?, host, _network: network };
        for folder in KEPT {
            fleet.run(&["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder])?;
        }
        Ok(fleet)
    }

    fn run(&self, words: &[&str]) -> Result<String> {
        let group = self.host.group().below("run")?;
        let (program, arguments) = words.split_first().ok_or("nothing to run")?;
        output(self.host.command_in(&group, program).args(arguments).stdin(Stdio::null()))
    }

    /// Where a ledger of its own is kept that nobody has used.
    fn ledger(&self, name: &str) -> String {
        format!("etcd+http://{}/{name}", self.etcd.endpoints().join(","))
    }
}

/// One after the other and together, and many in one go.
pub(super) fn rows() -> Result<Vec<Row>> {
    let (fleet, folder) = (Fleet::start()?, Folder::new("etcd")?);
    let endpoint = fleet.etcd.endpoints().swap_remove(0);
    let (mut rows, mut single) = (Vec::new(), None);
    for (clients, each) in CROWDS {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            theirs.push(put::run(&fleet.host, &endpoint, clients, each)?);
            ours.push(claim(&fleet, &folder, &format!("c{clients}-{round}"), (clients, each))?);
        }
        let (ours, theirs) = (each_second(&ours), each_second(&theirs));
        single.get_or_insert(ours);
        rows.push(Row {
            what: format!("claims of {clients} clients in etcd, three members"),
            ours,
            rival: Some(("plain puts".into(), theirs)),
            promise: Promise::Times(PUT_TIMES_MIN),
        });
    }
    let batches = (0..ROUNDS).map(|round| batch(&fleet, &folder, &format!("b{round}")));
    rows.push(Row {
        what: format!("{BATCH} claims in etcd in one go"),
        ours: each_second(&batches.collect::<Result<Vec<_>>>()?),
        rival: single.map(|single| ("one after the other".into(), single)),
        promise: Promise::Times(BATCH_TIMES_MIN),
    });
    Ok(rows)
}

/// Lets so many clients claim so often each, in a ledger of their own.
fn claim(fleet: &Fleet, folder: &Folder, name: &str, (clients, each): (u32, u32)) -> Result<Pace> {
    let words = asking(asks(folder, clients * each)?, clients, fleet.ledger(name));
    Pace::told(&fleet.run(&words.each_ref().map(String::as_str))?, clients * each)
}

/// The same in one go, from the start of the program to its end.
fn batch(fleet: &Fleet, folder: &Folder, name: &str) -> Result<Pace> {
    let file = asks(folder, BATCH)?;
    let start = Instant::now();
    let words =
        [&*portreeve(), "claim", "--batch", &file, "--ledger", &fleet.ledger(name), "--policy", "none"];
    let granted = fleet.run(&words)?.lines().count();
    Pace::of(granted, start.elapsed(), start.elapsed())
}

fn asks(folder: &Folder, count: u32) -> Result<String> {
    let mut asks = String::new();
    (0..count).try_for_each(|number| writeln!(asks, "{{\"name\":\"n{number}\"}}"))?;
    let file = folder.file("asks.ndjson");
    fs::write(Path::new(&file), asks)?;
    Ok(file)
}
