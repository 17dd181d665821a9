//! Compares what comes out of both ways where it cannot be told which one is gone (A17).

use alloc::vec::Vec;

use super::{Fate, Part, Place, Rewritten};
use crate::firewall::{intervals::Intervals, ruleset::Rate};

/// What could not be told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doubt {
    /// Whether a rule holds.
    Rule(Option<Place>),
    /// Whether it holds of this packet: a rate lets some pass and others not.
    Rate(Option<Place>, Rate),
    /// Which way the kernel goes: whom it asks first, where it sends them.
    Way,
}

/// What is certain all the same, and what is not; `held` and `not_held` are of the same packets.
///
/// Each pair that is compared takes one of `steps`; where none are left nothing more can be told.
pub(super) fn merge(held: &[Part], not_held: &[Part], doubt: Doubt, steps: &mut u32) -> Vec<Part> {
    let mut merged = Vec::new();
    for one in held {
        for other in not_held {
            if *steps == 0 {
                merged.push(Part { fate: Fate::Unknown, ..one.clone() });
                break;
            }
            *steps -= 1;
            merged.extend(both(one, other, doubt));
        }
    }
    merged
}

fn both(one: &Part, other: &Part, doubt: Doubt) -> Option<Part> {
    let packets = one.packets.meet(&other.packets)?;
    let is_rate_limited = one.is_rate_limited || other.is_rate_limited;
    let fate = if one.fate == other.fate { Some(one.fate.clone()) } else { joined(&one.fate, &other.fate) };
    if let Some(fate) = fate {
        let doubts = doubts(one, other, Vec::new());
        return Some(settled(Part { packets, fate, doubts, is_rate_limited, ..one.clone() }));
    }
    let is_known = one.fate != Fate::Unknown && other.fate != Fate::Unknown;
    if let Doubt::Rate(_, rate) = doubt
        && is_known
    {
        let first = match rate {
            Rate::Within => one,
            Rate::Beyond => other,
            Rate::Share if passes(&other.fate) => other,
            Rate::Share => one,
        };
        let doubts = doubts(one, other, Vec::new());
        return Some(Part { packets, doubts, is_rate_limited: true, ..first.clone() });
    }
    let more: Vec<Place> = match doubt {
        Doubt::Rule(place) | Doubt::Rate(place, _) => place.into_iter().collect(),
        Doubt::Way => one.decided_by.iter().chain(&other.decided_by).copied().collect(),
    };
    let doubts = doubts(one, other, more);
    Some(settled(Part { packets, fate: Fate::Unknown, decided_by: Vec::new(), doubts, is_rate_limited }))
}

/// The doubts of both ways and `more`, in the order of the rules: how often ways were compared makes no difference.
fn doubts(one: &Part, other: &Part, more: Vec<Place>) -> Vec<Place> {
    let mut all: Vec<Place> = one.doubts.iter().chain(&other.doubts).copied().chain(more).collect();
    // The policy comes after all rules of its chain.
    all.sort_unstable_by_key(|place| (place.chain, place.rule.unwrap_or(usize::MAX)));
    all.dedup();
    all
}

/// What cannot be told is decided by all that it hangs on.
fn settled(part: Part) -> Part {
    let decided_by = if part.fate == Fate::Unknown { part.doubts.clone() } else { part.decided_by };
    Part { decided_by, ..part }
}

/// Packets that arrive, or leave, both ways do so; where they are sent on to is one of both.
fn joined(one: &Fate, other: &Fate) -> Option<Fate> {
    match (one, other) {
        (Fate::Arrives(one), Fate::Arrives(other)) => either(one, other).map(Fate::Arrives),
        (Fate::Leaves(one), Fate::Leaves(other)) => either(one, other).map(Fate::Leaves),
        _ => None,
    }
}

/// One of two places; `None` where one of them is that to which the packets were sent.
fn either(one: &Rewritten, other: &Rewritten) -> Option<Rewritten> {
    let join = |one: &Option<Intervals>, other: &Option<Intervals>| match (one, other) {
        (None, None) => Some(None),
        (Some(one), Some(other)) => Some(Some(one.or(other))),
        _ => None,
    };
    Some(Rewritten { address: join(&one.address, &other.address)?, port: join(&one.port, &other.port)? })
}

const fn passes(fate: &Fate) -> bool {
    matches!(fate, Fate::Arrives(_) | Fate::Leaves(_))
}
