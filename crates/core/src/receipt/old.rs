//! Which receipts may be forgotten: those that nobody needs to tell the gate's present and what takes it back (A15).

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Deed, History, Receipt};

/// Receipts of sources that are kept out, or let in again: a watch makes many, and they push no others out.
const SOURCES_MAX: usize = 500;

impl History {
    /// The numbers of what is older than the newest `newest_max` receipts, and of those about one source each all but some hundred, but
    /// for the newest one that tells of the gate's revision, and those whose trial another one that stays ended: they are needed
    /// however old they are.
    #[must_use]
    pub fn forgettable(&self, newest_max: usize) -> Vec<u32> {
        let surplus = self.newest_first().filter(|receipt| is_of_source(receipt)).skip(SOURCES_MAX);
        let surplus: BTreeSet<u32> = surplus.map(|receipt| receipt.number).collect();
        let kept = self.newest_first().filter(|receipt| !surplus.contains(&receipt.number));
        let newest = kept.take(newest_max).chain(self.newest_revision());
        let needed: BTreeSet<u32> =
            newest.flat_map(|receipt| [Some(receipt.number), trial_of(receipt)]).flatten().collect();
        let all = self.newest_first().map(|receipt| receipt.number);
        all.filter(|number| !needed.contains(number)).collect()
    }
}

/// Whether it keeps out one source, or lets it in again: a watch does so many times a minute.
const fn is_of_source(receipt: &Receipt) -> bool {
    matches!(receipt.deed, Deed::Block { .. } | Deed::Unblock { .. })
}

/// The receipt of the trial that a change ended.
const fn trial_of(receipt: &Receipt) -> Option<u32> {
    match receipt.deed {
        Deed::Confirm { of } | Deed::TakeBack { of } => Some(of),
        Deed::Reserve { with, .. } | Deed::Programs { with, .. } => with,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::receipt::{
        Outcome, Was,
        tests::{applied, at, receipt},
    };

    fn block(number: u32) -> Receipt {
        let source = "203.0.113.7".parse().unwrap();
        let receipt = receipt(number, Deed::Block { source, until: None, why: None }, None);
        Receipt { seen: Some(11), ..receipt }
    }

    /// A gate of long ago still stands, and it was tried before it was kept.
    #[test]
    fn the_gate_is_told_however_many_sources_were_kept_out_since() {
        let mut history: History = [
            receipt(1, applied(Was::Nothing, None), Some(9)),
            receipt(2, applied(Was::Nothing, Some(60)), Some(10)),
            receipt(3, Deed::Confirm { of: 2 }, Some(11)),
        ]
        .into_iter()
        .collect();
        (4..=1_004).map(block).for_each(|block| history.put(block));
        let oldest_first = |newest_max| history.forgettable(newest_max).into_iter().rev();
        assert!(oldest_first(1_000).eq(4..=504), "the changes of the gate stay, and can be taken back");
        assert!(oldest_first(2_000).eq(4..=504), "there is room, and for others");
        let few: History = (1..=500).map(block).collect();
        assert_eq!(few.forgettable(500), vec![0; 0]);
        assert!(oldest_first(2).eq([1].into_iter().chain(4..=1_002)), "the confirmed trial stays");
        let refused =
            Receipt { outcome: Outcome::Refused, at: at(0), ..receipt(2_000, Deed::Confirm { of: 1 }, None) };
        history.put(refused);
        let told = history.forgettable(2);
        assert!(!told.contains(&1), "what names it stays");
        assert!(!told.contains(&3), "what was not made is no revision");
    }
}
