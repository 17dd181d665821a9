//! What the programs in the kernel were told, as the receipts tell, and what takes a change of that back (A15, A24).

use jiff::Timestamp;

use super::{Back, Deed, Edge, End, History, Outcome, Receipt};
use crate::{facts::Led, gate::Standing, programs::Programs, steer::Tenancy};

/// How a trial of theirs ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramsEnd {
    /// What was tried is kept.
    Confirmed,
    /// Somebody took it back before its time.
    TakenBack,
    /// Its time was over.
    Lapsed,
    /// The host was booted meanwhile.
    Reboot,
}

/// What is on trial still though the gate that it came with is not any more: whoever ended that was killed before he got to it, or
/// is none of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left<'a> {
    /// The receipt of the trial.
    pub receipt: &'a Receipt,
    /// What they are told by it.
    pub now: &'a Programs,
    /// The receipt of the gate.
    pub with: u32,
    /// Whether the gate was kept, and not taken back.
    pub is_kept: bool,
}

impl History {
    /// What was left on trial so, as the gate stands.
    #[must_use]
    pub fn programs_left(&self, standing: Option<&Standing>, at: Timestamp) -> Option<Left<'_>> {
        let (receipt, _) = self.tellings().next()?;
        let Deed::Programs { now, until: Some(until), with: Some(with), .. } = &receipt.deed else {
            return None;
        };
        let gate = self.of(*with)?;
        let is_kept = self.is_confirmed(gate);
        let trial = standing.filter(|standing| standing.trial.is_some()).map(|standing| self.trial(standing));
        let is_over = trial.is_none_or(|trial| trial.is_some_and(|trial| trial.number != gate.number));
        let runs = at < *until && !self.is_before_boot(receipt);
        (runs && (is_kept || is_over)).then_some(Left { receipt, now, with: *with, is_kept })
    }

    /// How the trial of `receipt` ended, which was to run `until` then; `None` while it does.
    #[must_use]
    pub fn end_of_programs(
        &self,
        receipt: &Receipt,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<ProgramsEnd> {
        if self.are_programs_confirmed(receipt) {
            return Some(ProgramsEnd::Confirmed);
        }
        let mut after = self.tellings().filter(|(other, _)| other.number > receipt.number);
        match after.next_back() {
            Some((next, _)) if next.at < until && next.boot_id == receipt.boot_id => {
                Some(ProgramsEnd::TakenBack)
            }
            _ if self.is_before_boot(receipt) && !self.ran_out(receipt, until) => Some(ProgramsEnd::Reboot),
            _ if until <= now => Some(ProgramsEnd::Lapsed),
            _ => None,
        }
    }

    /// What they were told before the change of receipt `of`; `None` where nothing that came with it or after it changed that.
    #[must_use]
    pub fn programs_before(&self, of: u32) -> Option<&Programs> {
        let mut after = self.tellings().filter(|(receipt, _)| receipt.number > of);
        after.next_back().map(|(_, was)| was)
    }

    /// The sockets to which packets were led before the change of receipt `of`; none where nothing that came with it or after it
    /// changed what the programs are told.
    #[must_use]
    pub fn led_before(&self, of: u32) -> &[Led] {
        let mut after = self.tellings().filter(|(receipt, _)| receipt.number >= of);
        // No socket outlives a boot, and another may have its number by now.
        let first = after.next_back().map(|(first, _)| first).filter(|first| !self.is_before_boot(first));
        match first.map(|first| &first.deed) {
            Some(Deed::Programs { led, .. }) => led,
            _ => &[],
        }
    }

    /// The last change of that and what they are told by it, where that is on trial until a time, and came with the change of
    /// receipt `with`.
    #[must_use]
    pub fn programs_tried(&self, with: Option<u32>) -> Option<(&Receipt, &Programs, Timestamp)> {
        let (last, _) = self.tellings().next()?;
        match &last.deed {
            Deed::Programs { now, until: Some(until), with: own, .. } if *own == with => {
                Some((last, now, *until))
            }
            _ => None,
        }
    }

    /// What is on trial of that without a gate, as long as it is: a boot ends it, whatever its time.
    #[must_use]
    pub fn programs_on_trial(&self, at: Timestamp) -> Option<(&Receipt, &Programs)> {
        let (receipt, now, until) = self.programs_tried(None)?;
        self.end_of_programs(receipt, until, at).is_none().then_some((receipt, now))
    }

    /// The last change of that, which was on trial without a gate, and how that ended; `None` where somebody changed the gate since.
    #[must_use]
    pub fn programs_ended(&self, at: Timestamp) -> Option<(&Receipt, End)> {
        let (receipt, _, until) = self.programs_tried(None)?;
        // A boot puts back the gate that was confirmed, and so is nobody's change.
        let changes_gate = |after: &Receipt| after.changes_revision() && !after.is_of_boot();
        let end = match self.end_of_programs(receipt, until, at)? {
            _ if self.done_after(receipt).any(changes_gate) => return None,
            ProgramsEnd::Reboot => End::Reboot,
            ProgramsEnd::Lapsed => End::Lapsed(until),
            ProgramsEnd::Confirmed | ProgramsEnd::TakenBack => return None,
        };
        Some((receipt, end))
    }

    /// Whether the service of this name and tenancy is steered by what they are told, for good or on trial; also where nobody knows.
    pub(super) fn is_steered(&self, service: (&str, Tenancy), at: Timestamp) -> bool {
        let Some((receipt, was)) = self.tellings().next() else { return true };
        let Deed::Programs { now, until, .. } = &receipt.deed else { return true };
        let is_kept = until.is_none() && receipt.outcome == Outcome::Done;
        let is_tried = until.is_none_or(|until| at < until) && !self.is_before_boot(receipt);
        let steers = |told: &Programs| told.routes.tenant(service).is_some();
        (is_kept || is_tried) && steers(now) || !is_kept && steers(was)
    }

    /// What was to come with the gate of receipt `of`, where whoever made that was killed before he told them.
    #[must_use]
    pub fn untold(&self, of: u32) -> Option<&Programs> {
        let is_told = self.tellings().next().is_some_and(|(last, _)| last.number > of);
        self.of(of)?.tells.as_ref().filter(|_| !is_told)
    }

    /// The changes of that which were made, the newest first, and what they were told before each; also those of which nobody knows,
    /// as their maker was killed: to tell again what was told before does no harm.
    fn tellings(&self) -> impl DoubleEndedIterator<Item = (&Receipt, &Programs)> {
        let made = self.receipts.values().rev().filter(|receipt| receipt.outcome != Outcome::Refused);
        made.filter_map(|receipt| match &receipt.deed {
            Deed::Programs { was, .. } => Some((receipt, was)),
            _ => None,
        })
    }

    /// What takes the change of `receipt` back, before which they were told `was`: a trial that is over took itself back.
    pub(super) fn back_of_programs<'a>(
        &'a self,
        receipt: &'a Receipt,
        was: &'a Programs,
        now: Timestamp,
    ) -> Result<Back<'a>, Edge<'a>> {
        let takes_back = |deed: &Deed| match deed {
            Deed::Programs { undoes: Some(of), with, .. } => {
                *of == receipt.number || (with.is_some() && *of <= receipt.number)
            }
            _ => false,
        };
        if self.done_to(receipt, takes_back) {
            return Err(Edge::Back(receipt));
        }
        let Deed::Programs { until: Some(until), .. } = receipt.deed else {
            return Ok(Back::Programs(receipt, was));
        };
        match self.end_of_programs(receipt, until, now) {
            Some(ProgramsEnd::Reboot) => Err(Edge::Rebooted(receipt)),
            Some(ProgramsEnd::Lapsed | ProgramsEnd::TakenBack) if until <= now => {
                Err(Edge::Over(receipt, until))
            }
            _ => Ok(Back::Programs(receipt, was)),
        }
    }

    /// Whether what was tried by it was kept then.
    pub(super) fn are_programs_confirmed(&self, trial: &Receipt) -> bool {
        self.done_to(
            trial,
            |deed| matches!(deed, Deed::Programs { confirms: Some(of), .. } if *of == trial.number),
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;
    use crate::{
        gate::Temporary,
        guard::{Badge, Entry, Mode, Rules},
        port::Protocol,
        receipt::{
            Becomes, Cause, Was,
            tests::{applied, at, receipt, standing},
        },
    };

    fn told(ports: &[u16]) -> Programs {
        let entry = Entry { owner: Badge::User(1), address: None, mode: Mode::Enforce, service: 0 };
        let entries = ports.iter().map(|port| ((Protocol::Tcp, *port), vec![entry.clone()])).collect();
        Programs { rules: Rules { entries }, ..Programs::default() }
    }

    fn guard(number: u32, now_and_was: (&[u16], &[u16]), deed: impl FnOnce(Deed) -> Deed) -> Receipt {
        let (now, was) = now_and_was;
        let (now, was) = (told(now), told(was));
        let (led, until) = (Vec::new(), None);
        let plain = Deed::Programs { now, was, led, until, with: None, confirms: None, undoes: None };
        receipt(number, deed(plain), None)
    }

    fn with(deed: Deed, of: u32, second: Option<i64>) -> Deed {
        let Deed::Programs { now, was, led, confirms, undoes, .. } = deed else { return deed };
        Deed::Programs { now, was, led, until: second.map(at), with: Some(of), confirms, undoes }
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
        assert_eq!(history.programs_before(1), Some(&told(&[])));
        assert!(matches!(back(&history, Some(2)), Ok(Back::Programs(..))), "by its number");
    }

    /// Its maker was killed before he could say so, and to tell again what was told before does no harm.
    #[test]
    fn what_came_with_a_gate_goes_with_it_also_where_nobody_knows_whether_it_did() {
        for (outcome, before) in [(Outcome::Unknown, Some(told(&[]))), (Outcome::Refused, None)] {
            let gate = receipt(1, applied(Was::Nothing, None), Some(11));
            let programs = Receipt { outcome, ..guard(2, (&[443], &[]), |deed| with(deed, 1, None)) };
            let history: History = [gate, programs].into_iter().collect();
            assert_eq!(history.programs_before(1).cloned(), before, "{outcome:?}");
        }
    }

    /// Between the gate and what was to come with it.
    #[test]
    fn what_was_to_come_with_a_gate_is_known_until_it_came() {
        let tells = Some(told(&[443]));
        let gate = Receipt { tells: tells.clone(), ..receipt(1, applied(Was::Nothing, Some(60)), Some(11)) };
        let history: History = [gate.clone()].into_iter().collect();
        assert_eq!(history.untold(1), tells.as_ref());
        let came: History =
            [gate, guard(2, (&[443], &[]), |deed| with(deed, 1, Some(60)))].into_iter().collect();
        assert_eq!(came.untold(1), None);
        let plain: History = [receipt(1, applied(Was::Nothing, Some(60)), Some(11))].into_iter().collect();
        assert_eq!(plain.untold(1), None);
    }

    #[test]
    fn a_trial_that_nobody_confirmed_is_over_and_one_that_was_is_taken_back() {
        let trial = guard(2, (&[443], &[80]), |deed| with(deed, 1, Some(60)));
        let over: History = [trial.clone()].into_iter().collect();
        assert!(matches!(back(&over, Some(2)), Err(Edge::Over(receipt, _)) if receipt.number == 2));
        assert_eq!(
            over.programs_tried(Some(1)).map(|(trial, _, until)| (trial.number, until)),
            Some((2, at(60)))
        );
        assert_eq!(over.programs_tried(None), None, "it came with another");
        let end = |history: &History, now| history.end_of_programs(&trial, at(60), at(now));
        assert_eq!((end(&over, 59), end(&over, 60)), (None, Some(ProgramsEnd::Lapsed)));
        let kept = guard(3, (&[443], &[80]), |deed| {
            let Deed::Programs { now, was, led, .. } = deed else { return deed };
            Deed::Programs { now, was, led, until: None, with: Some(1), confirms: Some(2), undoes: None }
        });
        let history: History = [trial.clone(), kept].into_iter().collect();
        assert_eq!(history.programs_tried(Some(1)), None, "it is confirmed");
        assert_eq!(end(&history, 99), Some(ProgramsEnd::Confirmed));
        let before: Vec<_> = [2, 3].into_iter().map(|number| back(&history, Some(number))).collect();
        for answer in before {
            assert!(matches!(answer, Ok(Back::Programs(_, was)) if *was == told(&[80])), "{answer:?}");
        }
    }

    #[test]
    fn what_was_left_on_trial_by_whoever_was_killed_is_kept_or_taken_back() {
        let gate = receipt(1, applied(Was::Nothing, Some(60)), Some(11));
        let trial = guard(2, (&[443], &[80]), |deed| with(deed, 1, Some(60)));
        let left = |ended: &[Deed], standing: Option<&Standing>, now| {
            let ended = ended.iter().map(|deed| receipt(3, deed.clone(), Some(12)));
            let history: History = [gate.clone(), trial.clone()].into_iter().chain(ended).collect();
            let left = history.programs_left(standing, at(now));
            (left.map(|left| (left.receipt.number, left.with, left.is_kept)), history)
        };
        let (on_trial, after) = (standing(11, Some(51)), standing(12, None));
        assert_eq!(left(&[], Some(&on_trial), 9).0, None, "both are on trial");
        assert_eq!(left(&[Deed::Confirm { of: 1 }], Some(&after), 9).0, Some((2, 1, true)));
        assert_eq!(left(&[Deed::Confirm { of: 1 }], Some(&after), 60).0, None, "the kernel took it back");
        // Also where somebody else has flushed the ruleset.
        for (ended, standing) in [(&[Deed::TakeBack { of: 1 }][..], Some(&after)), (&[], None)] {
            let (over, history) = left(ended, standing, 9);
            assert_eq!(over, Some((2, 1, false)));
            let back = history.back(None, standing, &Temporary::default(), at(9));
            let Ok(Back::Programs(trial, was)) = back else { panic!("{back:?}") };
            assert_eq!((trial.number, was), (2, &told(&[80])));
        }
    }

    /// Whatever was done after the boot is another change.
    #[test]
    fn a_trial_that_a_reboot_ended_is_taken_back_by_nobody() {
        let of_boot = |receipt: Receipt, id: &str| Receipt { boot_id: Some(id.into()), ..receipt };
        let trial = guard(2, (&[443], &[80]), |deed| {
            let Deed::Programs { now, was, led, .. } = deed else { return deed };
            Deed::Programs { now, was, led, until: Some(at(99)), with: None, confirms: None, undoes: None }
        });
        let all = [of_boot(trial.clone(), "one"), of_boot(guard(3, (&[81], &[80]), |deed| deed), "next")];
        let history =
            |count: usize| all.iter().take(count).cloned().collect::<History>().at_boot(Some("next".into()));
        for count in [1, 2] {
            let history = history(count);
            let trial = history.of(2).expect("it is there");
            assert_eq!(history.end_of_programs(trial, at(99), at(50)), Some(ProgramsEnd::Reboot));
            let back = history.back(Some(2), None, &Temporary::default(), at(50));
            assert!(matches!(back, Err(Edge::Rebooted(it)) if it.number == 2), "{back:?}");
            assert_eq!(history.programs_on_trial(at(50)), None, "nor kept by anybody");
        }
    }

    /// What was confirmed before it stands again then, with the gate that a boot puts back, which is no change of anybody's.
    #[test]
    fn whoever_confirms_what_a_reboot_or_the_kernel_ended_is_told_so() {
        let of_boot = |receipt: Receipt, id: &str| Receipt { boot_id: Some(id.into()), ..receipt };
        let trial = guard(2, (&[443], &[80]), |deed| {
            let Deed::Programs { now, was, led, .. } = deed else { return deed };
            Deed::Programs { now, was, led, until: Some(at(99)), with: None, confirms: None, undoes: None }
        });
        let gate = |number, cause| {
            let deed = Deed::Gate { cause, becomes: Becomes::Gate, was: Was::Nothing, until: None };
            receipt(number, deed, Some(10 + number))
        };
        let trials = [of_boot(gate(1, Cause::Apply), "one"), of_boot(trial, "one")];
        let end = |after: Option<Receipt>, boot: &str, second| {
            let history: History = trials.iter().cloned().chain(after).collect();
            let history = history.at_boot(Some(boot.into()));
            let tried = history.programs_on_trial(at(second)).map(|(trial, _)| trial.number);
            (tried, history.programs_ended(at(second)).map(|(trial, end)| (trial.number, end)))
        };
        let boot = || Some(of_boot(gate(3, Cause::Boot), "next"));
        assert_eq!(end(None, "one", 50), (Some(2), None));
        assert_eq!(end(None, "one", 99), (None, Some((2, End::Lapsed(at(99))))));
        assert_eq!(end(boot(), "next", 50), (None, Some((2, End::Reboot))));
        assert_eq!(end(boot(), "next", 100), (None, Some((2, End::Reboot))));
        let later = Some(of_boot(gate(3, Cause::Apply), "next"));
        assert_eq!(end(later, "next", 50), (None, None), "somebody else is meant by now");
    }

    /// Both are one change, of which one number is enough.
    #[test]
    fn a_trial_that_was_confirmed_is_not_named_beside_what_confirmed_it() {
        let alone = |number, now_and_was, until: Option<i64>, confirms, undoes| {
            guard(number, now_and_was, |deed| {
                let Deed::Programs { now, was, led, .. } = deed else { return deed };
                Deed::Programs { now, was, led, until: until.map(at), with: None, confirms, undoes }
            })
        };
        let changes = [
            alone(1, (&[80], &[]), None, None, None),
            alone(2, (&[443], &[80]), Some(60), None, None),
            alone(3, (&[443], &[80]), None, Some(2), None),
            alone(4, (&[80], &[443]), None, None, Some(3)),
        ];
        let history: History = changes.into_iter().collect();
        let newest = history.newest_standing(&Temporary::default(), at(99));
        assert_eq!(newest.map(|receipt| receipt.number), Some(1));
    }

    #[test]
    fn it_is_taken_back_once() {
        let undone = guard(2, (&[], &[443]), |deed| {
            let Deed::Programs { now, was, led, .. } = deed else { return deed };
            Deed::Programs { now, was, led, until: None, with: None, confirms: None, undoes: Some(1) }
        });
        let history: History = [guard(1, (&[443], &[]), |deed| deed), undone].into_iter().collect();
        assert!(matches!(back(&history, Some(1)), Err(Edge::Back(_))));
        assert!(matches!(back(&history, None), Err(Edge::Again { undo, .. }) if undo.number == 2));
        assert!(matches!(back(&history, Some(2)), Ok(Back::Programs(_, was)) if *was == told(&[443])));
    }
}
