//! What real programs' rules, as iptables and ipset save them, do to packets (A15, A17).

use std::{fs, path::PathBuf};

use portreeve_core::{
    address::Family,
    firewall::{
        Fate, Field, Interface, Intervals, NO_INTERFACE, Packets, Part, Place, Question, Rewritten, Route,
        Rule, Ruleset, Sender, State, Step, Surroundings, ipset, iptables, number, walk,
    },
};

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/firewall/iptables").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A host with the world at `wan0`, an office at `lan0` and containers at `docker0` and `cni0`.
fn around() -> Surroundings {
    let interface = |name: &str, networks: &[&str]| Interface {
        name: name.into(),
        networks: networks.iter().map(|network| network.parse().expect("a network")).collect(),
        ..Interface::default()
    };
    let route = |to: &str, interface| Route {
        to: to.parse().expect("a network"),
        interface: Some(interface),
        ..Route::default()
    };
    Surroundings {
        interfaces: [
            interface("lo", &["127.0.0.1/8", "::1/128"]),
            interface("wan0", &["198.51.100.2/24", "2001:db8::2/64"]),
            interface("lan0", &["10.0.0.1/8", "2001:db8:1::1/64"]),
            interface("docker0", &["172.17.0.1/16"]),
            interface("cni0", &["10.244.0.1/24"]),
            interface("veth1", &[]),
        ]
        .into(),
        routes: [
            route("198.51.100.0/24", 1),
            route("10.0.0.0/8", 2),
            route("172.17.0.0/16", 3),
            route("10.244.0.0/24", 4),
            route("0.0.0.0/0", 1),
            route("2001:db8::/64", 1),
            route("2001:db8:1::/64", 2),
            route("::/0", 1),
        ]
        .into(),
        forwards: [true, true],
        ..Surroundings::default()
    }
}

struct Host(Ruleset);

impl Host {
    fn of(name: &str, family: Family, sets: &str) -> Self {
        let sets =
            ipset::read(&if sets.is_empty() { String::new() } else { text(sets) }).expect("what ipset saved");
        let mut ruleset = Ruleset::default();
        iptables::read(&text(name), family, &around(), &sets, &mut ruleset).expect("what iptables saved");
        Self(ruleset)
    }

    /// What becomes of a new connection: `22/tcp`, `53/udp`, or `ping`, from an address at an interface to another.
    fn part(&self, interface: &str, from: &str, to: &str, port: &str) -> Part {
        self.parts(&asked(interface, from, to, port))
    }

    fn parts(&self, packets: &Packets) -> Part {
        let mut parts = walk(&self.0, &around(), Sender::Outside, packets);
        assert_eq!(parts.len(), 1, "{parts:#?}");
        parts.remove(0)
    }

    fn fate(&self, interface: &str, from: &str, to: &str, port: &str) -> Fate {
        self.part(interface, from, to, port).fate
    }

    /// The text of the rule that decided last, or the name of the chain whose policy did.
    fn decided(&self, part: &Part) -> &str {
        let Some(&Place { chain, rule }) = part.decided_by.last() else { return "nothing" };
        let chain = &self.0.chains[chain.0];
        rule.map_or(&chain.name, |rule| &chain.rules[rule].text)
    }
}

fn asked(interface: &str, from: &str, to: &str, port: &str) -> Packets {
    let (from, to) = (from.parse().expect("an address"), to.parse().expect("an address"));
    let family = if matches!(from, std::net::IpAddr::V4(_)) { Family::Ipv4 } else { Family::Ipv6 };
    let interface = around().interface(interface).expect("an interface of the host") as u128;
    let one = |packets: Packets, (field, number): (Field, u128)| packets.with(field, Intervals::one(number));
    let all = [
        (Field::InInterface, interface),
        (Field::Source, number(from)),
        (Field::Destination, number(to)),
        (Field::State, State::New.number()),
        (Field::Direction, 0),
        (Field::Status, 0),
        (Field::Mark, 0),
        (Field::ConnectionMark, 0),
        (Field::SourcePort, 40_000),
    ];
    let packets = all.into_iter().fold(Packets::all(family), one);
    let fields = match port.split_once('/') {
        Some((port, protocol)) => {
            let protocol = if protocol == "tcp" { 6 } else { 17 };
            vec![
                (Field::Protocol, protocol),
                (Field::DestinationPort, port.parse().expect("a number")),
                (Field::TcpFlags, 2),
            ]
        }
        None if family == Family::Ipv4 => {
            vec![(Field::Protocol, 1), (Field::IcmpType, 8), (Field::IcmpCode, 0)]
        }
        None => vec![(Field::Protocol, 58), (Field::IcmpType, 128), (Field::IcmpCode, 0)],
    };
    fields.into_iter().fold(packets, one)
}

fn arrives() -> Fate {
    Fate::Arrives(Rewritten { address: None, port: None })
}

fn leaves_for(address: &str, port: u128) -> Fate {
    let address = Intervals::one(number(address.parse().expect("an address")));
    Fate::Leaves(Rewritten { address: Some(address), port: Some(Intervals::one(port)) })
}

const WORLD: &str = "203.0.113.9";
const HOST: &str = "198.51.100.2";

#[test]
fn ufw_lets_in_what_it_was_told_to() {
    let host = Host::of("ufw.txt", Family::Ipv4, "");
    let world = |port: &str| host.part("wan0", WORLD, HOST, port);
    for (port, fate, rule) in [
        ("22/tcp", arrives(), "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT"),
        ("23/tcp", Fate::Dropped, "INPUT"),
        ("22/udp", Fate::Dropped, "INPUT"),
        ("8080/tcp", Fate::Dropped, "-A ufw-user-input -p tcp -m tcp --dport 8080 -j DROP"),
        (
            "25/tcp",
            Fate::Rejected,
            "-A ufw-user-input -p tcp -m tcp --dport 25 -j REJECT --reject-with tcp-reset",
        ),
        ("60050/udp", arrives(), "-A ufw-user-input -p udp -m multiport --dports 60000:60100 -j ACCEPT"),
        ("443/tcp", arrives(), "-A ufw-user-input -i wan0 -p tcp -m tcp --dport 443 -j ACCEPT"),
        ("5432/tcp", Fate::Dropped, "INPUT"),
        ("137/udp", Fate::Dropped, "-A ufw-skip-to-policy-input -j DROP"),
        ("ping", arrives(), "-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT"),
    ] {
        let part = world(port);
        assert_eq!((&part.fate, host.decided(&part)), (&fate, rule), "{port}");
        assert!(!part.is_rate_limited && part.doubts.is_empty(), "{port} {part:?}");
    }
    assert_eq!(host.fate("lan0", "10.9.9.9", HOST, "5432/tcp"), arrives());
    assert_eq!(host.fate("lan0", "10.9.9.9", HOST, "443/tcp"), Fate::Dropped);
    // `ufw limit`: open, until somebody comes too often.
    let limited = world("2222/tcp");
    assert_eq!((limited.fate, limited.is_rate_limited), (arrives(), true));
    // Nothing of what others' conversations are is let through.
    assert_eq!(host.fate("wan0", WORLD, "10.0.0.5", "22/tcp"), Fate::Dropped);
    let answer =
        asked("wan0", WORLD, HOST, "23/tcp").with(Field::State, Intervals::one(State::Established.number()));
    assert_eq!(host.parts(&answer).fate, arrives());
}

#[test]
fn ufw_knows_every_port_of_ipv6_too() {
    let host = Host::of("ufw6.txt", Family::Ipv6, "");
    let fate = |port: &str| host.fate("wan0", "2001:db8:9::9", "2001:db8::2", port);
    assert_eq!(fate("22/tcp"), arrives());
    assert_eq!(fate("23/tcp"), Fate::Dropped);
    assert_eq!(fate("25/tcp"), Fate::Rejected);
    assert_eq!(fate("ping"), arrives());
    // Neighbour discovery with a hop limit that nobody can tell.
    let solicitation =
        asked("wan0", "2001:db8::9", "2001:db8::2", "ping").with(Field::IcmpType, Intervals::one(135));
    assert_eq!(host.parts(&solicitation).fate, Fate::Unknown);
}

#[test]
fn every_port_at_once_is_a_few_parts() {
    let host = Host::of("ufw.txt", Family::Ipv4, "");
    let all = asked("wan0", WORLD, HOST, "1/tcp").with(Field::DestinationPort, Intervals::prefix(0, 16));
    let parts = walk(&host.0, &around(), Sender::Outside, &all);
    let open = parts.iter().filter(|part| part.fate == arrives());
    let open = open.fold(Intervals::none(), |all, part| all.or(part.packets.of(Field::DestinationPort)));
    let expected = [22, 443, 2222].map(Intervals::one).iter().fold(Intervals::none(), |all, one| all.or(one));
    assert_eq!(open, expected);
    assert!(parts.iter().all(|part| part.fate != Fate::Unknown));
}

#[test]
fn docker_goes_round_ufw() {
    let host = Host::of("docker-and-ufw.txt", Family::Ipv4, "");
    let published = host.part("wan0", WORLD, HOST, "8080/tcp");
    assert_eq!(published.fate, leaves_for("172.17.0.2", 80));
    assert_eq!(
        host.decided(&published),
        "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT"
    );
    // One that is published for this host alone.
    assert_eq!(host.fate("wan0", WORLD, HOST, "9090/tcp"), Fate::Dropped);
    let scraper = host.part("wan0", "203.0.113.66", HOST, "8080/tcp");
    let rule = "-A DOCKER-USER -s 203.0.113.66/32 -m comment --comment \"no \\\"scraper\\\" here\" -j DROP";
    assert_eq!((&scraper.fate, host.decided(&scraper)), (&Fate::Dropped, rule));
    // The container's own address, by a route: its port is as open as the published one.
    assert_eq!(
        host.fate("wan0", WORLD, "172.17.0.2", "80/tcp"),
        Fate::Leaves(Rewritten { address: None, port: None })
    );
    assert_eq!(host.fate("wan0", WORLD, "172.17.0.2", "81/tcp"), Fate::Dropped);
    // A container may go out, and may not use a published port of its own host this way.
    assert_eq!(
        host.fate("docker0", "172.17.0.2", "192.0.2.7", "443/tcp"),
        Fate::Leaves(Rewritten { address: None, port: None })
    );
    assert_eq!(host.fate("docker0", "172.17.0.3", HOST, "8080/tcp"), Fate::Dropped);
    assert_eq!(host.fate("wan0", WORLD, HOST, "22/tcp"), arrives());
}

#[test]
fn a_host_itself_reaches_what_docker_publishes() {
    let host = Host::of("docker-and-ufw.txt", Family::Ipv4, "");
    let own = asked("lo", HOST, HOST, "8080/tcp").with(Field::InInterface, Intervals::one(NO_INTERFACE));
    let parts = walk(&host.0, &around(), Sender::Host, &own);
    assert_eq!(parts.len(), 1, "{parts:#?}");
    assert_eq!(parts[0].fate, leaves_for("172.17.0.2", 80));
}

#[test]
fn a_cluster_sends_a_nodes_port_to_one_of_its_pods() {
    let host = Host::of("kube-legacy.txt", Family::Ipv4, "");
    for (to, port) in [(HOST, "30080/tcp"), ("10.96.0.20", "80/tcp")] {
        let part = host.part("wan0", WORLD, to, port);
        // Chance decides which of the two it is.
        let pods = Intervals::span(0x0af4_0005, 0x0af4_0006);
        let one_of_them = Rewritten { address: Some(pods), port: Some(Intervals::one(8080)) };
        assert_eq!((part.fate, part.is_rate_limited), (Fate::Leaves(one_of_them), false), "{to}");
    }
    // A service without endpoints is marked, and marked packets are dropped only where they come in.
    assert_eq!(host.fate("wan0", WORLD, "10.96.0.21", "80/tcp"), Fate::Dropped);
    assert_eq!(host.fate("wan0", WORLD, HOST, "22/tcp"), arrives());
    assert_eq!(host.fate("wan0", WORLD, "10.244.0.5", "8080/tcp"), Fate::Dropped, "no rule passes it on");
    let martian = host.part("wan0", WORLD, "127.0.0.1", "10250/tcp");
    assert_eq!(martian.fate, Fate::Dropped);
    // A pod with another's address: the answer would not go back to it.
    assert_eq!(host.fate("cni0", "203.0.113.9", HOST, "22/tcp"), Fate::Dropped);
    assert_eq!(host.fate("cni0", "10.244.0.9", HOST, "22/tcp"), arrives());
}

#[test]
fn zones_are_chains_that_are_gone_to() {
    let host = Host::of("zones6.txt", Family::Ipv6, "");
    let world = |port: &str| host.fate("wan0", "2001:db8:9::9", "2001:db8::2", port);
    assert_eq!(world("22/tcp"), arrives());
    assert_eq!(world("445/tcp"), Fate::Rejected);
    assert_eq!(world("ping"), arrives());
    let office = |port: &str| host.fate("lan0", "2001:db8:1::9", "2001:db8:1::1", port);
    assert_eq!([office("445/tcp"), office("8005/tcp")], [arrives(), arrives()]);
    assert_eq!(office("22/tcp"), Fate::Rejected, "goto does not come back to the other zone");
    assert_eq!(office("5353/udp"), Fate::Rejected, "to one, and not to a group");
    let forged = host.part("wan0", "2001:db8:1::9", "2001:db8:1::1", "445/tcp");
    assert_eq!(forged.fate, Fate::Dropped);
    assert_eq!(host.decided(&forged), "-A PREROUTING -m rpfilter --validmark --invert -j DROP");
}

#[test]
fn sets_decide_as_their_elements_say() {
    let host = Host::of("sets.txt", Family::Ipv4, "sets.ipset.txt");
    for (from, port, fate) in [
        // Banned by fail2ban.
        ("203.0.113.9", "22/tcp", Fate::Rejected),
        ("203.0.113.11", "22/tcp", Fate::Dropped),
        // The office, without its guests, with one of these.
        ("192.0.2.5", "22/tcp", arrives()),
        ("192.0.2.130", "22/tcp", Fate::Dropped),
        ("192.0.2.200", "22/tcp", arrives()),
        // Ports for everybody but one.
        ("203.0.113.9", "443/tcp", arrives()),
        ("203.0.113.77", "443/tcp", Fate::Rejected),
        ("203.0.113.77", "6003/udp", arrives()),
        ("203.0.113.9", "6004/tcp", Fate::Dropped),
        // Partners, each with a port.
        ("198.18.1.1", "8443/tcp", arrives()),
        ("198.18.7.1", "8443/tcp", Fate::Dropped),
        ("198.18.1.1", "8443/udp", Fate::Dropped),
        ("203.0.113.5", "500/udp", arrives()),
        ("198.18.7.1", "ping", arrives()),
        ("203.0.113.5", "ping", Fate::Dropped),
        // None of two sets.
        ("203.0.113.9", "7000/tcp", Fate::Dropped),
        ("192.0.2.5", "7000/tcp", Fate::Dropped),
        ("192.0.2.130", "7000/tcp", arrives()),
        // By where they come in.
        ("203.0.113.9", "7001/tcp", arrives()),
        ("10.0.0.9", "7001/tcp", Fate::Dropped),
        ("203.0.113.20", "9000/tcp", arrives()),
        ("203.0.113.21", "9000/tcp", Fate::Dropped),
        // Nobody is in an empty set, and nobody where fewer fields are looked up than it has.
        ("203.0.113.9", "7002/tcp", arrives()),
        ("198.18.1.1", "7003/tcp", Fate::Dropped),
    ] {
        assert_eq!(host.fate("wan0", from, HOST, port), fate, "{from} {port}");
    }
    assert_eq!(host.fate("veth1", "10.0.0.9", HOST, "7001/tcp"), arrives());
    // Without the sets nobody can tell, where the rules ask for them.
    let blind = Host::of("sets.txt", Family::Ipv4, "");
    assert_eq!(blind.fate("wan0", WORLD, HOST, "22/tcp"), Fate::Unknown);
    assert_eq!(blind.fate("lo", "127.0.0.1", "127.0.0.1", "9999/tcp"), arrives());
}

/// The matches of which nobody can tell whether they hold, by what else a rule with one says.
const UNKNOWN: &[&str] = &[
    "--tcp-option",
    "--chunk-types",
    "--ctexpire",
    "-m mac ",
    "--packets-gt",
    "-m length ",
    "-m time ",
    "-m u32 ",
    "-m string ",
    "-m socket ",
    "-m helper ",
    "-m policy ",
    "-m tos ",
    "-m dscp ",
    "-m bpf ",
    "-m devgroup ",
    "-m connlabel ",
    "-m cluster ",
    "-m connbytes ",
    "-m ttl ",
    "-m owner ",
    "-m hl ",
    "-m ipv6header ",
    "-m eui64",
    "--match-set",
    "--ctstatus NONE --ctexpire",
];

const RATES: &[&str] =
    &["-m limit ", "-m hashlimit ", "-m connlimit ", "-m statistic ", "-m quota ", "--hitcount "];

#[test]
fn a_rule_of_every_kind_is_understood_or_known_not_to_be() {
    let asks = |rule: &Rule, question: &Question| rule.steps.contains(&Step::Ask(question.clone()));
    for (name, family) in [("every.txt", Family::Ipv4), ("every6.txt", Family::Ipv6)] {
        let host = Host::of(name, family, "");
        let rules: Vec<_> = host.0.chains.iter().flat_map(|chain| &chain.rules).collect();
        assert!(rules.len() > 80, "{}", rules.len());
        for rule in rules {
            let has = |words: &[&str]| words.iter().any(|word| rule.text.contains(word));
            // What is nested in another question is not looked for here.
            let is_nested = rule.text.contains("--ctexpire")
                || rule.text.contains("--validmark")
                || rule.text.contains("--physdev");
            if !is_nested {
                assert_eq!(asks(rule, &Question::Unknown), has(UNKNOWN), "{} {:?}", rule.text, rule.steps);
            }
            assert_eq!(
                rule.steps.iter().any(|step| matches!(step, Step::Ask(Question::Rate(_)))),
                has(RATES),
                "{} {:?}",
                rule.text,
                rule.steps
            );
            let decides = Step::Decide(portreeve_core::firewall::Decision::Queue);
            let is_open = has(&["NFQUEUE", "TPROXY"]);
            assert_eq!(rule.steps.contains(&decides), is_open, "{} {:?}", rule.text, rule.steps);
        }
    }
}

#[test]
fn sets_of_every_kind_that_the_kernel_made_are_understood() {
    let sets = ipset::read(&text("kinds.ipset.txt")).unwrap();
    let sides = [ipset::Side::Source, ipset::Side::Destination, ipset::Side::Destination];
    for name in ["a", "b", "c", "d", "e", "g", "h", "h2", "i", "j", "k", "l", "skb"] {
        let question = sets.question(name, &sides, Family::Ipv4, &around());
        assert_ne!(question, Question::Unknown, "{name}");
        assert_ne!(question, Question::Any(Vec::new()), "{name}");
    }
    for name in ["q", "r"] {
        assert_ne!(sets.question(name, &sides, Family::Ipv6, &around()), Question::Unknown, "{name}");
    }
    assert_eq!(sets.question("ab", &sides, Family::Ipv4, &around()), Question::Unknown, "a mask with holes");
}
