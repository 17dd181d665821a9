//! Sockets that no process which can be seen has a descriptor of (A5, A12).

use std::{io::Read, process::Stdio};

use serde_json::Value;

use super::room::Room;

/// What is listed of each socket that has only a number, by BPF and by what answers in its place.
fn bound(room: &Room, without: &str) -> Vec<Value> {
    let answer = room.try_run(&format!("PORTREEVE_WITHOUT={without} portreeve ls -a -o json")).json();
    // Whether there are vsock sockets, only BPF can tell.
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    assert!(gaps.iter().all(|gap| !without.is_empty() && gap["detail"] == "vsock"), "{gaps:#?}");
    let connections = answer["connections"].as_array().expect("`connections` is promised");
    let bound = connections.iter().filter(|connection| connection["state"] == "bound");
    bound.map(|connection| serde_json::json!([connection["port"], connection["pids"]])).collect()
}

/// A socket that is bound and does not listen is told of, be it that nobody has a descriptor of it, or that whoever has
/// one has no number here (A5, A12).
#[test]
fn what_is_merely_bound_is_listed_without_a_holder() {
    let room = Room::create();
    room.hold("bound 127.0.0.1:3001");
    room.hold("bound-in-flight 127.0.0.1:3002");
    let outside = room.outside("holder bound 127.0.0.1:3003").stdout(Stdio::piped()).spawn();
    let mut outside = outside.expect("a shell can be started");
    let mut said = [0; 6];
    outside.stdout.as_mut().expect("it was piped").read_exact(&mut said).expect("holder says something");
    assert_eq!(&said, b"ready\n");
    let by_bpf = bound(&room, "");
    assert_eq!(by_bpf.len(), 3, "{by_bpf:#?}");
    assert!(!by_bpf[0][1].as_array().expect("`pids` is promised").is_empty(), "{by_bpf:#?}");
    assert!(by_bpf[1..].iter().all(|one| one[1] == serde_json::json!([])), "{by_bpf:#?}");
    assert_eq!(by_bpf, bound(&room, "bpf"));
    for port in [3001, 3002, 3003] {
        assert_eq!(room.try_run(&format!("portreeve who --full -q {port}")).status, 0, "{port} is not free");
    }
    outside.kill().and_then(|()| outside.wait()).expect("our own child can be killed");
}

/// What waits deeper than queues are followed is not blamed on a process, and what waits in them is (A5, A12).
#[test]
fn a_queue_in_a_queue_is_followed_and_no_further() {
    let room = Room::create();
    for (mode, port) in
        [("in-flight", 7001), ("in-flight-twice", 7002), ("in-flight-thrice", 7003), ("unaccepted", 7004)]
    {
        room.hold(&format!("{mode} 127.0.0.1:{port}"));
    }
    let answer = room.try_run("portreeve ls -o json").json();
    let said = |port: u16| {
        let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
        let listener = listeners.iter().find(|listener| listener["port"] == port).expect("it listens");
        listener["gap"].as_str().expect("nobody has a descriptor of it").to_owned()
    };
    for port in [7001, 7002, 7004] {
        assert!(said(port).starts_with("no process has it yet"), "{port}: {}", said(port));
    }
    assert!(said(7003).contains("in flight, or kept in a way that is not followed"), "{}", said(7003));
}

/// A listener that its process has mapped and closed goes on listening, and is that process' (A5, A12).
#[test]
fn what_is_mapped_and_closed_has_its_holder() {
    let room = Room::create();
    room.hold_oddly("mapped 7001");
    for without in ["", "bpf"] {
        for question in ["who", "who --full", "ls"] {
            let ask = format!("PORTREEVE_WITHOUT={without} portreeve {question} 7001 -o json");
            let answer = room.run(&ask).json();
            let listener = &answer["listeners"][0];
            let holder = &listener["holders"][0];
            assert_eq!((&holder["name"], &holder["fd"]), (&"odd".into(), &Value::Null), "{ask}: {answer:#}");
            assert_eq!(
                (&listener["gap"], &listener["holders_complete"]),
                (&Value::Null, &true.into()),
                "{ask}"
            );
        }
    }
}
