//! What keeps a scan from its answers is named: nobody there, no way, a queue that is full, a filter of one's own (A17, A20).

use super::scanning::{FOUR, boot, count, gaps, input, lay, numbers, once_sent, scan, scan_while, truth};

const SIX_OF_NOBODY: &str = "2001:db8:51::77";

/// They are addresses of `far`'s interface, and nobody answers for them on the wire.
#[test]
fn an_address_for_which_nobody_answers_is_told_as_such() {
    let room = lay();
    room.run(
        "ip -n far address add 198.51.100.77/24 dev end; ip netns exec far sysctl -qw net.ipv4.conf.all.arp_ignore=8; \
         ip -n far address add 2001:db8:51::77/64 dev end nodad; ip neigh flush dev near",
    );
    room.run(
        "ip netns exec far nft -f - <<'END'\ntable ip6 t {\nchain i {\ntype filter hook input priority 0;\n\
         icmpv6 type nd-neighbor-solicit drop\n}\n}\nEND",
    );
    for target in ["198.51.100.77", SIX_OF_NOBODY] {
        let told = scan(&room, &format!("{target} 22 23"), 3);
        assert_eq!((gaps(&told), count(&told, "silent")), (vec!["unanswered-address"], 2), "{told:#}");
        let witness = room.run(&format!("ip neigh show {target} dev near")).stdout;
        assert!(witness.contains("FAILED") || witness.contains("INCOMPLETE"), "{witness}");
    }
    let told = room.try_run(&format!("portreeve scan {SIX_OF_NOBODY} 22 --policy none"));
    let said = format!("nobody on the link answers for {SIX_OF_NOBODY}");
    assert!(told.status == 3 && told.stdout.contains(&said), "{told:#?}");
    room.run("ip netns exec far sysctl -qw net.ipv4.conf.all.arp_ignore=0; ip neigh flush dev near");
    let told = scan(&room, "198.51.100.77 22 23", 0);
    assert_eq!((gaps(&told), count(&told, "closed")), (vec![], 2), "{told:#}");
}

/// The kernel gives up after three seconds, and tells whoever sent that the host is not to be reached (arp(7)).
#[test]
fn whom_the_link_finds_late_is_asked_again() {
    let room = boot();
    let ports = truth(&room).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let late =
        "ip -n far link set end arp off; ip neigh flush dev near; (sleep 4; ip -n far link set end arp on) &";
    let told = scan_while(&room, late, &format!("{FOUR} {ports} --rate 8"), 0);
    assert_eq!((numbers(&told, "open"), gaps(&told)), (truth(&room), vec![]), "{told:#}");
}

/// As `hashlimit` and `limit` are used against floods; `nmap` finds them all.
#[test]
fn a_limit_of_first_packets_hides_no_listener() {
    let room = boot();
    input(
        &room,
        "tcp flags & (syn | ack) == syn limit rate 50/second burst 5 packets accept\ntcp flags & (syn | ack) == syn drop",
    );
    let open = truth(&room);
    let ports = open.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let told = scan(&room, &format!("{FOUR} 20000-20279 {}", ports.replace(',', " ")), 0);
    assert_eq!((numbers(&told, "open"), gaps(&told)), (open.clone(), vec![]), "{told:#}");
    let witness = room.run(&format!("nmap -n -Pn -sS -p 20000-20279,{ports} -oG - {FOUR}")).stdout;
    assert_eq!(witness.matches("/open/tcp/").count(), open.len(), "{witness}");
    let told = scan(&room, &format!("{FOUR} 20000-20019 --rate 10"), 0);
    let asked = count(&told, "closed") + count(&told, "open");
    assert_eq!((asked, told["rounds"].as_u64()), (20, Some(1)), "each by itself, below the limit: {told:#}");
}

#[test]
fn without_a_way_nothing_is_sent_and_what_is_missing_is_named() {
    let room = lay();
    let refused = |change: &str, back: &str| {
        room.run(change);
        let told = room.try_run(&format!("portreeve scan {FOUR} 22 --policy none"));
        assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{change}: {told:#?}");
        assert!(told.stderr.contains("no route leads there"), "{change}: {told:#?}");
        room.run(back);
    };
    for kind in ["unreachable", "prohibit", "blackhole", "throw"] {
        refused(&format!("ip route add {kind} {FOUR}"), &format!("ip route del {kind} {FOUR}"));
    }
    refused("ip link set near down", "ip link set near up");
    refused("ip address del 198.51.100.1/24 dev near", "ip address add 198.51.100.1/24 dev near");
    assert_eq!(count(&scan(&room, &format!("{FOUR} 22"), 0), "closed"), 1);
}

#[test]
fn a_way_that_is_lost_in_mid_scan_ends_it_with_what_is_known() {
    for means in ["", "--connect"] {
        for lost in ["ip link set near down", "ip address del 198.51.100.1/24 dev near", "ip link del near"] {
            let room = lay();
            let told =
                scan_while(&room, &once_sent("near", 500, lost), &format!("{FOUR} --rate 2000 {means}"), 3);
            assert_eq!(told["ended"], "cut", "{lost} {means}: {told:#}");
            let [closed, unasked] = ["closed", "unasked"].map(|it| count(&told, it));
            assert!(closed > 100 && unasked > 50_000, "{lost} {means}: {closed} {unasked}");
        }
    }
    let room = lay();
    let told = room.try_run(&format!(
        "{} portreeve scan {FOUR} --rate 2000 --policy none",
        once_sent("near", 500, "ip link set near down")
    ));
    assert!(told.status == 3 && told.stdout.contains("This host lost its way to the target"), "{told:#?}");
}

/// Two namespaces at one bridge, of which one gives its address to the other. Where this host's own kernel tells of any change
/// meanwhile, it is found out at once and ends there.
#[test]
fn an_address_that_goes_or_moves_in_mid_scan_is_told() {
    let room = lay();
    room.run(
        "set -e; ip address flush dev near; ip link add br0 type bridge; ip link set near master br0; ip link set br0 up; \
         ip address add 198.51.100.1/24 dev br0; ip netns add other; ip link add port type veth peer name end netns other; \
         ip link set port master br0 up; ip -n other link set end up",
    );
    let moves = once_sent(
        "br0",
        1_000,
        &format!("ip -n far address del {FOUR}/24 dev end; ip -n other address add {FOUR}/24 dev end"),
    );
    let told = scan_while(&room, &moves, &format!("{FOUR} 1-2500 --rate 3000"), 3);
    assert!(told["ended"] == "cut" || gaps(&told).contains(&"moved-address"), "{told:#}");
    let goes = once_sent("br0", 1_000, &format!("ip -n other address del {FOUR}/24 dev end"));
    room.run("ip neigh flush dev br0");
    let told = scan_while(&room, &goes, &format!("{FOUR} 1-2500 --rate 3000"), 3);
    let is_gone = told["ended"] == "vanished" && gaps(&told) == ["moved-address"];
    assert!(is_gone || told["ended"] == "cut", "{told:#}");
    let [closed, silent] = ["closed", "silent"].map(|it| count(&told, it));
    assert!(closed > 500 && (silent > 500 || !is_gone), "{closed} {silent}");
}

/// The kernel says nothing of what a full queue throws away, except by a count of all that it threw away.
#[test]
fn a_queue_that_is_full_is_named_and_one_that_is_only_slow_is_waited_for() {
    let room = lay();
    let lost = || -> u64 {
        let text = room.run("nstat -asz IpOutDiscards | awk '/IpOutDiscards/ {print $2}'").stdout;
        text.trim().parse().expect("a count")
    };
    room.run("tc qdisc add dev near root tbf rate 1kbit burst 1540 limit 3000");
    let told = scan(&room, &format!("{FOUR} 1-1000"), 3);
    assert_eq!(gaps(&told), ["unsent-packets"], "{told:#}");
    assert_eq!(told["gaps"][0]["count"].as_u64(), Some(lost()));
    assert!(count(&told, "silent") > 0 && count(&told, "silent") + count(&told, "closed") == 1_000);
    room.run("tc qdisc replace dev near root tbf rate 1mbit burst 1540 limit 10000000");
    let told = scan(&room, &format!("{FOUR} 1-1000"), 0);
    assert_eq!((gaps(&told), count(&told, "closed")), (vec![], 1_000));
    // What the own filter drops is no queue's.
    room.run(
        "tc qdisc del dev near root; nft -f - <<'END'\ntable ip o {\nchain o {\ntype filter hook output priority 0;\ntcp dport 25 drop\n}\n}\nEND",
    );
    input(&room, "drop");
    let told = scan(&room, &format!("{FOUR} 25-30"), 0);
    assert_eq!((gaps(&told), count(&told, "filtered"), count(&told, "silent")), (vec![], 1, 5), "{told:#}");
}

/// As where a host lets out what it names, and nothing else.
#[test]
fn a_host_that_lets_little_out_tells_each_port_that_it_stops_and_asks_the_rest() {
    let room = lay();
    let lets_out = |what: &str| {
        room.run(&format!(
            "nft -f - <<'END'\ntable inet o\ndelete table inet o\ntable inet o {{\nchain o {{\ntype filter hook output priority 0; policy drop;\n{what}\n}}\n}}\nEND"
        ));
    };
    lets_out("tcp dport { 443, 700 } accept\nudp dport { 53, 700 } accept");
    let ports = "200-800 200-800/udp";
    let told = scan(&room, &format!("{FOUR} {ports}"), 3);
    assert_eq!(
        (gaps(&told), count(&told, "filtered"), count(&told, "closed")),
        (vec!["unsent-packets"], 1_198, 3),
        "{told:#}"
    );
    // What is stopped here is no refusal that keeps to a rate.
    assert!(told["rounds"].as_u64() < Some(4), "{told:#}");
    lets_out("udp dport 700 accept");
    let told = scan(&room, &format!("{FOUR} {ports}"), 3);
    assert_eq!((count(&told, "filtered"), count(&told, "closed")), (1_200, 1), "{told:#}");
    let told = room.try_run(&format!("portreeve scan {FOUR} 200 700/udp --policy none"));
    assert!(told.status == 0 && told.stdout.contains("filtered by this host itself"), "{told:#?}");
    lets_out("");
    for ports in [ports, "22", "53/udp"] {
        let told = room.try_run(&format!("portreeve scan {FOUR} {ports} --policy none"));
        assert!(
            told.status == 7 && told.stderr.contains("own packet filter drops what is sent"),
            "{told:#?}"
        );
    }
}

/// Who has no descriptor left does not know whose an address is, and says neither that it is nobody's nor that no way leads there.
#[test]
fn a_want_of_descriptors_is_told_as_such() {
    let room = lay();
    for means in ["", "--connect"] {
        for most in 3..24 {
            let told = room
                .try_run(&format!("prlimit --nofile={most} portreeve scan {FOUR} 22 --policy none {means}"));
            let is_said = ["Too many open files", "too many open files", "EMFILE"]
                .iter()
                .any(|it| told.stderr.contains(it));
            // The loader of programs tells of its own want.
            assert!(told.status == 0 || is_said || told.status == 127, "{most} {means}: {told:#?}");
        }
    }
}

/// Something else changes at the same time, so that the proof is made anew and fails.
#[test]
fn an_address_that_goes_while_another_comes_is_told_as_gone() {
    let room = lay();
    let happens = format!("ip -n far address del {FOUR}/24 dev end; ip address add 192.0.2.99/32 dev near");
    let told = scan_while(&room, &once_sent("near", 500, &happens), &format!("{FOUR} 1-9000 --rate 2000"), 3);
    assert_eq!((told["ended"].as_str(), gaps(&told)), (Some("cut"), vec!["moved-address"]), "{told:#}");
}

/// Answers come back by another wire.
#[test]
fn a_host_that_drops_the_answers_itself_says_so() {
    let room = lay();
    room.run(
        "set -e; ip link add back type veth peer name away netns far; ip link set back up; ip -n far link set away up; \
         ip -n far route add 198.51.100.1/32 dev away src 198.51.100.2; sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.back.rp_filter=0",
    );
    let told = scan(&room, &format!("{FOUR} 22 23"), 0);
    assert_eq!((gaps(&told), count(&told, "closed")), (vec![], 2));
    room.run("sysctl -qw net.ipv4.conf.back.rp_filter=1");
    let told = scan(&room, &format!("{FOUR} 22 23"), 3);
    assert_eq!((gaps(&told), count(&told, "silent")), (vec!["misdirected-answers"], 2), "{told:#}");
    let witness = room.run("nstat -asz TcpExtIPReversePathFilter | awk '/Filter/ {print $2}'").stdout;
    assert_eq!(told["gaps"][0]["count"].as_u64(), witness.trim().parse().ok());
}
