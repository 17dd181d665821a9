//! Whose case is open: he was told of and not kept out, for a reason that may be gone when he goes on (A19).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use jiff::{SignedDuration, Timestamp};

use super::{Mercy, Reaction, SUSPECTS_MAX, Source};

/// Whoever goes on after so long is judged again.
const LATER: SignedDuration = SignedDuration::from_hours(1);

/// Somebody's case.
#[derive(Debug)]
struct Case {
    /// From then on he is judged again.
    due: Timestamp,
    /// Whether he was spared as the gate keeps him out.
    is_kept_out: bool,
}

/// Each of them.
#[derive(Debug, Default)]
pub(super) struct Open(BTreeMap<Source, Case>);

impl Open {
    /// Keeps whoever was decided of so at `at`. A forged address is none of them: to be proven is news by itself.
    pub(super) fn keep(&mut self, source: Source, reaction: &Reaction, at: Timestamp) {
        let Some(after) = later(reaction) else { return };
        if self.0.len() < SUSPECTS_MAX || self.0.contains_key(&source) {
            let is_kept_out = matches!(reaction, Reaction::Spare(Mercy::KeptOut(_)));
            let due = at.saturating_add(after).unwrap_or(Timestamp::MAX);
            self.0.insert(source, Case { due, is_kept_out });
        }
    }

    /// Whoever was spared as he was kept out, and is none of those whom the gate keeps out at `now`, is due.
    pub(super) fn compare(&mut self, kept_out: &BTreeSet<Source>, now: Timestamp) {
        let lost = self.0.iter_mut().filter(|(source, case)| case.is_kept_out && !kept_out.contains(source));
        lost.for_each(|(_, case)| case.due = now);
    }

    /// Nothing is open of him.
    pub(super) fn forget(&mut self, source: Source) {
        self.0.remove(&source);
    }

    /// Those who are to be judged again at `now`: all where the policy `has_changed`, else those whose time it is.
    pub(super) fn due(&mut self, now: Timestamp, has_changed: bool) -> Vec<Source> {
        let is_due = |case: &Case| has_changed || case.due <= now;
        let due: Vec<_> = self.0.iter().filter(|(_, case)| is_due(case)).map(|(source, _)| *source).collect();
        due.iter().for_each(|source| self.forget(*source));
        due
    }
}

/// After how long he is judged again, where that may end otherwise.
fn later(reaction: &Reaction) -> Option<SignedDuration> {
    match reaction {
        Reaction::WouldBlock(_) | Reaction::Spare(Mercy::Bond(_)) => Some(LATER),
        Reaction::Spare(Mercy::KeptOut(left)) => Some(left.map_or(LATER, |left| left.min(LATER))),
        _ => None,
    }
}
