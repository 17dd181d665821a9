//! `ls --follow` on a host of its own: every listener that comes and goes is told, and nothing is left behind (A17).

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use portreeve_lab::{
    Output,
    fixture::{self, Fixture},
    programs, tools,
};
use serde_json::Value;

use super::site::{PORTREEVE, lab};

/// A busy machine frees what nobody refers to late.
const PATIENCE: Duration = Duration::from_secs(60);
/// There from the beginning to the end.
const STEADY: &str = "127.0.0.1:1999";
const SERVER: &str = "127.0.0.1:2001";

/// A host with one listener, and portreeve following what comes.
struct Followed {
    host: Fixture,
    child: Child,
    /// Reads what is told as it is told: a full pipe would hold portreeve up.
    reader: JoinHandle<Vec<Value>>,
}

impl Followed {
    /// Follows; `closed` are ways of looking that are not taken.
    fn start(closed: &str) -> Self {
        lab(tools::check_for(&["unshare", "nsenter", "ip", "bpftool"]));
        let host = lab(fixture::empty());
        serve(&host, STEADY);
        let mut child = host
            .command(["env", &format!("PORTREEVE_WITHOUT={closed}"), PORTREEVE])
            .args(["ls", "--follow", "-o", "ndjson", "--policy", "none"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("env runs");
        let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
        let first: Value = event(lines.next().expect("a line"));
        assert_eq!((&first["event"], &first["listener"]["port"]), (&"present".into(), &1999.into()));
        let read = move || lines.map(event).collect();
        Self { host, child, reader: thread::spawn(read) }
    }

    fn pids(&self) -> Vec<String> {
        run(&mut self.host.command(["pgrep", "-x", "portreeve"])).lines().map(str::to_owned).collect()
    }

    fn hold(&self, words: &[&str]) {
        let holder = lab(programs::holder());
        let said = run(self.host.command([holder.as_os_str()]).args(words));
        assert_eq!(said, "done\n", "{words:?}");
    }

    /// Starts a server, lets it be for a while, and ends it; says which process it was.
    fn serve_for(&self, seconds: u64) -> String {
        serve(&self.host, SERVER);
        thread::sleep(Duration::from_secs(seconds));
        let pid = run(&mut self.host.command(["pgrep", "-f", SERVER])).trim().to_owned();
        run(&mut self.host.command(["kill", &pid]));
        pid
    }

    fn signal(&self, signal: &str) {
        for pid in self.pids() {
            run(&mut self.host.command(["kill", signal, &pid]));
        }
        if signal == "-CONT" {
            // nsenter stops when its child does.
            run(Command::new("kill").args([signal, &self.child.id().to_string()]));
        }
    }

    /// Everything that was told until it was asked to end, which must be with 0.
    fn end(mut self) -> Vec<Value> {
        thread::sleep(Duration::from_secs(2));
        self.signal("-TERM");
        let told = self.reader.join().expect("every line is an event");
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
        told
    }
}

fn event(line: io::Result<String>) -> Value {
    serde_json::from_str(&line.expect("a line is text")).expect("a line is an event")
}

/// Starts a server that goes with its host.
fn serve(host: &Fixture, address: &str) {
    let holder = lab(programs::holder());
    let mut child = host
        .command([holder.as_os_str()])
        .args(["listen", address])
        .stdout(Stdio::piped())
        .spawn()
        .expect("env runs");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it was piped");
    BufReader::new(stdout).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    thread::spawn(move || child.wait());
}

/// What a command prints.
fn run(command: &mut Command) -> String {
    Output::from(command.output().expect("it runs")).stdout
}

#[track_caller]
fn assert_in_order(events: &[Value]) {
    let time = |event: &Value| event["at"].as_str().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    for pair in events.windows(2) {
        assert!(time(&pair[0]) <= time(&pair[1]), "{:#} before {:#}", pair[0], pair[1]);
    }
}

fn of<'e>(events: &'e [Value], event: &str, ports: std::ops::Range<u64>) -> Vec<&'e Value> {
    let is_of = |told: &&Value| {
        told["event"] == event && told["listener"]["port"].as_u64().is_some_and(|port| ports.contains(&port))
    };
    events.iter().filter(is_of).collect()
}

/// A server that starts and stops is told with its owner, at the time at which it happened.
#[test]
fn a_server_that_starts_and_stops_is_told_with_its_owner() {
    let followed = Followed::start("");
    let pid = followed.serve_for(2);
    let events = followed.end();
    for event in ["opened", "closed"] {
        let told = of(&events, event, 2001..2002);
        assert_eq!(told.len(), 1, "{event}: {events:#?}");
        let holder = &told[0]["listener"]["holders"][0];
        assert_eq!((&holder["name"], holder["pid"].to_string()), (&"holder".into(), pid.clone()));
    }
    assert_in_order(&events);
}

const LOOKS_MAX: u32 = 5;

/// Of a thousand listeners that live for a millisecond each, every one is told, and none is lost.
#[test]
fn a_thousand_brief_listeners_are_all_told() {
    let look = |_| {
        let followed = Followed::start("");
        followed.hold(&["brief", "1000", "1000", "3000"]);
        followed.hold(&["brief-udp", "1000", "5000"]);
        followed.end()
    };
    // The kernel tells of the whole machine, on which another test may open far more at the same moment.
    let is_whole = |events: &Vec<Value>| events.iter().all(|event| event["event"] != "lost");
    let events = (0..LOOKS_MAX).map(look).find(is_whole).expect("none is lost, sooner or later");
    for (protocol, ports) in [("tcp", 3000..4000), ("udp", 5000..6000)] {
        for event in ["opened", "closed"] {
            let told = of(&events, event, ports.clone());
            let numbers: BTreeSet<_> =
                told.iter().filter_map(|told| told["listener"]["port"].as_u64()).collect();
            assert_eq!((told.len(), numbers.len()), (1000, 1000), "{event} of {protocol}");
            for told in told {
                let listener = &told["listener"];
                assert_eq!(
                    (&listener["protocol"], &listener["address"]),
                    (&protocol.into(), &"127.0.0.1".into())
                );
                assert_eq!(listener["holders"][0]["name"], "holder", "{told:#}");
            }
        }
    }
    assert_in_order(&events);
}

/// What found no room while the reader slept is counted and said, and what is there afterwards is told rightly.
#[test]
fn what_had_no_room_is_counted_and_said() {
    let followed = Followed::start("");
    followed.signal("-STOP");
    followed.hold(&["brief", "20000", "0", "3000"]);
    followed.signal("-CONT");
    followed.serve_for(4);
    let events = followed.end();
    let lost: u64 = events
        .iter()
        .filter(|event| event["event"] == "lost")
        .filter_map(|event| event["count"].as_u64())
        .sum();
    let told = of(&events, "opened", 3000..4000).len() + of(&events, "closed", 3000..4000).len();
    assert!(lost > 20_000, "{lost}: the buffer has room for some 16,000 of 40,000");
    assert!(lost + told as u64 >= 40_000, "{lost} lost and {told} told");
    assert!(events.iter().filter(|event| event["event"] == "lost").all(|event| event["listener"].is_null()));
    let mut open = BTreeMap::new();
    for event in &events {
        let count = open.entry(event["listener"]["port"].as_u64()).or_insert(0);
        *count += match event["event"].as_str() {
            Some("opened") => 1,
            Some("closed") => -1,
            _ => 0,
        };
    }
    assert!(open.values().all(|count| *count == 0), "everything that opened has closed: {open:?}");
}

/// Of a datagram socket whose end found no room nobody can tell what it was: it is counted with what was lost.
#[test]
fn the_last_that_had_room_is_told_or_counted() {
    let followed = Followed::start("");
    followed.signal("-STOP");
    followed.hold(&["brief-udp", "20000", "3000"]);
    followed.signal("-CONT");
    thread::sleep(Duration::from_secs(2));
    let events = followed.end();
    let lost = events.iter().filter(|event| event["event"] == "lost");
    let lost: u64 = lost.filter_map(|event| event["count"].as_u64()).sum();
    let told = of(&events, "opened", 3000..23_000).len() + of(&events, "closed", 3000..23_000).len();
    assert!(lost + told as u64 >= 40_000, "{lost} lost and {told} told");
}

/// Without BPF the same server is told, by looks alone.
#[test]
fn looks_alone_tell_where_the_kernel_does_not() {
    let followed = Followed::start("bpf");
    assert_eq!(ids(&followed), BTreeSet::new(), "nothing is loaded");
    followed.serve_for(2);
    let events = followed.end();
    for event in ["opened", "closed"] {
        assert_eq!(of(&events, event, 2001..2002).len(), 1, "{event}: {events:#?}");
    }
}

/// Two at once, one of them killed, one asked to end: no program, map, link or pin is left of either.
#[test]
fn nothing_is_left_in_the_kernel() {
    let first = Followed::start("");
    let second = Followed::start("");
    let pinned = run(Command::new("find").args(["/sys/fs/bpf", "/run/portreeve"]));
    let of_both: BTreeSet<_> = ids(&first).union(&ids(&second)).cloned().collect();
    let kinds = |kind: &str| of_both.iter().filter(|(of, _)| of == kind).count();
    // Each has four programs with a link each, a ring buffer and a counter.
    assert_eq!((kinds("prog"), kinds("link"), kinds("map")), (8, 8, 4), "{of_both:?}");
    assert_eq!(alive(&of_both), of_both);
    first.signal("-KILL");
    drop(second.end());
    let deadline = Instant::now() + PATIENCE;
    // The kernel frees what nobody refers to when every processor has passed a quiet moment.
    while !alive(&of_both).is_empty() {
        assert!(Instant::now() < deadline, "left: {:?}", alive(&of_both));
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(run(Command::new("find").args(["/sys/fs/bpf", "/run/portreeve"])), pinned);
}

/// The programs, links and maps that its descriptors refer to, by id (proc_pid_fdinfo(5)).
fn ids(followed: &Followed) -> BTreeSet<(String, String)> {
    let pid = followed.pids().pop().expect("portreeve runs");
    let lines = run(&mut followed.host.command(["sh", "-c", &format!("cat /proc/{pid}/fdinfo/*")]));
    let mut ids = BTreeSet::new();
    for line in lines.lines() {
        for kind in ["prog", "link", "map"] {
            if let Some(id) = line.strip_prefix(&format!("{kind}_id:")) {
                ids.insert((kind.to_owned(), id.trim().to_owned()));
            }
        }
    }
    ids
}

/// Those that bpftool still shows.
fn alive(ids: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
    let shows = |(kind, id): &&(String, String)| {
        let shown = Command::new("bpftool").args([kind.as_str(), "show", "id", id.as_str()]).output();
        shown.expect("bpftool runs").status.success()
    };
    ids.iter().filter(shows).cloned().collect()
}
