//! Whether another watch has just blocked whom this one is about to: of several, which judge the same, one does (A19).

use jiff::{SignedDuration, Timestamp};

use super::Source;
use crate::receipt::{Deed, History, Outcome};

/// So much later another one comes to the same judgement, at most.
const LATER: SignedDuration = SignedDuration::from_mins(1);

/// Whether the newest that `history` has of `source` is a block of just before `now` that lasts as long as until `until`, or about.
#[must_use]
pub fn is_just_blocked(history: &History, source: Source, until: Timestamp, now: Timestamp) -> bool {
    let is_new = |at: Timestamp| now.duration_since(at) < LATER;
    let new = history.newest_first().take_while(|receipt| is_new(receipt.at));
    let mut done = new.filter(|receipt| receipt.outcome == Outcome::Done);
    let lasts = |end: Option<Timestamp>| end.is_none_or(|end| until.duration_since(end) < LATER);
    let newest = done.find_map(|receipt| match receipt.deed {
        Deed::Block { source: own, until: end, .. } if Source::of(own) == source => Some(lasts(end)),
        Deed::Unblock { source: own } if Source::of(own) == source => Some(false),
        _ => None,
    });
    newest.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::{Receipt, tests::receipt};

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn made(number: u32, at: i64, deed: Deed) -> Receipt {
        Receipt { at: second(at), outcome: Outcome::Done, ..receipt(number, deed, None) }
    }

    #[test]
    fn a_block_of_just_before_is_enough_unless_it_was_taken_back_or_is_shorter() {
        let address = "203.0.113.7".parse().unwrap();
        let block = |until: i64| Deed::Block { source: address, until: Some(second(until)), why: None };
        let other = Deed::Unblock { source: "203.0.113.8".parse().unwrap() };
        let is_blocked = |receipts: &[Receipt], now: i64| {
            let history = receipts.iter().cloned().collect();
            is_just_blocked(&history, Source::of(address), second(now + 3_600), second(now))
        };
        let blocked = [made(1, 10, block(3_610)), made(2, 11, other)];
        assert!(is_blocked(&blocked, 12) && is_blocked(&blocked, 69) && !is_blocked(&blocked, 70));
        assert!(!is_blocked(&[made(1, 10, block(1_810))], 12), "it is for half as long");
        let forgiven = [made(1, 10, block(3_610)), made(2, 11, Deed::Unblock { source: address })];
        assert!(!is_blocked(&forgiven, 12) && !is_blocked(&[], 12));
        let failed = Receipt { outcome: Outcome::Refused, ..made(1, 10, block(3_610)) };
        assert!(!is_blocked(&[failed], 12));
        assert!(is_blocked(&[made(1, 10, Deed::Block { source: address, until: None, why: None })], 12));
    }
}
