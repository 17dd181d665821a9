//! What the policy has the kernel keep from clients, as the receipts tell, and what takes a change of that back (A9, A15).

use super::{Back, Deed, Edge, History, Outcome, Receipt};
use crate::port::PortRange;

impl History {
    /// What was kept for the policy before the change of receipt `of`; `None` where nothing that came with it or after it
    /// changed that.
    #[must_use]
    pub fn reserved_before(&self, of: u32) -> Option<&[PortRange]> {
        let mut after = self.reservations().filter(|(receipt, _)| receipt.number > of);
        after.next_back().map(|(_, was)| was)
    }

    /// The same of a change of what the programs in the kernel are told; `None` too where something else changed it since, as for a
    /// gate that stands: what that needs stays.
    #[must_use]
    pub fn reserved_before_programs(&self, of: u32) -> Option<&[PortRange]> {
        let mut after = self.reservations().filter(|(receipt, _)| receipt.number > of);
        after.all(|(receipt, _)| self.came_with_programs(receipt)).then(|| self.reserved_before(of)).flatten()
    }

    fn came_with_programs(&self, receipt: &Receipt) -> bool {
        let Deed::Reserve { with: Some(with), .. } = receipt.deed else { return false };
        self.of(with).is_some_and(|with| matches!(with.deed, Deed::Programs { .. }))
    }

    /// The changes of it that were made, the newest first, and what was kept before each.
    fn reservations(&self) -> impl DoubleEndedIterator<Item = (&Receipt, &[PortRange])> {
        let done = self.receipts.values().rev().filter(|receipt| receipt.outcome == Outcome::Done);
        done.filter_map(|receipt| match &receipt.deed {
            Deed::Reserve { was, .. } => Some((receipt, was.as_slice())),
            _ => None,
        })
    }

    /// The change that whoever names none means by the last one: the one of the gate that it came with. Whoever closed a port and
    /// stopped who listened there, in one, means the port.
    pub(super) fn meant<'a>(&'a self, last: &'a Receipt) -> &'a Receipt {
        match last.deed {
            Deed::Reserve { with: Some(of), .. }
            | Deed::Programs { with: Some(of), .. }
            | Deed::Halt { with: Some(of), .. } => self.of(of).unwrap_or(last),
            _ => last,
        }
    }

    /// What takes the change of `receipt` back, before which `was` was kept: that it was so cannot be taken back twice.
    pub(super) fn back_of_reservation<'a>(
        &'a self,
        receipt: &'a Receipt,
        was: &'a [PortRange],
    ) -> Result<Back<'a>, Edge<'a>> {
        let takes_back = |deed: &Deed| match deed {
            Deed::Reserve { undoes: Some(of), with, .. } => {
                *of == receipt.number || (with.is_some() && *of <= receipt.number)
            }
            _ => false,
        };
        if self.done_to(receipt, takes_back) {
            return Err(Edge::Back(receipt));
        }
        Ok(Back::Reserve(receipt, was))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::{
        gate::Temporary,
        programs::Programs,
        receipt::{
            Becomes, Cause, Was,
            tests::{applied, at, receipt, standing},
        },
    };

    fn ports(numbers: &[u16]) -> Vec<PortRange> {
        numbers.iter().map(|port| PortRange::one(*port)).collect()
    }

    fn reserve(
        number: u32,
        ports_and_was: (&[u16], &[u16]),
        with: Option<u32>,
        undoes: Option<u32>,
    ) -> Receipt {
        let (now, was) = ports_and_was;
        receipt(number, Deed::Reserve { ports: ports(now), was: ports(was), with, undoes }, None)
    }

    fn undone(number: u32, of: u32, revision: u32) -> Receipt {
        let deed =
            Deed::Gate { cause: Cause::Undo(of), becomes: Becomes::Nothing, was: Was::Nothing, until: None };
        receipt(number, deed, Some(revision))
    }

    fn back(history: &History, number: Option<u32>) -> Result<Back<'_>, Edge<'_>> {
        history.back(number, Some(&standing(11, None)), &Temporary::default(), at(99))
    }

    /// Whoever applies a policy and takes that back means both.
    #[test]
    fn what_came_with_a_gate_goes_with_it() {
        let gate = receipt(1, applied(Was::Nothing, None), Some(11));
        let mut history: History = [gate, reserve(2, (&[33_000], &[]), Some(1), None)].into_iter().collect();
        assert!(matches!(back(&history, None), Ok(Back::Restore(gate, None)) if gate.number == 1));
        assert_eq!(history.reserved_before(1), Some(&[][..]));
        assert_eq!(history.reserved_before(2), None);
        let alone = history.of(2).expect("it is there").clone();
        assert_eq!(back(&history, Some(2)), Ok(Back::Reserve(&alone, &[])), "by its number");
        history.put(undone(3, 1, 12));
        history.put(reserve(4, (&[], &[33_000]), Some(3), Some(1)));
        assert!(matches!(back(&history, None), Err(Edge::Again { undo, .. }) if undo.number == 3));
        assert_eq!(
            history.reserved_before(3),
            Some(&ports(&[33_000])[..]),
            "whoever undoes the undo gets it"
        );
        assert_eq!(back(&history, Some(2)), Err(Edge::Back(&alone)));
    }

    #[test]
    fn a_change_of_it_alone_is_taken_back_once() {
        let history = |more: Option<Receipt>| -> History {
            let gate = receipt(1, applied(Was::Nothing, None), Some(11));
            [gate, reserve(2, (&[33_001], &[33_000]), None, None)].into_iter().chain(more).collect()
        };
        let before = history(None);
        assert!(
            matches!(back(&before, None), Ok(Back::Reserve(it, was)) if it.number == 2 && was == ports(&[33_000]))
        );
        let after = history(Some(reserve(3, (&[33_000], &[33_001]), None, Some(2))));
        assert!(matches!(back(&after, Some(2)), Err(Edge::Back(it)) if it.number == 2));
        assert!(matches!(back(&after, None), Err(Edge::Again { undo, .. }) if undo.number == 3));
        assert!(matches!(back(&after, Some(3)), Ok(Back::Reserve(_, was)) if was == ports(&[33_001])));
    }

    /// What a trial will keep from clients is kept once it is confirmed, so that a trial that is over left nothing.
    #[test]
    fn what_came_with_a_confirmed_trial_goes_with_it() {
        let trial = receipt(1, applied(Was::Nothing, Some(60)), Some(11));
        let confirmed = receipt(2, Deed::Confirm { of: 1 }, Some(12));
        let kept = reserve(3, (&[33_000], &[]), Some(1), None);
        let history: History = [trial, confirmed, kept].into_iter().collect();
        assert!(matches!(back(&history, None), Ok(Back::Restore(gate, None)) if gate.number == 1));
        assert_eq!(history.reserved_before(1), Some(&[][..]));
    }

    fn told(number: u32, until: Option<i64>, confirms: Option<u32>, undoes: Option<u32>) -> Receipt {
        let (now, was, led) = (Programs::default(), Programs::default(), Vec::new());
        let until = until.map(at);
        receipt(number, Deed::Programs { now, was, led, until, with: None, confirms, undoes }, None)
    }

    fn before(history: &History, of: u32) -> Option<Vec<PortRange>> {
        history.reserved_before_programs(of).map(<[_]>::to_vec)
    }

    #[test]
    fn what_came_with_the_programs_goes_with_them() {
        let kept = reserve(2, (&[33_000], &[]), Some(1), None);
        let mut history: History = [told(1, None, None, None), kept].into_iter().collect();
        assert!(matches!(back(&history, None), Ok(Back::Programs(it, _)) if it.number == 1));
        assert_eq!((before(&history, 1), before(&history, 2)), (Some(Vec::new()), None));
        history.put(told(3, None, None, Some(1)));
        history.put(reserve(4, (&[], &[33_000]), Some(3), Some(1)));
        assert!(matches!(back(&history, None), Err(Edge::Again { undo, .. }) if undo.number == 3));
        assert_eq!(before(&history, 3), Some(ports(&[33_000])), "whoever undoes the undo gets it");
    }

    #[test]
    fn what_came_with_a_confirmed_trial_of_the_programs_goes_with_it() {
        let changes = [
            told(1, Some(60), None, None),
            told(2, None, Some(1), None),
            reserve(3, (&[33_000], &[]), Some(2), None),
        ];
        let history: History = changes.into_iter().collect();
        assert!(matches!(back(&history, None), Ok(Back::Programs(it, _)) if it.number == 2));
        assert_eq!([1, 2].map(|of| before(&history, of)), [Some(Vec::new()), Some(Vec::new())]);
    }

    /// Whoever takes back what the guard kept before it takes no number from a service that the gate lets in.
    #[test]
    fn what_a_later_gate_needs_stays() {
        let gate = receipt(3, applied(Was::Nothing, None), Some(11));
        for with in [Some(3), None] {
            let changes = [
                told(1, None, None, None),
                reserve(2, (&[33_000], &[]), Some(1), None),
                gate.clone(),
                reserve(4, (&[33_000, 33_005], &[33_000]), with, None),
            ];
            assert_eq!(before(&changes.into_iter().collect(), 1), None);
        }
    }

    #[test]
    fn it_reads_back_as_it_is_written() {
        let receipt = reserve(7, (&[33_000], &[1]), Some(6), None);
        let text = serde_json::to_string(&receipt).expect("text");
        assert!(text.contains(r#""kind":"reserve","ports":[{"first":33000,"last":33000}]"#), "{text}");
        assert_eq!(serde_json::from_str::<Receipt>(&text).expect("a receipt"), receipt);
    }
}
