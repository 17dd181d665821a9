//! Listeners that never change beside connections that come and go by the thousand a second (A5, A12).
//!
//! `cargo xtask soak` looks twenty times as often.

use std::{
    collections::BTreeMap,
    env, fmt,
    time::{Duration, Instant},
};

use portreeve_lab::Output;

use super::room::Room;

/// The listeners, on these ports of 127.0.0.1.
const FIRST: u16 = 20_001;
const STEADY: u16 = 1_000;
/// Connections opened and closed in a second.
const EACH_SECOND: u32 = 5_000;
/// How often each tool looks in a storm, and how long one that is slower than that may take over it.
const LOOKS: u32 = 300;
const SECONDS_MAX: u64 = 20;
/// What a storm is divided by where nobody asks for all of it.
const SHARE: u32 = 20;
/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";

/// How one tool did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    looks: u32,
    /// Looks in which a steady listener was missing.
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

/// No look misses or doubles a listener that never changes, whatever opens and closes beside it (A5, A12).
#[test]
fn no_look_misses_or_doubles_a_steady_listener() {
    let room = Room::create();
    // The kernel keeps each that ended for a minute, and would have more of them than anybody looks through in time.
    room.run("echo 10000 >/proc/sys/net/ipv4/tcp_max_tw_buckets");
    let _steady = room.hold(&format!("row {FIRST} {STEADY}"));
    let _churn = room.hold(&format!("traffic 7000 {EACH_SECOND}"));
    let share = if env::var(STORM).is_ok_and(|storm| storm == "full") { 1 } else { SHARE };
    let (looks, seconds) = (LOOKS / share, Duration::from_secs(SECONDS_MAX) / share);

    let (opened, start) = (connections_opened(&room), Instant::now());
    let ours = storm(&room, "portreeve ls -a -o json", looks, Duration::MAX, ports_of_ours);
    println!("portreeve ls -a -o json {ours}");
    for command in ["ss -Htanp", "ss -Htln", "lsof -nP -iTCP"] {
        println!("{command:23} {}", storm(&room, command, looks, seconds, ports_of_theirs));
    }
    let rate = f64::from(connections_opened(&room) - opened) / start.elapsed().as_secs_f64();
    println!("{rate:.0} connections a second were opened and closed");
    assert_eq!(Score { took: Duration::ZERO, ..ours }, Score { looks, ..Score::default() });
    assert!(rate > 100.0, "nothing came and went");
}

fn storm(
    room: &Room,
    command: &str,
    looks: u32,
    patience: Duration,
    read: fn(&Output) -> BTreeMap<u16, u32>,
) -> Score {
    let start = Instant::now();
    let mut score = Score::default();
    while score.looks < looks && (score.looks == 0 || start.elapsed() < patience) {
        let seen = read(&room.try_run(command));
        let times = |port| seen.get(&port).copied().unwrap_or(0);
        score.looks += 1;
        score.missed += u32::from((FIRST..FIRST + STEADY).any(|port| times(port) == 0));
        score.doubled += u32::from((FIRST..FIRST + STEADY).any(|port| times(port) > 1));
    }
    Score { took: start.elapsed(), ..score }
}

/// How often each port is listened on at 127.0.0.1, by a holder that is told.
fn ports_of_ours(output: &Output) -> BTreeMap<u16, u32> {
    let mut ports = BTreeMap::new();
    let answer = output.json();
    for listener in answer["listeners"].as_array().expect("`listeners` is promised") {
        let is_held = listener["holders"][0]["name"] == "holder";
        let port = listener["port"].as_u64().and_then(|port| port.try_into().ok()).expect("`port` is a port");
        if is_held && listener["address"] == "127.0.0.1" {
            *ports.entry(port).or_default() += 1;
        }
    }
    ports
}

/// The same of `ss` and `lsof`, who both write `LISTEN` and `127.0.0.1:20001`.
fn ports_of_theirs(output: &Output) -> BTreeMap<u16, u32> {
    let mut ports = BTreeMap::new();
    for line in output.stdout.lines().filter(|line| line.contains("LISTEN")) {
        let port = line.split_whitespace().find_map(|word| word.strip_prefix("127.0.0.1:"));
        if let Some(port) = port.and_then(|port| port.parse().ok()) {
            *ports.entry(port).or_default() += 1;
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
