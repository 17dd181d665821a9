//! What a boot ended, and what was over before it (A15, A20).

use jiff::Timestamp;

use super::{Deed, End, History, Outcome, Receipt};
use crate::gate::Standing;

impl History {
    /// Whether what was to run `until` then ran out before the host was booted, as far as anybody knows.
    pub(super) fn ran_out(&self, receipt: &Receipt, until: Timestamp) -> bool {
        let in_time = |after: &Receipt| after.boot_id == receipt.boot_id && until <= after.at;
        self.later(receipt).any(in_time) || self.booted_after(receipt).is_some_and(|booted| until <= booted)
    }

    /// When the host was booted next, as the first change after that tells.
    fn booted_after(&self, receipt: &Receipt) -> Option<Timestamp> {
        let next = self.later(receipt).find(|after| receipt.is_before_boot_of(after.boot_id.as_ref()));
        match next {
            Some(next) if self.is_before_boot(next) => next.booted,
            _ => self.booted,
        }
    }

    fn later(&self, receipt: &Receipt) -> impl Iterator<Item = &Receipt> {
        self.receipts.range(receipt.number..).skip(1).map(|(_, after)| after)
    }

    /// The change of the gate that was on trial before the boot that put another one back, and how that ended; nothing of ours was done
    /// since to the gate or to what the programs are told.
    #[must_use]
    pub fn ended_before_boot(&self, standing: Option<&Standing>, now: Timestamp) -> Option<(&Receipt, End)> {
        let done = self.newest_first().filter(|receipt| receipt.outcome == Outcome::Done);
        let last = done.filter(|it| it.changes_revision()).find(|it| !it.is_of_boot())?;
        let Deed::Gate { until: Some(until), .. } = last.deed else { return None };
        let is_other =
            |deed: &Deed| matches!(deed, Deed::Programs { with, .. } if *with != Some(last.number));
        let is_last = !self.done_to(last, is_other) && self.done_after(last).any(Receipt::is_of_boot);
        is_last.then(|| (last, self.end_of(last, until, standing, now)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        programs::Programs,
        receipt::{
            Becomes, Cause, ProgramsEnd, Was,
            tests::{applied, at, receipt, standing},
        },
    };

    fn of_boot(id: &str, receipt: Receipt) -> Receipt {
        Receipt { boot_id: Some(id.into()), ..receipt }
    }

    fn told(number: u32, until: Option<i64>, with: Option<u32>) -> Receipt {
        let (now, was, led) = (Programs::default(), Programs::default(), Vec::new());
        let until = until.map(at);
        receipt(number, Deed::Programs { now, was, led, until, with, confirms: None, undoes: None }, None)
    }

    fn put_back(number: u32, second: i64) -> Receipt {
        let deed = Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was: Was::Nothing, until: None };
        Receipt { at: at(second), seen: None, ..receipt(number, deed, Some(10 + number)) }
    }

    fn end(after: &[Receipt], boot: &str, began: Option<i64>) -> Option<ProgramsEnd> {
        let trial = of_boot("one", told(2, Some(60), None));
        let history: History = [trial.clone()].into_iter().chain(after.iter().cloned()).collect();
        let history = history.at_boot(Some(boot.into())).booted(began.map(at));
        history.end_of_programs(&trial, at(60), at(999))
    }

    #[test]
    fn what_ran_out_before_the_boot_was_ended_by_no_boot() {
        let (lapsed, reboot) = (Some(ProgramsEnd::Lapsed), Some(ProgramsEnd::Reboot));
        assert_eq!((end(&[], "two", Some(60)), end(&[], "two", Some(59))), (lapsed, reboot));
        assert_eq!(end(&[], "two", None), reboot, "nobody knows");
        let later = Receipt { at: at(61), ..of_boot("one", put_back(3, 61)) };
        assert_eq!(end(&[later], "two", None), lapsed, "somebody was there after it");
        let boot = |second| [of_boot("two", put_back(3, second))];
        assert_eq!((end(&boot(70), "two", Some(50)), end(&boot(70), "two", Some(65))), (reboot, lapsed));
        // Whoever comes after a boot that is past itself tells when it began, however late he comes.
        let past = |booted: Option<i64>| {
            let later = of_boot("two", Receipt { at: at(500), ..told(3, None, None) });
            end(&[Receipt { booted: booted.map(at), ..later }], "three", Some(900))
        };
        assert_eq!([Some(60), Some(59), None].map(past), [lapsed, reboot, reboot]);
    }

    #[test]
    fn a_trial_of_the_gate_is_known_behind_the_gate_that_a_boot_put_back() {
        let ended = |after: &[Receipt]| {
            let trial = of_boot("one", receipt(1, applied(Was::Nothing, Some(60)), Some(11)));
            let tried = of_boot("one", told(2, Some(60), Some(1)));
            let history: History = [trial, tried].into_iter().chain(after.iter().cloned()).collect();
            let history = history.at_boot(Some("two".into()));
            let history = history.booted(after.first().map(|first| first.at));
            let ended = history.ended_before_boot(Some(&standing(13, None)), at(99));
            ended.map(|(receipt, end)| (receipt.number, end))
        };
        let boot = |second| of_boot("two", put_back(3, second));
        assert_eq!(ended(&[boot(30)]), Some((1, End::Reboot)));
        assert_eq!(ended(&[boot(70)]), Some((1, End::Lapsed(at(60)))));
        assert_eq!(ended(&[]), None, "no boot put anything back");
        let changed = of_boot("two", told(4, None, None));
        assert_eq!(ended(&[boot(30), changed]), None, "somebody else is meant by now");
        let confirmed = of_boot("one", receipt(3, Deed::Confirm { of: 1 }, Some(12)));
        assert_eq!(ended(&[confirmed, Receipt { number: 4, ..boot(30) }]), None);
    }
}
