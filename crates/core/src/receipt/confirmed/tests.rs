//! Which gate counts as confirmed where somebody else has changed what stands, or nobody wrote down what was.

use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    gate::{Keep, Listing, Revision, Timeout},
    receipt::{
        Becomes, Was,
        boot::tests::stands,
        tests::{applied, at, closing, receipt},
    },
};

fn makes(gate: &Body, receipt: Receipt) -> Receipt {
    Receipt { gate: Some(gate.digest()), ..receipt }
}

fn history(receipts: Vec<Receipt>) -> History {
    receipts.into_iter().collect()
}

#[test]
fn what_somebody_else_changed_is_not_what_was_confirmed() {
    let (gate, other) = (closing("22/tcp"), closing("23/tcp"));
    let history = history(vec![makes(&gate, receipt(5, applied(Was::Nothing, None), Some(9)))]);
    let confirmed = |stands_as, kept: Option<(&Body, i64)>| {
        history.confirmed(&stands(stands_as, 9), kept.map(|(body, since)| (body, at(since))))
    };
    assert_eq!(confirmed(&gate, None), Some(gate.clone()));
    assert_eq!(confirmed(&other, Some((&gate, 5))), Some(gate.clone()), "as it is kept");
    assert_eq!(confirmed(&gate, Some((&other, 4))), Some(gate.clone()), "an older one is kept");
    assert_eq!(confirmed(&other, Some((&other, 4))), None, "nobody kept it");
    assert_eq!(confirmed(&other, None), None);
    assert_eq!(confirmed(&other, Some((&other, 6))), Some(other.clone()), "the policy wanted it since");
    assert_eq!(history.integrity(&stands(&other, 9), None), crate::receipt::Integrity::Changed);
}

#[test]
fn where_no_receipt_tells_what_is_kept_does() {
    let (gate, other) = (closing("22/tcp"), closing("23/tcp"));
    let none = History::default();
    assert_eq!(none.confirmed(&stands(&other, 9), Some((&gate, at(5)))), Some(gate.clone()));
    assert_eq!(none.confirmed(&stands(&gate, 9), None), None);
    // One of long ago, after which the host was rebooted.
    let boot = Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was: Was::Nothing, until: None };
    let old = history(vec![receipt(5, applied(Was::Nothing, None), Some(9)), receipt(6, boot, Some(8))]);
    assert_eq!(old.confirmed(&stands(&other, 8), Some((&gate, at(5)))), Some(gate.clone()));
    assert_eq!(old.confirmed(&stands(&other, 8), Some((&gate, at(4)))), None, "that of another change");
}

/// Beside a first trial, and for sources that are kept out, a gate stands that refuses nothing.
#[test]
fn what_is_made_beside_a_trial_or_for_a_source_is_open() {
    let (gate, open) = (closing("22/tcp"), Body::open());
    let trial = makes(&gate, receipt(5, applied(Was::Nothing, Some(60)), None));
    let source = "203.0.113.7".parse().unwrap();
    let block = makes(&open, receipt(6, Deed::Block { source, until: None, why: None }, None));
    for first in [trial.clone(), block] {
        let history = history(vec![first]);
        assert_eq!(history.confirmed(&stands(&gate, 9), None), Some(open.clone()));
    }
    let kept = makes(&gate, receipt(6, Deed::Confirm { of: 5 }, Some(10)));
    assert_eq!(history(vec![trial, kept]).confirmed(&stands(&gate, 9), None), Some(gate));
}

/// Whoever closes a port then would make a table that stands in its place, and at the next boot as well.
#[test]
fn a_confirmed_gate_that_is_gone_is_missed() {
    let gate = closing("22/tcp");
    let applied_gate = makes(&gate, receipt(5, applied(Was::Nothing, None), Some(9)));
    let since = Kept::Since(at(5));
    let stood = history(vec![applied_gate.clone()]);
    assert!(stood.misses_gate(None, since) && stood.misses_gate(None, Kept::Nothing));
    assert!(!stood.misses_gate(Some(&stands(&gate, 9)), since), "it stands");
    assert!(History::default().misses_gate(None, since), "where no receipt is left it is kept");
    assert!(History::default().misses_gate(None, Kept::Unknown));
    let off = Deed::Gate { cause: Cause::Off, becomes: Becomes::Nothing, was: Was::Unknown, until: None };
    let given_up = history(vec![applied_gate, receipt(6, off, None)]);
    assert!(!given_up.misses_gate(None, Kept::Nothing));
    assert!(!History::default().misses_gate(None, Kept::Nothing));
}

/// A first trial that was over when the host was booted has left nothing to put back.
#[test]
fn a_table_in_which_nothing_was_confirmed_is_not_missed() {
    let trial = receipt(5, applied(Was::Nothing, Some(60)), Some(9));
    let trial = makes(&closing("22/tcp"), Receipt { seen: None, ..trial });
    let taken_back = receipt(6, Deed::TakeBack { of: 5 }, Some(10));
    let kept = makes(&closing("22/tcp"), receipt(6, Deed::Confirm { of: 5 }, Some(10)));
    for never in [vec![trial.clone()], vec![trial.clone(), taken_back]] {
        let never = history(never);
        assert!(matches!(never.current(None), Current::Gone(_)));
        assert!(!never.misses_gate(None, Kept::Nothing));
        assert!(never.misses_gate(None, Kept::Since(at(1))), "an older one is kept");
    }
    let confirmed = history(vec![trial, kept]);
    assert_eq!(confirmed.gone(None, Kept::Nothing), confirmed.of(6));
}

#[test]
fn what_is_tried_is_what_was_applied() {
    let (gate, other) = (closing("22/tcp"), closing("23/tcp"));
    let tried = |body: &Body, foreign: &str| {
        let mut listing = Listing::read(r#"{"nftables":[]}"#).unwrap();
        listing.create(&Body::open(), Revision::of(9));
        let standing = listing.standing().unwrap().unwrap();
        let minute = Timeout::of(core::time::Duration::from_secs(60)).unwrap();
        listing.apply(body, &standing, Keep::OnTrial(minute), at(0)).unwrap();
        Standing::read(&listing.text().replace("\"told4\"", foreign)).unwrap().unwrap()
    };
    let trial = receipt(5, applied(Was::Nothing, Some(60)), Some(10));
    let written = history(vec![makes(&gate, trial.clone())]);
    assert_eq!(written.tried(&tried(&gate, "\"told4\"")), Tried::AsApplied);
    assert_eq!(written.tried(&tried(&other, "\"told4\"")), Tried::Changed, "an element more");
    assert_eq!(written.tried(&tried(&gate, "\"told\"")), Tried::Changed, "outside of it");
    assert_eq!(history(vec![trial]).tried(&tried(&other, "\"told4\"")), Tried::AsApplied, "nobody knows");
}
