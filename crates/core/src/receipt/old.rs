//! Which receipts may be forgotten: those that nobody needs to tell the gate's present and what takes it back (A15).

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Deed, History, Receipt};

impl History {
    /// The numbers of what is older than the newest `newest_max` receipts, but for the newest one that tells of the gate's
    /// revision, and those whose trial another one that stays ended: they are needed however old they are.
    #[must_use]
    pub fn forgettable(&self, newest_max: usize) -> Vec<u32> {
        let newest = self.newest_first().take(newest_max).chain(self.newest_revision());
        let needed: BTreeSet<u32> =
            newest.flat_map(|receipt| [Some(receipt.number), trial_of(receipt)]).flatten().collect();
        let old = self.newest_first().skip(newest_max).map(|receipt| receipt.number);
        old.filter(|number| !needed.contains(number)).collect()
    }
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
        let receipt = receipt(number, Deed::Block { source, until: None }, None);
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
        assert_eq!(history.forgettable(1_000), [4, 1], "the confirmed trial stays");
        assert_eq!(history.forgettable(2_000), vec![0; 0]);
        let refused =
            Receipt { outcome: Outcome::Refused, at: at(0), ..receipt(2_000, Deed::Confirm { of: 1 }, None) };
        history.put(refused);
        assert_eq!(
            history.forgettable(1_000),
            [5, 4],
            "what names it stays, and what was not made is no revision"
        );
    }
}
