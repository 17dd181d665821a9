//! Questions that several matches ask.

use alloc::{boxed::Box, vec, vec::Vec};

use super::Scope;
use crate::firewall::{
    intervals::Intervals,
    packets::{Field, State},
    ruleset::{Bits, Question},
};

pub(super) fn is(field: Field, number: impl Into<u128>) -> Question {
    Question::Is(field, Intervals::one(number.into()))
}

/// What holds of every packet.
pub(super) const fn always() -> Question {
    Question::All(Vec::new())
}

/// What holds of none.
pub(in crate::firewall) const fn never() -> Question {
    Question::Any(Vec::new())
}

pub(super) fn not(question: Question) -> Question {
    match question {
        Question::Not(inner) => *inner,
        Question::Unknown => Question::Unknown,
        other => Question::Not(Box::new(other)),
    }
}

pub(super) fn not_if(is_negated: bool, question: Question) -> Question {
    if is_negated { not(question) } else { question }
}

pub(super) fn either(one: Question, other: Question) -> Question {
    any_of(vec![one, other])
}

/// Whether one of `questions` holds, however many they are: no deeper than two of them.
pub(in crate::firewall) fn any_of(mut questions: Vec<Question>) -> Question {
    questions.retain(|question| *question != never());
    match questions.len() {
        0 => never(),
        1 => questions.swap_remove(0),
        _ => not(Question::All(questions.into_iter().map(not).collect())),
    }
}

/// Whether the bits of `mask` are `value`.
pub(super) fn masked(field: Field, value: u128, mask: u128) -> Question {
    Question::Has(field, Bits { mask, values: Intervals::one(value) })
}

/// Whether nothing is known of a connection: conntrack has none for it (net/netfilter/xt_conntrack.c).
pub(super) fn has_no_connection() -> Question {
    let states = Intervals::one(State::Invalid.number()).or(&Intervals::one(State::Untracked.number()));
    Question::Is(Field::State, states)
}

/// The numbers of the interfaces that a rule means by `name`: that one, or all that begin so where `+` is the end.
pub(super) fn interfaces(scope: &Scope<'_>, name: &str) -> Intervals {
    let is_meant = |interface: &str| match name.strip_suffix('+') {
        Some(begin) => interface.starts_with(begin),
        None => interface == name,
    };
    let numbered = scope.around.interfaces.iter().zip(0_u32..);
    let meant = numbered.filter(|(interface, _)| is_meant(&interface.name));
    meant.fold(Intervals::none(), |all, (_, number)| all.or(&Intervals::one(number.into())))
}

/// How many combinations a question lists.
pub(super) fn tuples(question: &Question) -> usize {
    match question {
        Question::Any(tuples) => tuples.len(),
        Question::Not(inner) => tuples(inner),
        Question::All(all) => all.iter().map(tuples).sum(),
        _ => 0,
    }
}
