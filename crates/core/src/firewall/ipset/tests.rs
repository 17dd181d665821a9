//! What is in a set of each kind, and texts that are not what they claim.

use alloc::{borrow::ToOwned, format, string::ToString};

use super::*;
use crate::firewall::{Interface, Packets, ask, number};

fn around() -> Surroundings {
    let interface = |name: &str| Interface { name: name.into(), ..Interface::default() };
    Surroundings {
        interfaces: ["lo", "eth0", "eth1", "veth1"].map(interface).into(),
        ..Surroundings::default()
    }
}

/// A packet as words: `from=10.0.0.1 to=10.0.0.2 protocol=6 sport=9 dport=80 in=1 out=2 type=8 code=0 mark=5`.
fn packet(family: Family, words: &str) -> Packets {
    words.split_ascii_whitespace().fold(Packets::all(family), |packets, word| {
        let (name, value) = word.split_once('=').unwrap();
        let field = match name {
            "from" => Field::Source,
            "to" => Field::Destination,
            "protocol" => Field::Protocol,
            "sport" => Field::SourcePort,
            "dport" => Field::DestinationPort,
            "in" => Field::InInterface,
            "out" => Field::OutInterface,
            "type" => Field::IcmpType,
            "code" => Field::IcmpCode,
            "mark" => Field::Mark,
            other => panic!("{other}"),
        };
        let is_address = matches!(field, Field::Source | Field::Destination);
        let value = if is_address { number(value.parse().unwrap()) } else { value.parse().unwrap() };
        packets.with(field, Intervals::one(value))
    })
}

/// Whether the packet is in the set; `?` where nobody can tell.
fn contains(sets: &Sets, family: Family, name: &str, sides: &str, words: &str) -> &'static str {
    let side = |word| if word == "src" { Side::Source } else { Side::Destination };
    let sides: Vec<_> = sides.split(',').map(side).collect();
    let question = sets.question(name, &sides, family, &around());
    let answer = ask::ask(&question, &packet(family, words), &around());
    match (&*answer.yes, &*answer.no, &*answer.perhaps) {
        ([_], [], []) => "yes",
        ([], [_], []) => "no",
        ([], [], [_]) => "?",
        _ => panic!("{name} {sides:?} {words}: {answer:?}"),
    }
}

/// Each with the lines of a set `s`, the sides, and packets with whether they are in it.
fn check(lines: &[&str], sides: &str, packets: &[(&str, &str)]) {
    let text = lines.join("\n");
    let sets = read(&text).unwrap();
    let family = if text.contains("inet6") { Family::Ipv6 } else { Family::Ipv4 };
    for (words, expected) in packets {
        assert_eq!(contains(&sets, family, "s", sides, words), *expected, "{text}\n{sides} {words}");
    }
}

#[test]
fn what_rules_fill_is_not_what_it_is_now() {
    let text = "create s hash:ip\nadd s 10.0.0.1\ncreate other hash:ip\ncreate list list:set\nadd list s\n";
    let told = |rules: &str| {
        let mut sets = read(text).unwrap();
        sets.forget_changing(&format!("*filter\n:INPUT DROP [0:0]\n{rules}\nCOMMIT\n"));
        ["s", "other", "list"].map(|name| contains(&sets, Family::Ipv4, name, "src", "from=10.0.0.1"))
    };
    let known = ["yes", "no", "yes"];
    assert_eq!(told("-A INPUT -m set --match-set s src -j ACCEPT"), known);
    assert_eq!(told("-A INPUT -p udp --dport 1000 -j SET --add-set s src --exist"), ["?", "no", "?"]);
    assert_eq!(told("-A INPUT -j SET --del-set other src"), ["yes", "?", "yes"]);
    assert_eq!(told("-A INPUT -j SET --add-set list src"), ["?", "no", "?"]);
    assert_eq!(told("-A INPUT -m comment --comment \"--add-set s\""), known);
    assert_eq!(
        told("-A INPUT -m hashlimit --hashlimit-above 9/sec --hashlimit-name a -j SET --add-set s src"),
        known
    );
    let mut sets = read(text).unwrap();
    sets.forget_changing("-A INPUT -j SET --add-set s src");
    assert_eq!(contains(&sets, Family::Ipv6, "s", "src", "from=::1"), "no");
}

#[test]
fn addresses_and_networks() {
    let hosts = [
        "create s hash:ip family inet hashsize 1024 maxelem 65536 timeout 600",
        "add s 10.0.0.1 timeout 9",
        "add s 10.0.0.3-10.0.0.5",
    ];
    check(&hosts, "src", &[("from=10.0.0.1", "yes"), ("from=10.0.0.4", "yes"), ("from=10.0.0.2", "no")]);
    check(&hosts, "dst", &[("from=10.0.0.1 to=10.0.0.2", "no"), ("to=10.0.0.5", "yes")]);
    check(
        &["create s hash:ip netmask 24", "add s 10.1.2.0"],
        "src",
        &[("from=10.1.2.77", "yes"), ("from=10.1.3.1", "no")],
    );
    check(
        &["create s bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24", "add s 10.0.3.0"],
        "src",
        &[("from=10.0.3.9", "yes"), ("from=10.0.4.0", "no")],
    );
    check(&["create s hash:ip bitmask 255.0.255.0", "add s 10.0.2.0"], "src", &[("from=10.0.2.1", "?")]);
    check(
        &["create s hash:ip family inet6", "add s 2001:db8::1"],
        "src",
        &[("from=2001:db8::1", "yes"), ("from=2001:db8::2", "no")],
    );
    check(&["create s hash:ip"], "src", &[("from=10.0.0.1", "no")]);
    // The longest network that an address is in decides.
    let nets = [
        "create s hash:net family inet counters comment",
        "add s 10.1.2.0/24",
        "add s 10.1.0.0/16 nomatch packets 0 bytes 0",
        "add s 10.0.0.0/8 packets 0 bytes 0 comment \"nomatch here\"",
        "add s 10.1.2.7 nomatch",
        "add s 192.0.2.1 comment nomatch",
    ];
    check(
        &nets,
        "src",
        &[
            ("from=10.9.0.1", "yes"),
            ("from=10.1.9.1", "no"),
            ("from=10.1.2.8", "yes"),
            ("from=10.1.2.7", "no"),
            ("from=11.0.0.1", "no"),
            ("from=192.0.2.1", "yes"),
        ],
    );
}

#[test]
fn ports() {
    let pairs = [
        "create s hash:ip,port family inet",
        "add s 10.0.0.1,tcp:80",
        "add s 10.0.0.1,tcp:81",
        "add s 10.0.0.1,udp:53",
        "add s 10.0.0.1,icmp:echo-request",
        "add s 10.0.0.1,icmp:99/3",
        "add s 10.0.0.1,vrrp:0",
        "add s 10.0.0.1,200:0",
        "add s 10.0.0.2,sctp:5",
    ];
    check(
        &pairs,
        "dst,dst",
        &[
            ("to=10.0.0.1 protocol=6 dport=81", "yes"),
            ("to=10.0.0.1 protocol=6 dport=82", "no"),
            ("to=10.0.0.1 protocol=17 dport=80", "no"),
            ("to=10.0.0.1 protocol=17 dport=53", "yes"),
            ("to=10.0.0.1 protocol=1 type=8 code=0", "yes"),
            ("to=10.0.0.1 protocol=1 type=8 code=1", "no"),
            ("to=10.0.0.1 protocol=1 type=99 code=3", "yes"),
            ("to=10.0.0.1 protocol=112", "yes"),
            ("to=10.0.0.1 protocol=200", "yes"),
            ("to=10.0.0.1 protocol=47", "no"),
            ("to=10.0.0.2 protocol=132 dport=5", "yes"),
        ],
    );
    check(&pairs, "src,src", &[("from=10.0.0.1 to=10.0.0.9 protocol=6 sport=80 dport=9", "yes")]);
    check(
        &pairs,
        "src,dst",
        &[
            ("from=10.0.0.1 protocol=6 sport=9 dport=80", "yes"),
            ("to=10.0.0.1 from=10.0.0.3 protocol=6 dport=80", "no"),
        ],
    );
    // Fewer sides than the set has fields: nobody is in it.
    check(&pairs, "dst", &[("to=10.0.0.1 protocol=6 dport=80", "no")]);
}

#[test]
fn ports_alone_and_of_networks() {
    let numbers = ["create s bitmap:port range 0-1024", "add s 80", "add s 90-92"];
    check(
        &numbers,
        "dst",
        &[
            ("protocol=6 dport=80", "yes"),
            ("protocol=17 dport=91", "yes"),
            ("protocol=132 dport=80", "no"),
            ("protocol=6 dport=93", "no"),
        ],
    );
    let six = [
        "create s hash:net,port family inet6",
        "add s 2001:db8::/48,ipv6-icmp:echo-request",
        "add s 2001:db8::/32,tcp:80",
    ];
    check(
        &six,
        "src,dst",
        &[
            ("from=2001:db8::1 protocol=58 type=128 code=0", "yes"),
            ("from=2001:db8:9::1 protocol=58 type=128 code=0", "no"),
            ("from=2001:db8:9::1 protocol=6 dport=80", "yes"),
        ],
    );
    let except = [
        "create s hash:net,port",
        "add s 10.0.0.0/24,tcp:80",
        "add s 10.0.0.0/25,tcp:80 nomatch",
        "add s 10.0.0.0/25,tcp:81",
    ];
    check(
        &except,
        "src,dst",
        &[
            ("from=10.0.0.200 protocol=6 dport=80", "yes"),
            ("from=10.0.0.1 protocol=6 dport=80", "no"),
            ("from=10.0.0.1 protocol=6 dport=81", "yes"),
        ],
    );
}

#[test]
fn three_fields_and_others() {
    let three =
        ["create s hash:ip,port,ip", "add s 10.0.0.1,tcp:80,10.0.0.2", "add s 10.0.0.1,tcp:81,10.0.0.3"];
    check(
        &three,
        "src,dst,dst",
        &[
            ("from=10.0.0.1 protocol=6 dport=80 to=10.0.0.2", "yes"),
            ("from=10.0.0.1 protocol=6 dport=81 to=10.0.0.2", "no"),
        ],
    );
    check(
        &["create s hash:ip,port,net", "add s 10.0.0.1,tcp:80,10.9.0.0/24"],
        "src,dst,dst",
        &[("from=10.0.0.1 protocol=6 dport=80 to=10.9.0.7", "yes")],
    );
    check(
        &["create s hash:net,net", "add s 10.0.0.0/24,10.1.0.0/24"],
        "src,dst",
        &[("from=10.0.0.1 to=10.1.0.1", "yes"), ("from=10.1.0.1 to=10.0.0.1", "no")],
    );
    check(
        &["create s hash:net,port,net", "add s 10.0.0.0/24,tcp:80,10.1.0.0/24"],
        "src,dst,dst",
        &[("from=10.0.0.1 protocol=6 dport=80 to=10.1.0.1", "yes")],
    );
    // Which of two networks is the longer decides, and that is not worked out.
    check(
        &["create s hash:net,net", "add s 10.0.0.0/24,10.1.0.0/24", "add s 10.0.0.1,10.1.0.0/24 nomatch"],
        "src,dst",
        &[("from=10.0.0.1 to=10.1.0.1", "?")],
    );
    let interfaces = ["create s hash:net,iface", "add s 10.0.0.0/8,eth0", "add s 10.0.0.0/16,eth0 nomatch"];
    check(
        &interfaces,
        "src,src",
        &[("from=10.9.0.1 in=1", "yes"), ("from=10.0.9.1 in=1", "no"), ("from=10.9.0.1 in=2", "no")],
    );
    check(
        &["create s hash:net,iface", "add s 10.3.0.0/16,eth wildcard"],
        "src,src",
        &[("from=10.3.0.1 in=2", "yes"), ("from=10.3.0.1 in=3", "no"), ("from=10.3.0.1 in=0", "no")],
    );
    check(
        &["create s hash:net,iface", "add s 10.3.0.0/16,eth1"],
        "src,dst",
        &[("from=10.3.0.1 in=0 out=2", "yes"), ("from=10.3.0.1 in=2 out=0", "no")],
    );
    check(
        &["create s hash:net,iface", "add s 10.2.0.0/16,physdev:eth1"],
        "src,src",
        &[("from=10.2.0.1 in=2", "?"), ("from=10.3.0.1 in=2", "no")],
    );
    check(
        &["create s hash:ip,mark markmask 0xffffff00", "add s 10.0.0.1,0x6300"],
        "src,src",
        &[("from=10.0.0.1 mark=25352", "yes"), ("from=10.0.0.1 mark=5", "no")],
    );
    check(&["create s hash:mac", "add s 00:11:22:33:44:55"], "src", &[("from=10.0.0.1", "?")]);
    check(&["create s hash:mac"], "src", &[("from=10.0.0.1", "no")]);
    check(
        &[
            "create s bitmap:ip,mac range 10.0.0.0-10.0.0.255",
            "add s 10.0.0.3,00:11:22:33:44:55",
            "add s 10.0.0.4",
        ],
        "src,src",
        &[("from=10.0.0.3", "?"), ("from=10.0.0.4", "yes"), ("from=10.0.0.5", "no")],
    );
    check(&["create s hash:future,thing", "add s whatever"], "src", &[("from=10.0.0.1", "?")]);
    check(&["create s hash:ip", "add s nonsense", "add s 10.0.0.1"], "src", &[("from=10.0.0.1", "?")]);
}

#[test]
fn lists_are_what_their_sets_are() {
    let text = "create a hash:ip\nadd a 10.0.0.1\ncreate b hash:ip,port\nadd b 10.0.0.2,tcp:80\ncreate s list:set size 8\n\
                add s a\nadd s b\ncreate t list:set\nadd t s\ncreate u list:set\nadd u gone\nadd u a\n";
    let sets = read(text).unwrap();
    let is_in = |name, sides, words| contains(&sets, Family::Ipv4, name, sides, words);
    assert_eq!(is_in("s", "src,dst", "from=10.0.0.1 protocol=17 dport=9"), "yes");
    assert_eq!(is_in("s", "src,dst", "from=10.0.0.2 protocol=6 dport=80"), "yes");
    assert_eq!(is_in("s", "src,dst", "from=10.0.0.2 protocol=6 dport=81"), "no");
    assert_eq!(is_in("s", "src", "from=10.0.0.2 protocol=6 dport=80"), "no", "one side is too few for b");
    assert_eq!(is_in("t", "src", "from=10.0.0.1"), "?", "the kernel lets no list be in a list");
    assert_eq!(is_in("u", "src", "from=10.0.0.1"), "yes");
    assert_eq!(is_in("u", "src", "from=10.0.0.2"), "?");
}

#[test]
fn a_set_of_the_other_family_has_nobody() {
    let sets =
        read("create s hash:ip family inet6\nadd s 2001:db8::1\ncreate p bitmap:port range 0-9\nadd p 5")
            .unwrap();
    assert_eq!(contains(&sets, Family::Ipv4, "s", "src", "from=10.0.0.1"), "no");
    assert_eq!(contains(&sets, Family::Ipv6, "p", "dst", "protocol=6 dport=5"), "yes");
    assert_eq!(sets.question("gone", &[Side::Source], Family::Ipv4, &around()), Question::Unknown);
}

#[test]
fn a_large_set_is_a_short_question() {
    let mut text = "create s hash:ip,port\n".to_owned();
    for (host, port) in (0..100).flat_map(|host| (0..50).map(move |port| (host, port))) {
        // Ports that all have, and one that each has for itself.
        let own = if port == 0 { 9000 + host } else { 8000 + port };
        text.push_str(&format!("add s 10.0.0.{host},tcp:{own}\n"));
    }
    let question =
        read(&text).unwrap().question("s", &[Side::Source, Side::Destination], Family::Ipv4, &around());
    let Question::Any(tuples) = question else { panic!("{question:?}") };
    assert_eq!(tuples.len(), 101, "one for what all have, and one for each");
}

#[test]
fn what_ipset_does_not_print_is_refused_with_its_line() {
    for (text, expected) in [
        ("create s hash:ip\nadd t 10.0.0.1", "line 2: there is no set `t`"),
        ("create s hash:ip\ncreate s hash:net", "line 2: the set `s` was there before"),
        ("# a\nflush s", "line 2 is none that `ipset save` prints"),
        ("create s", "line 1 is none that `ipset save` prints"),
        (
            "create s hash:ip comment\nadd s 10.0.0.1 comment \"open",
            "line 2 is none that `ipset save` prints",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert_eq!(read(""), Ok(Sets::default()));
}
