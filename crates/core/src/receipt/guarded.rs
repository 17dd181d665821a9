//! What the guard kept, as the receipts tell, and what takes a change of that back (A15, A24).

use jiff::Timestamp;

use super::{Back, Deed, Edge, History, Outcome, Receipt};
use crate::guard::Rules;

/// How a trial of the guard ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardEnd {
    /// What was tried is kept.
    Confirmed,
    /// Somebody took it back before its time.
    TakenBack,
    /// Its time was over.
    Lapsed,
}

impl History {
    /// How the trial of `receipt` ended, which was to run `until` then; `None` while it does.
    #[must_use]
    pub fn end_of_guard(&self, receipt: &Receipt, until: Timestamp, now: Timestamp) -> Option<GuardEnd> {
        if self.is_guard_confirmed(receipt) {
            return Some(GuardEnd::Confirmed);
        }
        let mut after = self.guardings().filter(|(other, _)| other.number > receipt.number);
        match after.next_back() {
            Some((next, _)) if next.at < until => Some(GuardEnd::TakenBack),
            _ if until <= now => Some(GuardEnd::Lapsed),
            _ => None,
        }
    }

    /// What the guard kept before the change of receipt `of`; `None` where nothing that came with it or after it changed that.
    #[must_use]
    pub fn guarded_before(&self, of: u32) -> Option<&Rules> {
        let mut after = self.guardings().filter(|(receipt, _)| receipt.number > of);
        after.next_back().map(|(_, was)| was)
    }

    /// The last change of the guard and what is to be kept by it, where that is on trial until a time, and came with the change
    /// of receipt `with`.
    #[must_use]
    pub fn guard_tried(&self, with: Option<u32>) -> Option<(&Receipt, &Rules, Timestamp)> {
        let (last, _) = self.guardings().next()?;
        match &last.deed {
            Deed::Guard { rules, until: Some(until), with: own, .. } if *own == with => {
                Some((last, rules, *until))
            }
            _ => None,
        }
    }

    /// The changes of it that were made, the newest first, and what it kept before each.
    fn guardings(&self) -> impl DoubleEndedIterator<Item = (&Receipt, &Rules)> {
        let done = self.receipts.values().rev().filter(|receipt| receipt.outcome == Outcome::Done);
        done.filter_map(|receipt| match &receipt.deed {
            Deed::Guard { was, .. } => Some((receipt, was)),
            _ => None,
        })
    }

    /// What takes the change of `receipt` back, before which it kept `was`: a trial that is over took itself back.
    pub(super) fn back_of_guard<'a>(
        &'a self,
        receipt: &'a Receipt,
        was: &'a Rules,
        now: Timestamp,
    ) -> Result<Back<'a>, Edge<'a>> {
        let takes_back = |deed: &Deed| match deed {
            Deed::Guard { undoes: Some(of), with, .. } => {
                *of == receipt.number || (with.is_some() && *of <= receipt.number)
            }
            _ => false,
        };
        if self.done_to(receipt, takes_back) {
            return Err(Edge::Back(receipt));
        }
        match receipt.deed {
            Deed::Guard { until: Some(until), .. } if until <= now && !self.is_guard_confirmed(receipt) => {
                Err(Edge::Over(receipt, until))
            }
            _ => Ok(Back::Guard(receipt, was)),
        }
    }

    /// Whether what was tried by it was kept then.
    fn is_guard_confirmed(&self, trial: &Receipt) -> bool {
        self.done_to(
            trial,
            |deed| matches!(deed, Deed::Guard { confirms: Some(of), .. } if *of == trial.number),
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::{
        gate::Temporary,
        guard::{Badge, Entry, Mode},
        port::Protocol,
        receipt::{
            Was,
            tests::{applied, at, receipt, standing},
        },
    };

    fn rules(ports: &[u16]) -> Rules {
        let entry = Entry { owner: Badge::User(1), address: None, mode: Mode::Enforce, service: 0 };
        let entries = ports.iter().map(|port| ((Protocol::Tcp, *port), vec![entry.clone()])).collect();
        Rules { entries }
    }

    fn guard(number: u32, now_and_was: (&[u16], &[u16]), deed: impl FnOnce(Deed) -> Deed) -> Receipt {
        let (now, was) = now_and_was;
        let (rules, was) = (rules(now), rules(was));
        let plain = Deed::Guard { rules, was, until: None, with: None, confirms: None, undoes: None };
        receipt(number, deed(plain), None)
    }

    fn with(deed: Deed, of: u32, second: Option<i64>) -> Deed {
        let Deed::Guard { rules, was, confirms, undoes, .. } = deed else { return deed };
        Deed::Guard { rules, was, until: second.map(at), with: Some(of), confirms, undoes }
    }

    fn back(history: &History, number: Option<u32>) -> Result<Back<'_>, Edge<'_>> {
        history.back(number, Some(&standing(11, None)), &Temporary::default(), at(99))
    }

    #[test]
    fn what_came_with_a_gate_goes_with_it() {
        let gate = receipt(1, applied(Was::Nothing, None), Some(11));
        let history: History =
            [gate, guard(2, (&[443], &[]), |deed| with(deed, 1, None))].into_iter().collect();
        assert!(matches!(back(&history, None), Ok(Back::Restore(gate, None)) if gate.number == 1));
        assert_eq!(history.guarded_before(1), Some(&rules(&[])));
        assert!(matches!(back(&history, Some(2)), Ok(Back::Guard(..))), "by its number");
    }

    #[test]
    fn a_trial_that_nobody_confirmed_is_over_and_one_that_was_is_taken_back() {
        let trial = guard(2, (&[443], &[80]), |deed| with(deed, 1, Some(60)));
        let over: History = [trial.clone()].into_iter().collect();
        assert!(matches!(back(&over, Some(2)), Err(Edge::Over(receipt, _)) if receipt.number == 2));
        assert_eq!(
            over.guard_tried(Some(1)).map(|(trial, _, until)| (trial.number, until)),
            Some((2, at(60)))
        );
        assert_eq!(over.guard_tried(None), None, "it came with another");
        let end = |history: &History, now| history.end_of_guard(&trial, at(60), at(now));
        assert_eq!((end(&over, 59), end(&over, 60)), (None, Some(GuardEnd::Lapsed)));
        let kept = guard(3, (&[443], &[80]), |deed| {
            let Deed::Guard { rules, was, .. } = deed else { return deed };
            Deed::Guard { rules, was, until: None, with: Some(1), confirms: Some(2), undoes: None }
        });
        let history: History = [trial.clone(), kept].into_iter().collect();
        assert_eq!(history.guard_tried(Some(1)), None, "it is confirmed");
        assert_eq!(end(&history, 99), Some(GuardEnd::Confirmed));
        let before: Vec<_> = [2, 3].into_iter().map(|number| back(&history, Some(number))).collect();
        for answer in before {
            assert!(matches!(answer, Ok(Back::Guard(_, was)) if *was == rules(&[80])), "{answer:?}");
        }
    }

    #[test]
    fn it_is_taken_back_once() {
        let undone = guard(2, (&[], &[443]), |deed| {
            let Deed::Guard { rules, was, .. } = deed else { return deed };
            Deed::Guard { rules, was, until: None, with: None, confirms: None, undoes: Some(1) }
        });
        let history: History = [guard(1, (&[443], &[]), |deed| deed), undone].into_iter().collect();
        assert!(matches!(back(&history, Some(1)), Err(Edge::Back(_))));
        assert!(matches!(back(&history, None), Err(Edge::Again { undo, .. }) if undo.number == 2));
        assert!(matches!(back(&history, Some(2)), Ok(Back::Guard(_, was)) if *was == rules(&[443])));
    }
}
