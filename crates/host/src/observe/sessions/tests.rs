//! Whose connections are footholds, and which are not.

use super::*;

/// A host where sshd listens on port 22, with the connections and sockets of UDP that are given as JSON.
fn host(connections: &str, listeners: &str) -> Snapshot {
    let listener = r#"{"protocol":"tcp","mptcp":false,"family":"ipv4","address":"0.0.0.0","port":22,"device":null,"v6only":false,
        "state":"listen","ephemeral":false,"netns":1,"holders":[{"pid":700,"fd":3}],"holders_complete":true,"uid":0,
        "socket_unit":"ssh.service","inode":1,"backlog":null,"gap":null,"seen_by":"sock_diag","cookie":1}"#;
    let text = format!(
        r#"{{"version":1,"taken":"2026-01-01T00:00:00Z","host":{{"name":"web","boot_id":"b","kernel":"6.1"}},
        "namespaces":[{{"id":1,"name":null,"own":true,"interfaces":[],"client_range":{{"first":32768,"last":60999}},"reserved":[],"unprivileged_port_start":1024}}],
        "listeners":[{listener}{listeners}],"connections":[{connections}],"processes":{{}},"gaps":[]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn connection(port: u16, peer: &str, state: &str, netns: u64, pid: u32) -> String {
    format!(
        r#"{{"protocol":"tcp","family":"ipv4","address":"192.0.2.1","port":{port},"peer":{{"address":"{peer}","port":443}},
        "state":"{state}","netns":{netns},"inode":9,"cookie":9,"pids":[{pid}],"socket_unit":null}}"#
    )
}

fn peers(snapshot: &Snapshot) -> Vec<String> {
    let found = connected(snapshot, &[812, 813].into());
    found.iter().map(|foothold| format!("{} {}", foothold.peer, foothold.port)).collect()
}

#[test]
fn what_somebody_made_to_this_host_is_a_foothold_and_what_we_made_is_none() {
    let connections = [
        connection(22, "203.0.113.7", "established", 1, 812),
        // Another's, one that is over, one that an ancestor made itself, and one of another namespace.
        connection(22, "203.0.113.8", "established", 1, 900),
        connection(22, "203.0.113.9", "close-wait", 1, 812),
        connection(40_000, "203.0.113.10", "established", 1, 813),
        connection(22, "203.0.113.11", "established", 2, 813),
        // Nobody listens any more, and no client has such a number.
        connection(2_222, "203.0.113.12", "established", 1, 813),
    ];
    let snapshot = host(&connections.join(","), "");
    assert_eq!(peers(&snapshot), ["203.0.113.7 22", "203.0.113.12 2222"]);
    assert_eq!(connected(&snapshot, &[812].into())[0].local.to_string(), "192.0.2.1");
}

#[test]
fn a_session_of_udp_is_told_by_how_it_began() {
    let listener = |pid: u32, port: u16| {
        format!(
            r#",{{"protocol":"udp","mptcp":false,"family":"ipv4","address":"0.0.0.0","port":{port},"device":null,"v6only":false,
            "state":"unconnected","ephemeral":false,"netns":1,"holders":[{{"pid":{pid},"fd":4}}],"holders_complete":true,"uid":0,
            "socket_unit":null,"inode":2,"backlog":null,"gap":null,"seen_by":"sock_diag","cookie":2}}"#
        )
    };
    let snapshot = host("", &(listener(812, 60_001) + &listener(900, 60_002) + &listener(813, 60_003)));
    let began = |pid| (pid == 812).then(|| ["203.0.113.7", "192.0.2.1"].map(|ip| ip.parse().unwrap()));
    let found = unconnected(&snapshot, &[812, 813].into(), began);
    let told: Vec<_> = found.iter().map(|it| format!("{} {} {}", it.peer, it.local, it.ports())).collect();
    assert_eq!(told, ["203.0.113.7 192.0.2.1 60001/udp"]);
}

#[test]
fn the_variable_of_ssh_names_both_ends() {
    let of = |text: &str| ends(text.as_bytes()).map(|ends| ends.map(|end| end.to_string()));
    let environment = "A=1\0SSH_CONNECTION=203.0.113.7 50000 192.0.2.1 22\0B=2\0";
    assert_eq!(of(environment).unwrap(), ["203.0.113.7", "192.0.2.1"]);
    assert_eq!(of("SSH_CONNECTION=fe80::1%eth0 5 fe80::2%eth0 22").unwrap(), ["fe80::1", "fe80::2"]);
    for wrong in ["", "SSH_CONNECTION=", "SSH_CONNECTION=a b c d", "XSSH_CONNECTION=1.2.3.4 1 1.2.3.4 1"] {
        assert_eq!(of(wrong), None, "{wrong}");
    }
}
