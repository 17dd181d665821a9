//! Which ports of this host can be reached from a place, over which way, and which rules decide it (A15, A17, A20).

mod heard;
mod outside;
mod passing;
mod row;
mod senders;
mod sent;
mod unheard;
mod way;

pub(crate) use heard::{as_heard, stays};
pub use outside::{Outside, covering};
pub(crate) use outside::{arrives, is_most};
pub use passing::Passing;
pub use row::{From, Leads, Row, at, families, leading_to, passages, rows, rows_to, within};
pub(crate) use row::{bound, only_by};
pub(crate) use senders::loopback;
pub use senders::{Senders, destinations, network};
pub use unheard::unheard;
pub use way::{How, Way};

use alloc::{collections::BTreeMap, vec::Vec};

use schemars::JsonSchema;
use serde::Serialize;

use self::{
    heard::heard,
    passing::passing,
    sent::{sent, sent_but},
    way::ways,
};
use crate::{
    address::Family,
    firewall::{
        Fate, Field, Filter, Interval, Intervals, Packets, Part, Place, Sender, Surroundings, Trace, trace,
        walk,
    },
    port::{PortRange, Protocol},
};

/// Whether packets to a port arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reached {
    /// All of them arrive, or as many as a rate allows.
    Reachable,
    /// Some of them arrive, by where they come from, or by where they go.
    Partly,
    /// They vanish.
    Dropped,
    /// They do not arrive, and the sender is told.
    Rejected,
    /// It cannot be told.
    Unknown,
}

/// What becomes of the packets to a run of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The numbers, of which the same holds.
    pub ports: Interval,
    /// Whether they arrive.
    pub reached: Reached,
    /// Whether they arrive at a socket of this host that is bound to where they were sent.
    pub heard: Reached,
    /// The ways on which some of them arrive.
    pub ways: Vec<Way>,
    /// Whose arrive, where only some do.
    pub passing: Vec<Passing>,
    /// Whether of some of them it cannot be told, whatever becomes of others.
    pub is_open: bool,
    /// The rules that decide it.
    pub decided_by: Vec<Place>,
    /// The rules of which it cannot be told whether they hold.
    pub doubts: Vec<Place>,
    /// Whether it is so only for as many packets as a rate allows: what is beyond may fare otherwise.
    pub is_rate_limited: bool,
}

impl Exposure {
    /// That nothing gets to `ports`, and no rule is why; of a host of which nothing is known nothing can be told.
    #[must_use]
    pub fn lost(around: &Surroundings, ports: PortRange) -> Self {
        let reached = if around.interfaces.is_empty() { Reached::Unknown } else { Reached::Dropped };
        Self {
            ports: Interval { first: ports.first.into(), last: ports.last.into() },
            reached,
            heard: reached,
            ways: Vec::new(),
            passing: Vec::new(),
            is_open: false,
            decided_by: Vec::new(),
            doubts: Vec::new(),
            is_rate_limited: false,
        }
    }

    /// The same ports as a range.
    #[must_use]
    pub fn range(&self) -> PortRange {
        range(self.ports)
    }
}

/// The numbers of these ports.
pub(crate) fn ports_of(range: PortRange) -> Intervals {
    Intervals::span(range.first.into(), range.last.into())
}

/// The ports of these numbers.
pub(crate) fn range(ports: Interval) -> PortRange {
    let port = |number| u16::try_from(number).unwrap_or(u16::MAX);
    PortRange { first: port(ports.first), last: port(ports.last) }
}

/// Where packets go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    /// IPv4 or IPv6.
    pub family: Family,
    /// The protocol.
    pub protocol: Protocol,
    /// The numbers of the addresses; `None` for every one of this host's own, and for others as far as rules send on what
    /// goes there.
    pub addresses: Option<Intervals>,
    /// The ports.
    pub ports: PortRange,
}

/// What becomes of the packets that `senders` send to `to`, as [`exposures`] has it; nothing where they can send none.
#[must_use]
pub fn exposed(filter: &Filter, senders: &Senders<'_>, to: &To) -> Vec<Exposure> {
    exposures(filter, &sent(filter, senders, to))
}

/// The same with the parts that it was told from.
#[must_use]
pub fn parted(filter: &Filter, senders: &Senders<'_>, to: &To) -> (Vec<Exposure>, Vec<Part>) {
    parted_but(filter, senders, to, &Intervals::none())
}

/// The same without the packets to addresses where nobody hears them.
#[must_use]
pub fn parted_but(
    filter: &Filter,
    senders: &Senders<'_>,
    to: &To,
    deaf: &Intervals,
) -> (Vec<Exposure>, Vec<Part>) {
    let walk =
        |(sender, packets): &(Sender, Packets)| walk(&filter.ruleset, &filter.around, *sender, packets);
    let parts: Vec<_> = sent_but(filter, senders, to, deaf).iter().flat_map(walk).collect();
    (told(&parts), parts)
}

/// The same with what the packets meet on their way: a trace for each set of them that starts alike.
///
/// The answer is that of [`exposed`], to the rule that is quoted first: a trace goes some ways twice that are compared once there.
#[must_use]
pub fn traced(filter: &Filter, senders: &Senders<'_>, to: &To) -> (Vec<Exposure>, Vec<Trace>) {
    let trace =
        |(sender, packets): &(Sender, Packets)| trace(&filter.ruleset, &filter.around, *sender, packets);
    let traces = sent(filter, senders, to).iter().map(trace).collect();
    (exposed(filter, senders, to), traces)
}

/// What becomes of packets, given as sets that do not overlap: a run of destination ports each, in ascending order.
#[must_use]
pub fn exposures(filter: &Filter, asked: &[(Sender, Packets)]) -> Vec<Exposure> {
    let walk =
        |(sender, packets): &(Sender, Packets)| walk(&filter.ruleset, &filter.around, *sender, packets);
    told(&asked.iter().flat_map(walk).collect::<Vec<_>>())
}

/// What the parts of packets say of each run of ports.
fn told(parts: &[Part]) -> Vec<Exposure> {
    let mut found: Vec<Exposure> = Vec::new();
    // Ten thousand ports that are open alike are in the same parts: that is told once.
    let mut known: BTreeMap<Vec<usize>, Exposure> = BTreeMap::new();
    for (ports, places) in runs(parts) {
        let parts = || places.iter().filter_map(|&place| parts.get(place)).collect::<Vec<_>>();
        let next = known.entry(places.clone()).or_insert_with(|| exposure(ports, &parts()));
        match found.last_mut() {
            Some(last) if continues(last, next, ports) => last.ports.last = ports.last,
            _ => found.push(Exposure { ports, ..next.clone() }),
        }
    }
    found
}

/// The runs of ports within which no part begins or ends, each with the places of its parts.
fn runs(parts: &[Part]) -> Vec<(Interval, Vec<usize>)> {
    let mut edges: Vec<u128> = Vec::new();
    for ports in parts.iter().flat_map(|part| part.packets.of(Field::DestinationPort).iter()) {
        edges.extend([ports.first, ports.last + 1]);
    }
    edges.sort_unstable();
    edges.dedup();
    let run = |pair: &[u128]| {
        let ports = Interval { first: *pair.first()?, last: *pair.last()? - 1 };
        let covers = |(place, part): (usize, &Part)| {
            part.packets.of(Field::DestinationPort).contains(ports.first).then_some(place)
        };
        let places: Vec<_> = parts.iter().enumerate().filter_map(covers).collect();
        (!places.is_empty()).then_some((ports, places))
    };
    edges.windows(2).filter_map(run).collect()
}

fn exposure(ports: Interval, parts: &[&Part]) -> Exposure {
    // First what lets packets in, then what keeps others out.
    let places = |of: fn(&Part) -> &Vec<Place>| {
        let mut places: Vec<Place> = Vec::new();
        let (passing, others): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| arrives(&part.fate));
        for place in passing.into_iter().chain(others).flat_map(of) {
            if !places.contains(place) {
                places.push(*place);
            }
        }
        places
    };
    let reached = reached(parts);
    Exposure {
        ports,
        reached,
        heard: heard(parts),
        ways: ways(parts),
        passing: if reached == Reached::Partly { passing(parts) } else { Vec::new() },
        is_open: parts.iter().any(|part| part.fate == Fate::Unknown),
        decided_by: places(|part| &part.decided_by),
        doubts: places(|part| &part.doubts),
        is_rate_limited: parts.iter().any(|part| part.is_rate_limited),
    }
}

fn reached(parts: &[&Part]) -> Reached {
    let any = |is: fn(&Fate) -> bool| parts.iter().any(|part| is(&part.fate));
    let arrives = any(arrives);
    let is_lost = any(|fate| matches!(fate, Fate::Dropped | Fate::Rejected));
    let is_unknown = any(|fate| *fate == Fate::Unknown);
    match (arrives, is_lost, is_unknown) {
        (true, false, false) => Reached::Reachable,
        (true, _, _) => Reached::Partly,
        (false, _, true) => Reached::Unknown,
        (false, _, false) if are_told(parts) => Reached::Rejected,
        (false, _, false) => Reached::Dropped,
    }
}

/// Whether senders are told, from most of the ports that they may send from: nobody knows which one theirs is.
fn are_told(parts: &[&Part]) -> bool {
    let ports = |fate: Fate| {
        let own = parts.iter().filter(|part| part.fate == fate);
        own.fold(Intervals::none(), |all, part| all.or(part.packets.of(Field::SourcePort)))
    };
    let told = ports(Fate::Rejected);
    !told.is_empty() && is_most(&told, &ports(Fate::Dropped).except(&told))
}

/// Whether of `ports`, which are next, the same holds as of the last ones, but for the number.
fn continues(last: &Exposure, next: &Exposure, ports: Interval) -> bool {
    let Exposure { ports: _, reached, heard, ways, passing, is_open, decided_by, doubts, is_rate_limited } =
        next;
    last.ports.last + 1 == ports.first
        && last.reached == *reached
        && last.heard == *heard
        && last.ways == *ways
        && last.passing == *passing
        && last.is_open == *is_open
        && last.decided_by == *decided_by
        && last.doubts == *doubts
        && last.is_rate_limited == *is_rate_limited
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec};

    use super::*;
    use crate::{
        address::Family,
        firewall::{
            Base, Chain, Decision, Hook, Interface, Kind, Layer, Policy, Question, Rule, Ruleset, State, Step,
        },
    };

    /// A host whose rules take these in, and nothing else.
    fn host(rules: Vec<Vec<Step>>) -> Ruleset {
        let rule = |steps| Rule { handle: None, text: String::new(), steps };
        let base = Base {
            hook: Hook::Input,
            priority: 0,
            kind: Kind::Filter,
            policy: Policy::Drop,
            devices: Vec::new(),
            since: None,
        };
        Ruleset {
            chains: vec![Chain {
                layer: Layer::Inet,
                table: "t".into(),
                name: "input".into(),
                base: Some(base),
                rules: rules.into_iter().map(rule).collect(),
            }],
        }
    }

    fn ports(first: u128, last: u128) -> Step {
        Step::Ask(Question::Is(Field::DestinationPort, Intervals::span(first, last)))
    }

    fn found(rules: Vec<Vec<Step>>) -> Vec<Exposure> {
        let networks = ["198.51.100.2/24".parse().unwrap()].into();
        let wire = Interface { name: "wan0".into(), networks, ..Interface::default() };
        let around = Surroundings { interfaces: [wire].into(), ..Surroundings::default() };
        let packets = Packets::all(Family::Ipv4)
            .with(Field::InInterface, Intervals::one(0))
            .with(Field::Source, Intervals::span(0xcb00_7100, 0xcb00_71ff))
            .with(Field::Destination, Intervals::one(0xc633_6402))
            .with(Field::State, Intervals::one(State::New.number()));
        exposures(&Filter { ruleset: host(rules), around }, &[(Sender::Outside, packets)])
    }

    fn verdicts(rules: Vec<Vec<Step>>) -> Vec<(u128, u128, Reached)> {
        found(rules).iter().map(|it| (it.ports.first, it.ports.last, it.reached)).collect()
    }

    #[test]
    fn ports_of_which_the_same_holds_are_one_run() {
        let accept = || Step::Decide(Decision::Accept);
        let rules = vec![
            vec![ports(22, 22), accept()],
            vec![
                ports(80, 89),
                Step::Ask(Question::Is(Field::Source, Intervals::one(0xcb00_7105))),
                accept(),
            ],
            vec![ports(88, 99), Step::Decide(Decision::Reject)],
            vec![ports(95, 200), Step::Ask(Question::Unknown), accept()],
        ];
        assert_eq!(
            verdicts(rules),
            [
                (0, 21, Reached::Dropped),
                (22, 22, Reached::Reachable),
                (23, 79, Reached::Dropped),
                // The rest of these is dropped by the policy, and of those rejected by a rule.
                (80, 87, Reached::Partly),
                (88, 89, Reached::Partly),
                (90, 99, Reached::Rejected),
                (100, 200, Reached::Unknown),
                (201, 65_535, Reached::Dropped),
            ]
        );
    }

    #[test]
    fn rejected_is_what_is_so_from_most_ports() {
        let from = |first, last| Step::Ask(Question::Is(Field::SourcePort, Intervals::span(first, last)));
        let lost = |dropped| {
            let rules =
                vec![vec![dropped, Step::Decide(Decision::Drop)], vec![Step::Decide(Decision::Reject)]];
            verdicts(rules)
        };
        assert_eq!(lost(from(1_024, 65_535)), [(0, 65_535, Reached::Dropped)]);
        assert_eq!(lost(from(0, 1_023)), [(0, 65_535, Reached::Rejected)]);
        let banned = Step::Ask(Question::Is(Field::Source, Intervals::one(0xcb00_7105)));
        assert_eq!(lost(banned), [(0, 65_535, Reached::Rejected)]);
    }

    #[test]
    fn of_a_port_that_some_reach_it_is_told_who() {
        let from = |first, last| Step::Ask(Question::Is(Field::Source, Intervals::span(first, last)));
        let accept = || Step::Decide(Decision::Accept);
        let rules = vec![
            vec![ports(80, 80), from(0xcb00_7105, 0xcb00_7105), accept()],
            vec![ports(80, 80), from(0xcb00_7106, 0xcb00_7107), accept()],
            vec![ports(443, 443), accept()],
        ];
        let found = found(rules);
        let at = |port| found.iter().find(|it| it.ports.first == port).unwrap();
        let sources = Intervals::span(0xcb00_7105, 0xcb00_7107);
        let other_sources = Intervals::span(0xcb00_7100, 0xcb00_71ff).except(&sources);
        let passing = Passing { sources: Some(sources), other_sources, ..Passing::default() };
        assert_eq!(at(80).passing, [passing]);
        assert_eq!(at(443).passing, []);
    }

    #[test]
    fn of_a_port_that_is_reached_from_some_ports_it_is_told_which() {
        let from = Step::Ask(Question::Is(Field::SourcePort, Intervals::span(1_024, 65_535)));
        let found = found(vec![
            vec![ports(53, 53), from, Step::Decide(Decision::Drop)],
            vec![Step::Decide(Decision::Accept)],
        ]);
        let passing = &found.iter().find(|it| it.ports.first == 53).unwrap().passing[0];
        assert_eq!((&passing.sources, &passing.source_ports), (&None, &Some(Intervals::span(0, 1_023))));
    }

    #[test]
    fn every_number_is_told_of_once() {
        assert_eq!(verdicts(Vec::new()), [(0, 65_535, Reached::Dropped)]);
    }
}
