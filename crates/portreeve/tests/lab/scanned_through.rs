//! What `scan` sees through addresses and ports that are rewritten on the way, against what tcpdump writes down (A17, A20).

use serde_json::Value;

use super::{
    room::Room,
    scanning::{FOUR, found, lay, listen, numbers, rules, scan},
};

/// Behind `far` is `deep`, to which `far` sends some of its ports on, in its own name; and some of its answers it rewrites.
fn boot() -> Room {
    let room = lay();
    room.run(
        "set -e; ip netns add deep; ip link add mb netns far type veth peer name end netns deep; ip -n far address add 203.0.113.1/24 dev mb; \
         ip -n far link set mb up; ip -n deep address add 203.0.113.10/24 dev end; ip -n deep link set end up; ip -n deep link set lo up; \
         ip netns exec far sysctl -qw net.ipv4.ip_forward=1; \
         ip netns exec deep nft -f - <<'END'\ntable ip f {\nchain i {\ntype filter hook input priority 0;\n\
         tcp dport 85 reject with icmp type admin-prohibited\n}\n}\nEND",
    );
    listen(&room, "ip netns exec deep", "80 85");
    listen(&room, "ip netns exec far", "90 91 92");
    rules(
        &room,
        "table ip n {\nchain p {\ntype nat hook prerouting priority -100;\ntcp dport 8080 dnat to 203.0.113.10:80\n\
         tcp dport 8081 dnat to 203.0.113.10:81\ntcp dport 8083 dnat to 203.0.113.99:80\ntcp dport 8084 redirect to :91\n\
         tcp dport 8085 dnat to 203.0.113.10:85\ntcp dport 8086 redirect to :89\n}\n\
         chain q {\ntype nat hook postrouting priority 100;\noifname mb masquerade\n}\n}\n\
         table ip r {\nchain o {\ntype filter hook output priority -300;\ntcp sport { 90, 92 } notrack\n}\n\
         chain p {\ntype filter hook prerouting priority -300;\ntcp dport { 90, 92 } notrack\n}\n\
         chain x {\ntype filter hook postrouting priority 200;\ntcp sport 90 ip saddr set 198.51.100.66\n\
         tcp sport 92 tcp sport set 93\n}\n}",
    );
    room
}

/// Each port that was asked, with what was seen of it and who says so.
fn seen(scan: &Value) -> Vec<(u64, String, String)> {
    let ports = scan["ports"].as_array().expect("a list").iter();
    let word = |word: &'_ Value| word.as_str().unwrap_or("").to_owned();
    ports.map(|it| (it["port"].as_u64().expect("a number"), word(&it["seen"]), word(&it["by"]))).collect()
}

#[test]
fn what_others_answer_for_a_host_is_seen_and_nothing_is_invented() {
    let room = boot();
    room.run("tcpdump -U -n -i near -w /run/all.pcap tcp >/run/dump 2>&1 & for i in $(seq 100); do grep -qs listening /run/dump && break; sleep 0.05; done");
    room.run("ip netns exec far portreeve snapshot > /run/far.json");
    let told = scan(&room, &format!("{FOUR} 90-93 8080-8086 --all --against /run/far.json"), 1);
    let expected = [
        // The answer has another address, or is of another port.
        (90, "silent", ""),
        (91, "open", ""),
        (92, "silent", ""),
        (93, "closed", ""),
        (8080, "open", ""),
        (8081, "closed", ""),
        (8082, "closed", ""),
        // Nobody has the address behind.
        (8083, "silent", ""),
        (8084, "open", ""),
        (8085, "filtered", FOUR),
        (8086, "closed", ""),
    ];
    let expected = expected.map(|(port, seen, by)| (port, seen.to_owned(), by.to_owned()));
    assert_eq!(seen(&told), expected);
    // Of what is sent on the model says less.
    let shut = |port: u64| ("seen-closed-said-open".to_owned(), port);
    assert_eq!(found(&told), [90, 92].map(shut), "{:#}", told["findings"]);
    // What came back, once and again: two answers are of nobody who was asked.
    room.run("sleep 0.5; pkill tcpdump; sleep 0.5");
    let read = |filter: &str| room.run(&format!("tcpdump -n -r /run/all.pcap '{filter}' 2>/dev/null")).stdout;
    assert!(!read("src host 198.51.100.66 and src port 90").is_empty());
    assert!(!read(&format!("src host {FOUR} and src port 93 and tcp[13] == 18")).is_empty());
    assert_eq!(read("src host 203.0.113.10 or dst host 203.0.113.10"), "");
}

/// Rules of OUTPUT lead what this host sends to itself elsewhere.
#[test]
fn what_a_host_leads_elsewhere_itself_is_seen_as_its_own_programs_see_it() {
    let room = lay();
    listen(&room, "", "4711");
    listen(&room, "ip netns exec far", "90");
    room.run(
        "sysctl -qw net.ipv4.conf.all.route_localnet=1; nft -f - <<'END'\ntable ip n {\nchain o {\ntype nat hook output priority -100;\n\
         ip daddr 127.0.0.1 tcp dport 5000 dnat to 127.0.0.1:4711\nip daddr 127.0.0.1 tcp dport 5001 redirect to :4712\n\
         ip daddr 127.0.0.1 tcp dport 5002 dnat to 198.51.100.2:90\nip daddr 127.0.0.1 tcp dport 5003 dnat to 198.51.100.2:91\n}\n\
         chain q {\ntype nat hook postrouting priority 100;\noifname near masquerade\n}\n}\nEND",
    );
    let connects = |port: u16| {
        let connect = format!(
            "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)' 2>/dev/null"
        );
        room.try_run(&connect).status == 0
    };
    for means in ["", "--connect"] {
        let told = scan(&room, &format!("127.0.0.1 4711 5000-5004 {means}"), 0);
        let open = numbers(&told, "open");
        assert_eq!(open, [4711, 5000, 5002], "{told:#}");
        assert!(found(&told).is_empty());
    }
    let witnessed: Vec<u16> = (5000..=5004).chain([4711]).filter(|port| connects(*port)).collect();
    assert_eq!(witnessed, [5000, 5002, 4711]);
}

/// Nobody proves whose the address behind the rule is: not one packet goes there.
#[test]
fn what_a_host_leads_to_somebody_else_is_not_asked() {
    let room = lay();
    room.run(
        "set -e; ip link add out type veth peer name world; ip address add 203.0.113.1/24 dev out; ip link set out up; ip link set world up; \
         sysctl -qw net.ipv6.conf.out.disable_ipv6=1 net.ipv6.conf.world.disable_ipv6=1; nft -f - <<'END'\ntable ip n {\nchain o {\n\
         type nat hook output priority -100;\ntcp dport 5000 dnat to 203.0.113.9\nudp dport 5001 dnat to 203.0.113.9\n\
         meta skuid 0 tcp dport 5002 dnat to 203.0.113.9\n}\n}\nEND",
    );
    room.run("tcpdump -U -n -i out -w /run/all.pcap >/run/dump 2>&1 & for i in $(seq 100); do grep -qs listening /run/dump && break; sleep 0.05; done");
    for own in ["127.0.0.1", "198.51.100.1"] {
        for port in ["5000/tcp", "5001/udp", "5002/tcp"] {
            let told = room.try_run(&format!("portreeve scan {own} 22 {port} --policy none"));
            assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{own} {port}: {told:#?}");
            for said in [port, "203.0.113.9", "ip n o: ", "nothing was sent"] {
                assert!(told.stderr.contains(said), "{own} {port} {said}: {told:#?}");
            }
        }
        // A saved look says nothing of the rules that hold now.
        room.run("portreeve snapshot > /run/here.json");
        let told = room.try_run(&format!("portreeve scan {own} 5000 --against /run/here.json --policy none"));
        assert_eq!(told.status, 5, "{told:#?}");
        assert_eq!(numbers(&scan(&room, &format!("{own} 22 5003 --all"), 0), "closed"), [22, 5003]);
    }
    room.run("sleep 0.3; pkill tcpdump; sleep 0.3");
    assert_eq!(room.run("tcpdump -n -r /run/all.pcap 2>/dev/null").stdout, "");
}
