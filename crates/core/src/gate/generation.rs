//! The sets and chains of a gate: what it lets in, as rules (A14, A15, A16).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{
    Closed, Declared, Destination, Gate, InterfacePattern, JUDGED, Openings, Ports, Receivers, Sources, Zone,
    body::{Body, Hook, Is, Match, Name, Rule, Set, SetKind, Verdict, refused},
};
use crate::{
    address::Family,
    firewall::{Interval, numbers},
    port::{PortRange, Protocol},
};

/// ICMP and ICMPv6 (IANA, Assigned Internet Protocol Numbers).
const CONTROL: [u8; 2] = [1, 58];
/// How the names of the sets of closed ports begin.
pub(super) const CLOSED: &str = "closed";
/// How those of the sets begin of ports that lead into containers.
pub(super) const PUBLISHED: &str = "published";

impl From<&Gate> for Body {
    fn from(gate: &Gate) -> Self {
        match gate {
            Gate::Declared(declared) => of_declared(declared),
            Gate::Closed(closed) => of_closed(closed),
        }
    }
}

fn of_declared(gate: &Declared) -> Body {
    let published = published(&gate.published, &gate.inside);
    let mut sets = sets("world", &gate.world);
    sets.extend(gate.zones.iter().flat_map(sets_of_zone));
    sets.extend(self::sets(PUBLISHED, &published));
    let mut chains = BTreeMap::new();
    for hook in Hook::ALL {
        let mut rules = before(gate, hook);
        // What is sent on passes by the interface alone.
        if hook == Hook::Input {
            rules.extend(among(&gate.inside, passing(PUBLISHED, &published, hook)));
        }
        rules.extend(passing("world", &gate.world, hook));
        rules.extend(gate.zones.iter().flat_map(|zone| leading(zone, hook)));
        rules.push(Rule { matches: Vec::new(), verdict: goto(refused(gate.refusal)) });
        chains.insert(hook.name().into(), rules);
        let of_zone = |zone: &Zone| (format!("{}{}", zone.name, hook.ending()), rules_of_zone(zone, hook));
        chains.extend(gate.zones.iter().map(of_zone));
    }
    Body { sets, zones: gate.zones.iter().map(|zone| zone.name.to_string()).collect(), chains }
}

/// What is judged in another way, or not at all.
fn before(gate: &Declared, hook: Hook) -> Vec<Rule> {
    let first = match hook {
        Hook::Input => Some(Rule {
            matches: vec![Match::Transport(Is::AmongThem, CONTROL.into())],
            verdict: goto("control"),
        }),
        Hook::Forward if gate.inside.is_empty() => None,
        Hook::Forward => Some(Rule { matches: vec![by(&gate.inside)], verdict: Verdict::Accept }),
    };
    let judged = JUDGED.map(Protocol::number).into_iter();
    let judged = judged.chain(gate.closed.iter().map(|protocol| protocol.number()));
    let others = Match::Transport(Is::NoneOfThem, judged.collect());
    let rest = Rule { matches: vec![others], verdict: Verdict::Accept };
    first.into_iter().chain([rest]).collect()
}

fn of_closed(gate: &Closed) -> Body {
    let published = published(&gate.published, &gate.inside);
    let mut chains = BTreeMap::new();
    for hook in Hook::ALL {
        let mut rules: Vec<Rule> = spared(&gate.inside, &published, hook).collect();
        for (protocol, _) in gate.ports.iter() {
            let set = Name::Own(format!("{CLOSED}_{protocol}"));
            // A port that leads to another one of this host is closed by the number that was asked for, too.
            let ways: &[Hook] =
                if hook == Hook::Input { &[Hook::Input, Hook::Forward] } else { &[Hook::Forward] };
            rules.extend(ways.iter().map(|way| Rule {
                matches: asking(&set, protocol, *way),
                verdict: goto(refused(gate.refusal)),
            }));
        }
        chains.insert(hook.name().into(), rules);
    }
    let closed = sets_of_ports(CLOSED, &gate.ports);
    let sets = closed.chain(sets_of_ports(PUBLISHED, &published)).collect();
    Body { sets, zones: Vec::new(), chains }
}

/// The rules by which containers get to published ports that are closed to others: through a forwarder of the engine's
/// (input), or sent on by a rule (forward).
fn spared(inside: &[InterfacePattern], published: &Ports, hook: Hook) -> impl Iterator<Item = Rule> {
    let rules = published.iter().map(move |(protocol, _)| {
        let set = Name::Own(format!("{PUBLISHED}_{protocol}"));
        Rule { matches: asking(&set, protocol, hook), verdict: Verdict::Accept }
    });
    among(inside, rules)
}

/// The same rules for what comes in by one of these interfaces alone.
fn among(inside: &[InterfacePattern], rules: impl IntoIterator<Item = Rule>) -> impl Iterator<Item = Rule> {
    rules.into_iter().map(|Rule { matches, verdict }| {
        let matches = [by(inside)].into_iter().chain(matches).collect();
        Rule { matches, verdict }
    })
}

/// What is published, where there is somebody to whom it is no others'.
fn published<T: Clone + Default>(published: &T, inside: &[InterfacePattern]) -> T {
    if inside.is_empty() { T::default() } else { published.clone() }
}

/// The sets of each destination: none of them has more than one field, as intervals of several are slow (pipapo).
fn sets(owner: &str, openings: &Openings) -> Vec<Set> {
    let of = |(at, (_, ports))| sets_of_ports(&numbered(owner, at), ports).collect::<Vec<_>>();
    openings.iter().enumerate().flat_map(of).collect()
}

fn sets_of_ports<'a>(name: &str, ports: &'a Ports) -> impl Iterator<Item = Set> + use<'a> {
    let name: String = name.into();
    let interval = |range: &PortRange| Interval { first: range.first.into(), last: range.last.into() };
    ports.iter().map(move |(protocol, ranges)| Set {
        name: format!("{name}_{protocol}"),
        kind: SetKind::Ports,
        elements: ranges.iter().map(interval).collect(),
    })
}

fn sets_of_zone(zone: &Zone) -> Vec<Set> {
    let mut all = sets(&zone.name.to_string(), &zone.openings);
    if let Sources::Networks(four, six) = &zone.sources {
        let from = |ending, family, networks: Vec<ipnet::IpNet>| {
            let elements = networks.into_iter().fold(Vec::new(), |mut all, network| {
                all.extend(numbers(network).iter());
                all
            });
            (!elements.is_empty()).then(|| Set {
                name: format!("{}_{ending}", zone.name),
                kind: SetKind::Addresses(family),
                elements: elements.into_iter().collect(),
            })
        };
        all.extend(from("from4", Family::Ipv4, four.iter().map(|network| (*network).into()).collect()));
        all.extend(from("from6", Family::Ipv6, six.iter().map(|network| (*network).into()).collect()));
    }
    all
}

/// The rules that are gone through for packets that are in a zone.
fn rules_of_zone(zone: &Zone, hook: Hook) -> Vec<Rule> {
    let mut rules = passing(&zone.name.to_string(), &zone.openings, hook);
    let protocols: BTreeSet<u8> = zone.protocols.iter().map(|protocol| protocol.number()).collect();
    if !protocols.is_empty() {
        let matches = vec![Match::Transport(Is::AmongThem, protocols)];
        rules.push(Rule { matches, verdict: Verdict::Accept });
    }
    rules.extend(JUDGED.map(|protocol| {
        let open = Name::Shared(format!("open_{}_{protocol}", zone.name));
        Rule { matches: asking(&open, protocol, hook), verdict: goto("pass") }
    }));
    rules
}

/// The rules that let in what is open, whoever sends it.
fn passing(owner: &str, openings: &Openings, hook: Hook) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (at, (to, ports)) in openings.iter().enumerate() {
        for receivers in receivers(to, hook) {
            rules.extend(ports.iter().map(|(protocol, _)| {
                let set = Name::Own(format!("{}_{protocol}", numbered(owner, at)));
                let matches = receivers.iter().cloned().chain(asking(&set, protocol, hook)).collect();
                Rule { matches, verdict: goto("pass") }
            }));
        }
    }
    rules
}

/// The rules that lead packets of a zone into its chain.
fn leading(zone: &Zone, hook: Hook) -> Vec<Rule> {
    let interfaces = (!zone.interfaces.is_empty()).then(|| by(&zone.interfaces));
    let from = |ending, family| Some(Match::Source(family, Name::Own(format!("{}_{ending}", zone.name))));
    let sources = match &zone.sources {
        Sources::Any => vec![None],
        Sources::Networks(four, six) => {
            let four = (!four.is_empty()).then(|| from("from4", Family::Ipv4));
            let six = (!six.is_empty()).then(|| from("from6", Family::Ipv6));
            four.into_iter().chain(six).collect()
        }
    };
    let chain = Name::Own(format!("{}{}", zone.name, hook.ending()));
    let jump = |source: Option<Match>| Rule {
        matches: interfaces.iter().cloned().chain(source).collect(),
        verdict: Verdict::Jump(chain.clone()),
    };
    sources.into_iter().map(jump).collect()
}

/// By one of these, of which none means what another does: nft refuses intervals that overlap.
fn by(interfaces: &[InterfacePattern]) -> Match {
    let is_apart =
        |one: &&InterfacePattern| !interfaces.iter().any(|other| other != *one && other.covers(one));
    Match::Interface(interfaces.iter().filter(is_apart).cloned().collect())
}

/// What must hold of packets to a destination: these conditions, or those.
fn receivers(to: &Destination, hook: Hook) -> Vec<Vec<Match>> {
    let four = match &to.ipv4 {
        Receivers::Any => Some(Match::Family(Family::Ipv4)),
        Receivers::These(none) if none.is_empty() => None,
        Receivers::These(addresses) => Some(Match::Ipv4(hook, addresses.clone())),
    };
    let six = match &to.ipv6 {
        Receivers::Any => Some(Match::Family(Family::Ipv6)),
        Receivers::These(none) if none.is_empty() => None,
        Receivers::These(addresses) => Some(Match::Ipv6(hook, addresses.clone())),
    };
    let families = if to.ipv4 == Receivers::Any && to.ipv6 == Receivers::Any {
        vec![None]
    } else {
        four.into_iter().chain(six).map(Some).collect()
    };
    let interface = to.interface.clone().map(|name| Match::Interface([name].into()));
    families.into_iter().map(|family| interface.iter().cloned().chain(family).collect()).collect()
}

fn asking(set: &Name, protocol: Protocol, hook: Hook) -> Vec<Match> {
    match hook {
        Hook::Input => vec![Match::Port(protocol, set.clone())],
        Hook::Forward => {
            let transport = Match::Transport(Is::AmongThem, [protocol.number()].into());
            vec![transport, Match::OriginalPort(set.clone())]
        }
    }
}

fn goto(chain: &str) -> Verdict {
    Verdict::Goto(Name::Shared(chain.into()))
}

/// The sets of the first destination carry the owner's name alone.
fn numbered(owner: &str, at: usize) -> String {
    if at == 0 { owner.into() } else { format!("{owner}_at{at}") }
}
