//! What is known of a packet's connection (net/netfilter/{xt_conntrack,xt_state}.c).

use alloc::{vec, vec::Vec};

use super::{Given, Match, Scope};
use crate::firewall::{
    intervals::{Interval, Intervals},
    iptables::{
        numbers::ports,
        questions::{either, has_no_connection, is, never, not, not_if},
        rule::address,
        tables::Table,
    },
    packets::{Field, State},
    protocols,
    ruleset::{Bits, Question},
};

pub(super) const CONNTRACK: Match = Match {
    name: "conntrack",
    options: &[
        ("--ctstate", 1),
        ("--ctproto", 1),
        ("--ctorigsrc", 1),
        ("--ctorigdst", 1),
        ("--ctreplsrc", 1),
        ("--ctrepldst", 1),
        ("--ctorigsrcport", 1),
        ("--ctorigdstport", 1),
        ("--ctreplsrcport", 1),
        ("--ctrepldstport", 1),
        ("--ctstatus", 1),
        ("--ctexpire", 1),
        ("--ctdir", 1),
    ],
    read,
};

pub(super) const STATE: Match = Match {
    name: "state",
    options: &[("--state", 1)],
    read: |given, scope| {
        let [option] = given else { return None };
        is_tracked(scope).then_some(())?;
        Some(not_if(option.is_negated, states(option.value())?))
    },
};

/// Before connections are tracked nothing is known of them, except of what this host sends to itself.
fn is_tracked(scope: &Scope<'_>) -> bool {
    scope.table != Table::Raw
}

/// Of what has no connection the state alone is asked; where none is, the match does not hold.
fn read(given: &[Given<'_>], scope: &Scope<'_>) -> Option<Question> {
    is_tracked(scope).then_some(())?;
    let (state, others): (Vec<_>, Vec<_>) = given.iter().partition(|option| option.name == "--ctstate");
    let state: Vec<_> = state.into_iter().map(negatable(states)).collect::<Option<_>>()?;
    let others: Vec<_> = others.into_iter().map(|option| detail(option, scope)).collect::<Option<_>>()?;
    if state.is_empty() {
        return Some(Question::All([vec![not(has_no_connection())], others].concat()));
    }
    let mut all = state;
    if !others.is_empty() {
        all.push(either(has_no_connection(), Question::All(others)));
    }
    Some(Question::All(all))
}

fn negatable(question: fn(&str) -> Option<Question>) -> impl Fn(&Given<'_>) -> Option<Question> {
    move |option| Some(not_if(option.is_negated, question(option.value())?))
}

/// Whether the source, and the destination, were rewritten
/// (include/uapi/linux/netfilter/nf_conntrack_common.h, `IPS_*`).
const REWRITTEN: [(&str, u128); 2] = [("SNAT", 1 << 4), ("DNAT", 1 << 5)];

/// One of several states, among which is whether addresses were rewritten.
fn states(text: &str) -> Option<Question> {
    let (mut numbers, mut bits) = (Intervals::none(), 0);
    for word in text.split(',') {
        match REWRITTEN.iter().find(|(name, _)| *name == word) {
            Some((_, bit)) => bits |= bit,
            None => numbers = numbers.or(&Intervals::one(state(word)?.number())),
        }
    }
    let state = Question::Is(Field::State, numbers);
    if bits == 0 {
        return Some(state);
    }
    let rewritten = Question::All(vec![not(has_no_connection()), any_bit(bits)]);
    Some(either(state, rewritten))
}

fn state(word: &str) -> Option<State> {
    Some(match word {
        "INVALID" => State::Invalid,
        "NEW" => State::New,
        "ESTABLISHED" => State::Established,
        "RELATED" => State::Related,
        "UNTRACKED" => State::Untracked,
        _ => return None,
    })
}

/// Whether one of these bits is set in the connection's status.
fn any_bit(bits: u128) -> Question {
    if bits == 0 {
        return never();
    }
    let set = [Interval { first: 1, last: bits }].into_iter().collect();
    Question::Has(Field::Status, Bits { mask: bits, values: set })
}

fn detail(option: &Given<'_>, scope: &Scope<'_>) -> Option<Question> {
    let value = option.value();
    let question = match option.name {
        "--ctproto" => original(is(Field::Protocol, protocols::number(value)?)),
        "--ctorigsrc" => original(address(Field::Source, value, scope)),
        "--ctorigdst" => original(address(Field::OriginalDestination, value, scope)),
        "--ctreplsrc" => first(address(Field::Destination, value, scope)),
        "--ctrepldst" => first(address(Field::Source, value, scope)),
        "--ctorigsrcport" => original(Question::Is(Field::SourcePort, ports(value)?)),
        "--ctorigdstport" => original(Question::Is(Field::OriginalDestinationPort, ports(value)?)),
        "--ctreplsrcport" => first(Question::Is(Field::DestinationPort, ports(value)?)),
        "--ctrepldstport" => first(Question::Is(Field::SourcePort, ports(value)?)),
        "--ctstatus" => any_bit(status(value)?),
        "--ctdir" => is(Field::Direction, direction(value)?),
        _ => Question::Unknown,
    };
    Some(not_if(option.is_negated, question))
}

/// include/uapi/linux/netfilter/nf_conntrack_common.h, `IPS_*`.
fn status(text: &str) -> Option<u128> {
    let bit = |word: &str| {
        Some(match word {
            "NONE" => 0,
            "EXPECTED" => 1,
            "SEEN_REPLY" => 1 << 1,
            "ASSURED" => 1 << 2,
            "CONFIRMED" => 1 << 3,
            _ => return None,
        })
    };
    text.split(',').try_fold(0, |all, word| Some(all | bit(word)?))
}

fn direction(text: &str) -> Option<u8> {
    match text {
        "ORIGINAL" => Some(0),
        "REPLY" => Some(1),
        _ => None,
    }
}

/// What holds of the connection where it holds of the packet: that goes the way of the first one, and is no ICMP error,
/// which speaks of another.
fn original(question: Question) -> Question {
    let errors: Intervals = [protocols::ICMP, protocols::ICMPV6]
        .map(|protocol| Interval { first: protocol.into(), last: protocol.into() })
        .into_iter()
        .collect();
    let is_error =
        Question::All(vec![is(Field::State, State::Related.number()), Question::Is(Field::Protocol, errors)]);
    only_where(Question::All(vec![is(Field::Direction, 0_u8), not(is_error)]), question)
}

/// What holds of the answers where it holds of the packet: that is the first one, whose source nobody rewrote yet.
fn first(question: Question) -> Question {
    let is_new = is(Field::State, State::New.number());
    let no_source = not(any_bit(REWRITTEN[0].1));
    only_where(Question::All(vec![is(Field::Direction, 0_u8), is_new, no_source]), question)
}

/// `question` where `known` holds; elsewhere nobody can tell.
fn only_where(known: Question, question: Question) -> Question {
    let unknown = Question::All(vec![not(known.clone()), Question::Unknown]);
    either(Question::All(vec![known, question]), unknown)
}
