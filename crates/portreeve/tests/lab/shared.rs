//! Many who share a scan are told of in one line, and many who mean no harm are not (A14, A16, A19).

use std::{thread, time::Duration};

use portreeve_lab::{Client, profile};
use serde_json::Value;

use super::{
    captured::Capture,
    probed::{POLICY, told, watched},
    site::{Site, lab},
};

/// How soon a group is told of: the watch looks every ten seconds.
const LOOKED: Duration = Duration::from_secs(13);
/// The last numbers of so many neighbours' addresses, above those that the lab gives: some mean no harm, and others do.
const INNOCENTS: &str = "range(101, 161)";
const PROBERS: &str = "range(161, 201)";

/// Somebody who has all of their addresses.
fn crowd(site: &Site) -> Client {
    let crowd = lab(Client::create(&site.network));
    let add = "for n in $(seq 101 200); do ip address add 198.51.100.$n/24 dev eth0; done";
    let output = lab(crowd.run(add));
    assert_eq!(output.status, 0, "{output:#?}");
    crowd
}

/// The neighbours with these numbers begin a connection each to each of these ports, which Python makes of `n`.
fn touch(site: &Site, crowd: &Client, numbers: &str, ports: &str) {
    let host = site.host.place().ipv4;
    let script = format!(
        "import socket
for n in {numbers}:
    for port in {ports}:
        one = socket.socket()
        one.bind(('198.51.100.%d' % n, 0))
        one.settimeout(0.05)
        one.connect_ex(('{host}', port))
        one.close()
"
    );
    let output = lab(crowd.run(&format!("python3 -c \"{script}\"")));
    assert_eq!(output.status, 0, "{output:#?}");
}

fn groups(site: &Site) -> Vec<Value> {
    told(site).into_iter().filter(|line| line["kind"] == "distributed-scan").collect()
}

#[test]
fn many_who_share_a_scan_are_told_of_and_many_innocents_are_not() {
    let site = Site::boot(&profile::BARE);
    let server = "python3 -m http.server 9100 --directory /var/empty";
    site.run(&format!("mkdir -p /var/empty; systemd-run -q -u left {server}"));
    lab(site.host.wait_for_port(9_100));
    watched(&site, POLICY);
    let crowd = crowd(&site);

    // A declared port that is silent, what neighbours ask for, what was there until just now, and a few who ask for another.
    thread::sleep(LOOKED);
    site.run("systemctl stop left");
    touch(&site, &crowd, INNOCENTS, "(8443, 9100, 139, 445)");
    touch(&site, &crowd, "range(101, 116)", "(23,)");
    thread::sleep(LOOKED);
    assert_eq!(groups(&site), [Value::Null; 0]);

    // Each of these asks for one that all ask for, and for one of its own.
    let capture = Capture::begin(&site, "eth0");
    touch(&site, &crowd, PROBERS, "(6379, 20000 + n)");
    thread::sleep(LOOKED);
    let groups = groups(&site);
    let [line] = groups.as_slice() else { panic!("{groups:#?}") };
    assert_eq!((&line["event"], &line["confidence"]), (&"suspicion".into(), &"unproven".into()), "{line:#?}");
    assert_eq!((&line["source"], &line["action"]["what"]), (&Value::Null, &"none".into()), "{line:#?}");
    // With the few of the same network who asked for another; all of them, unless the look came between two.
    assert!(line["sources_count"].as_u64().is_some_and(|count| (20..=55).contains(&count)), "{line:#?}");
    assert!(line["sources"].as_array().is_some_and(|known| known.len() == 16), "{line:#?}");
    assert!(line["ports"].as_array().is_some_and(|ports| ports.contains(&6_379.into())), "{line:#?}");

    // Whoever reads what was captured meanwhile finds the same.
    let read = capture.judged(&site, "");
    let of_capture = read.iter().filter(|line| line["kind"] == "distributed-scan").collect::<Vec<_>>();
    assert!(matches!(of_capture.as_slice(), [line] if line["sources_count"] == 40), "{read:#?}");

    // One of them, and the host as a whole.
    let one = line["sources"][0].as_str().expect("it is an address");
    let why = site.ask(&format!("why {one}"));
    assert!(why.stdout.contains("distributed-scan") && why.stdout.contains("twenty sources"), "{why:#?}");
    let found = site.audit("", 1);
    assert!(found.iter().any(|found| found.rule == "probed-now"), "{found:#?}");

    // What was counted is there for the next watch.
    site.run("systemctl stop watched");
    let usual = site.run("cat /var/lib/portreeve/watch/usual.json").stdout;
    assert!(usual.contains(r#"["tcp",6379,[40]]"#), "{usual}");
}

/// Nobody of these is there, and each packet of it is of another network.
#[test]
fn a_flood_in_the_name_of_everybody_is_one_line() {
    let site = Site::boot(&profile::BARE);
    watched(&site, POLICY);
    let flooding = lab(Client::create(&site.network));
    let host = site.host.place().ipv4;
    let script = format!(
        "import random, socket, struct
random.seed(1)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
to = socket.inet_aton('{host}')
for _ in range(60000):
    source = struct.pack('>I', random.randrange(0x0b000000, 0x7f000000))
    udp = struct.pack('>HHHH', 40000, random.randrange(2048, 3072), 8, 0)
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 28, 0, 0, 64, 17, 0, source, to)
    raw.sendto(ip + udp, ('{host}', 0))
"
    );
    let output = lab(flooding.run(&format!("python3 -c \"{script}\"")));
    assert_eq!(output.status, 0, "{output:#?}");
    thread::sleep(LOOKED);
    let groups = groups(&site);
    let [line] = groups.as_slice() else { panic!("{groups:#?}") };
    assert_eq!(line["confidence"], "unproven");
    // Some 59 for each of 1,024 ports; the first look may come before most of them.
    assert!(line["sources_count"].as_u64().is_some_and(|count| count >= 20), "{line:#?}");
    assert_eq!(line["ports"].as_array().map(Vec::len), Some(16), "{line:#?}");
}
