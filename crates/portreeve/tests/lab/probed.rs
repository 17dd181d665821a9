//! Whoever probes a host is told of within a few contacts, whatever the way, and nobody else is (A14, A16, A19).

use std::{net::IpAddr, thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::site::{Site, lab};

pub(super) const POLICY: &str = r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[service.monitored]
ports = ["8443/tcp"]
reach = "world"
"#;
/// Where what is told is written, a line of JSON each.
const TOLD: &str = "/root/told";
/// Who probes is told of within so many contacts.
const CONTACTS_MAX: [(&str, u64); 2] = [("tcp", 5), ("udp", 9)];
/// Half a second each.
const LOOKS_MAX: usize = 20;
/// Some ports of nobody's, that no innocent program asks for together.
pub(super) const PORTS: &str = "23,111,3306,3389,5432,5900,6379,9200,11211,27017";

/// What portreeve has told so far.
pub(super) fn told(site: &Site) -> Vec<Value> {
    // What follows the last end of a line is being written.
    let lines = site.run(&format!("cat {TOLD}")).stdout;
    let lines = lines.rsplit_once('\n').map_or("", |(whole, _)| whole);
    lines.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

/// Begins to watch by this policy, and goes on once it hears.
pub(super) fn watched(site: &Site, policy: &str) {
    lab(site.host.write("/etc/portreeve/policy.toml", policy));
    site.run(&format!("systemd-run -q -u watched sh -c 'exec portreeve watch -o ndjson >{TOLD}'"));
    // Nothing is written before somebody is told of: whoever comes first shows that it hears.
    let scout = lab(Client::create(&site.network));
    let from = source(&scout);
    let is_told = || told(site).iter().any(|line| line["source"] == from.as_str());
    for _ in 0..20 {
        lab(scout.run(&format!("nmap -n -Pn -sS -p {PORTS} {}", site.host.place().ipv4)));
        if is_told() {
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("nobody hears");
}

/// A client who has shaken hands: he is who he says he is.
pub(super) fn proven(site: &Site) -> Client {
    let client = lab(Client::create(&site.network));
    let asks = format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{}/22; head -1 <&3'", site.host.place().ipv4);
    assert!(lab(client.run(&asks)).stdout.starts_with("SSH-2.0"));
    client
}

/// What is told of whoever runs nmap so; it is told once.
pub(super) fn probed(site: &Site, way: &str) -> Value {
    let prober = lab(Client::create(&site.network));
    probes(&prober, way, site.host.place().ipv4.into());
    let mut all = told_of(site, &source(&prober), 1);
    assert_eq!(all.len(), 1, "{way}: {all:#?}");
    all.remove(0)
}

pub(super) fn probes(prober: &Client, way: &str, to: IpAddr) {
    let output = lab(prober.run(&format!("nmap -n -Pn --max-retries 0 --max-rtt-timeout 100ms {way} {to}")));
    assert_eq!(output.status, 0, "{way}: {output:#?}");
}

/// What is told of this source, a moment later.
pub(super) fn of(site: &Site, source: &str) -> Vec<Value> {
    thread::sleep(Duration::from_millis(500));
    told(site).into_iter().filter(|line| line["source"] == source).collect()
}

/// The same once there are as many, as a busy machine is late, and a moment later: none too many were told.
pub(super) fn told_of(site: &Site, source: &str, count: usize) -> Vec<Value> {
    let _ = (0..LOOKS_MAX).find(|_| of(site, source).len() >= count);
    of(site, source)
}

/// The client's IPv4 address.
pub(super) fn source(client: &Client) -> String {
    client.place().ipv4.to_string()
}

pub(super) fn is_early(line: &Value) -> bool {
    let contacts = line["contacts"].as_u64().expect("it is promised");
    CONTACTS_MAX.iter().any(|(protocol, most)| line["protocols"][0] == *protocol && contacts <= *most)
}

#[test]
fn whoever_probes_is_told_of_early_and_nobody_else_is() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    let many = "-p 100-1000";
    for way in ["-sS", "-sT", "-sF", "-sN", "-sX", "-sA"] {
        let line = probed(&site, &format!("{way} {many}"));
        assert!(is_early(&line) && line["confidence"] == "unproven", "{way}: {line:#?}");
        assert_eq!(line["kind"], "port-scan");
    }
    let slow = probed(&site, &format!("-sT --scan-delay 1s -p {PORTS}"));
    assert!(is_early(&slow), "{slow:#?}");
    let udp = probed(&site, "-sU -p 1-30");
    assert!(is_early(&udp) && udp["protocols"][0] == "udp", "{udp:#?}");

    // Who has finished a handshake is there: the address is his.
    let prober = lab(Client::create(&site.network));
    lab(prober
        .run(&format!("timeout 2 bash -c 'exec 3<>/dev/tcp/{}/22; head -1 <&3'", site.host.place().ipv4)));
    probes(&prober, &format!("-sT {many}"), site.host.place().ipv4.into());
    let lines = told_of(&site, &source(&prober), 1);
    assert!(lines.len() == 1 && is_early(&lines[0]) && lines[0]["confidence"] == "proven", "{lines:#?}");

    // All addresses of a network of 64 bits are one source, whatever it changes to.
    let network = "2001:db8:51::";
    for (nth, port) in [23, 3_389, 5_900, 6_379].into_iter().enumerate() {
        assert_eq!(of(&site, network), [Value::Null; 0], "{nth}");
        let prober = lab(Client::create(&site.network));
        probes(&prober, &format!("-6 -sT -p {port}"), site.host.place().ipv6.into());
    }
    assert!(matches!(told_of(&site, network, 1).as_slice(), [line] if line["prefix"] == "2001:db8:51::/64"));

    innocents_are_not_told_of(&site);

    // Behind a gate, which drops what reaches nobody, it is the same.
    site.run("portreeve apply --no-trial --no-session");
    for way in ["-sS", "-sT", "-sF", "-sX", "-sA"] {
        let line = probed(&site, &format!("{way} -p {PORTS}"));
        assert!(is_early(&line), "{way}: {line:#?}");
    }
    innocents_are_not_told_of(&site);
}

/// There is no clock in it: who waits between two ports is found at the same one.
#[test]
fn whoever_takes_his_time_is_told_of_as_early() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    let line = probed(&site, &format!("-sS -T2 -p {PORTS}"));
    assert!(is_early(&line), "{line:#?}");
    let prober = lab(Client::create(&site.network));
    for port in [23, 3_389, 5_900, 6_379] {
        assert_eq!(of(&site, &source(&prober)), [Value::Null; 0], "{port}");
        thread::sleep(Duration::from_secs(15));
        probes(&prober, &format!("-sS -p {port}"), site.host.place().ipv4.into());
    }
    let lines = told_of(&site, &source(&prober), 1);
    assert!(matches!(lines.as_slice(), [line] if is_early(line)), "{lines:#?}");
}

/// Each with an address of its own: who looks for mail, for the web and for a way, who is answered late, whose connections a reboot
/// has made forget, who looks round the network, who asks for a declared port that is silent.
pub(super) fn innocents_are_not_told_of(site: &Site) {
    let host = site.host.place().ipv4;
    let touch = |ports: &str| {
        format!(
            "for port in {ports}; do timeout 0.3 bash -c \"echo >/dev/tcp/{host}/$port\" 2>/dev/null; done; true"
        )
    };
    let datagrams = |from: &str, ports: &str| {
        format!(
            "python3 -c \"
import socket
for port in {ports}:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(('0.0.0.0', {from}))
    one.sendto(b'x', ('{host}', port))
\""
        )
    };
    let innocents = [
        ("mail", touch("25 465 587 110 995 143 993")),
        ("web", touch("80 443 8080 8000")),
        ("monitor", touch("8443 8443 8443 22 22")),
        ("one port", touch("23 23 23 23 23 23 23 23")),
        ("neighbour", touch("135 139 445") + "; " + &datagrams("0", "(137, 138, 1900, 5353, 5355)")),
        ("traceroute", datagrams("0", "range(33434, 33464)")),
        ("late names", datagrams("53", "range(40000, 40030)")),
        ("late time", datagrams("123", "range(41000, 41030)")),
        // What nobody asked for: an acknowledgement to the numbers of clients.
        (
            "strays",
            format!("nmap -n -Pn --max-retries 0 --max-rtt-timeout 100ms -sA -g 443 -p 40000-40050 {host}"),
        ),
        ("two", touch("111 5900")),
        // Whoever knows the three opens a port so; a mail server asks who its client is; a browser tries QUIC.
        ("knocks", touch("7000 8500 9000")),
        ("ident", touch("113 113 113")),
        ("QUIC", datagrams("0", "(443, 443, 443)") + "; " + &touch("443")),
    ];
    let clients = innocents.map(|(who, command)| {
        let client = lab(Client::create(&site.network));
        let output = lab(client.run(&command));
        assert_eq!(output.status, 0, "{who}: {output:#?}");
        (who, client)
    });
    for (who, client) in &clients {
        assert_eq!(of(site, &source(client)), [Value::Null; 0], "{who}");
    }
}
