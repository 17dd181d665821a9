//! `ls --follow` on this very machine: what opens and closes is told within a second (A17).

use std::{
    fs,
    io::{BufRead as _, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::run::{program, run};

/// Each test gets numbers of its own: a port that one has let go is not taken by another.
static NEXT: AtomicU16 = AtomicU16::new(2_000);

/// Listens on a port that no client gets from the kernel and nobody holds.
fn listen() -> TcpListener {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("needs /proc");
    let client: u16 = range.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a range");
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(port < client, "needs a free port below {client}");
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener;
        }
    }
}

struct Followed {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Followed {
    fn start(port: u16) -> Self {
        let mut child = program()
            .args(["ls", "--follow", "-o", "ndjson", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn event(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().expect("an event").unwrap()).unwrap()
    }

    fn stop(mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn what_is_there_opens_and_closes_is_told() {
    let listener = listen();
    let port = listener.local_addr().unwrap().port();
    let mut followed = Followed::start(port);
    let present = followed.event();
    assert_eq!((&present["event"], &present["listener"]["port"]), (&"present".into(), &port.into()));
    assert_eq!(present["listener"]["holders"][0]["pid"], std::process::id());
    assert_eq!(present["count"], 1);
    for key in ["event", "at", "listener", "count"] {
        assert!(present.get(key).is_some(), "{key}");
    }
    let schema = run("schema event").json();
    assert!(jsonschema::is_valid(&schema, &present), "{present:#}");
    drop(listener);
    let before = Instant::now();
    assert_eq!(followed.event()["event"], "closed");
    let again = TcpListener::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(followed.event()["event"], "opened");
    // A second each on a machine that has nothing else to do.
    assert!(before.elapsed() < Duration::from_secs(60), "{:?}", before.elapsed());
    drop(again);
    assert_eq!(followed.stop("-TERM"), Some(0));
}

#[test]
fn it_ends_with_zero_when_interrupted() {
    let listener = listen();
    let mut followed = Followed::start(listener.local_addr().unwrap().port());
    followed.event();
    assert_eq!(followed.stop("-INT"), Some(0));
}

#[test]
fn what_it_cannot_hear_is_said_beside_the_events_once() {
    let listener = listen();
    let said = |more: &[&str]| {
        let port = listener.local_addr().unwrap().port().to_string();
        let mut child = program()
            .args(["ls", "--follow", &port])
            .args(more)
            .env("PORTREEVE_WITHOUT", "bpf")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Longer than the looks are apart.
        thread::sleep(Duration::from_secs(2));
        Command::new("kill").arg(child.id().to_string()).status().unwrap();
        let code = child.wait().unwrap().code();
        let output = child.wait_with_output().unwrap();
        assert_eq!(code, Some(0));
        String::from_utf8(output.stderr).unwrap()
    };
    let line = "not seen: what opens and closes between two looks, as the kernel does not tell of it here; \
                portreeve doctor says which way of looking is closed\n";
    assert_eq!(said(&[]).matches(line).count(), 1);
    assert_eq!(said(&["-q"]), "");
}

#[test]
fn connections_are_not_followed() {
    let said = run("ls --follow -a");
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("--follow tells of listeners alone"), "{}", said.err);
}

#[test]
fn it_ends_when_its_reader_goes() {
    let listener = listen();
    let mut followed = Followed::start(listener.local_addr().unwrap().port());
    followed.event();
    let Followed { mut child, lines } = followed;
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// `sh` leaves the program without a standard output, or with one that swallows everything.
fn followed_by_shell(redirection: &str) -> Child {
    let line = format!("exec {} ls --follow 1 {redirection}", env!("CARGO_BIN_EXE_portreeve"));
    Command::new("sh").args(["-c", &line]).env("PORTREEVE_POLICY", "none").spawn().unwrap()
}

#[test]
fn it_ends_where_it_has_no_output() {
    assert_eq!(followed_by_shell(">&-").wait().unwrap().code(), Some(0));
    assert_eq!(followed_by_shell(">&- 2>&- <&-").wait().unwrap().code(), Some(0));
}

#[test]
fn it_goes_on_where_its_output_is_thrown_away() {
    let mut child = followed_by_shell("> /dev/null");
    thread::sleep(Duration::from_secs(2));
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(ended, None);
}

#[test]
fn wait_sees_a_port_come() {
    let port = listen().local_addr().unwrap().port();
    let child =
        program().args(["wait", &port.to_string(), "--for", "20s"]).stdout(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_millis(300));
    let _listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().starts_with(&format!("{port} is up, held by ")));
}
