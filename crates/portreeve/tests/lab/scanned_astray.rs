//! Whatever leads packets astray, none of a scan gets to a host that nobody proved ours (A17, A20).

use super::{
    room::Room,
    scanning::{FOUR, SIX, count, lay, scan, scan_while},
};

/// A router of somebody else's, which counts what comes.
const STRANGER: &str = "set -e; ip netns add alien; ip link add out type veth peer name in netns alien; ip address add 203.0.113.1/24 dev out; \
                        ip address add 2001:db8:99::1/64 dev out nodad; ip link set out up; ip -n alien link set in up; ip -n alien link set lo up; \
                        ip -n alien address add 203.0.113.2/24 dev in; ip -n alien address add 2001:db8:99::2/64 dev in nodad; \
                        ip netns exec alien nft -f - <<'END'\ntable inet t {\nchain p {\ntype filter hook prerouting priority 0;\n\
                        meta l4proto { tcp, udp } counter\n}\n}\nEND\n";

fn boot() -> Room {
    let room = lay();
    room.run(STRANGER);
    room
}

/// How many packets of TCP and UDP the stranger got.
fn astray(room: &Room) -> u64 {
    let listed =
        room.run("ip netns exec alien nft -j list ruleset | jq '.. | .counter? | select(.) | .packets'");
    listed.stdout.trim().parse().expect("there is one counter")
}

#[track_caller]
fn refused(room: &Room, arguments: &str) {
    let told = room.try_run(&format!("portreeve scan {arguments} --policy none"));
    assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{arguments}: {told:#?}");
}

/// Packets to it would go to the default router.
#[test]
fn an_own_address_that_is_not_in_force_is_no_target() {
    let room = boot();
    room.run(
        "ip link add dark type veth peer name other; ip address add 2001:db8:77::1/64 dev dark; ip address add 192.0.2.1/24 dev dark; \
         ip -6 route add default via 2001:db8:99::2; ip route add default via 203.0.113.2; ip route del local 192.0.2.1 dev dark table local",
    );
    for target in ["2001:db8:77::1", "192.0.2.1"] {
        refused(&room, &format!("{target} 80 53/udp"));
    }
    assert_eq!(astray(&room), 0);
}

/// It names a wire that is proven, and what it sends leaves for the router that it is wrapped for.
#[test]
fn a_route_that_wraps_what_it_sends_proves_nothing() {
    let room = boot();
    let wrap = "encap seg6 mode encap segs 2001:db8:99::2 dev";
    for (target, route) in [
        (SIX, format!("ip -6 route add {SIX}/128 {wrap} near")),
        (FOUR, format!("ip route add {FOUR}/32 {wrap} near")),
    ] {
        scan(&room, &format!("{target} 22"), 0);
        room.run(&route);
        let told = room.try_run(&format!("portreeve scan {target} 22 80 --policy none"));
        assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{target}: {told:#?}");
        assert!(told.stderr.contains("encap seg6"), "{told:#?}");
    }
}

/// As DNAT does, behind the back of conntrack.
#[test]
fn what_a_rule_writes_another_destination_into_is_not_sent() {
    let room = boot();
    let rules = |layer: &str, rule: &str| {
        room.run(&format!(
            "nft flush ruleset; nft -f - <<'END'\ntable {layer} t {{\nchain o {{\ntype route hook output priority -150;\n{rule}\n}}\n}}\nEND"
        ));
    };
    for (own, layer, rule) in [
        ("198.51.100.1", "ip", "tcp dport 22 ip daddr set 203.0.113.2"),
        ("198.51.100.1", "ip", "tcp dport 22 @nh,120,40 set 0x01cb007102"),
        ("127.0.0.1", "ip", "tcp dport 22 ip daddr set 203.0.113.2"),
        ("2001:db8:51::1", "ip6", "tcp dport 22 ip6 daddr set 2001:db8:99::2"),
        (FOUR, "ip", "tcp dport 22 ip daddr set 203.0.113.2"),
        (SIX, "ip6", "tcp dport 22 ip6 daddr set 2001:db8:99::2"),
    ] {
        rules(layer, rule);
        for arguments in ["22", "22 --connect"] {
            let told = room.try_run(&format!("portreeve scan {own} {arguments} --policy none"));
            assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{own} {rule}: {told:#?}");
            assert!(told.stderr.contains(&format!("{layer} t o: tcp dport 22")), "{told:#?}");
        }
        scan(&room, &format!("{own} 23"), 0);
    }
    assert_eq!(astray(&room), 0);
}

#[test]
fn what_rules_of_routing_would_lead_elsewhere_leaves_by_the_wire_all_the_same() {
    let room = boot();
    room.run("ip route add default via 203.0.113.2 table 77");
    for (rule, ports) in [
        ("from 198.51.100.1", "22 80"),
        ("ipproto tcp", "22 80 --connect"),
        ("ipproto udp dport 53", "53/udp"),
    ] {
        room.run(&format!("ip rule add {rule} lookup 77"));
        let told = scan(&room, &format!("{FOUR} {ports}"), 0);
        let asked = count(&told, "closed") + count(&told, "unasked");
        assert!(asked > 0 && count(&told, "silent") == 0, "{rule}: {told:#}");
        room.run(&format!("ip rule del {rule} lookup 77"));
    }
    assert_eq!(astray(&room), 0);
}

#[test]
fn when_the_wire_goes_the_rest_goes_nowhere() {
    for arguments in ["1-20000", "1-20000 --connect", "1-900/udp"] {
        let room = boot();
        room.run("ip route add default via 203.0.113.2; ip -n alien address add 198.51.100.2/32 dev lo");
        let told = scan_while(
            &room,
            "(sleep 0.7; ip link set near down) &",
            &format!("{FOUR} {arguments} --rate 2000"),
            3,
        );
        assert_ne!(told["ended"], "whole", "{arguments}: {told:#}");
        assert_eq!(astray(&room), 0, "{arguments}");
    }
}

/// Somebody behind it may have the address too, or answer for it.
#[test]
fn a_wire_that_ends_in_a_bridge_may_lead_to_anybody() {
    let room = boot();
    scan(&room, &format!("{FOUR} 22"), 0);
    room.run(
        "ip -n far link add over type bridge; ip -n far link set over up; ip -n far address add 198.51.100.2/24 dev over; \
         ip -n far link set end master over",
    );
    refused(&room, &format!("{FOUR} 22"));
}

/// As an address does that two hosts share: the other one takes it at once, and has it whatever becomes of it here.
#[test]
fn an_own_address_that_leaves_is_asked_no_more() {
    // By IPv6 the kernel sends from an address that has left: what it was handed before that was heard of goes out.
    for (own, length, most) in [("203.0.113.50", 24, 0), ("2001:db8:99::50", 64, 32)] {
        for arguments in ["1-20000", "1-20000 --connect", "1-900/udp"] {
            let room = boot();
            let add = |through: &str| format!("{through} address add {own}/{length} dev");
            room.run(&format!("{} out nodad", add("ip")));
            let moves = format!(
                "(sleep 0.7; ip address del {own}/{length} dev out; {} in nodad; sleep 0.5; ip -n alien address del {own}/{length} dev in; {} out nodad) &",
                add("ip -n alien"),
                add("ip")
            );
            let told = scan_while(&room, &moves, &format!("{own} {arguments} --rate 2000"), 3);
            assert_eq!(told["ended"], "cut", "{own} {arguments}: {told:#}");
            let got = astray(&room);
            assert!(got <= most, "{own} {arguments}: {got}");
        }
    }
}

/// A router on the very wire that is proven leads to anybody.
#[test]
fn a_router_that_a_route_puts_between_gets_nothing() {
    for (target, router, length) in [(FOUR, "198.51.100.9", 32), (SIX, "2001:db8:51::9", 128)] {
        for arguments in ["1-20000", "1-20000 --connect", "1-900/udp"] {
            let room = lay();
            let route = format!("{target}/{length} via {router} dev near");
            room.run(&format!(
                "ip -n far address add {router}/{} dev end nodad",
                if length == 32 { 24 } else { 64 }
            ));
            let changes = format!("(sleep 0.7; ip route add {route}) &");
            let told = scan_while(&room, &changes, &format!("{target} {arguments} --rate 2000"), 3);
            assert_eq!(told["ended"], "cut", "{target} {arguments}: {told:#}");
        }
    }
}

/// By IPv6 no socket can be kept from a router, so whatever chooses one is looked for.
#[test]
fn by_ipv6_whatever_may_choose_a_router_on_the_wire_proves_nothing() {
    let room = lay();
    let router = "2001:db8:51::9";
    room.run(&format!(
        "ip -n far address add {router}/64 dev end nodad; ip -6 route add default via {router} dev near table 77; \
         ip -6 nexthop add id 7 via {router} dev near; ip -6 nexthop add id 8 dev near; ip nexthop add id 9 group 7/8"
    ));
    let rules = [
        "from 2001:db8:51::1",
        "oif near",
        "ipproto tcp",
        "ipproto udp",
        "uidrange 0-0",
        "dport 22",
        "sport 1-60000",
    ];
    let routes = ["nhid 7", "nhid 9", "via 2001:db8:51::9 dev near"];
    let rules = rules.map(|rule| ["add", "del"].map(|verb| format!("ip -6 rule {verb} {rule} lookup 77")));
    let routes =
        routes.map(|route| ["add", "del"].map(|verb| format!("ip -6 route {verb} {SIX}/128 {route}")));
    for [make, unmake] in rules.iter().chain(&routes) {
        scan(&room, &format!("{SIX} 22 53/udp"), 0);
        room.run(make);
        for arguments in ["22", "22 --connect", "53/udp"] {
            let told = room.try_run(&format!("portreeve scan {SIX} {arguments} --policy none"));
            assert_eq!((told.status, told.stdout.as_str()), (5, ""), "{make} {arguments}: {told:#?}");
        }
        room.run(unmake);
    }
}

#[test]
fn by_ipv6_a_rule_that_comes_in_mid_scan_ends_it() {
    for rule in ["from 2001:db8:51::1", "ipproto tcp", "dport 20001-65534"] {
        let room = lay();
        room.run("ip -n far address add 2001:db8:51::9/64 dev end nodad; ip -6 route add default via 2001:db8:51::9 dev near table 77");
        let rule = format!("(sleep 0.7; ip -6 rule add {rule} lookup 77) &");
        let told = scan_while(&room, &rule, &format!("{SIX} 1-20000 --rate 2000"), 3);
        assert_eq!(told["ended"], "cut", "{rule}: {told:#}");
    }
}

/// Its own addresses are found before any rule of root's is asked.
#[test]
fn by_ipv6_an_own_address_is_asked_whatever_rules_there_are() {
    let room = lay();
    room.run("ip -6 rule add dport 22 lookup 77; ip -6 rule add from 2001:db8:51::1 lookup 77");
    scan(&room, "2001:db8:51::1 22 53/udp", 0);
    room.run(
        "ip -6 rule add pref 9 lookup local; ip -6 rule del pref 0; ip -6 rule add pref 8 dport 22 lookup 77",
    );
    refused(&room, "2001:db8:51::1 22");
}
