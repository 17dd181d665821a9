//! What receipts and the gate that is kept for the next boot tell about each other (A15, A16).

use jiff::Timestamp;

use super::{Becomes, Deed, History, Outcome, Receipt};
use crate::gate::{Body, Rest, Revision, Standing, Temporary};

/// The gate that is kept for the next boot, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It cannot be read.
    Unknown,
    /// None is.
    Nothing,
    /// One is, which was confirmed at this time.
    Since(Timestamp),
}

/// What a boot does with the gate that is kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: it stands already.
    Stands,
    /// Nothing: another change is on trial.
    OnTrial,
    /// Nothing: somebody took it away, and ended before he could say so to the next boot.
    TakenAway,
    /// It is put in force.
    Gate,
}

/// Whether the gate that judges is still the one that was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// It is, as far as anybody can tell.
    AsConfirmed,
    /// Somebody else has changed it.
    Changed,
}

/// What becomes of the gate that is kept for the next boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps<'a> {
    /// It stays as it is.
    Same,
    /// It becomes this one.
    Gate(&'a Body),
    /// None is kept any more.
    Nothing,
}

/// What the gate shows of a change, right after nft said that it made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing against it.
    Made,
    /// It was not made: the gate is as it was.
    Unmade,
    /// There is no gate where the change leaves one.
    Gone,
    /// The same, and there was none before: it may never have been made.
    Untold,
}

impl Receipt {
    /// What the gate shows of the change when its revision is `now`.
    #[must_use]
    pub fn shown(&self, now: Option<u32>) -> Shown {
        match (self.expected(), now) {
            (Some(_), None) if self.seen.is_none() => Shown::Untold,
            (Some(_), None) => Shown::Gone,
            (expected, now) if now != expected && now == self.seen => Shown::Unmade,
            _ => Shown::Made,
        }
    }

    /// The revision of the gate after the change, where nobody else changes it; `None` where there is no gate then.
    #[must_use]
    pub fn expected(&self) -> Option<u32> {
        match (&self.deed, self.seen) {
            (Deed::Gate { becomes: Becomes::Nothing, .. }, _) => None,
            (_, Some(seen)) if self.changes_revision() => Some(Revision::of(seen).after(self.at).number()),
            (_, Some(seen)) => Some(seen),
            (_, None) if self.changes_revision() => Some(Revision::first(self.at).number()),
            (_, None) => None,
        }
    }

    /// The receipt of a change that was made, where nobody can tell how the gate stands after it: what it confirms is still to
    /// be kept for the next boot, and until then it is begun.
    #[must_use]
    pub fn made_unseen(&self) -> Self {
        let made = self.expected();
        let done = self.clone().done(made);
        let is_to_be_kept = done.changes_confirmed() && done.made.is_some();
        if is_to_be_kept { Self { made, ..self.clone() } } else { done }
    }

    /// What came of it, for whoever comes later, at the boot of this id, where it is known: the gate tells, where no boot came
    /// between, and after one what is `kept` for it.
    ///
    /// One that is begun and has made a revision was made for certain. What was on trial at a boot that is over counts as not
    /// made: nothing is left of it.
    #[must_use]
    pub fn settled_at(
        self,
        boot_id: Option<&str>,
        standing: Option<&Standing>,
        temporary: &Temporary,
        kept: Kept,
        now: Timestamp,
    ) -> Self {
        if self.outcome != Outcome::Begun {
            return self;
        }
        if self.made.is_some() {
            let made = self.made;
            return self.done(made);
        }
        let is_earlier = self.boot_id.as_deref().zip(boot_id).is_some_and(|(own, now)| own != now);
        if !is_earlier {
            return self.settled(standing, temporary, now);
        }
        match (self.agrees_with(kept), self.expected()) {
            (None, _) => self,
            (Some(true), expected) => self.done(expected),
            (Some(false), _) => Self { outcome: Outcome::Refused, ..self },
        }
    }

    /// Whether what is kept for the next boot is what it would have kept; `None` where nobody can tell.
    fn agrees_with(&self, kept: Kept) -> Option<bool> {
        match (&self.deed, kept) {
            (_, Kept::Unknown) => None,
            (Deed::Gate { until: None, becomes: Becomes::Nothing, .. }, kept) => Some(kept == Kept::Nothing),
            (Deed::Gate { until: None, .. } | Deed::Confirm { .. }, kept) => {
                Some(kept == Kept::Since(self.at))
            }
            _ => Some(false),
        }
    }

    /// What becomes of the gate that is kept for the next boot after this change, with the gate as it stands.
    ///
    /// A gate is kept that is confirmed, and nothing else: what somebody else changed meanwhile, even between the change and
    /// the look after it, is not kept, and whoever else took the gate away did not ask for another boot.
    #[must_use]
    pub fn keeps<'a>(&self, standing: Option<&'a Standing>) -> Keeps<'a> {
        let leaves_nothing = matches!(self.deed, Deed::Gate { becomes: Becomes::Nothing, .. });
        if !self.changes_confirmed() {
            return Keeps::Same;
        }
        match standing {
            None if leaves_nothing => Keeps::Nothing,
            Some(standing) if self.made == Some(standing.revision.number()) => match standing.body() {
                None => Keeps::Same,
                Some(body) if self.gate.as_ref().is_some_and(|digest| *digest != body.digest()) => {
                    Keeps::Same
                }
                Some(body) if body.rest() == Rest::All => Keeps::Nothing,
                Some(body) => Keeps::Gate(body),
            },
            _ => Keeps::Same,
        }
    }
}

impl History {
    /// What a boot does with `gate`, which is kept for it since `since`, where the gate stands so.
    ///
    /// What is kept decides: receipts of long ago are forgotten, and only one that tells of the gate's end speaks against it.
    #[must_use]
    pub fn due_at_boot(&self, gate: &Body, since: Timestamp, standing: Option<&Standing>) -> Due {
        match standing {
            Some(standing) if standing.body() == Some(gate) => Due::Stands,
            Some(Standing { trial: Some(_), .. }) => Due::OnTrial,
            None if self.was_taken_away(since) => Due::TakenAway,
            _ => Due::Gate,
        }
    }

    /// Whether the gate is still as it was confirmed, where `kept` is for the next boot since that time.
    #[must_use]
    pub fn integrity(&self, standing: &Standing, kept: Option<(&Body, Timestamp)>) -> Integrity {
        match (standing.body(), self.confirmed(standing, kept)) {
            (None, _) => Integrity::Changed,
            (Some(body), Some(confirmed)) if *body != confirmed => Integrity::Changed,
            (Some(_), None) if self.tells_confirmed() => Integrity::Changed,
            _ => Integrity::AsConfirmed,
        }
    }

    fn was_taken_away(&self, since: Timestamp) -> bool {
        self.newest_revision().is_some_and(|last| {
            matches!(last.deed, Deed::Gate { becomes: Becomes::Nothing, .. }) && last.at >= since
        })
    }

    /// The newest change that was made and after which the gate had another revision, or was gone.
    pub(super) fn newest_revision(&self) -> Option<&Receipt> {
        let mut made = self.newest_first().filter(|receipt| receipt.outcome == Outcome::Done);
        made.find(|receipt| receipt.changes_revision())
    }
}

#[cfg(test)]
pub(super) mod tests;
