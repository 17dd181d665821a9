//! Whoever hears what comes for every port is told of, by each way of looking (A5, A24).

use portreeve_lab::profile;

use super::site::Site;

/// The kind of socket as Python makes it, and the unit that has it.
const SOCKETS: [(&str, &str); 5] = [
    ("everything", "AF_PACKET, socket.SOCK_RAW, socket.htons(3)"),
    ("cooked", "AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)"),
    ("segments", "AF_INET6, socket.SOCK_RAW, 6"),
    // Neighbours by LLDP, and echoes.
    ("neighbours", "AF_PACKET, socket.SOCK_RAW, socket.htons(0x88cc)"),
    ("echoes", "AF_INET, socket.SOCK_RAW, 1"),
];

#[test]
fn who_hears_every_port_is_told_of() {
    let site = Site::boot(&profile::BARE);
    let mut pids = Vec::new();
    for (unit, socket) in SOCKETS {
        site.run(&format!("systemd-run -q -u {unit} python3 -c 'import socket, time; s = socket.socket(socket.{socket}); time.sleep(99)'"));
        let pid = site.run(&format!("systemctl show -P MainPID {unit}"));
        pids.push(pid.stdout.trim().to_owned());
    }
    site.run("timeout 10 sh -c 'until [ $(cat /proc/net/packet /proc/net/raw /proc/net/raw6 | grep -vci inode) -ge 5 ]; do sleep 0.1; done'");
    let expected: Vec<String> = pids[..3].iter().map(|pid| format!("ps -fp {pid}")).collect();
    for without in ["", "bpf", "bpf,sock_diag"] {
        let found = site.run(&format!("PORTREEVE_WITHOUT={without} portreeve audit -o json")).json();
        let findings = found["findings"].as_array().expect("`findings` is promised");
        let mut told: Vec<_> = findings
            .iter()
            .filter(|finding| finding["rule"] == "raw-or-packet-socket")
            .map(|finding| finding["commands"][0].as_str().expect("a command").to_owned())
            .collect();
        told.sort_by_key(|command| expected.iter().position(|other| other == command));
        assert_eq!(told, expected, "without {without:?}");
    }
    site.run(&expected[0]);
    site.run("systemctl stop everything cooked segments");
    assert!(!site.ask("audit").stdout.contains("raw-or-packet-socket"));
    // Who asks what listens is told of none of them.
    assert!(!site.run("portreeve ls -o json").stdout.contains("\"packet\""));
}
