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

/// Whether something is held against `source`: a watch blocked him, or told of him last at `told`, and nobody forgave that since.
#[must_use]
pub fn is_held(history: &History, source: Source, told: Option<Timestamp>) -> bool {
    let mut done = history.newest_first().filter(|receipt| receipt.outcome == Outcome::Done);
    let held = done.find_map(|receipt| match receipt.deed {
        Deed::Block { source: own, why: Some(_), .. } if Source::of(own) == source => Some(true),
        Deed::Unblock { source: own } if Source::of(own) == source => Some(told > Some(receipt.at)),
        _ => None,
    });
    held.unwrap_or(told.is_some())
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

    #[test]
    fn what_was_not_forgiven_is_held_against_somebody() {
        let address = "203.0.113.7".parse().unwrap();
        let block =
            |why: Option<&str>| Deed::Block { source: address, until: None, why: why.map(Into::into) };
        let blocked = made(1, 10, block(Some("port-scan")));
        let forgiven = [blocked.clone(), made(2, 20, Deed::Unblock { source: address })];
        let is_held = |receipts: &[Receipt], told: Option<i64>| {
            is_held(&receipts.iter().cloned().collect(), Source::of(address), told.map(second))
        };
        assert!(is_held(&[blocked], None) && is_held(&[], Some(5)) && is_held(&forgiven, Some(21)));
        assert!(!is_held(&forgiven, None) && !is_held(&forgiven, Some(19)) && !is_held(&[], None));
        assert!(!is_held(&[made(1, 10, block(None))], None), "a person did that");
    }
}
