//! Sockets that never change beside connections that come and go by the thousand a second (A5, A12).
//!
//! `cargo xtask soak` looks twenty times as often.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt,
    time::{Duration, Instant},
};

use portreeve_lab::Output;
use serde_json::Value;

use super::room::Room;

/// The listeners, on these ports of 127.0.0.1.
const FIRST: u16 = 20_001;
const STEADY: u16 = 1_000;
/// Connections that stay, both ends of which are on 127.0.0.1; one is on this port.
const STAYING: u16 = 500;
const STAYING_PORT: u16 = 6_000;
/// Connections opened and closed in a second.
const EACH_SECOND: u32 = 5_000;
/// How often each tool looks in a storm, and how long one that is slower than that may take over it.
const LOOKS: u32 = 300;
const SECONDS_MAX: u64 = 20;
/// What a storm is divided by where nobody asks for all of it.
const SHARE: u32 = 20;
/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";

/// The port of a socket and that of its peer, which is 0 of a listener.
type Ports = (u16, u16);

/// How one tool did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    looks: u32,
    /// Looks in which a steady socket was missing.
    missed: u32,
    /// Looks in which one came twice.
    doubled: u32,
    took: Duration,
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { looks, missed, doubled, took } = self;
        write!(f, "{looks:5} looks {missed:4} missed {doubled:4} doubled {:6.1} s", took.as_secs_f64())
    }
}

/// A tool that lists sockets, and what it shows each look.
struct Tool {
    command: &'static str,
    read: fn(&Output) -> BTreeMap<Ports, u32>,
    shown: BTreeSet<Ports>,
}

/// No look misses or doubles a socket that never changes, whatever opens and closes beside it (A5, A12).
#[test]
fn no_look_misses_or_doubles_a_steady_socket() {
    let room = Room::create();
    // The kernel keeps each that ended for a minute, and would have more of them than anybody looks through in time.
    room.run("echo 10000 >/proc/sys/net/ipv4/tcp_max_tw_buckets");
    room.hold(&format!("row {FIRST} {STEADY}"));
    room.hold(&format!("connected-to-itself 127.0.0.1:{STAYING_PORT} {STAYING}"));
    let all: BTreeSet<_> = ports_of_theirs(&room.run("ss -Htan")).into_keys().collect();
    assert_eq!(all.len(), usize::from(STEADY + 1 + 2 * STAYING), "as many as were made, while all is still");
    let listeners: BTreeSet<_> = all.iter().copied().filter(|(_, peer)| *peer == 0).collect();
    room.hold(&format!("traffic 7000 {EACH_SECOND}"));
    let share = if env::var(STORM).is_ok_and(|storm| storm == "full") { 1 } else { SHARE };
    let (looks, seconds) = (LOOKS / share, Duration::from_secs(SECONDS_MAX) / share);

    let (opened, start) = (connections_opened(&room), Instant::now());
    let ours = Tool { command: "portreeve ls -a -o json", read: ports_of_ours, shown: all.clone() };
    let ours = storm(&room, &ours, looks, Duration::MAX);
    let theirs = |command, shown: &BTreeSet<_>| Tool { command, read: ports_of_theirs, shown: shown.clone() };
    for rival in [theirs("ss -Htanp", &all), theirs("ss -Htln", &listeners), theirs("lsof -nP -iTCP", &all)] {
        storm(&room, &rival, looks, seconds);
    }
    let rate = f64::from(connections_opened(&room) - opened) / start.elapsed().as_secs_f64();
    println!("{rate:.0} connections a second were opened and closed");
    assert_eq!(Score { took: Duration::ZERO, ..ours }, Score { looks, ..Score::default() });
    assert!(rate > 100.0, "nothing came and went");
}

fn storm(room: &Room, tool: &Tool, looks: u32, patience: Duration) -> Score {
    let start = Instant::now();
    let mut score = Score::default();
    while score.looks < looks && (score.looks == 0 || start.elapsed() < patience) {
        let seen = (tool.read)(&room.try_run(tool.command));
        let times = |ports| seen.get(ports).copied().unwrap_or(0);
        score.looks += 1;
        score.missed += u32::from(tool.shown.iter().any(|ports| times(ports) == 0));
        score.doubled += u32::from(tool.shown.iter().any(|ports| times(ports) > 1));
    }
    let score = Score { took: start.elapsed(), ..score };
    println!("{:23} {score}", tool.command);
    score
}

/// How often each socket of 127.0.0.1 is told, of a listener with its holder.
fn ports_of_ours(output: &Output) -> BTreeMap<Ports, u32> {
    let answer = output.json();
    let port = |value: &Value| u16::try_from(value.as_u64().unwrap_or(0)).expect("a port is a port");
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised").iter();
    let held = listeners.filter(|listener| listener["holders"][0]["name"] == "holder");
    let connections = answer["connections"].as_array().expect("`connections` is promised").iter();
    let mut ports = BTreeMap::new();
    for socket in held.chain(connections).filter(|socket| socket["address"] == "127.0.0.1") {
        *ports.entry((port(&socket["port"]), port(&socket["peer"]["port"]))).or_default() += 1;
    }
    ports
}

/// The same of `ss` and `lsof`, who write `127.0.0.1:6000 127.0.0.1:40000` and `127.0.0.1:6000->127.0.0.1:40000`.
fn ports_of_theirs(output: &Output) -> BTreeMap<Ports, u32> {
    let mut ports = BTreeMap::new();
    for line in output.stdout.lines() {
        let mut ends = line.split([' ', '>']).filter_map(|word| word.strip_prefix("127.0.0.1:"));
        let mut port = || ends.next()?.trim_end_matches('-').parse().ok();
        if let Some(own) = port() {
            *ports.entry((own, port().unwrap_or(0))).or_default() += 1;
        }
    }
    ports
}

/// How many connections were opened in the room so far, as the kernel counts them (RFC 4022, tcpActiveOpens).
fn connections_opened(room: &Room) -> u32 {
    let told = room.run("grep ^Tcp: /proc/net/snmp").stdout;
    let rows: Vec<Vec<_>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    let column = rows[0].iter().position(|name| *name == "ActiveOpens").expect("the kernel counts them");
    rows[1][column].parse().expect("a count is a number")
}
