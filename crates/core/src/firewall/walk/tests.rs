//! The fates of packets, each by a ruleset of a few lines, and any ruleset against a reading of it packet by packet.

use alloc::{boxed::Box, string::String};

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::{
    address::Family,
    firewall::{
        AddressKind, Base, Bits, Chain, Hook, Interface, Layer, NewAddress, Rate, Route, Rule, Since, State,
        Value, WayBack, number, numbers,
    },
};

const TCP: u128 = 6;
const UDP: u128 = 17;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A host with a wire to the world and a bridge with containers on it.
fn around() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.into(),
        networks: networks.iter().map(|network| net(network)).collect(),
        ..Interface::default()
    };
    Surroundings {
        interfaces: [
            interface("lo", &["127.0.0.1/8", "::1/128"]),
            interface("wan0", &["198.51.100.2/24", "2001:db8::2/64"]),
            interface("docker0", &["172.17.0.1/16"]),
        ]
        .into(),
        routes: [
            Route { to: net("172.17.0.0/16"), interface: Some(2), ..Route::default() },
            Route { to: net("198.51.100.0/24"), interface: Some(1), ..Route::default() },
            Route { to: net("0.0.0.0/0"), interface: Some(1), ..Route::default() },
        ]
        .into(),
        forwards: [true, false],
        ..Surroundings::default()
    }
}

fn base(hook: Hook, priority: i32, kind: Kind, policy: Policy) -> Option<Base> {
    Some(Base { hook, priority, kind, policy, devices: Vec::new(), since: None })
}

fn chain(name: &str, base: Option<Base>, rules: Vec<Vec<Step>>) -> Chain {
    let rule = |steps| Rule { handle: None, text: String::new(), steps };
    Chain {
        layer: Layer::Inet,
        table: "t".into(),
        name: name.into(),
        base,
        rules: rules.into_iter().map(rule).collect(),
    }
}

fn input(policy: Policy, rules: Vec<Vec<Step>>) -> Chain {
    chain("input", base(Hook::Input, 0, Kind::Filter, policy), rules)
}

fn is(field: Field, number: u128) -> Step {
    Step::Ask(Question::Is(field, Intervals::one(number)))
}

fn ports(first: u128, last: u128) -> Step {
    Step::Ask(Question::Is(Field::DestinationPort, Intervals::span(first, last)))
}

fn decide(decision: Decision) -> Step {
    Step::Decide(decision)
}

/// New TCP connections from the world to this host.
fn asked() -> Packets {
    Packets::all(Family::Ipv4)
        .with(Field::InInterface, Intervals::one(1))
        .with(Field::Source, numbers(net("203.0.113.0/24")))
        .with(Field::Destination, numbers(net("198.51.100.2/32")))
        .with(Field::Protocol, Intervals::one(TCP))
        .with(Field::State, Intervals::one(State::New.number()))
        .with(Field::Mark, Intervals::one(0))
        .with(Field::Status, Intervals::one(0))
}

/// What becomes of the packets to one port, and where they are sent on to.
fn fate(chains: Vec<Chain>, port: u128) -> Part {
    let packets = asked().only(Field::DestinationPort, &Intervals::one(port)).unwrap();
    let mut parts = walk(&Ruleset { chains }, &around(), Sender::Outside, &packets);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    parts.pop().unwrap()
}

fn arrives() -> Fate {
    Fate::Arrives(Rewritten { address: None, port: None })
}

fn arrives_at(port: u128) -> Fate {
    Fate::Arrives(Rewritten { address: None, port: Some(Intervals::one(port)) })
}

fn place(chain: usize, rule: usize) -> Place {
    Place { chain: ChainId(chain), rule: Some(rule) }
}

/// What nobody can tell changes nothing where both ways come to the same place with the same packets.
#[test]
fn ways_that_meet_again_are_gone_once() {
    let unknown = || Step::Ask(Question::Unknown);
    let lead = |to| vec![unknown(), decide(Decision::Jump(ChainId(to)))];
    let sub = |name, rule| chain(name, None, vec![rule]);
    let ruleset = Ruleset {
        chains: vec![
            input(Policy::Accept, (0..60).map(|at| lead(1 + at % 2)).collect()),
            sub("marked", vec![is(Field::Mark, 1), decide(Decision::Drop)]),
            sub("port", vec![ports(22, 22), decide(Decision::Drop)]),
        ],
    };
    let parts = walk(&ruleset, &around(), Sender::Outside, &asked());
    let of = |port: u128| {
        let mut own = parts.iter().filter(|part| part.packets.of(Field::DestinationPort).contains(port));
        (own.next().unwrap(), own.next())
    };
    let (open, None) = of(80) else { panic!("{parts:#?}") };
    assert!(matches!(open.fate, Fate::Arrives(_)) && open.doubts.is_empty(), "{open:#?}");
    assert_eq!(of(22).0.fate, Fate::Unknown);
}

#[test]
fn a_host_without_rules_is_open() {
    let part = fate(Vec::new(), 22);
    assert_eq!((part.fate, part.decided_by), (arrives(), Vec::new()));
}

#[test]
fn what_no_rule_accepts_falls_to_the_policy() {
    let rules = || vec![input(Policy::Drop, vec![vec![ports(22, 22), decide(Decision::Accept)]])];
    let open = fate(rules(), 22);
    assert_eq!((open.fate, open.decided_by), (arrives(), vec![place(0, 0)]));
    let shut = fate(rules(), 23);
    assert_eq!((shut.fate, shut.decided_by), (Fate::Dropped, vec![Place { chain: ChainId(0), rule: None }]));
}

#[test]
fn every_base_chain_must_let_it_pass() {
    // The later one drops although the first accepts, whichever is listed first.
    let later = chain(
        "later",
        base(Hook::Input, 10, Kind::Filter, Policy::Accept),
        vec![vec![ports(22, 22), decide(Decision::Reject)]],
    );
    let first = input(Policy::Drop, vec![vec![decide(Decision::Accept)]]);
    for (chains, rejecting) in [([later.clone(), first.clone()], 0), ([first, later], 1)] {
        let part = fate(chains.clone().into(), 22);
        assert_eq!((part.fate, part.decided_by), (Fate::Rejected, vec![place(rejecting, 0)]));
        assert_eq!(fate(chains.into(), 80).fate, arrives());
    }
}

/// The so many-th chain of the table with this number.
fn made(table: u64, number: u64, mut chain: Chain) -> Chain {
    chain.table = alloc::format!("t{table}");
    chain.base.as_mut().unwrap().since = Some(Since { table, chain: number });
    chain
}

#[test]
fn of_one_priority_the_newest_is_asked_first() {
    let refuses = |decision| input(Policy::Accept, vec![vec![decide(decision)]]);
    let fate = |older: Chain, newer: Chain| {
        let fates =
            [[older.clone(), newer.clone()], [newer, older]].map(|chains| fate(chains.into(), 22).fate);
        assert_eq!(fates[0], fates[1], "whichever is listed first");
        fates[0].clone()
    };
    let (dropping, rejecting) = (refuses(Decision::Drop), refuses(Decision::Reject));
    assert_eq!(fate(made(1, 1, dropping.clone()), made(1, 2, rejecting.clone())), Fate::Rejected);
    assert_eq!(fate(made(1, 1, rejecting.clone()), made(1, 2, dropping.clone())), Fate::Dropped);
    // Which of two tables had its chain hooked in last does not hang on which is older.
    assert_eq!(fate(made(1, 1, dropping.clone()), made(2, 1, rejecting.clone())), Fate::Unknown);
    // The older tables of iptables do not tell; where nothing hangs on it that is no matter.
    assert_eq!(fate(dropping.clone(), made(2, 1, rejecting)), Fate::Unknown);
    assert_eq!(fate(dropping.clone(), dropping), Fate::Dropped);
}

#[test]
fn what_hangs_on_an_order_that_is_not_known_cannot_be_told() {
    let pre = |mark| {
        let rules = vec![vec![Step::Set(Field::Mark, Value::Number(mark))]];
        chain("pre", base(Hook::Prerouting, -150, Kind::Filter, Policy::Accept), rules)
    };
    let by_mark = |mark| input(Policy::Drop, vec![vec![is(Field::Mark, mark), decide(Decision::Accept)]]);
    let told = |chains: [Chain; 3]| {
        let part = fate(chains.into(), 22);
        (part.fate, part.doubts)
    };
    let known = [made(1, 1, pre(1)), made(1, 2, pre(2)), by_mark(1)];
    assert_eq!(told(known), (arrives(), Vec::new()), "the older one has the last word");
    let policy = Place { chain: ChainId(2), rule: None };
    assert_eq!(told([pre(1), made(2, 1, pre(2)), by_mark(1)]), (Fate::Unknown, vec![place(2, 0), policy]));
    assert_eq!(told([pre(1), made(2, 1, pre(2)), by_mark(3)]), (Fate::Dropped, Vec::new()));
}

#[test]
fn all_address_translation_takes_one_turn() {
    let to = |port| Target { address: None, ports: Some(Intervals::one(port)) };
    let nat = |priority| {
        let rules = vec![vec![Step::Rewrite(to(80))]];
        chain("nat", base(Hook::Prerouting, priority, Kind::Nat, Policy::Accept), rules)
    };
    let filter = |priority| {
        let rules = vec![vec![ports(80, 80), decide(Decision::Drop)]];
        chain("pre", base(Hook::Prerouting, priority, Kind::Filter, Policy::Accept), rules)
    };
    // Before it the port is still another one, whatever the chain of translation says of itself.
    let is_dropped = |of_nat, of_filter| fate(vec![nat(of_nat), filter(of_filter)], 22).fate;
    assert_eq!(is_dropped(-150, -120), arrives_at(80));
    assert_eq!(is_dropped(10, -50), Fate::Dropped);
    assert_eq!(is_dropped(-100, -100), Fate::Unknown);
}

#[test]
fn what_a_host_sends_itself_is_sent_on_as_it_goes_out_or_not_at_all() {
    let to_shop = Target {
        address: Some(NewAddress::One(numbers(net("172.17.0.2/32")))),
        ports: Some(Intervals::one(80)),
    };
    let pre = chain(
        "pre",
        base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept),
        vec![vec![Step::Rewrite(to_shop)]],
    );
    let parts = walk(&Ruleset { chains: vec![pre] }, &around(), Sender::Host, &asked());
    assert_eq!(parts.into_iter().map(|part| part.fate).collect::<Vec<_>>(), [arrives()]);
}

#[test]
fn what_was_going_there_anyway_is_not_sent_on() {
    let is_sent_on =
        Step::Ask(Question::Has(Field::Status, Bits { mask: 1 << 5, values: Intervals::one(1 << 5) }));
    let fates = |target: Target| {
        let rules = vec![vec![Step::Rewrite(target)]];
        let nat = chain("nat", base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept), rules);
        let input = input(Policy::Accept, vec![vec![is_sent_on.clone(), decide(Decision::Drop)]]);
        [22, 80].map(|port| fate(vec![nat.clone(), input.clone()], port).fate)
    };
    let own = |ports| Target { address: Some(NewAddress::Own), ports };
    assert_eq!(fates(own(None)), [arrives(), arrives()]);
    assert_eq!(fates(own(Some(Intervals::one(80)))), [Fate::Dropped, arrives()]);
    // A port of the range may be the one that it has.
    assert_eq!(fates(own(Some(Intervals::span(80, 81)))), [Fate::Dropped, Fate::Unknown]);
    let nobody = Surroundings { interfaces: vec![around().interfaces.swap_remove(0)], ..around() };
    let rules = vec![vec![Step::Rewrite(own(None))]];
    let nat = chain("nat", base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept), rules);
    let packets = asked().with(Field::InInterface, Intervals::one(0));
    let mut without = nobody;
    without.interfaces[0].networks.clear();
    let parts = walk(&Ruleset { chains: vec![nat] }, &without, Sender::Outside, &packets);
    assert!(parts.iter().all(|part| part.fate == Fate::Dropped), "no address of its own: {parts:?}");
}

#[test]
fn a_network_that_is_mapped_keeps_the_last_bits() {
    let network = number("172.17.0.0".parse().unwrap());
    let target = Target { address: Some(NewAddress::Same { network, bits: 8 }), ports: None };
    let rules = vec![vec![Step::Rewrite(target)]];
    let nat = chain("nat", base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept), rules);
    let to = |address: &str| {
        let packets = asked().with(Field::Destination, numbers(net(address)));
        let parts = walk(&Ruleset { chains: vec![nat.clone()] }, &around(), Sender::Outside, &packets);
        parts.into_iter().map(|part| part.fate).collect::<Vec<_>>()
    };
    let at = |address: &str| Rewritten {
        address: Some(Intervals::one(number(address.parse().unwrap()))),
        port: None,
    };
    assert_eq!(to("192.0.2.1/32"), [Fate::Arrives(at("172.17.0.1"))]);
    assert_eq!(to("192.0.2.2/32"), [Fate::Leaves(at("172.17.0.2"))]);
    let mut two = to("192.0.2.2/31");
    two.sort_by_key(|fate| alloc::format!("{fate:?}"));
    assert_eq!(two, [Fate::Leaves(at("172.17.0.2")), Fate::Leaves(at("172.17.0.3"))]);
    // Of many it is not told which is which, and one of them is the host's own.
    assert_eq!(to("192.0.0.0/16"), [Fate::Unknown]);
}

#[test]
fn jump_comes_back_and_goto_does_not() {
    let sub = || {
        chain(
            "sub",
            None,
            vec![vec![ports(1, 1), decide(Decision::Return)], vec![ports(2, 2), decide(Decision::Accept)]],
        )
    };
    let rules = |to: Decision| {
        vec![input(Policy::Drop, vec![vec![decide(to)], vec![ports(1, 3), decide(Decision::Accept)]]), sub()]
    };
    let accepted = |to: Decision| [1, 2, 3, 4].map(|port| fate(rules(to.clone()), port).fate == arrives());
    assert_eq!(accepted(Decision::Jump(ChainId(1))), [true, true, true, false]);
    assert_eq!(accepted(Decision::Goto(ChainId(1))), [false, true, false, false]);
}

#[test]
fn goto_of_a_jumped_chain_comes_back_to_who_jumped() {
    let through =
        chain("through", None, vec![vec![decide(Decision::Goto(ChainId(2)))], vec![decide(Decision::Drop)]]);
    let empty = chain("empty", None, Vec::new());
    let rules = vec![vec![decide(Decision::Jump(ChainId(1)))], vec![decide(Decision::Accept)]];
    assert_eq!(fate(vec![input(Policy::Drop, rules), through, empty], 5).fate, arrives());
}

#[test]
fn a_verdict_map_takes_the_first_entry_that_holds() {
    let tuple = |port: u128| vec![(Field::DestinationPort, Intervals::one(port))];
    let entries = vec![(tuple(22), Decision::Accept), (tuple(23), Decision::Drop)];
    let rules = vec![vec![Step::Choose(entries)], vec![decide(Decision::Reject)]];
    let found = [22, 23, 24].map(|port| fate(vec![input(Policy::Accept, rules.clone())], port).fate);
    assert_eq!(found, [arrives(), Fate::Dropped, Fate::Rejected]);
}

#[test]
fn what_may_not_be_the_first_entry_may_be_a_later_one() {
    // Sent on to one of two ports, of which the map lets one in.
    let target = Target { address: None, ports: Some(Intervals::span(80, 81)) };
    let dnat = chain(
        "dnat",
        base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept),
        vec![vec![ports(8080, 8080), Step::Rewrite(target)]],
    );
    let tuple = |port: u128| vec![(Field::DestinationPort, Intervals::one(port))];
    let map = |second| vec![(tuple(80), Decision::Accept), (tuple(81), second)];
    let filter = |second| input(Policy::Accept, vec![vec![Step::Choose(map(second))]]);
    let part = fate(vec![dnat.clone(), filter(Decision::Drop)], 8080);
    assert_eq!((part.fate, part.doubts), (Fate::Unknown, vec![place(1, 0)]));
    let part = fate(vec![dnat, filter(Decision::Accept)], 8080);
    assert!(matches!(part.fate, Fate::Arrives(_)), "{part:?}");
}

#[test]
fn what_nobody_can_tell_matters_only_where_both_ways_differ() {
    let unknown = |decision| vec![Step::Ask(Question::Unknown), decide(decision)];
    let shut = fate(vec![input(Policy::Drop, vec![unknown(Decision::Drop)])], 9);
    assert_eq!((shut.fate, shut.doubts), (Fate::Dropped, Vec::new()));
    let open = fate(vec![input(Policy::Drop, vec![unknown(Decision::Accept)])], 9);
    assert_eq!((open.fate, open.doubts), (Fate::Unknown, vec![place(0, 0)]));
    // Dropped later in either case.
    let later = chain("later", base(Hook::Input, 1, Kind::Filter, Policy::Drop), Vec::new());
    let both = fate(vec![input(Policy::Accept, vec![unknown(Decision::Accept)]), later], 9);
    assert_eq!((both.fate, both.doubts), (Fate::Dropped, Vec::new()));
}

#[test]
fn a_rate_lets_some_pass() {
    let rules = vec![vec![Step::Ask(Question::Rate(Rate::Within)), decide(Decision::Accept)]];
    let part = fate(vec![input(Policy::Drop, rules)], 22);
    assert_eq!((part.fate, part.is_rate_limited), (arrives(), true));
}

#[test]
fn it_is_told_of_who_keeps_within_the_rates() {
    let fate = |rate, decision| {
        let rules =
            vec![vec![Step::Ask(Question::Rate(rate)), decide(decision)], vec![decide(Decision::Reject)]];
        let part = fate(vec![input(Policy::Drop, rules)], 22);
        (part.fate, part.is_rate_limited)
    };
    assert_eq!(fate(Rate::Within, Decision::Drop), (Fate::Dropped, true));
    assert_eq!(fate(Rate::Within, Decision::Accept), (arrives(), true));
    assert_eq!(fate(Rate::Beyond, Decision::Drop), (Fate::Rejected, true));
    assert_eq!(fate(Rate::Beyond, Decision::Accept), (Fate::Rejected, true));
    assert_eq!(fate(Rate::Beyond, Decision::Reject), (Fate::Rejected, false));
    // Who is lucky gets in.
    assert_eq!(fate(Rate::Share, Decision::Accept), (arrives(), true));
}

#[test]
fn a_published_port_is_the_containers_by_then() {
    let to_shop = Target {
        address: Some(NewAddress::One(numbers(net("172.17.0.2/32")))),
        ports: Some(Intervals::one(80)),
    };
    let dnat = chain(
        "dnat",
        base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept),
        vec![vec![ports(8080, 8080), Step::Rewrite(to_shop)]],
    );
    let forward = |rules| chain("forward", base(Hook::Forward, 0, Kind::Filter, Policy::Drop), rules);
    let no_input = input(Policy::Drop, Vec::new());
    let by_original = vec![
        is(Field::OriginalDestinationPort, 8080),
        Step::Ask(Question::Has(Field::Status, Bits { mask: 1 << 5, values: Intervals::one(1 << 5) })),
        decide(Decision::Accept),
    ];
    for (rule, passes) in [
        (vec![is(Field::DestinationPort, 80), decide(Decision::Accept)], true),
        (vec![is(Field::DestinationPort, 8080), decide(Decision::Accept)], false),
        (by_original, true),
        (vec![is(Field::OutInterface, 2), decide(Decision::Accept)], true),
    ] {
        let part = fate(vec![dnat.clone(), no_input.clone(), forward(vec![rule])], 8080);
        let there = Rewritten { address: Some(Intervals::one(0xac11_0002)), port: Some(Intervals::one(80)) };
        assert_eq!(part.fate, if passes { Fate::Leaves(there) } else { Fate::Dropped });
        assert_eq!(part.packets.of(Field::DestinationPort), &Intervals::one(8080), "as it was sent");
    }
    assert_eq!(fate(vec![dnat, no_input], 80).fate, Fate::Dropped, "nobody sends that one on");
}

#[test]
fn what_is_for_others_is_passed_on_by_the_longest_prefix_or_not_at_all() {
    let to = |address: &str| {
        let packets = asked().with(Field::Destination, numbers(net(address)));
        let forward = chain(
            "f",
            base(Hook::Forward, 0, Kind::Filter, Policy::Accept),
            vec![vec![is(Field::OutInterface, 2), decide(Decision::Drop)]],
        );
        let mut parts = walk(&Ruleset { chains: vec![forward] }, &around(), Sender::Outside, &packets);
        parts.pop().unwrap().fate
    };
    assert_eq!(to("172.17.0.9/32"), Fate::Dropped, "that is by docker0");
    assert_eq!(to("192.0.2.9/32"), Fate::Leaves(Rewritten { address: None, port: None }));
}

/// The fate of a packet to `to` that came in by the interface with this number.
fn routed(around: &Surroundings, by: u128, to: &str) -> Fate {
    let to = net(to);
    let packets = if to.addr().is_ipv4() {
        asked()
    } else {
        Packets::all(Family::Ipv6).with(Field::Source, numbers(net("2001:db8::9/128")))
    };
    let packets = packets.with(Field::Destination, numbers(to)).with(Field::InInterface, Intervals::one(by));
    let mut parts = walk(&Ruleset::default(), around, Sender::Outside, &packets);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    parts.pop().unwrap().fate
}

#[test]
fn a_route_may_refuse_and_no_route_does() {
    let leaves = Fate::Leaves(Rewritten { address: None, port: None });
    let mut around = around();
    around.forwards = [true, true];
    let route = |to: &str, interface, refuses| Route { to: net(to), interface, refuses, metric: 0 };
    around.routes = vec![
        route("10.1.0.0/16", None, true),
        route("10.2.0.0/16", None, false),
        route("10.0.0.0/8", Some(1), false),
        route("2001:db8:5::/48", None, true),
        route("2001:db8:6::/48", None, false),
        route("2001:db8:7::/48", Some(1), false),
    ];
    assert_eq!(routed(&around, 1, "10.1.2.3/32"), Fate::Rejected);
    assert_eq!(routed(&around, 1, "10.2.2.3/32"), Fate::Dropped);
    assert_eq!(routed(&around, 1, "10.3.2.3/32"), leaves);
    assert_eq!(routed(&around, 1, "11.0.0.1/32"), Fate::Rejected);
    assert_eq!(routed(&around, 1, "2001:db8:5::1/128"), Fate::Rejected);
    assert_eq!(routed(&around, 1, "2001:db8:6::1/128"), Fate::Dropped);
    assert_eq!(routed(&around, 1, "2001:db8:7::1/128"), leaves);
    assert_eq!(routed(&around, 1, "2001:db8:8::1/128"), Fate::Rejected);
    // Where nothing is passed on, IPv4 says nothing, and IPv6 that there is no way.
    around.forwards = [false, false];
    assert_eq!(routed(&around, 1, "10.1.2.3/32"), Fate::Dropped);
    assert_eq!(routed(&around, 1, "2001:db8:7::1/128"), Fate::Dropped);
    assert_eq!(routed(&around, 1, "2001:db8:8::1/128"), Fate::Rejected);
}

#[test]
fn of_several_hops_any_may_be_the_way() {
    let mut around = around();
    around.routes.push(Route { interface: Some(2), ..around.routes[2].clone() });
    let fate = |by: u128| {
        let rule = vec![is(Field::OutInterface, by), decide(Decision::Accept)];
        let chains = vec![chain("f", base(Hook::Forward, 0, Kind::Filter, Policy::Drop), vec![rule])];
        let packets = asked().with(Field::Destination, numbers(net("192.0.2.1/32")));
        walk(&Ruleset { chains }, &around, Sender::Outside, &packets).pop().unwrap().fate
    };
    assert_eq!([fate(0), fate(1), fate(2)], [Fate::Dropped, Fate::Unknown, Fate::Unknown]);
    // Where none of them matters it leaves; and a better route has but one.
    assert!(matches!(routed(&around, 1, "192.0.2.1/32"), Fate::Leaves(_)));
    around.routes[2].metric = 1;
    assert_eq!(crate::firewall::surroundings::hops(&around.ways(Family::Ipv4)[2..3]), Intervals::one(2));
}

#[test]
fn a_source_needs_the_way_back_that_is_asked_for() {
    let from = |around: &Surroundings, source: &str, by: u128| {
        let packets =
            asked().with(Field::Source, numbers(net(source))).with(Field::InInterface, Intervals::one(by));
        walk(&Ruleset::default(), around, Sender::Outside, &packets).pop().unwrap().fate
    };
    let mut around = around();
    around.interfaces.iter_mut().for_each(|interface| interface.way_back = WayBack::Same);
    assert_eq!(from(&around, "203.0.113.9/32", 1), arrives());
    assert_eq!(from(&around, "172.17.0.9/32", 2), arrives());
    assert_eq!(from(&around, "172.17.0.9/32", 1), Fate::Dropped);
    assert_eq!(from(&around, "203.0.113.9/32", 2), Fate::Dropped);
    // A second hop of the same route is a way back too.
    around.routes.push(Route { to: net("0.0.0.0/0"), interface: Some(2), ..Route::default() });
    assert_eq!(from(&around, "203.0.113.9/32", 2), arrives());
    around.routes.pop();
    around.interfaces.iter_mut().for_each(|interface| interface.way_back = WayBack::Some);
    assert_eq!(from(&around, "172.17.0.9/32", 1), arrives());
    around.routes.push(Route { to: net("172.17.0.9/32"), ..Route::default() });
    assert_eq!(from(&around, "172.17.0.9/32", 2), Fate::Dropped, "a black hole");
    // Where rules choose the route nobody can tell.
    around.has_rules[0] = true;
    assert_eq!(from(&around, "172.17.0.9/32", 2), arrives());
}

#[test]
fn tables_of_bridges_see_what_comes_by_a_bridge() {
    let mut around = around();
    around.interfaces[2].is_bridge = true;
    for (hook, sees) in [(Hook::Prerouting, true), (Hook::Input, true), (Hook::Forward, false)] {
        let mut shut = chain("b", base(hook, 0, Kind::Filter, Policy::Drop), Vec::new());
        shut.layer = Layer::Bridge;
        let ruleset = Ruleset { chains: vec![shut] };
        let by = |at| {
            let packets = asked().with(Field::InInterface, Intervals::one(at));
            walk(&ruleset, &around, Sender::Outside, &packets).pop().unwrap().fate
        };
        assert_eq!(by(2) == Fate::Dropped, sees, "{hook:?}");
        assert_eq!(by(1), arrives(), "{hook:?}");
    }
}

#[test]
fn an_interface_may_pass_on_what_others_do_not() {
    let leaves = Fate::Leaves(Rewritten { address: None, port: None });
    let mut around = around();
    around.routes.push(Route { to: net("::/0"), interface: Some(1), ..Route::default() });
    around.interfaces[1].forwards = Some(false);
    assert_eq!(routed(&around, 1, "172.17.0.9/32"), Fate::Dropped);
    assert_eq!(routed(&around, 2, "192.0.2.9/32"), leaves);
    assert_eq!(routed(&around, 1, "198.51.100.2/32"), arrives(), "its own it takes");
    around.forwards = [false, false];
    around.interfaces[2].forwards = Some(true);
    around.interfaces[1].forces_forwarding = true;
    assert_eq!(routed(&around, 2, "192.0.2.9/32"), leaves);
    assert_eq!(routed(&around, 1, "2001:db8:5::1/128"), leaves);
    assert_eq!(routed(&around, 2, "2001:db8:5::1/128"), Fate::Dropped);
}

#[test]
fn a_router_takes_what_is_for_any_of_them() {
    let mut around = around();
    around.forwards = [true, true];
    around.routes.push(Route { to: net("2001:db8::/64"), interface: Some(1), ..Route::default() });
    let to = |around: &Surroundings| routed(around, 1, "2001:db8::/128");
    assert!(matches!(to(&around), Fate::Leaves(_)));
    around.anycast.push(net("2001:db8::/128"));
    assert_eq!(to(&around), arrives());
}

#[test]
fn where_others_than_the_listed_routes_decide_it_is_not_known_where_packets_go() {
    let mut around = around();
    around.has_rules = [true, false];
    assert_eq!(routed(&around, 1, "172.17.0.9/32"), Fate::Unknown);
    assert_eq!(routed(&around, 1, "198.51.100.2/32"), arrives());
    let packets = asked().with(Field::Destination, numbers(net("172.17.0.9/32")));
    let shut = chain("f", base(Hook::Forward, 0, Kind::Filter, Policy::Drop), Vec::new());
    let parts = walk(&Ruleset { chains: vec![shut] }, &around, Sender::Outside, &packets);
    assert_eq!(parts.into_iter().map(|part| part.fate).collect::<Vec<_>>(), [Fate::Dropped]);
}

#[test]
fn nobody_on_a_wire_is_this_host() {
    let from = |around: &Surroundings, source: &str, to: &str| {
        let packets =
            asked().with(Field::Source, numbers(net(source))).with(Field::Destination, numbers(net(to)));
        walk(&Ruleset::default(), around, Sender::Outside, &packets).pop().unwrap().fate
    };
    let plain = around();
    for (source, to) in [
        ("198.51.100.2/32", "198.51.100.2/32"),
        ("127.0.0.9/32", "198.51.100.2/32"),
        ("203.0.113.9/32", "127.0.0.1/32"),
        ("0.1.2.3/32", "198.51.100.2/32"),
        ("224.0.0.1/32", "198.51.100.2/32"),
    ] {
        assert_eq!(from(&plain, source, to), Fate::Dropped, "{source} to {to}");
    }
    assert_eq!(from(&plain, "203.0.113.9/32", "198.51.100.2/32"), arrives());
    let mut lenient = around();
    lenient.interfaces[1].routes_localnet = true;
    assert_eq!(from(&lenient, "203.0.113.9/32", "127.0.0.1/32"), arrives());
    assert_eq!(from(&lenient, "198.51.100.2/32", "127.0.0.1/32"), Fate::Dropped);
    lenient.interfaces[1].accepts_local = true;
    assert_eq!(from(&lenient, "198.51.100.2/32", "127.0.0.1/32"), arrives());
}

#[test]
fn what_a_host_sends_itself_passes_output_and_comes_in_by_lo() {
    let by_lo = vec![is(Field::InInterface, 0), decide(Decision::Accept)];
    let input = input(Policy::Drop, vec![by_lo]);
    let output = chain(
        "out",
        base(Hook::Output, 0, Kind::Filter, Policy::Accept),
        vec![vec![ports(25, 25), decide(Decision::Reject)]],
    );
    let ruleset = Ruleset { chains: vec![input, output] };
    let fate = |port: u128| {
        let packets = asked().with(Field::DestinationPort, Intervals::one(port));
        walk(&ruleset, &around(), Sender::Host, &packets).pop().unwrap().fate
    };
    assert_eq!((fate(25), fate(26)), (Fate::Rejected, arrives()));
}

#[test]
fn what_a_host_sends_is_sent_on_where_it_leaves_and_nowhere_else() {
    let to_shop = || Target {
        address: Some(NewAddress::One(numbers(net("172.17.0.2/32")))),
        ports: Some(Intervals::one(80)),
    };
    let nat = |hook| {
        let rules = vec![vec![ports(8080, 8080), Step::Rewrite(to_shop())]];
        chain("nat", base(hook, -100, Kind::Nat, Policy::Accept), rules)
    };
    let fate = |nat: Chain| {
        let packets = asked().with(Field::DestinationPort, Intervals::one(8080));
        // Neither passed on nor let in.
        let forward = chain("f", base(Hook::Forward, 0, Kind::Filter, Policy::Drop), Vec::new());
        let by_docker0 = vec![is(Field::OutInterface, 2), decide(Decision::Accept)];
        let out = chain("p", base(Hook::Postrouting, 0, Kind::Filter, Policy::Drop), vec![by_docker0]);
        let ruleset = Ruleset { chains: vec![nat, forward, out] };
        walk(&ruleset, &around(), Sender::Host, &packets).pop().unwrap().fate
    };
    let there = Rewritten { address: Some(Intervals::one(0xac11_0002)), port: Some(Intervals::one(80)) };
    assert_eq!(fate(nat(Hook::Output)), Fate::Leaves(there));
    // By lo it would be dropped where it leaves; without that chain nothing sends it on.
    assert_eq!(fate(nat(Hook::Prerouting)), Fate::Dropped);
    let packets = asked().with(Field::DestinationPort, Intervals::one(8080));
    let ruleset = Ruleset { chains: vec![nat(Hook::Prerouting)] };
    let part = walk(&ruleset, &around(), Sender::Host, &packets).pop().unwrap();
    assert_eq!(part.fate, arrives());
}

#[test]
fn a_question_about_kinds_knows_this_hosts_addresses() {
    let kind = |kind| Step::Ask(Question::Kind(Field::Destination, vec![kind]));
    for (asked, holds) in
        [(AddressKind::Local, true), (AddressKind::Unicast, false), (AddressKind::Broadcast, false)]
    {
        let part = fate(vec![input(Policy::Drop, vec![vec![kind(asked), decide(Decision::Accept)]])], 5);
        assert_eq!(part.fate == arrives(), holds, "{asked:?}");
    }
    assert!(around().of_kind(AddressKind::Broadcast, Family::Ipv4).contains(0xac11_ffff));
}

#[test]
fn jumps_without_end_are_no_way_out() {
    let ring = chain("ring", None, vec![vec![decide(Decision::Jump(ChainId(1)))]]);
    let part = fate(vec![input(Policy::Accept, vec![vec![decide(Decision::Jump(ChainId(1)))]]), ring], 5);
    assert_eq!(part.fate, Fate::Dropped);
    let round = chain("round", None, vec![vec![decide(Decision::Goto(ChainId(1)))]]);
    let part = fate(vec![input(Policy::Accept, vec![vec![decide(Decision::Goto(ChainId(1)))]]), round], 5);
    assert_eq!(part.fate, Fate::Unknown);
}

/// The fate of one packet, as a reader of the rules would work it out, without sets.
mod one_by_one {
    use super::*;

    pub(super) fn holds(question: &Question, port: u128, protocol: u128) -> bool {
        match question {
            Question::Is(Field::DestinationPort, values) => values.contains(port),
            Question::Is(_, values) => values.contains(protocol),
            Question::Not(question) => !holds(question, port, protocol),
            Question::All(all) => all.iter().all(|question| holds(question, port, protocol)),
            other => panic!("{other:?} is not among the questions"),
        }
    }

    /// `None` where the chain ends, or returns.
    fn verdict(chains: &[Chain], chain: usize, port: u128, protocol: u128) -> Option<Decision> {
        for rule in &chains[chain].rules {
            let [Step::Ask(question), Step::Decide(decision)] = &rule.steps[..] else { unreachable!() };
            if !holds(question, port, protocol) {
                continue;
            }
            match decision {
                Decision::Jump(to) => match verdict(chains, to.0, port, protocol) {
                    None => {}
                    found => return found,
                },
                Decision::Goto(to) => return verdict(chains, to.0, port, protocol),
                Decision::Return => return None,
                other => return Some(other.clone()),
            }
        }
        None
    }

    pub(super) fn fate(chains: &[Chain], port: u128, protocol: u128) -> Fate {
        for (at, chain) in chains.iter().enumerate() {
            let Some(base) = &chain.base else { continue };
            match verdict(chains, at, port, protocol) {
                Some(Decision::Drop) => return Fate::Dropped,
                Some(Decision::Reject) => return Fate::Rejected,
                None if base.policy == Policy::Drop => return Fate::Dropped,
                _ => {}
            }
        }
        arrives()
    }
}

fn questions() -> impl Strategy<Value = Question> {
    let leaf = prop_oneof![
        (0_u128..20, 0_u128..6).prop_map(|(first, more)| {
            Question::Is(Field::DestinationPort, Intervals::span(first, first + more))
        }),
        prop_oneof![Just(TCP), Just(UDP)]
            .prop_map(|protocol| Question::Is(Field::Protocol, Intervals::one(protocol))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|question| Question::Not(Box::new(question))),
            prop::collection::vec(inner, 1..3).prop_map(Question::All),
        ]
    })
}

/// Two base chains that may lead to two others, the first of these to the second.
fn chains() -> impl Strategy<Value = Vec<Chain>> {
    let decisions = |to: &'static [usize]| {
        let mut all = vec![Decision::Accept, Decision::Drop, Decision::Reject, Decision::Return];
        all.extend(to.iter().map(|chain| Decision::Jump(ChainId(*chain))));
        all.extend(to.iter().map(|chain| Decision::Goto(ChainId(*chain))));
        prop::sample::select(all)
    };
    let rules = move |to| {
        let rule = (questions(), decisions(to))
            .prop_map(|(question, decision)| vec![Step::Ask(question), Step::Decide(decision)]);
        prop::collection::vec(rule, 0..5)
    };
    let policy = || prop_oneof![Just(Policy::Accept), Just(Policy::Drop)];
    (policy(), rules(&[2, 3]), policy(), rules(&[2, 3]), rules(&[3]), rules(&[])).prop_map(
        |(one, first, two, second, third, fourth)| {
            let hooked = |priority, policy| base(Hook::Input, priority, Kind::Filter, policy);
            vec![
                chain("a", hooked(0, one), first),
                chain("b", hooked(1, two), second),
                chain("c", None, third),
                chain("d", None, fourth),
            ]
        },
    )
}

proptest! {
    /// A set of packets fares as each of its packets does, and each is in exactly one part.
    #[test]
    fn sets_fare_as_their_packets_do(chains in chains()) {
        let packets = asked().with(Field::Protocol, Intervals::prefix(0, 8));
        let parts = walk(&Ruleset { chains: chains.clone() }, &around(), Sender::Outside, &packets);
        for port in 0..30 {
            for protocol in [TCP, UDP, 1] {
                let is_in = |part: &&Part| {
                    part.packets.of(Field::DestinationPort).contains(port)
                        && part.packets.of(Field::Protocol).contains(protocol)
                };
                let fates: Vec<_> = parts.iter().filter(is_in).map(|part| part.fate.clone()).collect();
                prop_assert_eq!(fates, vec![one_by_one::fate(&chains, port, protocol)]);
            }
        }
    }
}

#[test]
fn rules_that_only_ask_do_not_double_the_ways() {
    let log = vec![Step::Ask(Question::Unknown), Step::Ask(Question::Rate(Rate::Within))];
    let mut rules = vec![log; 200];
    rules.push(vec![ports(22, 22), decide(Decision::Accept)]);
    let part = fate(vec![input(Policy::Drop, rules)], 22);
    assert_eq!((part.fate, part.decided_by, part.is_rate_limited), (arrives(), vec![place(0, 200)], false));
}

#[test]
fn what_comes_in_leaves_by_no_interface_and_what_is_sent_came_by_none() {
    let by_out = vec![is(Field::OutInterface, 2), decide(Decision::Accept)];
    assert_eq!(fate(vec![input(Policy::Drop, vec![by_out])], 22).fate, Fate::Dropped);
    let output = |field, interface: usize| {
        let rules = vec![vec![is(field, interface as u128), decide(Decision::Drop)]];
        let output = chain("out", base(Hook::Output, 0, Kind::Filter, Policy::Accept), rules);
        walk(&Ruleset { chains: vec![output] }, &around(), Sender::Host, &asked()).pop().unwrap().fate
    };
    assert_eq!(output(Field::InInterface, 1), arrives());
    assert_eq!(output(Field::OutInterface, 0), Fate::Dropped, "to one of its own addresses it goes by lo");
}

#[test]
fn a_redirect_of_what_this_host_sends_goes_to_loopback() {
    let target = Target { address: Some(NewAddress::Own), ports: Some(Intervals::one(80)) };
    let rules = vec![vec![Step::Rewrite(target)]];
    let output = chain("out", base(Hook::Output, -100, Kind::Nat, Policy::Accept), rules);
    let part = walk(&Ruleset { chains: vec![output] }, &around(), Sender::Host, &asked()).pop().unwrap();
    let there = Rewritten { address: Some(Intervals::one(0x7f00_0001)), port: Some(Intervals::one(80)) };
    assert_eq!(part.fate, Fate::Arrives(there));
}

#[test]
fn some_bits_of_a_mark_come_from_another() {
    let mixed = Value::Mixed { keep: 0xf0, from: Field::ConnectionMark, take: 0x0f };
    let rules = vec![
        vec![Step::Set(Field::Mark, Value::Number(0x5a))],
        vec![Step::Set(Field::ConnectionMark, Value::Number(0x33))],
        vec![Step::Set(Field::Mark, mixed)],
        vec![is(Field::Mark, 0x53), decide(Decision::Accept)],
    ];
    assert_eq!(fate(vec![input(Policy::Drop, rules)], 22).fate, arrives());
}

/// What a trace says, a word or two a step, each with the number of the step before it.
fn told(chains: Vec<Chain>, port: u128) -> Vec<(Option<usize>, usize, String)> {
    let packets = asked().with(Field::DestinationPort, Intervals::one(port));
    let ruleset = Ruleset { chains };
    let trace = trace(&ruleset, &around(), Sender::Outside, &packets);
    assert_eq!(trace.parts, walk(&ruleset, &around(), Sender::Outside, &packets));
    let rule = |place: Place| alloc::format!("{}.{}", place.chain.0, place.rule.unwrap());
    let word = |met: &Met| match met {
        Met::Chain(chain) => alloc::format!("chain {}", chain.0),
        Met::Idle(place) => alloc::format!("{} idle", rule(*place)),
        Met::NotHeld(place, certainty) => alloc::format!("{} no {certainty:?}", rule(*place)),
        Met::Supposed(place, certainty) => alloc::format!("{} yes {certainty:?}", rule(*place)),
        Met::Did(place, Effect::Decided(decision)) => alloc::format!("{} {decision:?}", rule(*place)),
        Met::Did(place, Effect::SentOn(_)) => alloc::format!("{} sent on", rule(*place)),
        Met::Did(place, effect) => alloc::format!("{} {effect:?}", rule(*place)),
        Met::Policy(chain) => alloc::format!("policy {}", chain.0),
        Met::Routed(direction) => alloc::format!("{direction:?}"),
        Met::End(part) => match part.fate {
            Fate::Arrives(_) => "arrives".into(),
            Fate::Leaves(_) => "leaves".into(),
            ref fate => alloc::format!("{fate:?}"),
        },
    };
    trace.steps.iter().map(|step| (step.after, step.depth, word(&step.met))).collect()
}

fn line(after: Option<usize>, depth: usize, word: &str) -> (Option<usize>, usize, String) {
    (after, depth, word.into())
}

#[test]
fn a_trace_tells_each_rule_on_the_way() {
    let target = Target { address: Some(NewAddress::One(numbers(net("172.17.0.2/32")))), ports: None };
    let dnat = chain(
        "dnat",
        base(Hook::Prerouting, -100, Kind::Nat, Policy::Accept),
        vec![vec![ports(80, 80), decide(Decision::Return)], vec![Step::Rewrite(target)]],
    );
    let sub = chain(
        "sub",
        None,
        vec![vec![Step::Ask(Question::Rate(Rate::Within))], vec![ports(9, 9), decide(Decision::Drop)]],
    );
    let mark = vec![Step::Set(Field::Mark, Value::Number(1))];
    let rules = vec![mark, vec![decide(Decision::Jump(ChainId(1)))]];
    let forward = chain("forward", base(Hook::Forward, 0, Kind::Filter, Policy::Accept), rules);
    assert_eq!(
        told(vec![dnat, sub, forward], 8080),
        [
            line(None, 0, "chain 0"),
            line(Some(0), 1, "0.0 no Certain"),
            line(Some(1), 1, "0.1 sent on"),
            line(Some(2), 0, "On(Some(2))"),
            line(Some(3), 0, "chain 2"),
            line(Some(4), 1, "2.0 Changed(Mark)"),
            line(Some(5), 1, "2.1 Jump(ChainId(1))"),
            line(Some(6), 2, "1.0 idle"),
            line(Some(7), 2, "1.1 no Certain"),
            line(Some(8), 0, "policy 2"),
            line(Some(9), 0, "leaves"),
        ]
    );
}

#[test]
fn a_trace_goes_both_ways_from_what_nobody_can_tell() {
    let rules = vec![vec![Step::Ask(Question::Unknown), decide(Decision::Accept)]];
    assert_eq!(
        told(vec![input(Policy::Drop, rules)], 22),
        [
            line(None, 0, "Here"),
            line(Some(0), 0, "chain 0"),
            line(Some(1), 1, "0.0 yes Unknown"),
            line(Some(1), 1, "0.0 no Unknown"),
            line(Some(2), 1, "0.0 Accept"),
            line(Some(4), 0, "arrives"),
            line(Some(3), 0, "policy 0"),
            line(Some(6), 0, "Dropped"),
        ]
    );
}

/// Both ways from the first rule come to the second one with the same packets: a trace goes on from there twice.
#[test]
fn a_trace_tells_the_same_doubts_where_ways_meet_again() {
    let unknown = |decision| vec![Step::Ask(Question::Unknown), decide(decision)];
    let rules = [Decision::Jump(ChainId(1)), Decision::Accept, Decision::Accept].map(unknown).to_vec();
    let idle = chain("idle", None, vec![vec![is(Field::Mark, 1), decide(Decision::Drop)]]);
    let chains = vec![input(Policy::Drop, rules), idle];
    told(chains.clone(), 22);
    let part = fate(chains, 22);
    assert_eq!((part.fate, part.decided_by), (Fate::Unknown, vec![place(0, 1), place(0, 2)]));
    assert_eq!(part.doubts, [place(0, 1), place(0, 2)]);
}

#[test]
fn a_trace_parts_where_packets_do() {
    let rules = vec![vec![is(Field::Source, 0xcb00_7105), decide(Decision::Accept)]];
    let told = told(vec![input(Policy::Drop, rules)], 22);
    let after: Vec<_> = told.iter().filter(|step| step.0 == Some(1)).map(|step| step.2.as_str()).collect();
    assert_eq!(after, ["0.0 no Certain", "0.0 Accept"]);
}

#[test]
fn a_trace_tells_within_and_beyond_a_rate_apart() {
    let rules = vec![vec![Step::Ask(Question::Rate(Rate::Beyond)), decide(Decision::Drop)]];
    let told = told(vec![input(Policy::Accept, rules)], 22);
    let after: Vec<_> = told.iter().filter(|step| step.0 == Some(1)).map(|step| step.2.as_str()).collect();
    assert_eq!(after, ["0.0 yes Rate(Beyond)", "0.0 no Rate(Beyond)"]);
}

#[test]
fn a_trace_goes_in_each_order_that_chains_may_be_asked_in() {
    let refuses = |decision| input(Policy::Accept, vec![vec![decide(decision)]]);
    let told = told(vec![refuses(Decision::Drop), made(2, 1, refuses(Decision::Reject))], 22);
    let after: Vec<_> = told.iter().filter(|step| step.0 == Some(0)).map(|step| step.2.as_str()).collect();
    assert_eq!(told[0].2, "Here");
    assert_eq!(after, ["chain 1", "chain 0"]);
}

/// Before packets are tracked they have no connection that could be marked, and once they are none of them is taken out of it.
#[test]
fn a_connection_is_marked_once_there_is_one_and_left_before() {
    let pre = |priority, step| {
        let rules = vec![vec![step]];
        chain("pre", base(Hook::Prerouting, priority, Kind::Filter, Policy::Accept), rules)
    };
    let mark = |priority| pre(priority, Step::Set(Field::ConnectionMark, Value::Number(7)));
    let marked = || input(Policy::Accept, vec![vec![is(Field::ConnectionMark, 7), decide(Decision::Drop)]]);
    let of_mark = |priority| {
        let packets = asked().with(Field::ConnectionMark, Intervals::one(0));
        let packets = packets.only(Field::DestinationPort, &Intervals::one(22)).unwrap();
        let ruleset = Ruleset { chains: vec![mark(priority), marked()] };
        walk(&ruleset, &around(), Sender::Outside, &packets).pop().unwrap().fate
    };
    // At the priority of tracking itself it hangs on who was hooked in last.
    assert_eq!((of_mark(-300), of_mark(-200), of_mark(-150)), (arrives(), Fate::Unknown, Fate::Dropped));
    let untracked = State::Untracked.number();
    let out = || input(Policy::Accept, vec![vec![is(Field::State, untracked), decide(Decision::Drop)]]);
    let of_notrack = |priority| fate(vec![pre(priority, Step::Untrack), out()], 22).fate;
    let fates = (of_notrack(-300), of_notrack(-200), of_notrack(-150));
    assert_eq!(fates, (Fate::Dropped, Fate::Unknown, arrives()));
    let late =
        vec![chain("late", base(Hook::Input, -300, Kind::Filter, Policy::Accept), vec![vec![Step::Untrack]])];
    assert_eq!(fate(late.into_iter().chain([out()]).collect(), 22).fate, arrives());
}

/// Rules that come after a translation of the source ask for one that nobody here knows, and those of others are none of it.
#[test]
fn a_source_that_is_changed_cannot_be_told_after() {
    let changed = || {
        let rules = vec![vec![Step::ChangeSource, decide(Decision::Accept)]];
        chain("changed", base(Hook::Input, 100, Kind::Nat, Policy::Accept), rules)
    };
    let by_source = |priority| {
        let rules = vec![vec![is(Field::Source, 0xcb00_7105), decide(Decision::Drop)]];
        chain("late", base(Hook::Input, priority, Kind::Filter, Policy::Accept), rules)
    };
    let told = |priority| {
        let packets = asked().with(Field::Source, Intervals::one(0xcb00_7105));
        let packets = packets.only(Field::DestinationPort, &Intervals::one(22)).unwrap();
        let ruleset = Ruleset { chains: vec![changed(), by_source(priority)] };
        walk(&ruleset, &around(), Sender::Outside, &packets).pop().unwrap().fate
    };
    assert_eq!((told(200), told(0)), (Fate::Unknown, Fate::Dropped));
    let by_status = |priority| {
        let rules = vec![vec![is(Field::Status, 0x10), decide(Decision::Drop)]];
        chain("late", base(Hook::Input, priority, Kind::Filter, Policy::Accept), rules)
    };
    let parts =
        walk(&Ruleset { chains: vec![changed(), by_status(200)] }, &around(), Sender::Outside, &asked());
    assert!(parts.iter().any(|part| part.fate == Fate::Unknown), "nor whether it was");
    // Whatever it is now, each part tells the source that was sent.
    let ruleset = Ruleset { chains: vec![by_source(0), changed()] };
    let parts = walk(&ruleset, &around(), Sender::Outside, &asked());
    let arrived = parts.iter().filter(|part| part.fate == arrives());
    let sources = arrived.fold(Intervals::none(), |all, part| all.or(part.packets.of(Field::Source)));
    assert!(!sources.contains(0xcb00_7105) && !sources.is_empty());
}
