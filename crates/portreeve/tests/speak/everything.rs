//! `ls -a`: connections and sockets without ports beside the listeners (A4, A5, A12).

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    thread,
};

use serde_json::{Value, json};

use crate::run::{Said, on_web, program, saved, with_input};

/// The saved host's own namespace.
const OWN: u64 = 4_026_531_840;
/// One with a name.
const MESH: u64 = 4_026_532_500;
/// One that nothing is known of.
const LOST: u64 = 4_026_532_900;

/// `ls -a` with `words` about the saved host with connections.
fn everything(words: &str) -> Said {
    let mut command: Command = program();
    command.args(["ls", "-a"]).args(words.split_whitespace());
    command.arg("--snapshot").arg(saved("connections.json")).output().expect("the program starts").into()
}

/// The same about that host after `change`.
fn changed(words: &str, change: impl FnOnce(&mut Value)) -> Said {
    with_input(&format!("ls -a {words} --snapshot -"), host(change).to_string().as_bytes())
}

/// That host after `change`.
fn host(change: impl FnOnce(&mut Value)) -> Value {
    let text = std::fs::read(saved("connections.json")).expect("the test data is there");
    let mut snapshot = serde_json::from_slice(&text).expect("the test data is JSON");
    change(&mut snapshot);
    snapshot
}

/// So many connections from one port, more than any buffer holds.
fn crowd(count: u16) -> Value {
    let peers = (0..count).map(|at| connection("tcp", 443, ("192.0.2.1", at), OWN));
    Value::Array(peers.collect())
}

fn connection(protocol: &str, port: u16, peer: (&str, u16), netns: u64) -> Value {
    json!({
        "protocol": protocol, "family": "ipv4", "address": "203.0.113.5", "port": port,
        "peer": {"address": peer.0, "port": peer.1}, "state": "established", "netns": netns,
        "inode": 9_100, "cookie": 9_100, "pids": [813], "socket_unit": null,
    })
}

fn raw(number: u32, netns: u64, pids: &[u32]) -> Value {
    json!({"kind": "raw", "number": number, "netns": netns, "inode": 9_200, "pids": pids})
}

/// The rows below the head that begins with `head`, up to an empty line.
fn rows<'t>(said: &'t Said, head: &str) -> Vec<&'t str> {
    let below = said.out.lines().skip_while(|line| !line.starts_with(head)).skip(1);
    below.take_while(|line| !line.is_empty()).collect()
}

#[test]
fn connections_and_sockets_without_ports_stand_below_the_listeners() {
    let said = everything("");
    assert_eq!(rows(&said, "LOCAL"), ["203.0.113.5:443/tcp  198.51.100.7:51000  established  nginx 813"]);
    assert_eq!(rows(&said, "KIND"), ["raw   1       ?"]);
    assert!(!said.out.contains("NETNS"), "all are of the host's own namespace: {}", said.out);
    assert_eq!(said.code, Some(0));
}

#[test]
fn a_snapshot_without_connections_is_refused() {
    let said = on_web("ls -a");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("holds no connections"), "{}", said.err);
    assert!(said.err.contains("snapshot -a"), "{}", said.err);
}

#[test]
fn connections_come_by_protocol_port_peer_and_namespace() {
    let said = changed("", |snapshot| {
        snapshot["connections"] = json!([
            connection("udp", 53, ("192.0.2.1", 53), OWN),
            connection("tcp", 443, ("192.0.2.10", 1000), OWN),
            connection("tcp", 443, ("192.0.2.9", 40_000), MESH),
            connection("tcp", 443, ("192.0.2.9", 40_000), OWN),
            connection("tcp", 443, ("192.0.2.9", 5000), OWN),
            connection("tcp", 1443, ("192.0.2.1", 1), OWN),
            connection("tcp", 80, ("192.0.2.200", 60_000), OWN),
        ]);
    });
    let order: Vec<_> = rows(&said, "LOCAL")
        .into_iter()
        .map(|row| row.split_whitespace().filter(|word| word.contains(':') || *word == "mesh").collect())
        .map(|words: Vec<_>| words.join(" ").replace("203.0.113.5:", ""))
        .collect();
    // Numbers are compared as numbers: 443 before 1443, .9 before .10, 5000 before 40000.
    assert_eq!(
        order,
        [
            "80/tcp 192.0.2.200:60000",
            "443/tcp 192.0.2.9:5000",
            "443/tcp 192.0.2.9:40000",
            "443/tcp 192.0.2.9:40000 mesh",
            "443/tcp 192.0.2.10:1000",
            "1443/tcp 192.0.2.1:1",
            "53/udp 192.0.2.1:53",
        ]
    );
}

#[test]
fn a_foreign_namespace_is_marked_by_name_or_number_and_the_own_one_is_not() {
    let said = changed("", |snapshot| {
        snapshot["connections"] = json!([
            connection("tcp", 1, ("192.0.2.1", 9), OWN),
            connection("tcp", 2, ("192.0.2.1", 9), MESH),
            connection("tcp", 3, ("192.0.2.1", 9), LOST),
        ]);
        snapshot["other"] = json!([raw(1, OWN, &[]), raw(58, MESH, &[])]);
    });
    let ends =
        |head| rows(&said, head).iter().map(|row| row.rsplit("  ").next().unwrap()).collect::<Vec<_>>();
    assert_eq!(ends("LOCAL"), ["nginx 813", "mesh", "4026532900"], "{}", said.out);
    assert_eq!(ends("KIND"), ["?", "mesh"], "{}", said.out);
    let heads: Vec<_> = said.out.lines().filter(|line| line.ends_with("NETNS")).collect();
    assert_eq!(heads.len(), 2, "the listeners are all the host's own: {}", said.out);
}

#[test]
fn the_namespace_that_is_asked_for_is_the_only_one_shown() {
    let both = |snapshot: &mut Value| {
        snapshot["connections"] = json!([
            connection("tcp", 1, ("192.0.2.1", 9), OWN),
            connection("tcp", 2, ("192.0.2.1", 9), MESH),
        ]);
        snapshot["other"] = json!([raw(1, OWN, &[]), raw(58, MESH, &[])]);
    };
    let said = changed("--netns mesh", both);
    assert_eq!((rows(&said, "LOCAL").len(), rows(&said, "KIND").len()), (1, 1), "{}", said.out);
    assert!(rows(&said, "LOCAL")[0].ends_with("mesh") && rows(&said, "KIND")[0].ends_with("mesh"));
    assert!(!said.out.contains("443/tcp"), "{}", said.out);
    let said = changed("--netns mesh -o json", both).json();
    assert_eq!((&said["connections"][0]["port"], &said["other"][0]["number"]), (&json!(2), &json!(58)));
    assert_eq!(said["other"].as_array().unwrap().len(), 1);
}

#[test]
fn a_filter_holds_for_every_kind_and_for_json_as_for_the_table() {
    // The first socket without a port is nginx's, the second somebody's who is not seen.
    let sockets = |snapshot: &mut Value| snapshot["other"] = json!([raw(1, OWN, &[812]), raw(2, OWN, &[])]);
    let kinds = ["listeners", "connections", "other"];
    let counts = |words: &str| {
        let answer = changed(&format!("{words} -o json"), sockets).json();
        kinds.map(|kind| answer[kind].as_array().unwrap().len())
    };
    for (words, expected) in [
        ("", [2, 1, 2]),
        ("nginx", [2, 1, 1]),
        ("sshd", [0, 0, 0]),
        ("443", [2, 1, 0]),
        ("51000", [0, 1, 0]),
        ("443 nginx", [2, 1, 1]),
        ("-u", [0, 0, 0]),
        ("-4", [1, 1, 0]),
        ("--reach world", [2, 1, 0]),
    ] {
        assert_eq!(counts(words), expected, "{words}");
        let table = changed(words, sockets);
        assert_eq!(rows(&table, "LOCAL").len(), expected[1], "{words}: {}", table.out);
        assert_eq!(rows(&table, "KIND").len(), expected[2], "{words}: {}", table.out);
    }
}

#[test]
fn what_matches_no_listener_is_not_said_to_match_nothing() {
    let said = everything("51000");
    assert!(said.out.contains("198.51.100.7:51000"), "{}", said.out);
    assert!(!said.out.contains("nothing matches"), "{}", said.out);
    assert_eq!(everything("sshd").out, "nothing matches\n");
}

#[test]
fn formats_of_one_kind_of_row_are_refused() {
    for format in ["csv", "ndjson"] {
        let said = everything(&format!("-o {format}"));
        assert_eq!((said.out.as_str(), said.code), ("", Some(2)), "{format}");
    }
}

#[test]
fn every_row_of_a_document_has_its_line() {
    let said = changed("-o json", |snapshot| snapshot["connections"] = crowd(3000));
    let is_row = |line: &&str| line.starts_with("    {\"protocol\":\"tcp\",") && line.contains("\"peer\":");
    assert_eq!(said.out.lines().filter(is_row).count(), 3000);
    let row = said.out.lines().find(is_row).unwrap().trim_end_matches(',');
    assert_eq!(serde_json::from_str::<Value>(row).unwrap()["peer"]["port"], 0);
    let document = said.json();
    let peers: Vec<_> =
        document["connections"].as_array().unwrap().iter().map(|row| &row["peer"]["port"]).collect();
    assert!(peers.iter().enumerate().all(|(at, port)| **port == at), "in order, each once");
    assert_eq!(document["listeners"].as_array().unwrap().len(), 2);
}

#[test]
fn a_reader_that_has_enough_in_the_middle_of_a_row_is_no_error() {
    let text = host(|snapshot| snapshot["connections"] = crowd(3000)).to_string();
    for words in [&["ls", "-a", "-o", "json"][..], &["snapshot"], &["ls", "-a"]] {
        let mut command = program();
        command.args(words).args(["--snapshot", "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let text = text.clone();
        let feeder = thread::spawn(move || input.write_all(text.as_bytes()).unwrap());
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 5000]).unwrap();
        drop(output);
        let said = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        assert_eq!((said.status.code(), said.stderr.as_slice()), (Some(0), &[][..]), "{words:?}");
    }
}
