//! What `scan` sees of ports of UDP in a namespace beside it, against what answers there, `nmap` and `tcpdump` say (A17, A20).

use serde_json::Value;

use super::room::Room;

/// The room is who scans; `far` is who is scanned, over a wire.
const FAR: &str = "set -e; ip netns add far; ip link add near type veth peer name end netns far; ip address add 198.51.100.1/24 dev near; \
                   ip address add 2001:db8:51::1/64 dev near nodad; ip link set near up; ip -n far address add 198.51.100.2/24 dev end; \
                   ip -n far address add 2001:db8:51::2/64 dev end nodad; ip -n far link set end up; ip -n far link set lo up";
const FOUR: &str = "198.51.100.2";
const SIX: &str = "2001:db8:51::2";
/// Answers as servers do, each only what its protocol calls a question; 40001 hears and says nothing.
const ANSWER: &str = r#"
import selectors, socket, struct, time
def dns(w): return w[:2] + b"\x80\x05" + w[4:] if len(w) == 17 and w[2:] == bytes([0,0,0,1,0,0,0,0,0,0,0,0,2,0,1]) else None
def ntp(w): return b"\x24" + w[1:24] + w[40:48] + w[32:] if len(w) == 48 and w[0] == 0x23 else None
def snmp(w): return w if w[:5] == b"\x30\x3e\x02\x01\x03" and b"\x04\x01\x04\x02\x01\x03" in w else None
def quic(w): return b"\x80\0\0\0\0" + w[14:23] + w[5:14] + b"\0\0\0\x01" if len(w) >= 1200 and w[1:5] == b"\x1a\x2a\x3a\x4a" else None
def ssdp(w): return b"HTTP/1.1 200 OK\r\n\r\n" if w.startswith(b"M-SEARCH * HTTP/1.1\r\n") else None
def mdns(w): return w[:2] + b"\x84\0" + w[4:] if b"\x07_dns-sd" in w else None
def ike(w): return w[:17] + b"\x20" + w[18:] if len(w) == 28 and w[17] >> 4 == 3 and struct.unpack(">I", w[24:])[0] == 28 else None
def nat(w): return w[:4] + ike(w[4:]) if w[:4] == bytes(4) and ike(w[4:]) else None
def tftp(w): return b"\0\x05\0\x01File not found\0" if w[:2] == b"\0\x01" and w.endswith(b"\0octet\0") else None
def radius(w): return b"\x02" + w[1:] if w[0] == 12 and len(w) == 38 and w[20:22] == b"\x50\x12" else None
def any(w): return b"what?"
def none(w): return None
PORTS = {53: dns, 123: ntp, 161: snmp, 443: quic, 1900: ssdp, 5353: mdns, 500: ike, 4500: nat, 69: tftp, 1812: radius, 5300: dns,
         40000: any, 40001: none, 514: any}
them = selectors.DefaultSelector()
for port, say in PORTS.items():
    it = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    it.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    it.bind(("::", port))
    them.register(it, selectors.EVENT_READ, (port, say))
print("ready", flush=True)
while True:
    for key, _ in them.select():
        words, whom = key.fileobj.recvfrom(4096)
        port, say = key.data
        with open("/run/heard", "a") as file: print(port, len(words), file=file)
        answer = say(words) if words or say is any else None
        if answer is None: continue
        if port == 69:
            other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            other.sendto(answer, whom)
            other.close()
        else: key.fileobj.sendto(answer, whom)
"#;

fn boot() -> Room {
    let room = Room::create();
    room.run(FAR);
    room.run(&format!("cat > /run/answer.py <<'END'\n{ANSWER}END"));
    room.run(
        "ip netns exec far python3 /run/answer.py </dev/null >/run/said 2>&1 & for i in $(seq 200); do grep -qs ready /run/said && break; \
         sleep 0.05; done; grep ready /run/said",
    );
    room
}

/// The document of a scan, which must end so, and the seconds that it took.
#[track_caller]
fn scan(room: &Room, arguments: &str, status: i32) -> (Value, f64) {
    let begin = std::time::Instant::now();
    let output = room.try_run(&format!("portreeve scan {arguments} -o json"));
    assert_eq!(output.status, status, "{arguments}: {output:#?}");
    (serde_json::from_str(&output.stdout).expect("it is JSON"), begin.elapsed().as_secs_f64())
}

fn numbers(scan: &Value, seen: &str) -> Vec<u64> {
    let ports = scan["ports"].as_array().expect("there is a list").iter();
    let udp = ports.filter(|port| port["seen"] == seen && port["protocol"] == "udp");
    udp.map(|port| port["port"].as_u64().expect("a number")).collect()
}

/// Loads rules of `far`'s own into its way in, and no others.
fn input(room: &Room, rule: &str) {
    room.run(&format!(
        "ip netns exec far nft -f - <<'END'\nflush ruleset\ntable inet t {{\nchain i {{\ntype filter hook input priority 0;\n\
         icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept\n{rule}\n}}\n}}\nEND"
    ));
}

/// What tcpdump reads of what went to `far`, in hexadecimal.
fn sent(room: &Room, filter: &str) -> String {
    room.run(&format!("tcpdump -n -x -r /run/all.pcap 'dst host {FOUR} and {filter}' 2>/dev/null")).stdout
}

#[test]
fn each_protocol_is_asked_so_that_it_answers() {
    let room = boot();
    room.run("tcpdump -U -n -i near -w /run/all.pcap >/run/dump 2>&1 & for i in $(seq 100); do grep -qs listening /run/dump && break; sleep 0.05; done");
    let asked = "53/udp 69/udp 123/udp 161/udp 443/udp 500/udp 514/udp 1812/udp 1900/udp 4500/udp 5353/udp 40000-40002/udp";
    for target in [FOUR, SIX] {
        let (seen, took) = scan(&room, &format!("{target} {asked} --all --policy none"), 0);
        assert_eq!(numbers(&seen, "open"), [53, 69, 123, 161, 443, 500, 1812, 1900, 4500, 5353, 40000]);
        assert_eq!(numbers(&seen, "closed"), [40002], "{target}");
        assert_eq!(numbers(&seen, "silent"), [514, 40001], "{target}");
        assert!(took < 10.0, "{target}: {took}");
        assert_eq!(seen["ports"].as_array().map(Vec::len), Some(14), "nothing was asked of TCP");
    }
    let heard = room.run("cat /run/heard").stdout;
    assert!(!heard.lines().any(|line| line.starts_with("514 ")), "{heard}");
    assert!(heard.contains("40000 0\n") && heard.contains("443 1200\n"), "{heard}");
    room.run("sleep 0.3; pkill tcpdump; sleep 0.3");
    // A question for the root, of class IN and type NS; the length of an empty datagram.
    assert!(sent(&room, "udp port 53").contains("0000 0200 01"), "{}", sent(&room, "udp port 53"));
    assert_eq!(sent(&room, "udp port 514"), "");
    assert!(!sent(&room, "udp port 40000 and udp[4:2] == 8").is_empty());
    assert_eq!(sent(&room, "ip[6:2] & 0x3fff != 0"), "", "in pieces");
    assert_eq!(sent(&room, "not src host 198.51.100.1"), "", "in another's name");
}

/// nmap tells of a port that answers `open`, of one that is refused `closed`, and of silence `open|filtered`.
#[test]
fn nmap_sees_the_same() {
    let room = boot();
    let nmap = room.run(&format!("nmap -n -Pn -sU -p 40000,40001,40002 -oG - {FOUR}")).stdout;
    for expected in ["40000/open/udp", "40001/open|filtered/udp", "40002/closed/udp"] {
        assert!(nmap.contains(expected), "{expected}: {nmap}");
    }
    let (seen, _) = scan(&room, &format!("{FOUR} 40000-40002/udp --all --policy none"), 0);
    let numbers = ["open", "silent", "closed"].map(|it| numbers(&seen, it));
    assert_eq!(numbers, [[40000], [40001], [40002]]);
}

/// Linux says six times, and then once a second by IPv4 and ten times by IPv6, that nobody has a port.
#[test]
fn thirty_ports_of_nobody_are_all_closed() {
    let room = boot();
    for (target, most) in [(SIX, 12.0), (FOUR, 40.0)] {
        let (seen, took) = scan(&room, &format!("{target} 20001-20030/udp 53/udp --all --policy none"), 0);
        assert_eq!((numbers(&seen, "closed").len(), numbers(&seen, "open")), (30, vec![53]), "{target}");
        assert!(took < most, "{target}: {took}");
    }
}

#[test]
fn a_filter_names_itself_or_is_silent() {
    let room = boot();
    for kind in
        ["host-unreachable", "prot-unreachable", "net-prohibited", "host-prohibited", "admin-prohibited"]
    {
        input(&room, &format!("meta nfproto ipv4 reject with icmp type {kind}"));
        let (seen, _) = scan(&room, &format!("{FOUR} 53/udp --all --policy none"), 0);
        assert_eq!((numbers(&seen, "filtered"), &seen["ports"][0]["by"]), (vec![53], &FOUR.into()), "{kind}");
        // So often does Linux say so to each.
        room.run("sleep 1.1");
    }
    for kind in ["no-route", "admin-prohibited", "addr-unreachable"] {
        input(&room, &format!("meta nfproto ipv6 reject with icmpv6 type {kind}"));
        let (seen, _) = scan(&room, &format!("{SIX} 53/udp --all --policy none"), 0);
        assert_eq!((numbers(&seen, "filtered"), &seen["ports"][0]["by"]), (vec![53], &SIX.into()), "{kind}");
    }
    input(&room, "drop");
    let (seen, took) = scan(&room, &format!("{FOUR} 53/udp 20001-20020/udp --all --policy none"), 0);
    assert_eq!((numbers(&seen, "silent").len(), &seen["rounds"]), (21, &2.into()));
    assert!(took < 5.0, "{took}");
}

#[test]
fn many_ports_take_a_word_and_none_is_asked_without_it() {
    let room = boot();
    for (target, time) in [(FOUR, "18 h"), (SIX, "110 min")] {
        let refused = room.try_run(&format!("portreeve scan {target} 1-65535/udp --policy none"));
        assert_eq!((refused.status, refused.stdout.as_str()), (2, ""), "{refused:#?}");
        assert!(refused.stderr.contains(time) && refused.stderr.contains("--really"), "{refused:#?}");
    }
    assert_eq!(room.try_run("cat /run/heard").stdout, "", "nobody was asked");
    let really = format!(
        "timeout -s INT 2 portreeve scan {FOUR} 1-65535/udp --really --policy none >/run/out 2>&1; cat /run/out"
    );
    let told = room.run(&really).stdout;
    assert!(told.contains("65,535 udp ports · 18 h where each is refused"), "{told}");
    assert!(told.contains("Stopped: "), "{told}");
    let few = really.replace("1-65535/udp --really", "1-1000/udp");
    assert!(room.run(&few).stdout.contains("1,000 udp ports · 16 min where each is refused"));
}

/// Declared, held there, or known for what is spoken: these are asked, beside TCP.
#[test]
fn there_is_a_reason_for_each_port_that_is_asked_by_default() {
    let room = boot();
    room.run(
        "printf 'version = 1\\n[service.dns]\\nports = [\"5300/udp\"]\\nreach = \"world\"\\n[service.game]\\nports = [\"40007/udp\"]\\nreach = \"world\"\\n' > /run/policy.toml; \
         ip netns exec far portreeve snapshot > /run/far.json",
    );
    let arguments = format!("{FOUR} 22 --udp --all --policy /run/policy.toml --against /run/far.json");
    let (seen, took) = scan(&room, &arguments, 1);
    // By its name the one at 5300 is asked as DNS.
    assert_eq!(numbers(&seen, "open"), [53, 69, 123, 161, 443, 500, 1812, 1900, 4500, 5300, 5353, 40000]);
    assert_eq!((numbers(&seen, "closed"), numbers(&seen, "silent")), (vec![1813, 40007], vec![514, 40001]));
    assert!(took < 10.0, "{took}");
    let ports = seen["ports"].as_array().expect("a list");
    assert_eq!((&ports[0]["protocol"], &ports[0]["port"]), (&"tcp".into(), &22.into()));
    let at = |number: u64| ports.iter().find(|port| port["port"] == number).expect("it was asked");
    assert_eq!((&at(5300)["declared"], &at(5300)["said"]), (&"dns".into(), &"reachable".into()));
    assert_eq!(seen["counts"]["open"], 12);
}

#[test]
fn what_is_seen_of_udp_is_compared_with_what_is_said() {
    let room = boot();
    let ask = |ports: &str, status| {
        let policy = "--policy /run/policy.toml --against /run/far.json";
        let (seen, _) = scan(&room, &format!("{FOUR} {ports} {policy}"), status);
        let findings = seen["findings"].as_array().expect("a list").iter();
        findings
            .map(|it| format!("{} {}", it["rule"].as_str().expect("a name"), it["port"]))
            .collect::<Vec<_>>()
    };
    room.run(
        "printf 'version = 1\\n[service.dns]\\nports = [\"53/udp\"]\\nreach = \"world\"\\n[service.quiet]\\nports = [\"40001/udp\"]\\nreach = \"world\"\\n' > /run/policy.toml",
    );
    input(&room, "udp dport 40000 drop");
    room.run("ip netns exec far portreeve snapshot > /run/far.json");
    // A service that says nothing is nothing to tell of, and one that nobody declares is.
    assert_eq!(ask("53/udp 123/udp 40001/udp", 1), ["unneeded-open-port 123"]);
    // Now the snapshot lies in both ways.
    input(&room, "udp dport 53 reject with icmp type admin-prohibited");
    room.run("sleep 1.1");
    assert_eq!(
        ask("53/udp 40000/udp 40001/udp", 1),
        ["seen-open-said-closed 40000", "seen-closed-said-open 53"]
    );
    // And now it is true, and declared for whoever looks.
    room.run("ip netns exec far portreeve snapshot > /run/far.json; sleep 1.1");
    assert_eq!(ask("53/udp", 1), ["declared-but-blocked 53"]);
    // Silence is no proof.
    input(&room, "udp dport 53 drop");
    assert_eq!(ask("53/udp", 0), [""; 0]);
}

/// The kernel gives the scan one of few ports of its own, which is asked too.
#[test]
fn a_scan_does_not_answer_itself_and_takes_no_right_of_roots() {
    let room = boot();
    room.run("sysctl -qw net.ipv4.ip_local_port_range='41000 41003'");
    let user = "setpriv --reuid 65534 --regid 65534 --clear-groups portreeve";
    let said =
        room.try_run(&format!("{user} scan 127.0.0.1 41000-41003/udp --policy none --allow-gaps --all"));
    assert_eq!(said.status, 0, "{said:#?}");
    assert!(said.stdout.contains("3 closed, 1 silent"), "{said:#?}");
    assert!(!said.stdout.contains("raw packets"), "nothing is asked of TCP: {said:#?}");
}

/// The kernel counts an error that is told instead of sending as a packet that it threw away.
#[test]
fn beside_ports_that_refuse_one_that_only_hears_lost_nothing() {
    let room = Room::create();
    room.run("ip link set lo up");
    room.hold("udp 127.0.0.1:53 [::1]:53");
    for target in ["127.0.0.1", "::1"] {
        let (seen, _) =
            scan(&room, &format!("{target} 53/udp 123/udp 161/udp 500/udp --all --policy none"), 0);
        assert_eq!((numbers(&seen, "silent"), numbers(&seen, "closed")), (vec![53], vec![123, 161, 500]));
        assert_eq!(seen["gaps"], serde_json::json!([]), "{target}");
    }
    let (seen, _) = scan(&room, "127.0.0.1 22 --udp --policy none", 0);
    assert_eq!((numbers(&seen, "silent"), &seen["gaps"]), (vec![53], &serde_json::json!([])));
}

/// Whatever is sent is more than the queue takes.
#[test]
fn a_queue_that_takes_nothing_ends_the_scan_all_the_same_and_is_named() {
    let room = Room::create();
    room.run(FAR);
    room.run(&format!(
        "ip neigh replace {FOUR} lladdr $(ip -n far -br link show end | awk '{{print $3}}') dev near; \
         tc qdisc add dev near root tbf rate 8kbit burst 20 limit 20"
    ));
    let (seen, took) = scan(&room, &format!("{FOUR} 53/udp 99/udp --all --policy none"), 3);
    assert_eq!(
        (numbers(&seen, "silent"), &seen["gaps"][0]["what"]),
        (vec![53, 99], &"unsent-packets".into())
    );
    assert!(took < 10.0, "{took}");
}

/// At ten a second, which is how fast Linux refuses by IPv6, the rest would take more than a minute.
#[test]
fn who_stops_refusing_ends_it() {
    let room = boot();
    let stops = "(sleep 3; ip netns exec far nft -f - <<'END'\ntable inet t {\nchain i {\ntype filter hook input priority 0;\n\
                 meta l4proto udp drop\n}\n}\nEND\n) &";
    let begin = std::time::Instant::now();
    let told = room.try_run(&format!("{stops}\nportreeve scan {SIX} 20000-20899/udp -o json --policy none"));
    let seen: Value = serde_json::from_str(&told.stdout).expect("it is JSON");
    assert_eq!((told.status, seen["ended"].as_str()), (3, Some("vanished")), "{told:#?}");
    assert!(begin.elapsed().as_secs() < 40, "{:?}", begin.elapsed());
    assert!(seen["counts"]["closed"].as_u64() > Some(10), "{}", seen["counts"]);
}
