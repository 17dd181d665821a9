//! `scan` of this machine's own loopback, by connections, which take no right of root's; and what is refused (A17, A20).

use std::net::TcpListener;

use serde_json::Value;

use crate::run::{Said, run};

/// Somebody listens at the first port, and nobody at the second, which was free a moment ago.
fn ports() -> (TcpListener, u16, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let free = TcpListener::bind("127.0.0.1:0").expect("another port is free");
    let (open, closed) = (port(&listener), port(&free));
    (listener, open, closed)
}

/// How `scan` answers of these ports.
fn scan(open: u16, closed: u16, words: &str) -> Said {
    run(&format!("scan 127.0.0.1 {open} {closed} --connect --allow-gaps {words}"))
}

#[test]
fn what_is_scanned_is_announced_and_what_is_seen_stands_beside_what_is_said() {
    let (_listener, open, closed) = ports();
    let said = scan(open, closed, "");
    assert_eq!(said.code, Some(0), "{said:?}");
    let announced = "scanning 127.0.0.1 (this host) from 127.0.0.1 · 2 tcp ports · by connections";
    assert!(said.out.starts_with(announced), "{}", said.out);
    assert!(said.out.contains("\n1 open, 1 closed\n"), "{}", said.out);
    let row = |port: u16| said.out.lines().find(|line| line.contains(&format!("{port}/tcp")));
    assert!(row(open).is_some_and(|row| row.split_whitespace().nth(1) == Some("open")), "{}", said.out);
}

#[test]
fn japanese_says_the_same() {
    let (_listener, open, closed) = ports();
    let said = scan(open, closed, "--lang ja");
    let announced = "127.0.0.1(このホスト)を 127.0.0.1 からスキャン中 · TCP 2 ポート";
    assert!(said.out.starts_with(announced), "{}", said.out);
    assert!(said.out.contains("\n開 1、閉 1\n"), "{}", said.out);
}

#[test]
fn programs_read_the_fields_of_the_contract() {
    let (_listener, open, closed) = ports();
    let answer = scan(open, closed, "--all -o json").json();
    let mut keys: Vec<_> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "counts",
            "ended",
            "findings",
            "from",
            "gaps",
            "lost_estimate",
            "means",
            "opens_everything",
            "ports",
            "proof",
            "rounds",
            "sent",
            "target",
            "version"
        ]
    );
    let told = |port: u16| {
        let ports = answer["ports"].as_array().expect("a list");
        ports.iter().find(|it| it["port"] == port).cloned().unwrap_or_default()
    };
    assert_eq!(
        (&told(open)["seen"], &told(closed)["seen"]),
        (&"open".into(), &"closed".into()),
        "{answer:#}"
    );
    let mut keys: Vec<_> = told(open).as_object().expect("an object").keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["by", "declared", "port", "protocol", "rtt_ms", "said", "seen"]);
    assert_eq!(
        (&answer["proof"]["kind"], &answer["ended"]),
        (&Value::from("own-address"), &Value::from("whole"))
    );
}

#[test]
fn nobody_consents_for_no_time_or_for_years() {
    for time in ["0", "0s", "25h", "10000000000h"] {
        let said = run(&format!("scan --consent --for {time}"));
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{time}: {said:?}");
        assert!(said.err.contains("for a day at most"), "{time}: {}", said.err);
    }
}

#[test]
fn nobody_elses_address_is_asked() {
    for target in [
        "192.0.2.77",
        "2001:db8::77",
        "192.0.2.0/24",
        "255.255.255.255",
        "ff02::1",
        "example.org",
        "::ffff:192.0.2.1",
    ] {
        let said = run(&format!("scan {target} 80"));
        assert_eq!((said.code, said.out.as_str()), (Some(5), ""), "{target}: {said:?}");
        assert!(
            said.err.contains("nothing was sent") && said.err.contains("cause: "),
            "{target}: {}",
            said.err
        );
    }
}
