//! Whether packets are for this host, and which way others go (net/ipv4/route.c, net/ipv6/route.c; A17).

use alloc::vec::Vec;

use super::{Direction, Lost};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Divided, Field, Packets},
        ruleset::AddressKind,
        surroundings::{Route, Surroundings, hops, numbers, ranks},
    },
};

/// Where packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// They are for this host.
    Own,
    /// They are passed on, with the interface that they leave by.
    Onward,
    /// They vanish.
    Lost(Lost),
    /// They go no further, and the sender is told.
    Refused,
}

impl Goal {
    /// What is told of it, of packets that go there.
    pub(super) fn direction(self, packets: &Packets) -> Direction {
        match self {
            Self::Own => Direction::Here,
            Self::Onward => {
                let out = packets.of(Field::OutInterface).only();
                Direction::On(out.and_then(|interface| usize::try_from(interface).ok()))
            }
            Self::Lost(lost) => Direction::Nowhere(lost),
            Self::Refused => Direction::Nowhere(Lost::NoRoute),
        }
    }
}

/// Packets, and where they go.
#[derive(Debug, Default)]
pub(super) struct Routed {
    /// Each set with where it goes.
    pub(super) told: Vec<(Goal, Packets)>,
    /// Each set of which it cannot be told, with all the places where it may go.
    pub(super) open: Vec<Vec<(Goal, Packets)>>,
}

/// For this host what has one of its addresses, or a group's; else by the longest prefix, where packets are passed on.
pub(super) fn route(around: &Surroundings, packets: &Packets) -> Routed {
    sort(around, packets, &passing(around, packets.family))
}

/// Of what this host sends, its own goes to itself; a rule that sends it on elsewhere gives it another route
/// (net/ipv4/netfilter.c, `ip_route_me_harder`).
pub(super) fn leave(around: &Surroundings, packets: &Packets) -> Routed {
    sort(around, packets, &Field::InInterface.all(packets.family))
}

/// `passing` are the interfaces of which packets are passed on that come in there.
fn sort(around: &Surroundings, packets: &Packets, passing: &Intervals) -> Routed {
    let mut routed = Routed::default();
    let foreign = around.of_kind(AddressKind::Unicast, packets.family);
    let Divided { yes, no, perhaps } = packets.divide(Field::Destination, &foreign);
    routed.told.extend(no.map(|packets| (Goal::Own, packets)));
    for packets in yes.into_iter().chain(perhaps) {
        let own = packets.of(Field::Destination).except(&foreign);
        let Divided { yes, no, perhaps } = packets.divide(Field::InInterface, passing);
        for (packets, passes) in
            yes.into_iter().chain(perhaps).map(|it| (it, true)).chain(no.map(|it| (it, false)))
        {
            let passed = pass(around, &packets, passes);
            let mine = (!own.is_empty()).then_some((Goal::Own, packets));
            routed.add(passed, mine);
        }
    }
    routed
}

impl Routed {
    /// Adds what goes elsewhere, which may be this host's own as well.
    fn add(&mut self, passed: Self, mine: Option<(Goal, Packets)>) {
        let Some(mine) = mine else {
            self.told.extend(passed.told);
            self.open.extend(passed.open);
            return;
        };
        // Where the destination is one of several, they all are one set.
        let all = passed.told.into_iter().chain(passed.open.into_iter().flatten());
        self.open.push([mine].into_iter().chain(all).collect());
    }
}

/// The interfaces of which packets are passed on that come in there (ip-sysctl.rst, `forwarding`).
fn passing(around: &Surroundings, family: Family) -> Intervals {
    let numbered = around.interfaces.iter().zip(0_u128..);
    let passes = |own: Option<bool>| own.unwrap_or_else(|| around.forwards(family));
    let settled = numbered.map(|(interface, at)| match family {
        Family::Ipv4 => (at, passes(interface.forwards)),
        Family::Ipv6 => (at, interface.forces_forwarding || around.forwards(family)),
    });
    let mut found = if around.forwards(family) { Field::InInterface.all(family) } else { Intervals::none() };
    for (at, passes) in settled {
        let one = Intervals::one(at);
        found = if passes { found.or(&one) } else { found.except(&one) };
    }
    found
}

/// Where packets go that are somebody else's; `passes` where the interface that they came in by passes them on.
fn pass(around: &Surroundings, packets: &Packets, passes: bool) -> Routed {
    let family = packets.family;
    // Not even that there is no way is told then (net/ipv4/route.c, `ip_error`).
    if !passes && (family == Family::Ipv4 || !is_known(around, family)) {
        return Routed {
            told: [(Goal::Lost(Lost::NotPassedOn), packets.clone())].into(),
            ..Routed::default()
        };
    }
    if !is_known(around, family) {
        let anywhere = packets.clone().with_one_of(Field::OutInterface, Field::OutInterface.all(family));
        let ways = [(Goal::Onward, anywhere), (Goal::Lost(Lost::NoRoute), packets.clone())];
        return Routed { open: [ways.into()].into(), ..Routed::default() };
    }
    let goals = by_route(around, packets);
    let settle = |(goal, packets)| {
        if goal == Goal::Onward && !passes {
            (Goal::Lost(Lost::NotPassedOn), packets)
        } else {
            (goal, packets)
        }
    };
    let goals: Vec<_> = goals.into_iter().map(settle).collect();
    if packets.is_unknown(Field::Destination) && goals.len() > 1 {
        Routed { open: [goals].into(), ..Routed::default() }
    } else {
        Routed { told: goals, ..Routed::default() }
    }
}

/// Whether the routes that are listed are all that decides.
fn is_known(around: &Surroundings, family: Family) -> bool {
    !around.has_rules(family) && !around.routes.is_empty()
}

/// By each route in turn, the most specific first; of a destination that is one of several each way that it may go.
fn by_route(around: &Surroundings, packets: &Packets) -> Vec<(Goal, Packets)> {
    let is_open = packets.is_unknown(Field::Destination);
    let mut rest = packets.of(Field::Destination).clone();
    let mut goals: Vec<(Goal, Packets)> = Vec::new();
    let go = |goal, addresses: &Intervals| {
        let own = if is_open { Some(packets.clone()) } else { packets.only(Field::Destination, addresses) };
        own.map(|packets| (goal, packets))
    };
    for rank in ranks(&around.ways(packets.family)) {
        let addresses = rest.and(&numbers(rank[0].to));
        if addresses.is_empty() {
            continue;
        }
        rest = rest.except(&addresses);
        let way = go(goal(rank[0]), &addresses).map(|(goal, packets)| match goal {
            Goal::Onward => (goal, packets.with_one_of(Field::OutInterface, hops(rank))),
            _ => (goal, packets),
        });
        goals.extend(way.filter(|way| !goals.contains(way)));
        if rest.is_empty() {
            return goals;
        }
    }
    goals.extend(go(Goal::Refused, &rest));
    goals
}

const fn goal(route: &Route) -> Goal {
    match route.interface {
        Some(_) => Goal::Onward,
        None if route.refuses => Goal::Refused,
        None => Goal::Lost(Lost::NoRoute),
    }
}
