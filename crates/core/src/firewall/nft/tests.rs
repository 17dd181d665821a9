//! Listings of nft 1.0.6, each of the `.nft` file beside it, and the fates of packets that follow from that file.
//!
//! A listing is made in a network namespace of its own with `wan0` and `docker0` in it (`unshare -n`, `ip link add`,
//! `nft -f X.nft`, `nft -j list ruleset`); a line for each object.

use alloc::{format, vec};

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::{
    address::Family,
    firewall::{
        Decision, Fate, Field, Interface, Intervals, NewAddress, Packets, Place, Question, Rate, Rewritten,
        Route, Sender, State, Step, number, numbers, walk,
    },
};

const TCP: u128 = 6;
const UDP: u128 = 17;
const ICMP: u128 = 1;

macro_rules! listing {
    ($name:literal) => {
        include_str!(concat!("../../../tests/firewall/nft/", $name, ".json"))
    };
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A host with a wire to the world and a bridge with containers.
fn around() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.into(),
        networks: networks.iter().map(|network| net(network)).collect(),
        ..Interface::default()
    };
    let route = |to: &str, interface| Route { to: net(to), interface: Some(interface), ..Route::default() };
    Surroundings {
        interfaces: [
            interface("lo", &["127.0.0.1/8", "::1/128"]),
            interface("wan0", &["198.51.100.2/24", "2001:db8:1::2/64", "fe80::2/64"]),
            interface("docker0", &["172.17.0.1/16", "2001:db8:2::1/64"]),
        ]
        .into(),
        routes: [
            route("172.17.0.0/16", 2),
            route("198.51.100.0/24", 1),
            route("0.0.0.0/0", 1),
            route("2001:db8:1::/64", 1),
            route("2001:db8:2::/64", 2),
            route("::/0", 1),
        ]
        .into(),
        forwards: [true, true],
        ..Surroundings::default()
    }
}

fn read_listing(text: &str) -> Ruleset {
    read_both(text, "")
}

/// The same with what nft prints of its instructions.
fn read_both(text: &str, netlink: &str) -> Ruleset {
    let mut ruleset = Ruleset::default();
    read(text, &Details::read(netlink), &around(), &mut ruleset).unwrap();
    ruleset
}

/// One new packet from the world to this host.
#[derive(Clone)]
struct Sent(Packets);

fn sent(from: &str, protocol: u128, port: u128) -> Sent {
    let from: core::net::IpAddr = from.parse().unwrap();
    let (family, own) = match from {
        core::net::IpAddr::V4(_) => (Family::Ipv4, "198.51.100.2"),
        core::net::IpAddr::V6(_) => (Family::Ipv6, "2001:db8:1::2"),
    };
    let packets = Packets::all(family)
        .with(Field::Source, Intervals::one(number(from)))
        .with(Field::DestinationPort, Intervals::one(port))
        .with(Field::SourcePort, Intervals::one(40_000))
        .with(Field::Protocol, Intervals::one(protocol))
        .with(Field::InInterface, Intervals::one(1))
        .with(Field::State, Intervals::one(State::New.number()))
        .with(Field::Direction, Intervals::one(0))
        .with(Field::TcpFlags, Intervals::one(2))
        .with(Field::Mark, Intervals::one(0))
        .with(Field::ConnectionMark, Intervals::one(0))
        .with(Field::Status, Intervals::one(0));
    Sent(packets).to(own)
}

fn tcp(from: &str, port: u128) -> Sent {
    sent(from, TCP, port)
}

fn udp(from: &str, port: u128) -> Sent {
    sent(from, UDP, port)
}

impl Sent {
    fn with(self, field: Field, value: u128) -> Self {
        Self(self.0.with(field, Intervals::one(value)))
    }

    fn to(self, address: &str) -> Self {
        self.with(Field::Destination, number(address.parse().unwrap()))
    }

    fn by(self, interface: &str) -> Self {
        let at = around().interface(interface).unwrap();
        self.with(Field::InInterface, at as u128)
    }

    fn state(self, state: State) -> Self {
        self.with(Field::State, state.number())
    }

    /// What becomes of it, and the texts of the rules that decided.
    fn meets(&self, ruleset: &Ruleset) -> (Fate, Vec<String>, bool) {
        let mut parts = walk(ruleset, &around(), Sender::Outside, &self.0);
        assert_eq!(parts.len(), 1, "{parts:#?}");
        let part = parts.pop().unwrap();
        let text = |place: Place| {
            let chain = &ruleset.chains[place.chain.0];
            match place.rule {
                Some(rule) => chain.rules[rule].text.clone(),
                None => format!("policy of {}", chain.name),
            }
        };
        (part.fate, part.decided_by.into_iter().map(text).collect(), part.is_rate_limited)
    }

    fn name(&self) -> String {
        let only = |field| self.0.of(field).only();
        let fields = [Field::Protocol, Field::DestinationPort, Field::State, Field::Source].map(only);
        format!("{fields:?}")
    }

    fn fate(&self, ruleset: &Ruleset) -> Fate {
        self.meets(ruleset).0
    }

    fn decided(&self, ruleset: &Ruleset) -> (Fate, String) {
        let (fate, texts, _) = self.meets(ruleset);
        (fate, texts.last().cloned().unwrap_or_default())
    }
}

fn arrives() -> Fate {
    Fate::Arrives(Rewritten { address: None, port: None })
}

fn to(address: &str, port: u128) -> Rewritten {
    let address = number(address.parse().unwrap());
    Rewritten { address: Some(Intervals::one(address)), port: Some(Intervals::one(port)) }
}

const FAR: &str = "203.0.113.5";
const FAR6: &str = "2001:db8:ffff::5";

#[test]
fn a_workstation_opens_what_its_sets_say() {
    let rules = read_both(listing!("workstation"), "inet workstation tcp_in 19\n");
    for (packet, fate) in [
        (tcp(FAR, 22), arrives()),
        (tcp(FAR, 8_010), arrives()),
        (tcp(FAR, 8_011), Fate::Dropped),
        (tcp(FAR6, 443), arrives()),
        // Named in a set with timeouts.
        (tcp("203.0.113.66", 22), Fate::Dropped),
        (tcp("203.0.113.67", 443), Fate::Dropped),
        (tcp("2001:db8:bad::7", 22), Fate::Dropped),
        (tcp("2001:db8:bae::7", 22), arrives()),
        // Concatenations: each address with its own ports.
        (tcp("192.0.2.9", 3_389), arrives()),
        (tcp("192.0.2.9", 5_900), Fate::Dropped),
        (tcp("192.0.2.7", 5_910), arrives()),
        // By IPv6 alone, and that to no address of IPv4.
        (tcp(FAR6, 9_090), arrives()),
        (tcp(FAR, 9_090), Fate::Dropped),
        (tcp(FAR, 113), Fate::Rejected),
        (udp(FAR, 5_353), arrives()),
        (udp(FAR, 22), Fate::Dropped),
        // A new connection that does not begin with SYN.
        (tcp(FAR, 22).with(Field::TcpFlags, 0x10), Fate::Dropped),
        // Interfaces by a verdict map, one of whose patterns means none that is there.
        (tcp("172.17.0.9", 8_011).by("docker0"), arrives()),
        (tcp("127.0.0.1", 8_011).to("127.0.0.1").by("lo"), arrives()),
        (tcp(FAR, 8_011).state(State::Established), arrives()),
        (tcp(FAR, 22).state(State::Invalid), Fate::Dropped),
        (sent(FAR, ICMP, 0).with(Field::IcmpType, 8).with(Field::IcmpCode, 0), arrives()),
        (sent(FAR, ICMP, 0).with(Field::IcmpType, 13).with(Field::IcmpCode, 0), Fate::Dropped),
        (sent(FAR6, 58, 0).with(Field::IcmpType, 136).with(Field::IcmpCode, 0), arrives()),
        // The number of an ICMP type means something else in the other family.
        (sent(FAR6, 58, 0).with(Field::IcmpType, 8).with(Field::IcmpCode, 0), Fate::Dropped),
        (sent(FAR, 47, 0), Fate::Dropped),
    ] {
        assert_eq!(packet.fate(&rules), fate, "{}", packet.name());
    }
    let (_, text) = tcp(FAR, 22).decided(&rules);
    assert_eq!(text, "tcp dport @open_tcp accept");
    let (_, text) = tcp("203.0.113.66", 22).decided(&rules);
    assert_eq!(text, "ip saddr @blocked4 counter drop");
    let (_, text) = tcp(FAR, 23).decided(&rules);
    assert_eq!(text, "policy of input");
}

#[test]
fn a_published_port_leads_into_a_container() {
    let rules = read_listing(listing!("docker"));
    let leaves = |address, port| Fate::Leaves(to(address, port));
    assert_eq!(tcp(FAR, 8_080).fate(&rules), leaves("172.17.0.2", 80));
    // The gate closes by the port that it was sent to, whatever became of it.
    let (fate, text) = tcp(FAR, 8_443).decided(&rules);
    assert_eq!(fate, Fate::Dropped);
    assert_eq!(
        text,
        "iifname \"wan0\" ct state new ct status dnat meta l4proto tcp ct original proto-dst 8443 drop"
    );
    // Straight to the container: dropped before it is routed; another container has no such rule, but an own end.
    assert_eq!(tcp(FAR, 80).to("172.17.0.2").fate(&rules), Fate::Dropped);
    let (fate, text) = tcp(FAR, 80).to("172.17.0.3").decided(&rules);
    assert_eq!((fate, text.as_str()), (Fate::Dropped, "counter drop comment \"UNPUBLISHED PORT DROP\""));
    let redirected = Fate::Arrives(to("198.51.100.2", 53));
    assert_eq!(udp(FAR, 5_300).fate(&rules), redirected);
    // An answer to a container needs no rule of its own.
    let answer = tcp(FAR, 40_000).to("172.17.0.3").state(State::Established);
    assert_eq!(answer.fate(&rules), Fate::Leaves(Rewritten { address: None, port: None }));
}

#[test]
fn zones_of_firewalld_are_chosen_by_source_and_interface() {
    let rules = read_listing(listing!("firewalld"));
    for (packet, fate) in [
        (tcp(FAR, 22), arrives()),
        (tcp("203.0.113.9", 22), Fate::Dropped),
        (tcp(FAR, 23), Fate::Rejected),
        (tcp("192.0.2.5", 23), arrives()),
        (tcp("172.17.0.5", 22).by("docker0"), Fate::Rejected),
        (tcp(FAR, 2_049), arrives()),
        (sent(FAR, ICMP, 0), arrives()),
        // 0x100, and then the lowest bits of 0x5.
        (tcp(FAR, 7_777), arrives()),
        (tcp(FAR, 7_778), Fate::Rejected),
        (tcp(FAR6, 22), arrives()),
        (udp(FAR6, 546), Fate::Rejected),
        (udp(FAR6, 546).to("fe80::2"), arrives()),
    ] {
        assert_eq!(packet.fate(&rules), fate, "{}", packet.name());
    }
    assert_eq!(tcp(FAR, 2_222).fate(&rules), Fate::Arrives(to("198.51.100.2", 22)));
    // The bridge does not lead back to its source; the wire does, though not as the best way.
    let (fate, text) = tcp(FAR6, 22).by("docker0").decided(&rules);
    assert_eq!(fate, Fate::Dropped);
    assert_eq!(text, "meta nfproto ipv6 fib saddr . mark . iif oif missing drop");
    assert_eq!(tcp("2001:db8:2::9", 22).by("docker0").fate(&rules), Fate::Rejected);
    assert_eq!(tcp("2001:db8:2::9", 22).fate(&rules), arrives());
}

#[test]
fn a_ban_comes_before_what_is_open() {
    let rules = read_listing(listing!("fail2ban"));
    for (packet, fate) in [
        (tcp("203.0.113.40", 22), Fate::Rejected),
        (tcp("203.0.113.40", 80), arrives()),
        (tcp("2001:db8:dead::1", 80), Fate::Dropped),
        (tcp("203.0.113.50", 22), Fate::Dropped),
        (tcp(FAR, 22), arrives()),
        // The time of the day is not known, nor whose socket it is.
        (tcp(FAR, 3_000), Fate::Unknown),
        (tcp(FAR, 3_001), Fate::Unknown),
    ] {
        assert_eq!(packet.fate(&rules), fate, "{}", packet.name());
    }
    for (port, fate) in [(80, arrives()), (25, arrives()), (993, arrives()), (8_000, Fate::Rejected)] {
        let (own, _, is_rate_limited) = tcp(FAR, port).meets(&rules);
        assert_eq!((own, is_rate_limited), (fate, true), "{port}");
    }
    // The flood meter and the limits of IPv4 addresses say nothing of IPv6.
    let (fate, _, is_rate_limited) = tcp(FAR6, 80).meets(&rules);
    assert_eq!((fate, is_rate_limited), (arrives(), false));
}

#[test]
fn a_node_port_leads_to_an_endpoint() {
    let rules = read_listing(listing!("kubernetes"));
    assert_eq!(udp(FAR, 30_053).fate(&rules), Fate::Leaves(to("172.17.0.4", 53)));
    let api = tcp(FAR, 443).to("10.96.0.1");
    assert_eq!(api.fate(&rules), Fate::Leaves(to("172.17.0.9", 6_443)));
    assert_eq!(tcp(FAR, 30_999).fate(&rules), Fate::Dropped);
    assert_eq!(tcp(FAR, 30_998).fate(&rules), arrives());
    assert_eq!(tcp(FAR, 9_153).to("10.96.0.10").fate(&rules), Fate::Rejected);
    assert_eq!(tcp(FAR, 9_154).to("10.96.0.10").fate(&rules), Fate::Rejected);
    // Whichever endpoint the numbers choose, it passes, and no rate has a say in it.
    let endpoints = numbers(net("172.17.0.2/31"));
    let either = Rewritten { address: Some(endpoints), port: Some(Intervals::one(80)) };
    let (fate, _, is_rate_limited) = tcp(FAR, 30_080).meets(&rules);
    assert_eq!((fate, is_rate_limited), (Fate::Leaves(either), false));
}

#[test]
fn corners_are_read_as_the_kernel_has_them() {
    let rules = read_listing(listing!("corners"));
    // `asleep` may be awake: nft 1.0.6 does not say what its flags are.
    let asleep = rules.chains.iter().position(|chain| chain.table == "asleep").unwrap();
    let mut awake = rules.clone();
    awake.chains[asleep].rules.clear();
    awake.chains[asleep].base = None;
    assert_eq!(tcp(FAR, 1).fate(&rules), Fate::Unknown);
    for (packet, fate) in [
        (tcp(FAR, 1), arrives()),
        // Which device the ingress chain is for is not printed.
        (tcp("203.0.113.99", 1), Fate::Unknown),
        (udp(FAR, 53), arrives()),
        (tcp(FAR, 6_000), Fate::Unknown),
        (tcp(FAR, 6_001), Fate::Unknown),
        (tcp(FAR, 6_002), Fate::Unknown),
        (tcp(FAR, 6_003), arrives()),
        // Before it is tracked it has no connection that could be marked.
        (tcp(FAR, 6_004), arrives()),
        // Before its connection is looked up, nothing is known of it.
        (tcp(FAR, 6_023), Fate::Unknown),
        (tcp(FAR, 6_005), arrives()),
        // An address of another interface is not local to this one.
        (tcp(FAR, 6_005).to("172.17.0.1"), Fate::Dropped),
        (tcp(FAR, 6_006), arrives()),
        (tcp("127.0.0.1", 6_006).to("127.0.0.1").by("lo"), Fate::Dropped),
        (tcp(FAR, 6_007), Fate::Dropped),
        (tcp("203.0.113.6", 6_007), arrives()),
        // Of IPv6 the rule asks nothing.
        (tcp(FAR6, 6_007), arrives()),
        (tcp(FAR, 6_100), arrives()),
        (tcp(FAR, 6_101), Fate::Dropped),
        (tcp(FAR, 6_200), Fate::Dropped),
        (tcp(FAR, 6_201), arrives()),
        // A new connection goes no way back.
        (tcp(FAR, 6_008), arrives()),
        (tcp(FAR, 6_008).state(State::Established).with(Field::Direction, 1), Fate::Dropped),
        (tcp(FAR, 6_009), arrives()),
        (tcp(FAR6, 6_009), Fate::Dropped),
        (tcp(FAR, 6_010), arrives()),
        (udp(FAR, 6_010), arrives()),
        (tcp(FAR, 6_011), Fate::Dropped),
        (udp(FAR, 6_011), Fate::Dropped),
        (tcp(FAR, 6_012), Fate::Dropped),
        (tcp(FAR, 6_013), arrives()),
        (tcp(FAR, 6_015), arrives()),
        (tcp(FAR, 6_016), Fate::Dropped),
        (tcp(FAR6, 6_016), arrives()),
        // Other protocols have no port that could be another one.
        (tcp(FAR, 65_001), Fate::Dropped),
        (udp(FAR, 65_001), arrives()),
        (tcp(FAR, 6_018), Fate::Dropped),
        (udp(FAR, 6_018), arrives()),
        (tcp(FAR, 6_019), Fate::Dropped),
        (tcp(FAR, 6_019).state(State::Established), arrives()),
        (tcp(FAR, 6_020), arrives()),
        (tcp("2001:db9::1", 6_020), Fate::Dropped),
        (tcp(FAR6, 6_020), arrives()),
        (tcp(FAR, 6_021), Fate::Dropped),
        (tcp(FAR, 6_021).with(Field::TcpFlags, 0x12), arrives()),
        (tcp(FAR, 6_022), Fate::Dropped),
        (tcp("192.0.2.1", 6_022), arrives()),
        (tcp(FAR, 1).with(Field::Mark, 0xa5), Fate::Dropped),
        (tcp(FAR, 1).with(Field::Mark, 0x5a), arrives()),
        (sent(FAR, 47, 0), Fate::Dropped),
        (sent(FAR, ICMP, 0).with(Field::IcmpType, 8).with(Field::IcmpCode, 0), Fate::Dropped),
        // Where others have a port it has a checksum, which may well be 6011.
        (sent(FAR, ICMP, 0).with(Field::IcmpType, 8).with(Field::IcmpCode, 1), Fate::Unknown),
    ] {
        assert_eq!(packet.fate(&awake), fate, "{}", packet.name());
    }
}

/// A listing of one input chain that drops, with another one beside it, and one rule of these statements.
fn with_rule(statements: &str) -> String {
    format!(
        r#"{{"nftables": [{{"metainfo": {{"json_schema_version": 1}}}},
        {{"table": {{"family": "inet", "name": "t", "handle": 1}}}},
        {{"set": {{"family": "inet", "name": "s", "table": "t", "type": "ipv4_addr", "elem": ["203.0.113.5"],
            "stmt": [{{"limit": {{"rate": 1, "burst": 5, "per": "second"}}}}]}}}},
        {{"chain": {{"family": "inet", "table": "t", "name": "sub", "handle": 1}}}},
        {{"chain": {{"family": "inet", "table": "t", "name": "in", "handle": 2, "type": "filter",
            "hook": "input", "prio": 0, "policy": "drop"}}}},
        {{"rule": {{"family": "inet", "table": "t", "chain": "in", "handle": 7, "expr": [{statements}]}}}}]}}"#
    )
}

fn steps(statements: &str) -> Vec<Step> {
    let ruleset = read_listing(&with_rule(statements));
    let [rule] = ruleset.chains[1].rules.as_slice() else { panic!("{:?}", ruleset.chains[1]) };
    assert_eq!(rule.handle, Some(7));
    rule.steps.clone()
}

#[test]
fn what_is_not_known_is_never_guessed_at() {
    let unknown = Step::Ask(Question::Unknown);
    let open = Step::Decide(Decision::Queue);
    let accept = Step::Decide(Decision::Accept);
    for (statements, expected) in [
        (
            r#"{"xt": {"type": "match", "name": "addrtype"}}, {"accept": null}"#,
            vec![unknown.clone(), accept.clone()],
        ),
        // Whether that is a match or a target is not said.
        (r#"{"xt": {"name": "addrtype"}}, {"accept": null}"#, vec![open.clone()]),
        (r#"{"frobnicate": {"a": 1}}, {"accept": null}"#, vec![open.clone()]),
        (r#"{"jump": {"target": "nowhere"}}"#, vec![open.clone()]),
        (r#"{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": "@gone"}}"#, vec![open.clone()]),
        (r#"{"tproxy": {"port": 50080}}"#, vec![open.clone()]),
        (r#"{"queue": {"num": 1, "flags": "bypass"}}"#, vec![open.clone()]),
        (r#"{"fwd": {"dev": "wan0"}}"#, vec![open.clone()]),
        (r#"7"#, vec![open]),
        (
            r#"{"match": {"op": "~", "left": {"meta": {"key": "mark"}}, "right": 1}}, {"accept": null}"#,
            vec![unknown.clone(), accept.clone()],
        ),
        (
            r#"{"match": {"op": "==", "left": {"meta": {"key": "day"}}, "right": "Monday"}}, {"accept": null}"#,
            vec![unknown.clone(), accept.clone()],
        ),
        (
            r#"{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "frob"}}, {"accept": null}"#,
            vec![unknown.clone(), accept.clone()],
        ),
        // What cannot decide, does not.
        (r#"{"counter": null}, {"log": {"prefix": "x"}}, {"accept": null}"#, vec![accept.clone()]),
        (r#"{"dup": {"addr": "10.0.0.1"}}, {"accept": null}"#, vec![accept.clone()]),
        (r#"{"limit": "named"}, {"accept": null}"#, vec![unknown.clone(), accept.clone()]),
        (
            r#"{"limit": {"rate": 1, "burst": 5, "per": "second", "inv": true}}, {"accept": null}"#,
            vec![Step::Ask(Question::Rate(Rate::Beyond)), accept.clone()],
        ),
        (
            r#"{"ct count": {"val": 9}}, {"accept": null}"#,
            vec![Step::Ask(Question::Rate(Rate::Within)), accept],
        ),
    ] {
        assert_eq!(steps(statements), expected, "{statements}");
    }
}

#[test]
fn a_meter_that_has_a_name_holds_as_the_listing_says() {
    let meters = r#"{"limit": {"family": "inet", "name": "flood", "table": "t", "rate": 5000, "per": "second", "inv": true, "burst": 5}},
        {"limit": {"family": "inet", "name": "calm", "table": "t", "rate": 5000, "per": "second", "burst": 5}},
        {"limit": {"family": "ip", "name": "calm", "table": "t", "rate": 1, "per": "day", "inv": true, "burst": 5}},
        {"quota": {"family": "inet", "name": "month", "table": "t", "bytes": 10485760, "used": 0, "inv": true}},
        {"quota": {"family": "inet", "name": "spent", "table": "t", "bytes": 10485760, "used": 10485760, "inv": true}},
        {"quota": {"family": "inet", "name": "calm", "table": "t", "bytes": 10485760, "used": 10485760, "inv": false}},
        {"rule":"#;
    let question = |statement: &str| {
        let listing =
            with_rule(&format!(r#"{statement}, {{"accept": null}}"#)).replace(r#"{"rule":"#, meters);
        let [rule] = &read_listing(&listing).chains[1].rules[..] else { panic!("{listing}") };
        let [.., Step::Ask(question), Step::Decide(_)] = &rule.steps[..] else { panic!("{rule:?}") };
        question.clone()
    };
    let by_port = |kind: &str, names: [&str; 2]| {
        let key = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;
        let data = format!(r#"{{"set": [[1, "{}"], [2, "{}"]]}}"#, names[0], names[1]);
        format!(r#"{{"{kind}": {{"map": {{"key": {key}, "data": {data}}}}}}}"#)
    };
    let rate = |rate| Question::Rate(rate);
    for (statement, expected) in [
        (r#"{"limit": "flood"}"#, rate(Rate::Beyond)),
        (r#"{"limit": "calm"}"#, rate(Rate::Within)),
        (r#"{"quota": "month"}"#, rate(Rate::Beyond)),
        (r#"{"quota": {"val": 10, "val_unit": "mbytes", "inv": true}}"#, rate(Rate::Beyond)),
        (
            r#"{"quota": {"val": 10, "val_unit": "mbytes", "used": 9, "used_unit": "mbytes"}}"#,
            rate(Rate::Within),
        ),
        // Once it is used up all are beyond it.
        (r#"{"quota": "spent"}"#, rate(Rate::Within)),
        (r#"{"quota": "calm"}"#, rate(Rate::Beyond)),
        (r#"{"quota": {"val": 10, "val_unit": "kbytes", "used": 10240}}"#, rate(Rate::Beyond)),
        (r#"{"quota": "gone"}"#, Question::Unknown),
        (&by_port("limit", ["flood", "flood"]), rate(Rate::Beyond)),
        (&by_port("limit", ["flood", "calm"]), Question::Unknown),
        (&by_port("quota", ["calm", "month"]), rate(Rate::Beyond)),
    ] {
        assert_eq!(question(statement), expected, "{statement}");
    }
}

#[test]
fn a_set_that_limits_its_elements_limits_the_rule() {
    let rules = read_listing(&with_rule(
        r#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}},
           {"accept": null}"#,
    ));
    let (fate, _, is_rate_limited) = tcp(FAR, 1).meets(&rules);
    assert_eq!((fate, is_rate_limited), (arrives(), true));
    assert_eq!(tcp("203.0.113.6", 1).fate(&rules), Fate::Dropped);
}

#[test]
fn what_is_in_a_set_that_rules_fill_nobody_can_tell() {
    let source = r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#;
    let asked =
        format!(r#"{{"match": {{"op": "==", "left": {source}, "right": "@s"}}}}, {{"accept": null}}"#);
    let fate = |statements: &str| {
        let rule = format!(
            r#"{{"rule": {{"family": "inet", "table": "t", "chain": "in", "handle": 9, "expr": [{statements}]}}}}]}}"#
        );
        let json = with_rule(&asked);
        let rules = read_listing(&format!("{},{rule}", json.strip_suffix("]}").unwrap()));
        ["203.0.113.5", "203.0.113.6"].map(|from| tcp(from, 1).fate(&rules))
    };
    let add =
        |statement: &str| format!(r#"{{"set": {{"op": "add", "elem": {source}, "set": "@s"{statement}}}}}"#);
    let over = r#"{"limit": {"rate": 1, "burst": 5, "per": "second", "inv": true}}"#;
    let known = [arrives(), Fate::Dropped];
    assert_eq!(fate(r#"{"counter": null}"#), known);
    assert_eq!(fate(&add("")), [Fate::Unknown, Fate::Unknown]);
    assert_eq!(fate(&format!("{}, {over}", add(""))), [Fate::Unknown, Fate::Unknown]);
    // Another set; and only who sends too much is put there, or found there.
    assert_eq!(fate(&add("").replace("@s", "@meter")), known);
    assert_eq!(fate(&format!("{over}, {}", add(""))), known);
    let metered = add(&format!(r#", "stmt": [{over}]"#));
    assert_eq!(fate(&metered), known);
    assert_eq!(fate(&format!("{}, {}", metered.replace("@s", "@meter"), add(""))), known);
}

#[test]
fn a_reset_is_for_the_family_that_the_json_may_hide() {
    let json = with_rule(r#"{"reject": {"type": "tcp reset"}}"#);
    let fates = |netlink: &str| [FAR, FAR6].map(|from| tcp(from, 1).fate(&read_both(&json, netlink)));
    let family = |number: u32| {
        format!("inet t in 7\n  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x0000000{number:x} ]\n")
    };
    assert_eq!(fates("inet t in 7\n"), [Fate::Rejected, Fate::Rejected]);
    assert_eq!(fates(&family(10)), [Fate::Dropped, Fate::Rejected]);
    assert_eq!(fates(&family(2)), [Fate::Rejected, Fate::Dropped]);
    assert_eq!(fates(""), [Fate::Unknown, Fate::Unknown]);
    // What is refused in another way else is refused either way.
    let json = json.replace("\"tcp reset\"}}]", "\"tcp reset\"}}]}},{\"rule\":{\"family\":\"inet\",\"table\":\"t\",\"chain\":\"in\",\"handle\":8,\"expr\":[{\"reject\":null}]");
    assert_eq!(tcp(FAR, 1).fate(&read_listing(&json)), Fate::Rejected);
    assert_eq!(udp(FAR, 1).fate(&read_listing(&json)), Fate::Rejected);
}

#[test]
fn what_the_json_hides_is_asked_all_the_same() {
    let port = r#"{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 8080}}"#;
    let json = with_rule(&format!(r#"{port}, {{"accept": null}}"#));
    let fates = |load: &str, number: &str| {
        let netlink = format!("inet t in 7\n  [ {load} => reg 1 ]\n  [ cmp eq reg 1 {number} ]\n");
        let rules = read_both(&json, &netlink);
        let untracked = tcp(FAR, 8080).state(State::Untracked);
        [tcp(FAR, 8080), tcp(FAR6, 8080), untracked].map(|packet| packet.fate(&rules))
    };
    let dropped = Fate::Dropped;
    assert_eq!(fates("meta load mark", "0x00000002"), [arrives(), arrives(), arrives()]);
    assert_eq!(fates("ct load l3protocol", "0x00000002"), [arrives(), dropped.clone(), dropped.clone()]);
    assert_eq!(fates("meta load nfproto", "0x0000000a"), [dropped.clone(), arrives(), dropped.clone()]);
    assert_eq!(fates("ct load protocol", "0x00000006"), [arrives(), arrives(), dropped.clone()]);
    assert_eq!(fates("ct load protocol", "0x00000011"), [dropped.clone(), dropped.clone(), dropped.clone()]);
    assert_eq!(fates("meta load iiftype", "0x00000001"), [Fate::Unknown, Fate::Unknown, Fate::Unknown]);
    assert_eq!(fates("meta load iiftype", "0x00000304"), [dropped.clone(), dropped.clone(), dropped]);
}

#[test]
fn a_network_is_mapped_number_by_number_where_the_flags_say_so() {
    let target = |flags: &str| {
        let dnat = format!(
            r#"{{"dnat": {{"family": "ip", "addr": {{"prefix": {{"addr": "10.8.0.0", "len": 24}}}}{flags}}}}}"#
        );
        let Some(Step::Rewrite(target)) = steps(&dnat).pop() else { panic!("no translation") };
        target.address
    };
    let mapped = Some(NewAddress::Same { network: 0x0a08_0000, bits: 8 });
    assert_eq!(target(r#", "flags": "netmap", "type_flags": "prefix""#), mapped);
    assert_eq!(target(r#", "flags": ["random", "netmap"]"#), mapped);
    assert_eq!(target(""), Some(NewAddress::One(Intervals::prefix(0x0a08_0000, 8))));
}

#[test]
fn a_base_chain_tells_which_of_its_table_it_is() {
    let json = with_rule(r#"{"accept": null}"#);
    let since = read_listing(&json).chains[1].base.as_ref().unwrap().since;
    assert_eq!(since, Some(crate::firewall::Since { table: 1, chain: 2 }));
}

#[test]
fn a_bridge_knows_its_ports_and_we_do_not() {
    let fate = |matching: &str, from: &str| {
        let json = with_rule(&format!(r#"{{"match": {{"op": "==", {matching}}}}}, {{"accept": null}}"#));
        let rules = read_listing(&json.replace("\"inet\"", "\"bridge\""));
        let mut bridges = around();
        bridges.interfaces[2].is_bridge = true;
        let packets = tcp(from, 1).by("docker0").0;
        walk(&rules, &bridges, Sender::Outside, &packets).pop().unwrap().fate
    };
    let meta =
        |key: &str, value: &str| format!(r#""left": {{"meta": {{"key": "{key}"}}}}, "right": "{value}""#);
    assert_eq!(fate(&meta("iifname", "docker0"), FAR), Fate::Unknown);
    assert_eq!(fate(&meta("ibrname", "docker0"), FAR), arrives());
    assert_eq!(fate(&meta("ibrname", "br1"), FAR), Fate::Dropped);
    let ether = r#""left": {"payload": {"protocol": "ether", "field": "type"}}, "right": "ip""#;
    assert_eq!([fate(ether, FAR), fate(ether, FAR6)], [arrives(), Fate::Dropped]);
}

#[test]
fn an_ingress_chain_sees_what_its_devices_hand_over() {
    let devices = |device: &str| {
        format!(
            "table netdev early {{\n\tchain wan {{\n\t\ttype filter hook ingress device \"{device}\" priority -500; policy accept;\n"
        )
    };
    let fate = |device: &str| {
        let mut rules = read_both(listing!("corners"), &devices(device));
        rules.chains.retain(|chain| chain.table == "early");
        tcp("203.0.113.99", 1).fate(&rules)
    };
    assert_eq!([fate("wan0"), fate("docker0")], [Fate::Dropped, arrives()]);
}

#[test]
fn nothing_leaves_by_an_interface_before_it_is_routed() {
    let of = |op: &str| {
        let rule = format!(
            r#"{{"match": {{"op": "{op}", "left": {{"meta": {{"key": "oifname"}}}}, "right": "wan0"}}}},
               {{"accept": null}}"#
        );
        tcp(FAR, 1).fate(&read_listing(&with_rule(&rule)))
    };
    assert_eq!([of("=="), of("!=")], [Fate::Dropped, arrives()]);
}

#[test]
fn the_names_of_a_listing_stay_its_own() {
    let mut ruleset = Ruleset::default();
    read(listing!("fail2ban"), &Details::default(), &around(), &mut ruleset).unwrap();
    let tables =
        |ruleset: &Ruleset| ruleset.chains.iter().map(|chain| chain.table.clone()).collect::<Vec<_>>();
    let before = tables(&ruleset).len();
    // Appended, the chains jump to one another and not to those before them.
    read(&with_rule(r#"{"jump": {"target": "sub"}}"#), &Details::default(), &around(), &mut ruleset).unwrap();
    assert_eq!(tables(&ruleset)[before..], ["t", "t"]);
    assert_eq!(ruleset.chains[before + 1].rules[0].steps, [Step::Decide(Decision::Jump(ChainId(before)))]);
}

/// The hour is asked before the port, and nobody knows it: only the rule for the port is in doubt.
#[test]
fn what_nobody_can_answer_is_asked_last() {
    let rule = |port: u32| {
        let hour = r#"{"match": {"op": "==", "left": {"meta": {"key": "hour"}}, "right": "09:00"}}"#;
        let to = format!(
            r#"{{"match": {{"op": "==", "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}}, "right": {port}}}}}"#
        );
        let at = format!(r#""family": "inet", "table": "t", "chain": "in", "handle": {port}"#);
        format!(r#"{{"rule": {{{at}, "expr": [{hour}, {to}, {{"drop": null}}]}}}}"#)
    };
    let chain = r#"{"table": {"family": "inet", "name": "t", "handle": 1}}, {"chain": {"family": "inet", "table": "t", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}"#;
    let rules: Vec<String> = (100..1100).map(rule).collect();
    let ruleset = read_listing(&format!(r#"{{"nftables": [{chain}, {}]}}"#, rules.join(", ")));
    let fate = |port| {
        let mut parts = walk(&ruleset, &around(), Sender::Outside, &tcp("203.0.113.7", port).0);
        (parts.len(), parts.remove(0).fate)
    };
    assert_eq!(fate(22), (1, arrives()));
    assert_eq!(fate(500), (1, Fate::Unknown));
}

#[test]
fn what_is_no_listing_is_refused_whole() {
    let refused = |text: &str| {
        let mut ruleset = read_listing(listing!("fail2ban"));
        let before = ruleset.clone();
        let error = read(text, &Details::default(), &around(), &mut ruleset).unwrap_err();
        assert_eq!(ruleset, before);
        format!("{error}")
    };
    assert_eq!(refused("{\n  \"nftables\": ["), "not JSON, line 2, column 15");
    assert_eq!(refused("{}"), "nftables: expected an array");
    assert_eq!(
        refused(r#"{"nftables": [{"chain": {"family": "inet", "table": "t"}}]}"#),
        "nftables[0].chain.name: expected text"
    );
    assert_eq!(
        refused(r#"{"nftables": [{"table": {"family": "ipx", "name": "t"}}]}"#),
        "nftables[0].table.family: expected a family of tables"
    );
    let hook = listing!("fail2ban").replace("\"hook\": \"input\"", "\"hook\": \"sideways\"");
    assert!(refused(&hook).ends_with(".chain.hook: expected a hook"));
    let deep = "[".repeat(100_000);
    assert!(refused(&deep).starts_with("not JSON"));
}

#[test]
fn rules_read_as_nft_writes_them() {
    // Each with the text of the `.nft` file, but for what nft itself leaves out or writes otherwise.
    for (listing, texts) in [
        (
            listing!("workstation"),
            &[
                "ct state vmap { invalid : drop, established : accept, related : accept }",
                "iif \"lo\" accept",
                "iifname vmap { \"docker0\" : accept, \"virbr*\" : return }",
                "meta l4proto vmap @protocols",
                "tcp flags & (fin | syn | rst | ack) != syn ct state new drop",
                "ip saddr . tcp dport @trusted accept",
                "udp sport 67 udp dport 1024-65535 drop",
                "limit rate 5/second log prefix \"in: \" counter",
                "tcp dport 113 reject with tcp reset",
            ][..],
        ),
        (
            listing!("docker"),
            &[
                "ct state established,related counter accept",
                "iifname != \"docker0\" tcp dport 8080 counter dnat to 172.17.0.2:80 comment \"DNAT\"",
                "ip daddr != 127.0.0.0/8 fib daddr type local counter jump nat-prerouting-and-output",
                "udp dport 5300 redirect to :53",
            ],
        ),
        (
            listing!("fail2ban"),
            &[
                "tcp dport 80 update @flood { ip saddr limit rate over 20/second } drop",
                "meter smtp { ip saddr limit rate 1/second } accept",
                "tcp dport 993 ct count 10 accept",
                "meta pkttype host limit rate 5/second counter reject with icmpx admin-prohibited",
            ],
        ),
        (
            listing!("kubernetes"),
            &[
                "meta mark set meta mark | 0x00004000",
                "numgen random mod 2 vmap { 0 : goto endpoint-1, 1 : goto endpoint-2 }",
                "meta mark & 0x00004000 != 0x00000000 masquerade fully-random",
            ],
        ),
        (
            listing!("corners"),
            &[
                "ip saddr & 0.0.0.1 == 0.0.0.1",
                "fib daddr . iif type != { local, broadcast, multicast } drop",
                "meta mark set ip saddr map { 203.0.113.0/24 : 9 }",
            ],
        ),
    ] {
        let ruleset = read_listing(listing);
        let own: Vec<&str> =
            ruleset.chains.iter().flat_map(|chain| &chain.rules).map(|rule| rule.text.as_str()).collect();
        for text in texts {
            assert!(
                own.iter().any(|own| own.ends_with(text) || own.contains(&format!("{text} "))),
                "{text}\n{own:#?}"
            );
        }
    }
}

#[test]
fn a_rule_that_is_not_known_is_quoted_in_words() {
    let text = |statements: &str| {
        let ruleset = read_listing(&with_rule(statements));
        ruleset.chains[1].rules[0].text.clone()
    };
    let port = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;
    let hash = format!(r#"{{"jhash": {{"mod": 2, "seed": 7, "expr": {port}}}}}"#);
    let asked =
        |left: &str| format!(r#"{{"match": {{"op": "==", "left": {left}, "right": 0}}}}, {{"drop": null}}"#);
    assert_eq!(text(&asked(&hash)), "jhash tcp dport mod 2 seed 7 0 drop");
    assert_eq!(text(&asked(r#"{"symhash": {"mod": 2}}"#)), "symhash mod 2 0 drop");
    let ipsec = r#"{"ipsec": {"key": "reqid", "dir": "in", "spnum": 0}}"#;
    assert_eq!(text(&asked(ipsec)), "ipsec dir in key reqid spnum 0 0 drop");
    assert_eq!(
        text(r#"{"frobnicate": {"how": {"a": [1, 2]}}}, {"x": 1, "y": 2}"#),
        "frobnicate how a 1 | 2 x 1 y 2"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever replaces a piece of a listing, it is read or refused.
    #[test]
    fn hostile_listings_do_no_harm(at in 0.0..1.0_f64, cut in 0_usize..40, piece in "[\\[\\]{}\"@:,a-z0-9 -]{0,12}") {
        for listing in [listing!("corners"), listing!("kubernetes"), listing!("workstation")] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a text")]
            let begin = (at * listing.len() as f64) as usize;
            let end = (begin + cut).min(listing.len());
            let text = [&listing[..begin], piece.as_str(), &listing[end..]].concat();
            let mut ruleset = Ruleset::default();
            if read(&text, &Details::default(), &around(), &mut ruleset).is_ok() {
                let _ = walk(&ruleset, &around(), Sender::Outside, &tcp(FAR, 22).0);
            }
        }
    }
}
