//! What waits to be patched on a host of many listeners, beside needrestart and apt (A18).

use std::path::PathBuf;

use portreeve_lab::{Host, Network, profile};

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{Sample, compile, samples},
};
use crate::shell::{self, Result, command, target};

const ROUNDS: u32 = 11;
const WARM_MILLISECONDS_MAX: f64 = 100.0;
const COLD_MILLISECONDS_MAX: f64 = 250.0;
const STOPWATCH: &str = "/root/stopwatch";
const LISTS: &str = "/root/lists.tar";
const OURS: &str = "portreeve patches";
/// As the first time: nothing was kept.
const OURS_COLD: &str = "sh -c 'rm -f /var/cache/portreeve/packages.json; exec portreeve patches'";
/// Each rival, and how many times as fast we are at least.
const RIVALS: [(&str, f64); 2] = [("needrestart -b -r l", 10.0), ("apt list --upgradable", 10.0)];
/// The host's apt knows what the machine's knows, sshd is one of the listeners, and the rest are processes of Python.
const PREPARE: &str = "rm -rf /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists && tar -xf /root/lists.tar -C / && \
    apt list --upgradable >/dev/null && for port in $(seq 9001 9099); do \
    python3 -m http.server $port >/dev/null 2>&1 </dev/null & done; \
    for nth in $(seq 300); do [ \"$(ss -Hltn 'sport >= :9001 and sport <= :9099' | wc -l)\" -ge 99 ] && exit 0; \
    sleep 0.1; done; exit 1";

/// Every listener runs a library that was replaced since.
const REPLACE: &str = "library=$(readlink -f /lib/x86_64-linux-gnu/libc.so.6) && cp -p $library $library.new && \
    mv $library.new $library";

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let host = Host::boot(&network, &profile::BARE, &target().join("release/portreeve"))?;
    host.put(&compile("stopwatch")?, STOPWATCH)?;
    host.put(&lists()?, LISTS)?;
    host.run(PREPARE)?.success("starting listeners")?;
    let mut rows = beside(&host, "100 listeners")?;
    host.run(REPLACE)?.success("replacing a library")?;
    rows.extend(beside(&host, "100 listeners that run a replaced library")?);
    Ok(rows)
}

/// What it takes there, and what the rivals take.
fn beside(host: &Host, there: &str) -> Result<Vec<Row>> {
    let times = race(host)?;
    let row = |what: &str, ours: &Sample, rival, promise| Row {
        what: format!("{what}, {there}"),
        ours: ours.time(),
        rival,
        promise,
    };
    let within = |most: f64| Promise::AtMost(Figure::Nanoseconds(most * 1e6));
    let mut rows = vec![
        row("`portreeve patches`", &times[0], None, within(WARM_MILLISECONDS_MAX)),
        row("`portreeve patches`, nothing kept", &times[1], None, within(COLD_MILLISECONDS_MAX)),
    ];
    for ((rival, times_min), theirs) in RIVALS.iter().zip(&times[2..]) {
        let rival = Some(((*rival).to_owned(), theirs.time()));
        rows.push(row("`portreeve patches`", &times[0], rival, Promise::Share(1.0 / times_min)));
    }
    Ok(rows)
}

/// Where the machine's apt finds packages, and what it knows of them.
fn lists() -> Result<PathBuf> {
    let packed = target().join("bench/lists.tar");
    shell::run(command(&["tar", "-C", "/", "--exclude=partial", "-cf"]).arg(&packed).args([
        "etc/apt",
        "usr/share/keyrings",
        "var/lib/apt/lists",
    ]))?;
    Ok(packed)
}

/// All of them take turns.
fn race(host: &Host) -> Result<Vec<Sample>> {
    let rivals = RIVALS.map(|(words, _)| format!(" -- {words}")).concat();
    let command = format!("{STOPWATCH} {ROUNDS} -- {OURS} -- {OURS_COLD}{rivals}");
    samples(&host.run(&command)?.success(&command)?.stdout, RIVALS.len() + 2)
}
