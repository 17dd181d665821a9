//! A number on which nobody listens and which is not free: `who` says whose it is, `wait --gone` waits (A5, A12).

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::run::{program, run, saved, web_with, with_input};

/// The saved host, whose number 8000 is kept by these sockets.
fn kept_by(sockets: &[Value]) -> Vec<u8> {
    web_with(|snapshot| {
        let netns = snapshot["listeners"][0]["netns"].clone();
        let whole = |socket: &Value| {
            let mut whole = json!({
                "protocol": "tcp", "family": "ipv4", "address": "127.0.0.1", "port": 8000,
                "peer": {"address": "198.51.100.7", "port": 51000}, "state": "established",
                "netns": netns, "inode": 9001, "cookie": 9001, "pids": [], "socket_unit": null,
            });
            for (key, value) in socket.as_object().unwrap() {
                whole[key] = value.clone();
            }
            whole
        };
        snapshot["connections"] = sockets.iter().map(whole).collect();
    })
}

fn first_line(line: &str, sockets: &[Value]) -> (String, Option<i32>) {
    let said = with_input(&format!("{line} --snapshot -"), &kept_by(sockets));
    (said.out.lines().next().unwrap_or_default().into(), said.code)
}

#[test]
fn it_is_said_who_keeps_it_and_how() {
    let bound = json!({"pids": [48211], "state": "bound", "peer": {"address": "0.0.0.0", "port": 0}});
    let connected = json!({"pids": [48211], "protocol": "udp"});
    for (sockets, said) in [
        (
            vec![bound.clone()],
            "server.js (pid 48211, session-4.scope) still uses 8000/tcp (bound to 127.0.0.1:8000, not listening)",
        ),
        (
            vec![connected],
            "server.js (pid 48211, session-4.scope) still uses 8000/udp (connected to 198.51.100.7:51000)",
        ),
        (
            vec![json!({"pids": [813, 814]}), json!({"pids": [813, 814], "state": "close-wait"})],
            "nginx (pid 813 +1, nginx.service) still uses 8000/tcp (connected to 198.51.100.7:51000, and 1 more)",
        ),
        (
            vec![json!({"inode": 0, "state": "fin-wait-2"})],
            "a connection that no process has open still keeps 8000/tcp (connection to 198.51.100.7:51000 in fin-wait-2)",
        ),
    ] {
        let whole = format!("nobody listens on 8000, but {said}");
        assert_eq!(first_line("who 8000", &sockets), (whole, Some(0)));
        assert_eq!(first_line("wait 8000 --gone", &sockets), (said.into(), Some(1)));
    }
    let said = with_input("who 8000 --snapshot -", &kept_by(&[bound]));
    assert!(said.out.contains("started by user dev"), "{}", said.out);
    assert!(said.out.ends_with("next: portreeve wait 8000 --gone · kill 48211\n"), "{}", said.out);
}

#[test]
fn who_cannot_be_seen_makes_the_answer_uncertain() {
    for (socket, said) in
        [(json!({"socket_unit": "nginx.service"}), ", which nginx.service opened"), (json!({}), "")]
    {
        let whole = format!(
            "nobody listens on 8000, but a process that cannot be seen still uses 8000/tcp{said}, or it is in flight (connected to 198.51.100.7:51000)"
        );
        assert_eq!(first_line("who 8000", &[socket]), (whole, Some(3)));
    }
}

#[test]
fn what_ended_and_what_is_elsewhere_keeps_nothing() {
    let ended = [json!({"inode": 0, "state": "time-wait"})];
    assert_eq!(first_line("who 8000", &ended), ("nobody holds 8000".into(), Some(0)));
    assert_eq!(first_line("who -q 8000", &ended).1, Some(1));
    let (said, code) = first_line("wait 8000 --gone", &ended);
    assert!(said.starts_with("8000 is free; 1 connection that has ended keeps a trace"), "{said}");
    assert_eq!(code, Some(0));
    for other in [json!({"netns": 4_026_532_500_u64}), json!({"port": 8001}), json!({"protocol": "udp"})] {
        assert_eq!(
            first_line("who 8000/tcp", &[other]),
            ("nobody holds 8000/tcp".into(), Some(0)),
            "neither another namespace's, another number's nor another protocol's"
        );
    }
}

#[test]
fn a_number_that_is_kept_here_and_held_elsewhere_is_both() {
    let said = with_input("who 15001 --snapshot -", &kept_by(&[json!({"port": 15001, "pids": [48211]})]));
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with("nobody listens on 15001, but server.js (pid 48211"), "{}", said.out);
    assert!(lines.contains(&"in network namespace mesh 15001 is held:"), "{}", said.out);
    assert!(!said.out.contains("nobody holds"), "{}", said.out);
}

#[test]
fn a_program_reads_of_them_as_of_other_connections() {
    let input = kept_by(&[json!({"pids": [48211]})]);
    let answer = with_input("who 8000 -o json --snapshot -", &input).json();
    assert_eq!(answer["listeners"], json!([]));
    assert_eq!(answer["connections"][0]["pids"], json!([48211]));
    assert_eq!(answer["processes"].as_object().unwrap().keys().collect::<Vec<_>>(), ["48211"]);
    let free = with_input("who 12345 -o json --snapshot -", &input).json();
    assert_eq!((&free["connections"], &free["processes"]), (&json!([]), &json!({})));
    let held = with_input("who 443 -o json --snapshot -", &input).json();
    assert_eq!(held.get("connections"), None, "they are not asked for where somebody listens");
}

#[test]
fn a_snapshot_without_connections_does_not_call_a_number_free() {
    let snapshot = saved("web.json");
    let output = program().args(["who", "12345", "--snapshot"]).arg(snapshot).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("nobody listens on 12345\n  a socket that does not listen may keep it"),
        "{said}"
    );
}

#[test]
fn a_connected_datagram_socket_keeps_its_number() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect("127.0.0.1:9").unwrap();
    let port = socket.local_addr().unwrap().port();
    let said = run(&format!("who {port}/udp"));
    let own = std::process::id();
    assert!(said.out.contains(&format!("(pid {own}")), "{said:?}");
    assert!(said.out.contains("still uses") && said.out.contains("(connected to 127.0.0.1:9)"), "{said:?}");
    assert_eq!(run(&format!("who -q {port}/udp")).code, Some(0));
    assert_eq!(run(&format!("wait {port}/udp --gone --for 0s")).code, Some(1));
    UdpSocket::bind(("127.0.0.1", port)).unwrap_err();
    drop(socket);
    assert_eq!(run(&format!("wait {port}/udp --gone --for 20s")).code, Some(0));
}

#[test]
fn the_connections_of_a_stopped_server_are_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = Some(TcpStream::connect(address).unwrap());
    let (accepted, _) = listener.accept().unwrap();
    drop(listener);
    let port = address.port();
    let said = run(&format!("who {port}/tcp"));
    let peer = client.as_ref().unwrap().local_addr().unwrap();
    assert!(said.out.contains(&format!("(connected to {peer})")), "{said:?}");
    let waits = program()
        .args(["wait", &format!("{port}/tcp"), "--gone", "--for", "60s"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(accepted);
    let said = run(&format!("who {port}/tcp"));
    assert!(said.out.contains("a connection that no process has open still keeps"), "{said:?}");
    drop(client.take());
    let output = waits.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with(&format!("{port}/tcp is free; 1 connection that has ended")), "{said}");
    TcpListener::bind(address).expect("as it was said, both sides set SO_REUSEADDR");
}
