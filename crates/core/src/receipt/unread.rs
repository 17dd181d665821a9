//! Receipts that are there and cannot be read: nobody else gets their numbers, and nothing is guessed of them (A15).

use super::{History, Receipt};

impl History {
    /// Puts in that the receipt of this number cannot be read.
    pub fn put_unread(&mut self, number: u32) {
        self.unread.insert(number);
    }

    /// The numbers of those that cannot be read, in order.
    pub fn unread(&self) -> impl Iterator<Item = u32> {
        self.unread.iter().copied()
    }

    /// The newest one that cannot be read and came after `receipt`; whatever it did, that one may not be the last.
    pub(super) fn unread_after(&self, receipt: Option<&Receipt>) -> Option<u32> {
        self.unread.last().copied().filter(|unread| receipt.is_none_or(|receipt| receipt.number < *unread))
    }

    /// The one that cannot be read where this one is to be taken back: the one that was asked for by its `number`, else a
    /// newer one than the last.
    pub(super) fn unread_instead(&self, number: Option<u32>, last: Option<&Receipt>) -> Option<u32> {
        number.map_or_else(|| self.unread_after(last), |number| self.unread.get(&number).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gate::Temporary,
        receipt::{
            Current, Edge, Was,
            tests::{applied, at, receipt},
        },
    };

    /// Two changes that can be read, and these that cannot.
    fn history(unread: &[u32]) -> History {
        let mut history: History =
            [receipt(1, applied(Was::Nothing, None), Some(9)), receipt(3, applied(Was::Nothing, None), None)]
                .into_iter()
                .collect();
        unread.iter().for_each(|number| history.put_unread(*number));
        history
    }

    #[test]
    fn nobody_else_gets_its_number() {
        assert_eq!(history(&[2]).next(), Some(4));
        assert_eq!(history(&[7]).next(), Some(8));
        assert_eq!(history(&[u32::MAX]).next(), None);
        assert_eq!(history(&[7, 2]).unread().collect::<alloc::vec::Vec<_>>(), [2, 7]);
    }

    /// To take back the one before it would take back another change than the last.
    #[test]
    fn what_is_newer_and_cannot_be_read_is_the_last_change() {
        let old = history(&[2]);
        assert_eq!(old.last().map(|last| last.number), Some(3));
        assert!(
            matches!(old.back(None, None, &Temporary::default(), at(99)), Err(Edge::Same(last)) if last.number == 3)
        );
        assert_eq!(old.back(Some(2), None, &Temporary::default(), at(99)), Err(Edge::Unread(2)));
        let new = history(&[7]);
        assert_eq!(new.last(), None, "nobody settles an older one by what the gate is after it");
        assert_eq!(new.back(None, None, &Temporary::default(), at(99)), Err(Edge::Unread(7)));
        assert!(
            matches!(new.back(Some(3), None, &Temporary::default(), at(99)), Err(Edge::Same(_))),
            "by its number"
        );
    }

    /// It may be the one that took the gate away.
    #[test]
    fn nobody_is_blamed_for_what_it_may_have_done() {
        let stood: History = core::iter::once(receipt(1, applied(Was::Nothing, None), Some(9))).collect();
        assert!(matches!(stood.current(None), Current::Gone(_)));
        let mut unread = stood;
        unread.put_unread(2);
        assert_eq!(unread.current(None), Current::Unknown);
    }
}
