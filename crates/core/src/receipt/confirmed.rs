//! Which gate was confirmed last, whatever somebody else has made of it since: what a change is built on, and what undoes it
//! (A15).

use alloc::string::String;

use jiff::Timestamp;

use super::{Cause, Current, Deed, History, Kept, Outcome, Receipt};
use crate::{
    facts::AtBoot,
    gate::{Body, Standing},
};

/// Whether what is on trial is what was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is, as far as anybody can tell.
    AsApplied,
    /// Somebody else has changed it since.
    Changed,
}

impl History {
    /// The gate that was confirmed last, where `standing` stands and `kept` is for the next boot since that time; `None` where
    /// neither is it.
    ///
    /// The digest in the receipt tells, but for what was kept after it: that was found to be as the policy wants it.
    #[must_use]
    pub fn confirmed(&self, standing: &Standing, kept: Option<(&Body, Timestamp)>) -> Option<Body> {
        let last = self.deciding();
        let newer = kept.filter(|(_, since)| last.is_none_or(|last| last.at < *since));
        let kept_body = kept.map(|(gate, _)| gate);
        let found = match (newer, last.and_then(Receipt::confirms)) {
            (Some((gate, _)), _) => Some(gate),
            (None, Some(digest)) => {
                let open = Body::open();
                let all = [standing.own_body(), kept_body, Some(&open)];
                return all.into_iter().flatten().find(|gate| gate.digest() == digest).cloned();
            }
            // A receipt of long ago tells only when that was.
            (None, None) => kept.filter(|(_, since)| self.is_confirmed_at(*since)).map(|(gate, _)| gate),
        };
        found.cloned()
    }

    /// Whether a gate is missed that was confirmed: none stands, and one is `kept` for the next boot, or stood by what the
    /// receipts tell.
    #[must_use]
    pub fn misses_gate(&self, standing: Option<&Standing>, kept: Kept) -> bool {
        standing.is_none() && (kept != Kept::Nothing || self.gone(standing, kept).is_some())
    }

    /// The last change after which a confirmed gate stood that is gone, and that none of ours took away; a table in which
    /// nothing was ever confirmed is no gate that anybody misses.
    #[must_use]
    pub fn gone(&self, standing: Option<&Standing>, kept: Kept) -> Option<&Receipt> {
        match self.current(standing) {
            // A trial of which nothing is left confirmed no gate.
            Current::Gone(last) if !self.confirms_none(kept) => self.deciding().or(Some(last)),
            _ => None,
        }
    }

    /// Whether a boot took away the gate that stood after `receipt`, where the next one is found to be `at_boot`.
    ///
    /// Where the unit is enabled and has not failed it put the gate back at this boot, whatever boot its receipt names: in its
    /// sandbox a container shows the boot id of its host (systemd.exec(5), systemd-nspawn(1)).
    #[must_use]
    pub fn is_ended_by_boot(&self, receipt: &Receipt, at_boot: AtBoot) -> bool {
        let is_put_back = matches!(at_boot, AtBoot::Enabled | AtBoot::Late) && receipt.is_of_boot();
        self.is_before_boot(receipt) && !is_put_back
    }

    /// Whether no gate is confirmed, as the receipts tell: whatever stands in the table, nobody of ours kept it.
    #[must_use]
    pub fn confirms_none(&self, kept: Kept) -> bool {
        kept == Kept::Nothing && self.confirms_open()
    }

    /// Whether a gate that lets everything in is what was confirmed last, as beside a first trial.
    fn confirms_open(&self) -> bool {
        let confirmed = self.deciding().and_then(Receipt::confirms);
        confirmed.is_some_and(|digest| digest == Body::open().digest())
    }

    /// Whether a receipt tells which gate was confirmed last.
    pub(super) fn tells_confirmed(&self) -> bool {
        self.deciding().is_some_and(|receipt| receipt.confirms().is_some())
    }

    /// The last change after which another gate may be confirmed than before.
    fn deciding(&self) -> Option<&Receipt> {
        self.newest_first().find(|receipt| receipt.decides_what_is_confirmed())
    }

    /// Whether what is on trial is what the receipt of the trial says.
    #[must_use]
    pub fn tried(&self, standing: &Standing) -> Tried {
        let applied = self.trial(standing).and_then(|trial| trial.gate.as_deref());
        match (standing.tried(), applied) {
            (None, _) => Tried::Changed,
            (Some(body), Some(digest)) if body.digest() != digest => Tried::Changed,
            _ => Tried::AsApplied,
        }
    }

    /// Whether the last change that confirmed a gate is of that time.
    fn is_confirmed_at(&self, since: Timestamp) -> bool {
        let confirmed = self.newest_first().find(|it| it.changes_confirmed() && !it.is_of_boot());
        confirmed.is_some_and(|receipt| receipt.at == since)
    }
}

impl Receipt {
    /// Whether a boot put the confirmed gate back.
    #[must_use]
    pub const fn is_of_boot(&self) -> bool {
        matches!(self.deed, Deed::Gate { cause: Cause::Boot, .. })
    }

    /// Whether it was made, and another gate may be confirmed after it than before.
    fn decides_what_is_confirmed(&self) -> bool {
        self.changes_confirmed() || (self.outcome == Outcome::Done && self.makes_an_open_gate())
    }

    /// The digest of the gate that is confirmed after it, where it is written down.
    fn confirms(&self) -> Option<String> {
        if self.makes_an_open_gate() { Some(Body::open().digest()) } else { self.gate.clone() }
    }

    /// Whether it makes a table beside whose trial, or for whose sources, nothing is refused.
    const fn makes_an_open_gate(&self) -> bool {
        let is_beside = matches!(self.deed, Deed::Gate { until: Some(_), .. } | Deed::Block { .. });
        is_beside && self.seen.is_none()
    }
}

#[cfg(test)]
mod tests;
