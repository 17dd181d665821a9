//! The shapes that programs read are those of the contract, field by field.

use serde_json::{Value, json};

use crate::run::{on_web, program, saved};

const LISTENER: [&str; 27] = [
    "protocol",
    "mptcp",
    "family",
    "port",
    "address",
    "device",
    "v6only",
    "state",
    "class",
    "client_range",
    "ephemeral",
    "netns",
    "iana",
    "service",
    "reach",
    "holders",
    "holders_complete",
    "opener",
    "opener_gap",
    "socket_unit",
    "socket_uid",
    "inode",
    "cookie",
    "backlog",
    "claim",
    "gap",
    "seen_by",
];
const HOLDER: [&str; 15] = [
    "pid",
    "fd",
    "name",
    "exe",
    "exe_state",
    "stale_files",
    "cmdline",
    "user",
    "uid",
    "unit",
    "user_unit",
    "container",
    "started",
    "cwd",
    "parent",
];
const CONNECTION: [&str; 11] = [
    "protocol",
    "family",
    "address",
    "port",
    "peer",
    "state",
    "netns",
    "inode",
    "cookie",
    "pids",
    "socket_unit",
];

fn assert_keys(value: &Value, expected: &[&str]) {
    let mut keys: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut expected = expected.to_vec();
    keys.sort_unstable();
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn listeners_have_the_fields_of_the_contract() {
    for line in ["ls 443 -o json", "who 443 -o json"] {
        let answer = on_web(line).json();
        assert_keys(&answer, &["version", "taken", "listeners", "gaps"]);
        assert_eq!(answer["version"], 1);
        assert_eq!(answer["taken"], "2026-11-25T12:00:00Z");
        let listener = &answer["listeners"][0];
        assert_keys(listener, &LISTENER);
        assert_keys(&listener["holders"][0], &HOLDER);
        assert_keys(&listener["netns"], &["id", "name", "own"]);
        assert_keys(&listener["backlog"], &["used", "limit"]);
        assert_keys(&listener["reach"][0], &["zone", "verdict", "basis"]);
        assert_keys(&answer["gaps"][0], &["what", "count", "why", "fix"]);
    }
}

#[test]
fn values_are_the_tokens_of_the_contract() {
    let answer = on_web("who 443/tcp -o json").json();
    let listener = &answer["listeners"][0];
    let expected = json!({
        "protocol": "tcp", "family": "ipv4", "address": "0.0.0.0", "port": 443, "state": "listen",
        "class": "well-known", "client_range": false, "ephemeral": false, "seen_by": "sock_diag",
        "socket_unit": "nginx.service", "service": null, "opener": null, "gap": null,
        "reach": [
            {"zone": "world", "verdict": "reachable", "basis": "bind"},
            {"zone": "host", "verdict": "reachable", "basis": "bind"},
        ],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&listener[key], value, "{key}");
    }
    let pids: Vec<_> = listener["holders"].as_array().unwrap().iter().map(|holder| &holder["pid"]).collect();
    assert_eq!(pids, [812, 813, 814], "the main process first");
    assert_eq!(listener["holders"][0]["name"], "nginx");
    assert_eq!(listener["holders"][0]["started"], "2026-11-25T08:00:00Z");
}

#[test]
fn json_is_never_folded() {
    let answer = on_web("ls 7000 -o json").json();
    assert_eq!(answer["listeners"].as_array().unwrap().len(), 100);
    assert_eq!(on_web("ls 7000 -o ndjson").out.lines().count(), 100);
}

#[test]
fn a_holder_that_cannot_be_seen_is_one_entry_of_which_nothing_is_known() {
    let listener = on_web("who 9100 -o json").json()["listeners"][0].clone();
    assert_eq!(listener["holders"].as_array().unwrap().len(), 1);
    assert_keys(&listener["holders"][0], &HOLDER);
    for key in ["pid", "unit", "uid", "name"] {
        assert_eq!(listener["holders"][0][key], Value::Null, "{key}");
    }
    assert_eq!(listener["socket_unit"], "exporter.service");
    assert_eq!(listener["socket_uid"], 997);
    assert!(listener["gap"].as_str().unwrap().contains("another user"));
    let kernel = on_web("who 2049 -o json").json()["listeners"][0].clone();
    assert_eq!(kernel["holders"], json!([]));
    assert!(kernel["gap"].as_str().unwrap().contains("kernel"));
}

#[test]
fn udp_and_the_client_range_are_told_apart() {
    let listener = on_web("who 41234 -o json").json()["listeners"][0].clone();
    assert_eq!(listener["state"], "unconnected");
    assert_eq!((&listener["ephemeral"], &listener["client_range"]), (&json!(true), &json!(true)));
    assert_eq!(listener["class"], "registered");
    let resolver = on_web("who 53/udp -o json").json()["listeners"][0].clone();
    assert_eq!(resolver["device"], "lo");
    assert_eq!(resolver["reach"][0], json!({"zone": "world", "verdict": "blocked", "basis": "bind"}));
}

#[test]
fn a_container_and_a_foreign_namespace_are_told() {
    let listener = on_web("who 15001 -o json").json()["listeners"][0].clone();
    assert_eq!(listener["netns"], json!({"id": 4_026_532_500_u64, "name": "mesh", "own": false}));
    assert_keys(&listener["holders"][0]["container"], &["runtime", "id", "name", "image"]);
}

#[test]
fn everything_adds_connections_other_sockets_and_processes() {
    let output = program()
        .args(["ls", "-a", "-o", "json", "--snapshot"])
        .arg(saved("connections.json"))
        .output()
        .unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_keys(&answer, &["version", "taken", "listeners", "gaps", "connections", "other", "processes"]);
    assert_keys(&answer["connections"][0], &CONNECTION);
    assert_keys(&answer["connections"][0]["peer"], &["address", "port"]);
    assert_keys(&answer["processes"]["812"], &HOLDER);
    let own = json!({"id": 4_026_531_840_u64, "name": null, "own": true});
    let raw = json!({"kind": "raw", "number": 1, "netns": own, "inode": 9002, "pids": []});
    assert_eq!(answer["other"], json!([raw]));
}

#[test]
fn everything_unprintable_is_escaped() {
    let said = on_web("who 4444 -o json");
    crate::run::assert_harmless(&said.out);
    assert!(said.out.contains("\\u001b[2J") && said.out.contains("\\u202e"), "{}", said.out);
    let name = said.json()["listeners"][0]["holders"][0]["name"].clone();
    assert_eq!(name, "\u{1b}[2J\u{1b}[31mevil\u{202e}gpj.exe\u{200b}");
}

#[test]
fn names_of_iana_and_of_the_policy_stand_beside_each_other() {
    let policy = saved("web.toml");
    let line = format!("who 443/tcp -o json --policy {}", policy.display());
    let listener = on_web(&line).json()["listeners"][0].clone();
    assert_eq!((&listener["iana"][0], &listener["service"]), (&json!("https"), &json!("web")));
    assert_eq!(listener["reach"][2]["zone"], "office");
}
