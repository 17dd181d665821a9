//! The listeners of a busy host with their owners, where the guard keeps who opened each (A12, A24).

use portreeve_lab::{Host, Network, profile};

use crate::{
    bench::{
        report::{Figure, Promise, Row},
        stopwatch::{Sample, compile, samples},
    },
    shell::{Result, target},
};

const ROUNDS: u32 = 11;
const MILLISECONDS_MAX: f64 = 6.0;
/// Processes, and connections of each, both ends of which it holds.
const CONNECTIONS: &str = "connections 50 2000";
const BUSY: &str = "100,000 connections";
const POLICY: &str = "version = 1\n[service.web]\nports = [\"80/tcp\", \"443/tcp\"]\nowner = { unit = \"nginx.service\" }\nguard = \"enforce\"\n";
/// So that the guard stood before whoever listens, as after a boot; without rules of a packet filter, which take their own time to read.
const PREPARE: &str = "mount -t bpf bpf /sys/fs/bpf && mount -o remount,rw /proc/sys && systemctl stop nginx ssh && \
    portreeve apply --no-trial --no-session && portreeve off gate --no-session && systemctl start nginx ssh";
const STOPWATCH: &str = "/root/stopwatch";
/// Each rival, and how many times as fast `ls` is at least.
const RIVALS: [(&str, f64); 2] = [("ss -ltnp", 185.0), ("lsof -nP -i", 450.0)];

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let host = Host::boot(&network, &profile::WEB, &target().join("release/portreeve"))?;
    host.put(&compile("stopwatch")?, STOPWATCH)?;
    host.write("/etc/portreeve/policy.toml", POLICY)?;
    host.run(PREPARE)?.success(PREPARE)?;
    let _busy = host.hold_as("root", CONNECTIONS)?;
    let times = race(&host)?;
    let ours = || (format!("`portreeve ls`, {BUSY}"), times[0].time());
    let against = |((rival, times_min), theirs): (&(&str, f64), &Sample)| {
        let (what, ours) = ours();
        let rival = Some(((*rival).into(), theirs.time()));
        Row { what, ours, rival, promise: Promise::Share(1.0 / times_min) }
    };
    let mut rows: Vec<Row> = RIVALS.iter().zip(&times[1..]).map(against).collect();
    let (what, ours) = ours();
    let promise = Promise::AtMost(Figure::Nanoseconds(MILLISECONDS_MAX * 1e6));
    rows.insert(0, Row { what, ours, rival: None, promise });
    Ok(rows)
}

/// All of them take turns.
fn race(host: &Host) -> Result<Vec<Sample>> {
    let rivals = RIVALS.map(|(words, _)| format!(" -- {words}")).concat();
    let command = format!("{STOPWATCH} {ROUNDS} -- portreeve ls{rivals}");
    samples(&host.run(&command)?.success(&command)?.stdout, RIVALS.len() + 1)
}
