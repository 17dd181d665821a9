//! Whose case is open: he was told of and not kept out, for a reason that may be gone when he goes on (A19).

use alloc::{collections::BTreeMap, vec::Vec};

use jiff::{SignedDuration, Timestamp};

use super::{Mercy, Reaction, SUSPECTS_MAX, Source};

/// Whoever goes on after so long is judged again.
const LATER: SignedDuration = SignedDuration::from_hours(1);

/// Each of them, and when it was decided.
#[derive(Debug, Default)]
pub(super) struct Open(BTreeMap<Source, Timestamp>);

impl Open {
    /// Keeps whoever was decided of so at `at`. A forged address is none of them: to be proven is news by itself.
    pub(super) fn keep(&mut self, source: Source, reaction: &Reaction, at: Timestamp) {
        let may_change = matches!(reaction, Reaction::WouldBlock(_) | Reaction::Spare(Mercy::Bond(_)));
        if may_change && (self.0.len() < SUSPECTS_MAX || self.0.contains_key(&source)) {
            self.0.insert(source, at);
        }
    }

    /// Nothing is open of him.
    pub(super) fn forget(&mut self, source: Source) {
        self.0.remove(&source);
    }

    /// Those who are to be judged again at `now`: all where the policy `has_changed`, else those of whom it was decided long ago.
    pub(super) fn due(&mut self, now: Timestamp, has_changed: bool) -> Vec<Source> {
        let is_due = |at: Timestamp| has_changed || now.duration_since(at) >= LATER;
        let due: Vec<_> = self.0.iter().filter(|(_, at)| is_due(**at)).map(|(source, _)| *source).collect();
        due.iter().for_each(|source| self.forget(*source));
        due
    }
}
