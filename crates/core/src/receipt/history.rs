//! The receipts of a host in order: which gate is in force, and what would take a change back (A15).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::net::IpAddr;

use jiff::Timestamp;

use super::{Cause, Deed, Outcome, Receipt, Was};
use crate::{
    gate::{Body, Standing, Temporary},
    port::{PortRange, PortSpec},
    programs::Programs,
    steer::Tenancy,
};

/// The receipts by number, and the numbers of those that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub(super) receipts: BTreeMap<u32, Receipt>,
    pub(super) unread: BTreeSet<u32>,
    boot_id: Option<String>,
    /// When that boot began.
    pub(super) booted: Option<Timestamp>,
}

/// How the gate came to be as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current<'a> {
    /// There is none, as far as anybody remembers.
    Absent,
    /// By this change.
    By(&'a Receipt),
    /// It stood after this change and is gone: none of ours took it away.
    Gone(&'a Receipt),
    /// By nothing of which a receipt is kept.
    Unknown,
}

/// What takes a change back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back<'a> {
    /// To end its trial.
    EndTrial(&'a Receipt),
    /// To put back the gate that was there before; `None` where there was none.
    Restore(&'a Receipt, Option<Body>),
    /// To let a source in again.
    Unblock(&'a Receipt, IpAddr),
    /// To close ports that are open for a while.
    Shut(&'a Receipt, Option<String>, PortSpec),
    /// To have the kernel keep these from clients for the policy, and no others.
    Reserve(&'a Receipt, &'a [PortRange]),
    /// To tell the programs in the kernel these, and nothing else.
    Programs(&'a Receipt, &'a Programs),
    /// To lead what comes in for a service to the sockets of these numbers.
    Lead(&'a Receipt, (&'a str, Tenancy), &'a [u64]),
}

/// Why nothing takes a change back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge<'a> {
    /// There is no such receipt, or none at all.
    Missing,
    /// The one of this number is there and cannot be read.
    Unread(u32),
    /// The kernel took it back already, at this time.
    Over(&'a Receipt, Timestamp),
    /// What it put there for a while is not there any more, before its time.
    Gone(&'a Receipt),
    /// Somebody else ended its trial before its time, or took the gate away.
    Ended(&'a Receipt),
    /// A reboot ended its trial.
    Rebooted(&'a Receipt),
    /// Somebody took it back already, or it only took another one back.
    Back(&'a Receipt),
    /// Nothing was named, and the last change took one back itself.
    Again {
        /// That change.
        undo: &'a Receipt,
        /// The last one that stands yet.
        before: Option<&'a Receipt>,
    },
    /// It only put back what was confirmed, as a boot does.
    OfBoot(&'a Receipt),
    /// Nothing starts those again who were stopped.
    Halted(&'a Receipt),
    /// It was not made, or nobody knows.
    Unmade(&'a Receipt),
    /// There was no gate before it, and there is none now.
    Same(&'a Receipt),
    /// What was there before is not known.
    Unknown(&'a Receipt),
}

/// How a trial ended that nobody confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The kernel took it back, at this time.
    Lapsed(Timestamp),
    /// The host was booted before its time was over.
    Reboot,
    /// Somebody else ended it before its time, or took the gate away, at whatever time.
    Early,
}

impl FromIterator<Receipt> for History {
    fn from_iter<I: IntoIterator<Item = Receipt>>(receipts: I) -> Self {
        let mut all: BTreeMap<u32, Receipt> =
            receipts.into_iter().map(|receipt| (receipt.number, receipt)).collect();
        let told: Vec<Receipt> = all.values().zip(all.values().skip(1)).filter_map(told_by_next).collect();
        all.extend(told.into_iter().map(|receipt| (receipt.number, receipt)));
        Self { receipts: all, ..Self::default() }
    }
}

/// What came of a change that could not be written down, where the next one saw the revision that it makes.
fn told_by_next((receipt, next): (&Receipt, &Receipt)) -> Option<Receipt> {
    let expected = receipt.expected().filter(|_| receipt.changes_revision());
    let is_seen = expected.is_some() && expected == next.seen && expected != receipt.seen;
    (receipt.outcome == Outcome::Begun && is_seen).then(|| receipt.clone().done(expected))
}

impl History {
    /// The same as it is looked at in the boot of this id, where it is known (random(4)).
    #[must_use]
    pub fn at_boot(self, boot_id: Option<String>) -> Self {
        Self { boot_id, ..self }
    }

    /// The same where that boot `began` then, if anybody knows.
    #[must_use]
    pub fn booted(self, began: Option<Timestamp>) -> Self {
        Self { booted: began, ..self }
    }

    /// Whether the host was booted since the change, as far as anybody knows.
    #[must_use]
    pub fn is_before_boot(&self, receipt: &Receipt) -> bool {
        receipt.is_before_boot_of(self.boot_id.as_ref())
    }

    /// The end, by `now`, of the trial of `receipt`, which runs no more and was to run `until` then.
    ///
    /// A trial outlives no later change of the gate. The kernel puts the gate before it in force and takes no table away: where
    /// none stands any more without a boot, somebody took the gate, and whether before the time was over nobody can tell.
    #[must_use]
    pub fn end_of(
        &self,
        receipt: &Receipt,
        until: Timestamp,
        standing: Option<&Standing>,
        now: Timestamp,
    ) -> End {
        let next = self.done_after(receipt).find(|after| after.changes_revision());
        let (is_gone, is_booted) = next.map_or_else(
            || (standing.is_none(), self.is_before_boot(receipt)),
            |next| (next.seen.is_none(), receipt.is_before_boot_of(next.boot_id.as_ref())),
        );
        if is_booted {
            return if self.ran_out(receipt, until) { End::Lapsed(until) } else { End::Reboot };
        }
        let is_taken = is_gone && !matches!(receipt.deed, Deed::Gate { was: Was::Nothing, .. });
        if !is_taken && until <= next.map_or(now, |next| next.at) { End::Lapsed(until) } else { End::Early }
    }

    /// The receipts, the newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Receipt> {
        self.receipts.values().rev()
    }

    /// The newest one; `None` where that cannot be read.
    #[must_use]
    pub fn last(&self) -> Option<&Receipt> {
        let last = self.receipts.last_key_value().map(|(_, last)| last);
        last.filter(|last| self.unread_after(Some(last)).is_none())
    }

    /// The one of this number.
    #[must_use]
    pub fn of(&self, number: u32) -> Option<&Receipt> {
        self.receipts.get(&number)
    }

    /// The number of the next one; `None` after four thousand million.
    #[must_use]
    pub fn next(&self) -> Option<u32> {
        self.receipts.keys().last().max(self.unread.last()).map_or(Some(1), |last| last.checked_add(1))
    }

    /// Puts a receipt in, in place of the one with its number.
    pub fn put(&mut self, receipt: Receipt) {
        self.receipts.insert(receipt.number, receipt);
    }

    /// How the gate came to be as it stands.
    #[must_use]
    pub fn current(&self, standing: Option<&Standing>) -> Current<'_> {
        let last = self.newest_revision();
        let now = standing.map(|standing| standing.revision.number());
        match (last, now) {
            (None, None) => Current::Absent,
            (None, Some(_)) => Current::Unknown,
            (Some(last), _) if last.made == now => {
                if now.is_some() {
                    Current::By(last)
                } else {
                    Current::Absent
                }
            }
            (Some(last), None) if self.unread_after(Some(last)).is_none() => Current::Gone(last),
            (Some(_), _) => Current::Unknown,
        }
    }

    /// The change that is on trial, where it is ours.
    #[must_use]
    pub fn trial(&self, standing: &Standing) -> Option<&Receipt> {
        standing.trial?;
        match self.current(Some(standing)) {
            Current::By(receipt) if matches!(receipt.deed, Deed::Gate { until: Some(_), .. }) => {
                Some(receipt)
            }
            _ => None,
        }
    }

    /// The last change that was on trial and that nobody confirmed, and how that ended; nothing of ours was done to the
    /// gate since.
    #[must_use]
    pub fn ended(&self, standing: Option<&Standing>, now: Timestamp) -> Option<(&Receipt, End)> {
        let receipt = match self.current(standing) {
            Current::By(receipt) | Current::Gone(receipt) => receipt,
            Current::Absent | Current::Unknown => return None,
        };
        match receipt.deed {
            Deed::Gate { until: Some(until), .. } if standing.is_none_or(|it| it.trial.is_none()) => {
                Some((receipt, self.end_of(receipt, until, standing, now)))
            }
            _ => None,
        }
    }

    /// What takes back the change of receipt `number`; without one what is on trial, or the last one that a person made.
    ///
    /// What is there for a while is there as long as the kernel says so, whatever the time is.
    ///
    /// # Errors
    ///
    /// Nothing does.
    pub fn back(
        &self,
        number: Option<u32>,
        standing: Option<&Standing>,
        temporary: &Temporary,
        now: Timestamp,
    ) -> Result<Back<'_>, Edge<'_>> {
        let is_persons = |receipt: &&Receipt| receipt.outcome != Outcome::Refused && !receipt.is_of_boot();
        let trial = || standing.and_then(|standing| self.trial(standing));
        let left = || self.programs_left(standing, now).filter(|left| !left.is_kept).map(|left| left.receipt);
        let tried = || self.programs_on_trial(now).map(|(receipt, _)| receipt);
        let newest = || self.newest_first().find(is_persons).map(|last| self.meant(last));
        let last = || trial().or_else(left).or_else(tried).or_else(newest);
        let receipt = number.map_or_else(last, |number| self.of(number));
        if let Some(unread) = self.unread_instead(number, receipt) {
            return Err(Edge::Unread(unread));
        }
        let receipt = receipt.ok_or(Edge::Missing)?;
        if number.is_none() && receipt.takes_back() {
            let before = self.newest_standing(temporary, now);
            return Err(Edge::Again { undo: receipt, before });
        }
        let receipt = match receipt.deed {
            Deed::Confirm { of } if receipt.outcome == Outcome::Done => {
                self.of(of).ok_or(Edge::Unknown(receipt))?
            }
            // Both halves are tried together.
            Deed::Programs { with: Some(of), until: Some(_), .. } => {
                trial().filter(|trial| trial.number == of).unwrap_or(receipt)
            }
            _ => receipt,
        };
        if receipt.outcome == Outcome::Refused {
            return Err(Edge::Unmade(receipt));
        }
        match &receipt.deed {
            Deed::Gate { cause: Cause::Boot, .. } => Err(Edge::OfBoot(receipt)),
            Deed::Gate { until: Some(until), .. } if !self.is_confirmed(receipt) => {
                self.end_of_trial(receipt, self.end_of(receipt, *until, standing, now), standing)
            }
            Deed::Gate { .. } if self.is_undone(receipt) => Err(Edge::Back(receipt)),
            Deed::Gate { was: Was::Unknown, .. } => Err(Edge::Unknown(receipt)),
            Deed::Gate { was: Was::Nothing, .. } if standing.is_none() => Err(Edge::Same(receipt)),
            Deed::Gate { was: Was::Nothing, .. } => Ok(Back::Restore(receipt, None)),
            Deed::Gate { was: Was::Gate(body), .. } => {
                let body = body.read().map_err(|_| Edge::Unknown(receipt))?;
                Ok(Back::Restore(receipt, Some(body)))
            }
            Deed::Open { until, .. } | Deed::Block { until: Some(until), .. }
                if *until <= now && !self.is_there(receipt, temporary) =>
            {
                Err(Edge::Over(receipt, *until))
            }
            Deed::Open { .. } | Deed::Block { .. } if !receipt.deed.is_found_in(temporary) => {
                Err(Edge::Gone(receipt))
            }
            Deed::Open { zone, ports, .. } => Ok(Back::Shut(receipt, zone.clone(), ports.0)),
            Deed::Block { source, .. } => Ok(Back::Unblock(receipt, *source)),
            Deed::Reserve { was, .. } => self.back_of_reservation(receipt, was),
            Deed::Programs { was, .. } => self.back_of_programs(receipt, was, now),
            Deed::Lead { service, tenancy, was, .. } => {
                self.back_of_lead(receipt, (service, *tenancy), was, now)
            }
            Deed::Halt { .. } => Err(Edge::Halted(receipt)),
            _ => Err(Edge::Back(receipt)),
        }
    }

    fn end_of_trial<'a>(
        &'a self,
        receipt: &'a Receipt,
        end: End,
        standing: Option<&Standing>,
    ) -> Result<Back<'a>, Edge<'a>> {
        match standing.and_then(|standing| self.trial(standing)) {
            Some(trial) if trial.number == receipt.number => Ok(Back::EndTrial(receipt)),
            _ if self
                .done_to(receipt, |deed| matches!(deed, Deed::TakeBack { of } if *of == receipt.number)) =>
            {
                Err(Edge::Back(receipt))
            }
            _ => Err(match end {
                End::Lapsed(until) => Edge::Over(receipt, until),
                End::Reboot => Edge::Rebooted(receipt),
                End::Early => Edge::Ended(receipt),
            }),
        }
    }

    /// The changes of the gate by persons that are in force and that nobody took back, the newest first.
    pub fn lasting(&self) -> impl Iterator<Item = &Receipt> {
        self.in_force().filter(|(_, undone)| undone.is_none()).map(|(change, _)| change)
    }

    /// The changes of the gate that go with that of receipt `of`, as they were made after it, the oldest first: also to take
    /// back what is older.
    #[must_use]
    pub fn gone_with(&self, of: u32) -> Vec<u32> {
        let after = self.in_force().filter(|(change, _)| change.number > of);
        let mut gone: Vec<u32> = after
            .filter(|(_, undone)| undone.is_none_or(|undone| undone < of))
            .map(|(change, _)| change.number)
            .collect();
        gone.reverse();
        gone
    }

    /// The changes of the gate by persons that are in force, the newest first, and of each that takes one back the number of
    /// that one.
    fn in_force(&self) -> impl Iterator<Item = (&Receipt, Option<u32>)> {
        let done = self.newest_first().filter(|receipt| receipt.outcome == Outcome::Done);
        // What was taken back is gone, and all that came between.
        let mut standing_below = u32::MAX;
        done.filter_map(move |receipt| {
            let change = match receipt.deed {
                Deed::Confirm { of } => self.of(of)?,
                Deed::Gate { until: None, .. } => receipt,
                _ => return None,
            };
            match change.deed {
                _ if change.number >= standing_below => None,
                Deed::Gate { cause: Cause::Undo(of), .. } => {
                    standing_below = of;
                    Some((change, Some(of)))
                }
                Deed::Gate { cause: Cause::Boot, .. } => None,
                _ => Some((change, None)),
            }
        })
    }

    /// The newest change of all that can be taken back.
    #[must_use]
    pub fn newest_standing(&self, temporary: &Temporary, now: Timestamp) -> Option<&Receipt> {
        let done = || self.newest_first().filter(|receipt| receipt.outcome == Outcome::Done);
        let there = done().filter(|receipt| self.is_there(receipt, temporary)).take(1);
        let beside = done().filter(|receipt| self.stands_beside_gate(receipt, now)).take(1);
        self.lasting().take(1).chain(there).chain(beside).max_by_key(|receipt| receipt.number)
    }

    /// Whether it changed what the programs in the kernel are told, or to whom they lead, without a change of the gate, and can be
    /// taken back. What itself took a change back is no change that anybody would name next.
    fn stands_beside_gate(&self, receipt: &Receipt, now: Timestamp) -> bool {
        match &receipt.deed {
            Deed::Programs { was, with: None, undoes: None, .. } => {
                // Of what was confirmed that is the change that can be named.
                !self.are_programs_confirmed(receipt) && self.back_of_programs(receipt, was, now).is_ok()
            }
            Deed::Lead { service, tenancy, was, undoes: None, .. } => {
                self.back_of_lead(receipt, (service, *tenancy), was, now).is_ok()
            }
            _ => false,
        }
    }

    /// Whether what a change put there for a while still is, and no later one put it there again.
    fn is_there(&self, receipt: &Receipt, temporary: &Temporary) -> bool {
        let is_renewed = self.done_to(receipt, |deed| receipt.deed.overlaps(deed));
        receipt.deed.is_found_in(temporary) && !is_renewed
    }

    /// The newest change that put there again, for a while, what `receipt` did, and what stands of both goes at once.
    #[must_use]
    pub fn renewed_by(&self, receipt: &Receipt, temporary: &Temporary) -> Option<&Receipt> {
        let renews = |after: &&Receipt| receipt.deed.overlaps(&after.deed) && self.is_there(after, temporary);
        self.done_after(receipt).find(renews)
    }

    pub(super) fn is_confirmed(&self, receipt: &Receipt) -> bool {
        self.done_to(receipt, |deed| matches!(deed, Deed::Confirm { of } if *of == receipt.number))
    }

    /// Whether it was taken back, by what is in force: of an undo that was taken back itself, or with an older one, nothing is left.
    fn is_undone(&self, receipt: &Receipt) -> bool {
        self.in_force().any(|(_, undone)| undone == Some(receipt.number))
    }

    pub(super) fn done_to(&self, receipt: &Receipt, is_it: impl Fn(&Deed) -> bool) -> bool {
        self.done_after(receipt).any(|after| is_it(&after.deed))
    }

    pub(super) fn done_after(&self, receipt: &Receipt) -> impl Iterator<Item = &Receipt> {
        let after = self.receipts.range(receipt.number..).skip(1).map(|(_, after)| after);
        after.filter(|after| after.outcome == Outcome::Done)
    }
}
