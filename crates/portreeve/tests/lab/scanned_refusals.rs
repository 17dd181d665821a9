//! Every form in which a packet may be refused, with tcpdump as the witness of what was said (A17, A20).

use super::{
    room::Room,
    scanning::{FOUR, SIX, boot, count, input, numbers, rules, scan, truth},
};

/// What tcpdump reads of the messages that came in meanwhile.
fn overheard(room: &Room, filter: &str, during: impl FnOnce()) -> String {
    room.run(&format!(
        "rm -f /run/dump; tcpdump -l -n -v -i near '{filter}' >/run/heard 2>/run/dump & for i in $(seq 100); do grep -qs listening /run/dump && break; \
         sleep 0.05; done"
    ));
    during();
    room.run("sleep 0.3; pkill tcpdump; sleep 0.2; cat /run/heard").stdout
}

/// The one port that is asked, as it must be seen.
#[track_caller]
fn is_seen(room: &Room, target: &str, port: u16, seen: &str, by: Option<&str>) {
    let told = scan(room, &format!("{target} {port} --all"), 0);
    assert_eq!(
        (told["ports"][0]["seen"].as_str(), told["ports"][0]["by"].as_str()),
        (Some(seen), by),
        "{told:#}"
    );
}

/// The other forms are those of [`super::scanned`].
#[test]
fn a_filter_that_says_what_few_say_is_named_too() {
    let room = boot();
    let open = truth(&room)[0];
    input(&room, "meta nfproto ipv4 reject with icmp type net-unreachable");
    let heard = overheard(&room, "icmp", || is_seen(&room, FOUR, open, "filtered", Some(FOUR)));
    assert!(heard.contains(&format!("ICMP net {FOUR} unreachable")), "{heard}");
    for (kind, code) in [("icmp6-policy-fail", 5), ("icmp6-reject-route", 6)] {
        room.run(&format!(
            "ip netns exec far nft flush ruleset; ip netns exec far ip6tables -A INPUT -p tcp --dport {open} -j REJECT --reject-with {kind}"
        ));
        let filter = format!("icmp6 and ip6[40] == 1 and ip6[41] == {code}");
        let heard = overheard(&room, &filter, || is_seen(&room, SIX, open, "filtered", Some(SIX)));
        assert!(!heard.is_empty(), "{kind}");
    }
    for target in [FOUR, SIX] {
        input(&room, &format!("tcp dport {open} reject with tcp reset"));
        is_seen(&room, target, open, "closed", None);
    }
}

/// A host that sends some ports on to where no route leads says so as a router does.
#[test]
fn a_router_that_has_no_way_is_named_and_one_that_is_silent_is_silence() {
    let room = boot();
    room.run("ip netns exec far sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0");
    let to = |port: u16| format!("tcp dport {port} dnat to 203.0.113.{}\n", port - 7_000);
    let all: String = (7_001..=7_004).map(to).collect();
    rules(&room, &format!("table ip n {{\nchain p {{\ntype nat hook prerouting priority -100;\n{all}}}\n}}"));
    for (last, kind) in [(1, "unreachable"), (2, "prohibit"), (3, "throw"), (4, "blackhole")] {
        room.run(&format!("ip -n far route add {kind} 203.0.113.{last}"));
    }
    let told = scan(&room, &format!("{FOUR} 7001-7004 --all"), 0);
    assert_eq!(numbers(&told, "filtered"), [7001, 7002, 7003], "{told:#}");
    assert_eq!((numbers(&told, "silent"), &told["ports"][0]["by"]), (vec![7004], &FOUR.into()));
}

/// A SYN proxy answers for every port, whoever listens; nmap believes it.
#[test]
fn a_proxy_that_answers_for_every_port_is_told_as_such() {
    let room = boot();
    rules(
        &room,
        "table inet x {\nchain r {\ntype filter hook prerouting priority -300;\ntcp flags syn notrack\n}\n\
         chain i {\ntype filter hook input priority 0;\nmeta l4proto tcp ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\n\
         ct state invalid drop\n}\n}",
    );
    room.run("ip netns exec far sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0");
    let told = scan(&room, &format!("{FOUR} 1-1000"), 0);
    assert_eq!(told["opens_everything"], true, "{told:#}");
    assert_eq!((count(&told, "open"), numbers(&told, "open")), (1_000, vec![]));
    let nmap = room.run(&format!("nmap -n -sS -p 1-200 -oG - {FOUR}")).stdout;
    assert!(nmap.matches("/open/tcp").count() > 190 || nmap.contains("Ignored State: open"), "{nmap}");
}
