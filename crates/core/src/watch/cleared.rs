//! Until when nothing is held against whom (A19).

use alloc::collections::BTreeMap;

use jiff::Timestamp;

use super::Source;
use crate::receipt::{Deed, History, Outcome, Receipt};

/// Of each who was let in again, or whose block is over at `now`, since when that is so: what he did before counts no more.
#[must_use]
pub fn cleared(history: &History, now: Timestamp) -> BTreeMap<Source, Timestamp> {
    let mut cleared = BTreeMap::new();
    for receipt in history.newest_first().filter(|receipt| receipt.outcome == Outcome::Done) {
        if let Some((source, at)) = clears(receipt).filter(|(_, at)| *at <= now) {
            let last = cleared.entry(source).or_insert(at);
            *last = at.max(*last);
        }
    }
    cleared
}

fn clears(receipt: &Receipt) -> Option<(Source, Timestamp)> {
    match receipt.deed {
        Deed::Unblock { source } => Some((Source::of(source), receipt.at)),
        Deed::Block { source, until: Some(until), .. } => Some((Source::of(source), until)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::tests::receipt;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn made(number: u32, at: i64, deed: Deed) -> Receipt {
        Receipt { at: second(at), outcome: Outcome::Done, ..receipt(number, deed, None) }
    }

    #[test]
    fn who_was_let_in_again_or_has_done_his_time_is_cleared() {
        let block = |address: &str, until: i64| Deed::Block {
            source: address.parse().unwrap(),
            until: Some(second(until)),
            why: Some("port-scan".into()),
        };
        let (one, other, third) = ("203.0.113.7", "203.0.113.8", "203.0.113.9");
        let receipts = [
            made(1, 10, block(one, 100)),
            made(2, 20, Deed::Unblock { source: one.parse().unwrap() }),
            made(3, 30, block(other, 40)),
            made(4, 50, block(other, 60)),
            made(5, 70, block(third, 1_000)),
        ];
        let cleared = cleared(&receipts.into_iter().collect(), second(90));
        let of = |address: &str| cleared.get(&Source::of(address.parse().unwrap())).copied();
        assert_eq!([one, other, third].map(of), [Some(second(20)), Some(second(60)), None]);
    }
}
