//! What each match and each target means, by the packets of which it holds, and texts that are not what they claim.

use alloc::{format, string::ToString, vec};

use super::*;
use crate::firewall::{
    Fate, Field, Interface, Intervals, Packets, Part, Rewritten, Route, Sender, State, ipset, number, walk,
};

fn around() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.into(),
        networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        // Whatever a rule asks about has to come as far as the rule.
        routes_localnet: true,
        accepts_local: true,
        ..Interface::default()
    };
    let route = |to: &str, interface| Route {
        to: to.parse().unwrap(),
        interface: Some(interface),
        ..Route::default()
    };
    Surroundings {
        interfaces: [
            interface("lo", &["127.0.0.1/8", "::1/128"]),
            interface("wan0", &["198.51.100.2/24", "2001:db8::2/64"]),
            interface("lan0", &["10.0.0.1/8", "2001:db8:1::1/64"]),
            Interface { is_bridge: true, ..interface("br0", &[]) },
        ]
        .into(),
        routes: [
            route("198.51.100.0/24", 1),
            route("10.0.0.0/8", 2),
            route("0.0.0.0/0", 1),
            route("2001:db8:1::/64", 2),
            route("::/0", 1),
        ]
        .into(),
        forwards: [true, true],
        ..Surroundings::default()
    }
}

/// A new TCP connection from the world to port 22 of this host.
fn packet(family: Family) -> Packets {
    let (from, to) = match family {
        Family::Ipv4 => ("203.0.113.9", "198.51.100.2"),
        Family::Ipv6 => ("2001:db8:9::9", "2001:db8::2"),
    };
    let one = |packets: Packets, field, number: u128| packets.with(field, Intervals::one(number));
    let packets = Packets::all(family)
        .with(Field::Source, Intervals::one(number(from.parse().unwrap())))
        .with(Field::Destination, Intervals::one(number(to.parse().unwrap())));
    [
        (Field::InInterface, 1),
        (Field::Protocol, 6),
        (Field::SourcePort, 40_000),
        (Field::DestinationPort, 22),
        (Field::State, State::New.number()),
        (Field::Direction, 0),
        (Field::Status, 0),
        (Field::Mark, 0),
        (Field::ConnectionMark, 0),
        (Field::TcpFlags, 2),
    ]
    .into_iter()
    .fold(packets, |packets, (field, number)| one(packets, field, number))
}

/// Changes of the packet, as words: `in=2 from=10.0.0.9 dport=80 state=established`.
fn changed(family: Family, changes: &str) -> Packets {
    changes.split_ascii_whitespace().fold(packet(family), |packets, change| {
        let (name, value) = change.split_once('=').unwrap();
        let field = match name {
            "in" => Field::InInterface,
            "from" => Field::Source,
            "to" => Field::Destination,
            "protocol" => Field::Protocol,
            "sport" => Field::SourcePort,
            "dport" => Field::DestinationPort,
            "state" => Field::State,
            "direction" => Field::Direction,
            "status" => Field::Status,
            "mark" => Field::Mark,
            "ctmark" => Field::ConnectionMark,
            "flags" => Field::TcpFlags,
            "type" => Field::IcmpType,
            "code" => Field::IcmpCode,
            other => panic!("{other}"),
        };
        let value = match value {
            "invalid" => State::Invalid.number(),
            "established" => State::Established.number(),
            "related" => State::Related.number(),
            "untracked" => State::Untracked.number(),
            address if address.contains(['.', ':']) => number(address.parse().unwrap()),
            other => other.parse().unwrap(),
        };
        packets.with(field, Intervals::one(value))
    })
}

const SETS: &str = "create hosts hash:ip family inet\nadd hosts 203.0.113.9\n";

fn ruleset(text: &str, family: Family) -> Ruleset {
    let mut ruleset = Ruleset::default();
    read(text, family, &around(), &ipset::read(SETS).unwrap(), &mut ruleset).unwrap();
    ruleset
}

fn part(text: &str, packets: &Packets) -> Part {
    let ruleset = ruleset(text, packets.family);
    let mut parts = walk(&ruleset, &around(), Sender::Outside, packets);
    assert_eq!(parts.len(), 1, "{text} {parts:#?}");
    parts.pop().unwrap()
}

/// Whether a rule with these words holds of the packet; `?` where nobody can tell; where a rate says, `+` within it and `~`
/// beyond it.
fn holds(words: &str, family: Family, changes: &str) -> &'static str {
    let text =
        format!("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n-A INPUT {words} -j DROP\nCOMMIT\n");
    let part = part(&text, &changed(family, changes));
    match part.fate {
        Fate::Dropped if part.is_rate_limited => "+",
        Fate::Dropped => "yes",
        Fate::Arrives(_) if part.is_rate_limited => "~",
        Fate::Arrives(_) | Fate::Leaves(_) => "no",
        Fate::Unknown => "?",
        Fate::Rejected => panic!("{words}: nothing rejects"),
    }
}

/// Each rule with packets of which it holds and of which it does not.
fn check(family: Family, cases: &[(&str, &[(&str, &str)])]) {
    for (words, packets) in cases {
        for (changes, expected) in *packets {
            assert_eq!(holds(words, family, changes), *expected, "{words} of {changes:?}");
        }
    }
}

#[test]
fn the_options_of_every_rule() {
    check(
        Family::Ipv4,
        &[
            ("", &[("", "yes")]),
            ("-p tcp", &[("", "yes"), ("protocol=17", "no")]),
            ("! -p tcp", &[("", "no"), ("protocol=17", "yes")]),
            ("-p all", &[("protocol=200", "yes")]),
            ("-p 200", &[("protocol=200", "yes"), ("", "no")]),
            ("-p gre", &[("protocol=47", "yes"), ("", "no")]),
            ("-p what-is-that", &[("", "?")]),
            ("-s 203.0.113.0/24", &[("", "yes"), ("from=203.0.114.1", "no")]),
            ("! -s 203.0.113.0/24", &[("", "no"), ("from=203.0.114.1", "yes")]),
            (
                "-s 203.0.0.9/255.255.0.255",
                &[("", "yes"), ("from=203.0.7.9", "yes"), ("from=203.0.113.8", "no")],
            ),
            ("-s 0.0.0.0/0", &[("", "yes")]),
            ("-d 198.51.100.2/32", &[("", "yes"), ("to=127.0.0.1", "no")]),
            ("-i wan0", &[("", "yes"), ("in=2", "no")]),
            ("! -i wan+", &[("", "no"), ("in=2", "yes")]),
            ("-i +", &[("", "yes")]),
            ("-i gone0", &[("", "no")]),
            ("-i wan*", &[("", "no")]),
            ("-o wan0", &[("", "no")]),
            ("! -o wan0", &[("", "yes")]),
            ("-f", &[("", "no")]),
            ("! -f", &[("", "yes")]),
            ("-s nowhere", &[("", "?")]),
        ],
    );
    check(
        Family::Ipv6,
        &[
            ("-s 2001:db8:9::/48", &[("", "yes"), ("from=2001:db8:8::1", "no")]),
            ("-s 2001:0:9::/ffff:0:ffff::", &[("", "yes"), ("from=2001:db8:8::9", "no")]),
            (
                "-p ipv6-icmp -m icmp6 --icmpv6-type 135",
                &[("protocol=58 type=135", "yes"), ("protocol=58 type=136", "no")],
            ),
            (
                "-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3",
                &[("protocol=58 type=1 code=3", "no"), ("protocol=58 type=1 code=0", "yes")],
            ),
            ("-m rt --rt-type 0", &[("", "no")]),
            ("-m frag --fragfirst", &[("", "no")]),
            ("-m hl --hl-eq 255", &[("", "?")]),
        ],
    );
}

#[test]
fn ports_and_flags() {
    check(
        Family::Ipv4,
        &[
            ("-p tcp -m tcp --dport 22", &[("", "yes"), ("dport=23", "no"), ("protocol=17", "no")]),
            ("-p tcp -m tcp ! --dport 22", &[("", "no"), ("dport=23", "yes")]),
            (
                "-p tcp -m tcp --sport 1024:65535 --dport 20:30",
                &[("", "yes"), ("sport=1023", "no"), ("dport=31", "no")],
            ),
            ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN", &[("", "yes"), ("flags=18", "no")]),
            ("-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE", &[("", "yes"), ("flags=0", "no")]),
            ("-p tcp -m tcp --syn", &[("", "yes"), ("flags=4", "no")]),
            ("-p tcp -m tcp --tcp-flags SYN SYN,ACK", &[("", "no"), ("flags=18", "no")]),
            ("-p tcp -m tcp --dport 22 --tcp-option 5", &[("", "?"), ("dport=23", "no")]),
            ("-p udp -m udp --dport 53", &[("", "no"), ("protocol=17 dport=53", "yes")]),
            (
                "-p sctp -m sctp --dport 9 --chunk-types all INIT",
                &[("protocol=132 dport=9", "?"), ("", "no")],
            ),
            (
                "-p tcp -m multiport --dports 21,22,100:200",
                &[("", "yes"), ("dport=150", "yes"), ("dport=23", "no")],
            ),
            ("-p tcp -m multiport ! --dports 21,22", &[("", "no"), ("dport=23", "yes")]),
            (
                "-p tcp -m multiport --ports 40000",
                &[("", "yes"), ("sport=1", "no"), ("sport=1 dport=40000", "yes")],
            ),
            ("-p tcp -m multiport --sports 40000", &[("", "yes"), ("sport=1 dport=40000", "no")]),
            ("-p icmp -m icmp --icmp-type 8", &[("protocol=1 type=8", "yes"), ("protocol=1 type=0", "no")]),
            (
                "-p icmp -m icmp --icmp-type fragmentation-needed",
                &[("protocol=1 type=3 code=4", "yes"), ("protocol=1 type=3 code=1", "no")],
            ),
            ("-p icmp -m icmp --icmp-type any", &[("protocol=1 type=13", "yes"), ("", "no")]),
            ("-p tcp -m tcp --dport nowhere", &[("", "?")]),
        ],
    );
}

#[test]
fn connections() {
    check(
        Family::Ipv4,
        &[
            (
                "-m conntrack --ctstate RELATED,ESTABLISHED",
                &[("", "no"), ("state=established", "yes"), ("state=invalid", "no")],
            ),
            ("-m conntrack ! --ctstate RELATED,ESTABLISHED", &[("", "yes"), ("state=related", "no")]),
            (
                "-m conntrack --ctstate INVALID,UNTRACKED",
                &[("", "no"), ("state=invalid", "yes"), ("state=untracked", "yes")],
            ),
            ("-m state --state NEW", &[("", "yes"), ("state=established", "no")]),
            (
                "-m conntrack --ctstate DNAT",
                &[("", "no"), ("status=32", "yes"), ("status=32 state=invalid", "no")],
            ),
            (
                "-m conntrack --ctstate SNAT,INVALID",
                &[("status=32", "no"), ("status=16", "yes"), ("state=invalid", "yes")],
            ),
            (
                "-m conntrack ! --ctstate RELATED,DNAT",
                &[("", "yes"), ("status=32", "no"), ("state=related", "no")],
            ),
            (
                "-m conntrack --ctstatus SEEN_REPLY,ASSURED",
                &[("", "no"), ("status=2", "yes"), ("status=4", "yes"), ("status=8", "no")],
            ),
            ("-m conntrack --ctstatus NONE", &[("", "no"), ("status=2", "no")]),
            ("-m conntrack --ctdir ORIGINAL", &[("", "yes"), ("direction=1", "no"), ("state=invalid", "no")]),
            (
                "-m conntrack --ctproto 6",
                &[
                    ("", "yes"),
                    ("protocol=17", "no"),
                    ("state=related protocol=1", "?"),
                    ("state=untracked", "no"),
                ],
            ),
            ("-m conntrack ! --ctproto 6", &[("", "no"), ("protocol=17", "yes"), ("state=untracked", "no")]),
            // Of what has no connection the state alone is asked.
            ("-m conntrack --ctstate INVALID --ctproto 17", &[("state=invalid", "yes")]),
            (
                "-m conntrack --ctstate NEW --ctorigdst 198.51.100.0/24 --ctorigdstport 20:30",
                &[("", "yes"), ("dport=31", "no"), ("direction=1 state=established", "no")],
            ),
            ("-m conntrack --ctorigdst 198.51.100.2", &[("", "yes"), ("direction=1 state=established", "?")]),
            ("-m conntrack ! --ctorigsrc 203.0.113.0/24", &[("", "no"), ("from=192.0.2.1", "yes")]),
            (
                "-m conntrack --ctreplsrc 198.51.100.2 --ctrepldstport 40000",
                &[("", "yes"), ("sport=1", "no"), ("state=established", "?")],
            ),
            ("-m conntrack --ctexpire 10:20", &[("", "?"), ("state=invalid", "no")]),
            ("-m conntrack --ctstate NEWISH", &[("", "?")]),
            (
                "-m connmark --mark 0x5",
                &[("", "no"), ("ctmark=5", "yes"), ("ctmark=5 state=untracked", "no")],
            ),
            ("-m connmark ! --mark 0x5", &[("", "yes"), ("state=untracked", "no")]),
        ],
    );
}

#[test]
fn kinds_of_addresses() {
    check(
        Family::Ipv4,
        &[
            ("-m addrtype --dst-type LOCAL", &[("", "yes"), ("to=255.255.255.255", "no")]),
            (
                "-m addrtype ! --dst-type LOCAL,BROADCAST",
                &[("", "no"), ("to=255.255.255.255", "no"), ("to=224.0.0.1", "yes")],
            ),
            ("-m addrtype --src-type UNICAST --dst-type LOCAL", &[("", "yes"), ("from=10.0.0.1", "no")]),
            (
                "-m addrtype --dst-type LOCAL --limit-iface-in",
                &[
                    ("", "yes"),
                    ("to=10.0.0.1", "no"),
                    ("to=10.0.0.1 in=2", "yes"),
                    ("to=127.0.0.9 in=0", "yes"),
                ],
            ),
            (
                "-m addrtype --dst-type UNICAST --limit-iface-in",
                &[
                    ("", "no"),
                    ("to=10.0.0.1", "yes"),
                    ("to=224.0.0.1", "no"),
                    ("to=198.51.100.255", "no"),
                    ("to=10.255.255.255", "yes"),
                ],
            ),
            ("-m addrtype --dst-type BLACKHOLE", &[("", "no")]),
            ("-m addrtype --dst-type WHATEVER", &[("", "?")]),
        ],
    );
    // An own address is one of a host too, and of several words all must hold.
    check(
        Family::Ipv6,
        &[
            ("-m addrtype --dst-type LOCAL", &[("", "yes"), ("to=ff02::1", "no")]),
            ("-m addrtype --dst-type UNICAST", &[("", "yes"), ("to=ff02::1", "no")]),
            ("-m addrtype --dst-type UNICAST,MULTICAST", &[("", "no"), ("to=ff02::1", "no")]),
            ("-m addrtype --src-type ANYCAST", &[("", "?")]),
            ("-m addrtype --dst-type LOCAL --limit-iface-in", &[("", "?")]),
        ],
    );
}

#[test]
fn the_way_back() {
    check(
        Family::Ipv4,
        &[
            (
                "-m rpfilter",
                &[
                    ("", "yes"),
                    ("in=2", "no"),
                    ("in=2 from=10.0.0.9", "yes"),
                    ("from=10.0.0.9", "no"),
                    ("in=0 from=127.0.0.1", "yes"),
                    ("from=198.51.100.2", "no"),
                ],
            ),
            ("-m rpfilter --invert", &[("", "no"), ("in=2", "yes")]),
            ("-m rpfilter --loose", &[("in=2", "yes"), ("", "yes")]),
            ("-m rpfilter --accept-local", &[("from=198.51.100.2", "yes")]),
            ("-m rpfilter --validmark --invert", &[("", "no"), ("mark=1", "?")]),
        ],
    );
    check(
        Family::Ipv6,
        &[(
            "-m rpfilter",
            &[("", "yes"), ("in=2", "no"), ("in=2 from=fe80::1", "yes"), ("in=2 from=2001:db8:1::7", "yes")],
        )],
    );
}

#[test]
fn other_matches() {
    check(
        Family::Ipv4,
        &[
            ("-m comment --comment \"a -j \\\"b\\\"\"", &[("", "yes")]),
            ("-m comment --comment -j", &[("", "yes")]),
            ("-m mark --mark 0x1/0xff", &[("", "no"), ("mark=257", "yes"), ("mark=258", "no")]),
            ("-m mark ! --mark 0x1/0xff", &[("", "yes"), ("mark=257", "no")]),
            ("-m mark --mark 5", &[("mark=5", "yes"), ("", "no")]),
            (
                "-m iprange --src-range 203.0.113.0-203.0.113.10 ! --dst-range 10.0.0.0-10.0.0.5",
                &[("", "yes"), ("from=203.0.113.11", "no"), ("to=10.0.0.1", "no")],
            ),
            ("-m set --match-set hosts src", &[("", "yes"), ("from=203.0.113.8", "no")]),
            ("-m set ! --match-set hosts src", &[("", "no"), ("from=203.0.113.8", "yes")]),
            ("-m set --match-set hosts dst", &[("", "no")]),
            ("-m set --match-set elsewhere src", &[("", "?")]),
            (
                "-m set --match-set hosts src ! --update-counters --packets-gt 5",
                &[("", "?"), ("from=203.0.113.8", "no")],
            ),
            ("-m set ! --match-set hosts src --return-nomatch", &[("", "?")]),
            ("-m recent --set --name SSH --mask 255.255.255.255 --rsource", &[("", "yes")]),
            ("-m recent --rcheck --seconds 60 --name SSH --rsource", &[("", "?")]),
            ("-m recent --remove --name SSH", &[("", "?")]),
            ("-m recent --update --seconds 60 --hitcount 4 --name SSH", &[("", "~")]),
            ("-m limit --limit 3/min", &[("", "+")]),
            ("-m quota --quota 1000000", &[("", "+")]),
            ("-m quota ! --quota 1000000", &[("", "~")]),
            ("-m recent ! --rcheck --seconds 60 --hitcount 4 --name SSH", &[("", "+")]),
            ("-m connlimit --connlimit-upto 3 --connlimit-mask 32 --connlimit-saddr", &[("", "+")]),
            ("-m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr", &[("", "~")]),
            ("-m hashlimit --hashlimit-upto 3/sec --hashlimit-name a", &[("", "+")]),
            ("-m hashlimit --hashlimit-above 3/sec --hashlimit-mode srcip --hashlimit-name -j", &[("", "~")]),
            ("-p udp -m statistic --mode random --probability 0.5", &[("", "no"), ("protocol=17", "~")]),
            // wan0 is no bridge, and br0 is one.
            ("-m physdev ! --physdev-is-bridged", &[("", "yes"), ("in=3", "?")]),
            ("-m physdev --physdev-in veth0 ! --physdev-is-bridged", &[("", "no"), ("in=3", "?")]),
            ("-m pkttype --pkt-type broadcast", &[("", "no"), ("to=198.51.100.255", "yes")]),
            ("-m pkttype ! --pkt-type multicast", &[("", "yes"), ("to=224.0.0.251", "no")]),
            ("-m pkttype --pkt-type unicast", &[("", "yes"), ("to=255.255.255.255", "no")]),
            ("-m limit --limit 3/min -m mac --mac-source 00:11:22:33:44:55", &[("", "?")]),
        ],
    );
    for unknown in [
        "-m mac --mac-source 00:11:22:33:44:55",
        "-m owner --uid-owner 0",
        "-m length --length 10:20",
        "-m time --timestart 10:00:00 --weekdays Mon",
        "-m u32 --u32 \"0x0&0xff=0x1\"",
        "-m string --string \"-j ACCEPT\" --algo bm",
        "-m string --string -j --algo bm",
        "-m bpf --bytecode \"4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0\"",
        "-m socket --transparent",
        "-m helper --helper ftp",
        "-m policy --dir in --pol ipsec",
        "-m tos --tos 0x10/0x3f",
        "-m dscp --dscp 0x03",
        "-m ttl --ttl-gt 3",
        "-m nobody-knows ! --this 5 --that",
    ] {
        check(Family::Ipv4, &[(unknown, &[("", "?")])]);
        check(Family::Ipv4, &[(&format!("-s 192.0.2.1/32 {unknown}"), &[("", "no")])]);
    }
}

/// The fate of the packet where these are the words of the first rule, before one that drops everything.
fn fate(table: &str, words: &str) -> Fate {
    let text = format!(
        "*{table}\n:PREROUTING ACCEPT [0:0]\n:own - [0:0]\n-A PREROUTING {words}\n-A own -j ACCEPT\nCOMMIT\n\
         *filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -m mark --mark 0x10/0x10 -j ACCEPT\n\
         -A INPUT -m connmark --mark 0x3 -j ACCEPT\n-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT\n\
         -A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n-A FORWARD -j ACCEPT\nCOMMIT\n"
    );
    part(&text, &changed(Family::Ipv4, "ctmark=7")).fate
}

#[test]
fn marks_are_written_and_copied() {
    let open = Fate::Arrives(Rewritten { address: None, port: None });
    for (words, passes) in [
        ("-j MARK --set-xmark 0x10/0xffffffff", true),
        ("-j MARK --set-xmark 0x0/0xffffffff", false),
        ("-j MARK --set-mark 0x10/0xf0", true),
        ("-j MARK --or-mark 0x31", true),
        ("-j MARK --and-mark 0x10", false),
        ("-j MARK --xor-mark 0x10", true),
        ("-p udp -j MARK --set-xmark 0x10/0xffffffff", false),
        ("-j CONNMARK --set-xmark 0x3/0xffffffff", true),
        // 7, of which 4 is cleared.
        ("-j CONNMARK --set-xmark 0x0/0x4", true),
        ("-j CONNMARK --set-xmark 0x4/0x0", true),
        ("-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0x4", true),
        ("-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff", false),
        ("-j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff", false),
        ("-j LOG --log-prefix \"-j ACCEPT\"", false),
        ("-j TOS --set-tos 0x10/0xff", false),
        ("-j own", false),
        ("-g own", false),
    ] {
        let expected = if passes { open.clone() } else { Fate::Dropped };
        assert_eq!(fate("mangle", words), expected, "{words}");
    }
    for (words, passes) in [
        ("-j NOTRACK", true),
        ("-j CT --notrack", true),
        ("-j CT --zone 3", false),
        ("-j CT --helper ftp", false),
        ("-j TRACE", false),
    ] {
        assert_eq!(fate("raw", words), if passes { open.clone() } else { Fate::Dropped }, "{words}");
    }
}

#[test]
fn packets_are_sent_on() {
    let to = |first: &str, last: &str| {
        Some(Intervals::span(number(first.parse().unwrap()), number(last.parse().unwrap())))
    };
    let shop = || to("10.0.0.5", "10.0.0.5");
    for (words, address, port, is_local) in [
        ("-p tcp -j DNAT --to-destination 10.0.0.5:80", shop(), Some((80, 80)), false),
        ("-p tcp -j DNAT --to-destination 10.0.0.5", shop(), None, false),
        (
            "-p tcp -j DNAT --to-destination 10.0.0.5-10.0.0.7:80-90 --random",
            to("10.0.0.5", "10.0.0.7"),
            Some((80, 90)),
            false,
        ),
        ("-p tcp -j DNAT --to-destination 10.0.0.5:4000-4010/3000", shop(), Some((4000, 4010)), false),
        ("-p tcp -j DNAT --to-destination :8080", None, Some((8080, 8080)), true),
        ("-p tcp -j REDIRECT --to-ports 80-90", to("198.51.100.2", "198.51.100.2"), Some((80, 90)), true),
        ("-d 198.51.100.0/24 -j NETMAP --to 10.5.0.0/24", to("10.5.0.2", "10.5.0.2"), None, false),
    ] {
        let there = Rewritten { address, port: port.map(|(first, last)| Intervals::span(first, last)) };
        let expected = if is_local { Fate::Arrives(there) } else { Fate::Leaves(there) };
        assert_eq!(fate("nat", words), expected, "{words}");
    }
    assert_eq!(fate("nat", "-p tcp -j REDIRECT"), Fate::Dropped, "it was going there anyway");
    let v6 = |words: &str| {
        let text = format!("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {words}\nCOMMIT\n");
        part(&text, &packet(Family::Ipv6)).fate
    };
    let there = |last: &str, port: Option<u128>| {
        let address = to("2001:db8:1::5", last);
        Fate::Leaves(Rewritten { address, port: port.map(Intervals::one) })
    };
    assert_eq!(v6("-p tcp -j DNAT --to-destination [2001:db8:1::5]:80"), there("2001:db8:1::5", Some(80)));
    assert_eq!(v6("-j DNAT --to-destination 2001:db8:1::5"), there("2001:db8:1::5", None));
    let range = "-p tcp -j DNAT --to-destination [2001:db8:1::5-2001:db8:1::7]:80";
    assert_eq!(v6(range), there("2001:db8:1::7", Some(80)));
}

#[test]
fn what_is_not_understood_might_do_anything() {
    for words in [
        "-j SOMETHING",
        "-j NFQUEUE --queue-num 3 --queue-bypass",
        "-j QUEUE",
        "-j TPROXY --on-port 80 --on-ip 0.0.0.0 --tproxy-mark 0x1/0xffffffff",
        "-j ACCEPT --and more",
        "-j DNAT --to-destination nowhere",
        "-j DNAT --to-destination 10.0.0.5:99999",
        "-j DNAT",
        "-j MARK --set-mark what",
        "-j MARK",
        "-j REDIRECT --to-port 5",
        "-g gone",
        "-j",
        "what is this -j ACCEPT",
        "! -j ACCEPT",
    ] {
        assert_eq!(fate("mangle", words), Fate::Unknown, "{words}");
        let elsewhere = fate("mangle", &format!("-s 192.0.2.1/32 {words}"));
        assert_eq!(elsewhere, Fate::Dropped, "-s 192.0.2.1/32 {words}");
    }
}

#[test]
fn a_rule_is_told_as_it_was_saved() {
    let ruleset = ruleset(
        "*filter\n:INPUT ACCEPT [5:300]\n[5:300] -A INPUT -m comment --comment \"a b\" -j ACCEPT\nCOMMIT\n",
        Family::Ipv4,
    );
    let [chain] = &ruleset.chains[..] else { panic!("{ruleset:?}") };
    assert_eq!((chain.table.as_str(), chain.name.as_str()), ("filter", "INPUT"));
    assert_eq!(chain.rules[0].text, "-A INPUT -m comment --comment \"a b\" -j ACCEPT");
}

#[test]
fn chains_have_names_in_their_own_table() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:own - [0:0]\n-A INPUT -j own\nCOMMIT\n\
                *mangle\n:INPUT ACCEPT [0:0]\n:own - [0:0]\n-A INPUT -j own\nCOMMIT\n";
    let mut ruleset = ruleset(text, Family::Ipv4);
    read(text, Family::Ipv6, &around(), &Sets::default(), &mut ruleset).unwrap();
    let jumps: Vec<_> =
        ruleset.chains.iter().flat_map(|chain| &chain.rules).map(|rule| &rule.steps).collect();
    let jump = |to| vec![Step::Decide(crate::firewall::Decision::Jump(ChainId(to)))];
    assert_eq!(jumps, [&jump(1), &jump(3), &jump(5), &jump(7)]);
    assert!(ruleset.chains[..4].iter().all(|chain| chain.layer == Layer::Ip));
}

#[test]
fn what_iptables_save_does_not_print_is_refused_with_its_line() {
    for (text, expected) in [
        ("*filter\n:INPUT ACCEPT [0:0]\n", "the text ends in line 2, before the COMMIT of its table"),
        (
            "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment \"a\nCOMMIT",
            "line 3: a quotation does not end",
        ),
        ("*other\nCOMMIT", "line 1: `other` is no table of iptables, or was there before"),
        ("*filter\nCOMMIT\n*filter\nCOMMIT", "line 3: `filter` is no table of iptables, or was there before"),
        (
            "*filter\n:PREROUTING ACCEPT [0:0]\nCOMMIT",
            "line 2: `PREROUTING` is no chain that this table can have, or was there before",
        ),
        (
            "*filter\n:a - [0:0]\n:a - [0:0]\nCOMMIT",
            "line 3: `a` is no chain that this table can have, or was there before",
        ),
        (
            "*filter\n:INPUT QUEUE [0:0]\nCOMMIT",
            "line 2: `INPUT` is no chain that this table can have, or was there before",
        ),
        ("*filter\n-A INPUT -j ACCEPT\nCOMMIT", "line 2: the table has no chain `INPUT`"),
        ("*filter\n-D INPUT\nCOMMIT", "line 2 is none that iptables-save prints there"),
        ("*filter\n[0:0 -A INPUT\nCOMMIT", "line 2 is none that iptables-save prints there"),
        ("*filter\n:INPUT\nCOMMIT", "line 2 is none that iptables-save prints there"),
        ("-A INPUT -j ACCEPT", "line 1 is none that iptables-save prints there"),
        ("{\"nftables\":[]}", "line 1 is none that iptables-save prints there"),
    ] {
        let mut ruleset = Ruleset::default();
        let error = read(text, Family::Ipv4, &around(), &Sets::default(), &mut ruleset).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(ruleset, Ruleset::default());
    }
    let mut ruleset = Ruleset::default();
    read("# nothing\n\n", Family::Ipv4, &around(), &Sets::default(), &mut ruleset).unwrap();
    assert_eq!(ruleset, Ruleset::default());
}

#[test]
fn long_lines_are_no_deep_questions() {
    let words = |word: &str, count| core::iter::repeat_n(word, count).collect::<Vec<_>>().join(",");
    for rule in [
        format!("-m addrtype --dst-type {}", words("LOCAL", 10_000)),
        format!("-m conntrack --ctstate {}", words("NEW", 10_000)),
        format!("-p tcp -m multiport --dports {}", words("22", 10_000)),
        format!("{} -p tcp", words("! -p udp", 5_000).replace(',', " ")),
    ] {
        assert_eq!(holds(&rule, Family::Ipv4, ""), "yes");
    }
    let line = format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s {}\nCOMMIT", "1".repeat(LINE_BYTES_MAX));
    let error = read(&line, Family::Ipv4, &around(), &Sets::default(), &mut Ruleset::default());
    assert_eq!(error, Err(ReadError::TooMany { line: 3, what: "bytes" }));
}

proptest::proptest! {
    /// Whatever the words, a text is read or refused.
    #[test]
    fn any_words_are_read_or_refused(words in proptest::collection::vec(
        proptest::sample::select(&["-m", "-j", "-g", "!", "-s", "10.0.0.0/8", "\"", "tcp", "--dport", "22", "conntrack",
            "--ctstate", "NEW,", "set", "--match-set", "hosts", "src,", "DNAT", "--to-destination", "[", ":", "-", "::/0",
            "1.2.3.4/1.2.3.4", "ACCEPT", "comment", "--comment", "NETMAP", "--to", "\\", "addrtype", "--dst-type", "x"][..]),
        0..12,
    )) {
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {}\nCOMMIT\n", words.join(" "));
        let mut ruleset = Ruleset::default();
        if read(&text, Family::Ipv4, &around(), &ipset::read(SETS).unwrap(), &mut ruleset).is_ok() {
            let _ = walk(&ruleset, &around(), Sender::Outside, &packet(Family::Ipv4));
        }
    }
}
