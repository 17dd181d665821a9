//! Whether the answer would leave by the interface that a packet came in by (net/ipv{4,6}/netfilter/ip{,6}t_rpfilter.c).

use alloc::{vec, vec::Vec};

use super::{Given, Match, Scope};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        iptables::questions::{either, not, not_if},
        packets::Field,
        ruleset::{AddressKind, Question, Tuple},
        surroundings::{hops, numbers, ranks},
    },
};

pub(super) const RPFILTER: Match = Match {
    name: "rpfilter",
    options: &[("--loose", 0), ("--validmark", 0), ("--accept-local", 0), ("--invert", 0)],
    read,
};

/// The source must be one that a route leads to; what comes in by the loopback device always holds. Where the mark may
/// choose the route nobody can tell.
fn read(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    let has = |name: &str| given.iter().any(|option| option.name == name);
    let mut tuples = vec![vec![(Field::InInterface, scope.around.named("lo"))]];
    tuples.extend(routed(scope, has("--loose")));
    if has("--accept-local") {
        tuples.push(vec![(Field::Source, scope.around.of_kind(AddressKind::Local, scope.family))]);
    }
    let mut question = Question::Any(tuples);
    question = match scope.family {
        Family::Ipv4 => either(question, unclear()),
        Family::Ipv6 => either(question, Question::Is(Field::Source, of_the_link(scope))),
    };
    if has("--validmark") {
        let is_marked = Question::Is(Field::Mark, Intervals::span(1, u32::MAX.into()));
        let by_mark = Question::All(vec![is_marked.clone(), Question::Unknown]);
        question = either(Question::All(vec![not(is_marked), question]), by_mark);
    }
    Some(not_if(has("--invert"), question))
}

/// Sources, each with the interfaces by which a packet to them would leave.
fn routed(scope: &Scope<'_>, is_loose: bool) -> Vec<Tuple> {
    let mut rest = scope.around.of_kind(AddressKind::Unicast, scope.family);
    let mut tuples = Vec::new();
    for rank in ranks(&scope.around.ways(scope.family)) {
        let sources = rest.and(&numbers(rank[0].to));
        rest = rest.except(&sources);
        let hops = hops(rank);
        if hops.is_empty() || sources.is_empty() {
            continue;
        }
        let mut tuple = vec![(Field::Source, sources)];
        if !is_loose {
            tuple.push((Field::InInterface, hops));
        }
        tuples.push(tuple);
    }
    tuples
}

/// Sources without a network (DHCP): it depends on whether everybody is spoken to.
fn unclear() -> Question {
    Question::All(vec![Question::Is(Field::Source, Intervals::prefix(0, 24)), Question::Unknown])
}

/// No source yet (neighbour discovery), and those of a link, to which every interface has a route.
fn of_the_link(scope: &Scope<'_>) -> Intervals {
    let link = Intervals::prefix(0xfe80 << 112, 118);
    link.except(&scope.around.of_kind(AddressKind::Local, scope.family)).or(&Intervals::one(0))
}
