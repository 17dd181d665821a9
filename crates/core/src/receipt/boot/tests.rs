//! What a boot does with the gate that is kept for it, after whatever may have come before.

use alloc::vec;

use super::*;
use crate::{
    gate::Listing,
    receipt::{
        Cause, Was,
        tests::{applied, at, closing, receipt, standing},
    },
};

fn off() -> Deed {
    Deed::Gate { cause: Cause::Off, becomes: Becomes::Nothing, was: Was::Unknown, until: None }
}

/// One that its maker left at boot "a".
fn begun(number: u32, deed: Deed, seen: Option<u32>) -> Receipt {
    let boot_id = Some("a".into());
    Receipt { outcome: Outcome::Begun, seen, boot_id, ..receipt(number, deed, None) }
}

/// A gate of `body` as it stands.
pub(in crate::receipt) fn stands(body: &Body, revision: u32) -> Standing {
    let mut listing = Listing::read(r#"{"nftables":[]}"#).unwrap();
    listing.create(body, Revision::of(revision));
    listing.standing().unwrap().unwrap()
}

#[test]
fn what_is_kept_is_put_in_force_unless_it_was_taken_away_later() {
    let gate = closing("22/tcp");
    let due = |receipts: vec::Vec<Receipt>| {
        receipts.into_iter().collect::<History>().due_at_boot(&gate, at(5), None)
    };
    assert_eq!(due(vec![]), Due::Gate, "nobody remembers how it came to be");
    let source = "203.0.113.7".parse().unwrap();
    let block = Receipt { seen: Some(9), ..receipt(9, Deed::Block { source, until: None, why: None }, None) };
    assert_eq!(due(vec![block.clone()]), Due::Gate, "only what tells nothing of the gate is left");
    let apply = || receipt(5, applied(Was::Nothing, None), Some(9));
    assert_eq!(due(vec![apply(), block.clone()]), Due::Gate);
    assert_eq!(due(vec![apply(), receipt(6, off(), None), block.clone()]), Due::TakenAway);
    assert_eq!(due(vec![receipt(5, off(), None)]), Due::TakenAway, "in the same second");
    assert_eq!(due(vec![receipt(4, off(), None), block]), Due::Gate, "it was confirmed after that");
    let refused = Receipt { outcome: Outcome::Refused, ..receipt(6, off(), None) };
    assert_eq!(due(vec![apply(), refused]), Due::Gate);
}

#[test]
fn what_stands_or_is_tried_is_left_alone() {
    let (gate, history) = (closing("22/tcp"), History::default());
    let due = |standing: &Standing| history.due_at_boot(&gate, at(5), Some(standing));
    assert_eq!(due(&standing(9, Some(30))), Due::OnTrial);
    assert_eq!(due(&standing(9, None)), Due::Gate, "it is another one");
    assert_eq!(due(&stands(&gate, 9)), Due::Stands);
}

/// Whether the gate is gone because somebody took it away or because the host rebooted it cannot tell.
#[test]
fn a_change_of_an_earlier_boot_is_told_by_what_it_would_have_kept() {
    let told = |receipt: Receipt, boot_id: &str, kept: Kept| {
        let settled = receipt.settled_at(Some(boot_id), None, &Temporary::default(), kept, at(0));
        (settled.outcome, settled.made)
    };
    let (since, own) = (Kept::Since(at(2)), Kept::Since(at(5)));
    let ended = || begun(5, off(), Some(9));
    assert_eq!(told(ended(), "a", since), (Outcome::Done, None), "no boot came between");
    assert_eq!(
        told(ended(), "b", since),
        (Outcome::Refused, None),
        "the reboot took it away, and nobody else"
    );
    assert_eq!(told(ended(), "b", Kept::Nothing), (Outcome::Done, None));
    assert_eq!(told(ended(), "b", Kept::Unknown), (Outcome::Begun, None), "nobody can tell");
    let old = Receipt { boot_id: None, ..ended() };
    assert_eq!(told(old, "b", since), (Outcome::Done, None), "it says of no boot");
    for deed in [applied(Was::Nothing, None), Deed::Confirm { of: 4 }] {
        let change = || begun(5, deed.clone(), Some(9));
        assert_eq!(told(change(), "b", own), (Outcome::Done, Some(10)));
        for kept in [since, Kept::Nothing] {
            assert_eq!(told(change(), "b", kept), (Outcome::Refused, None));
        }
    }
    let first = begun(5, applied(Was::Nothing, None), None);
    assert_eq!(told(first, "b", own), (Outcome::Done, Some(1_800_000_005)));
    let trial = || begun(5, applied(Was::Nothing, Some(60)), Some(9));
    assert_eq!(told(trial(), "b", own), (Outcome::Refused, None), "a trial is of one boot");
    let seen = Receipt { made: Some(10), ..trial() };
    assert_eq!(told(seen, "b", Kept::Nothing), (Outcome::Done, Some(10)), "it was made for certain");
    let done = receipt(5, off(), None);
    assert_eq!(
        done.clone().settled_at(Some("b"), None, &Temporary::default(), since, at(0)),
        done,
        "what was said stays"
    );
}

#[test]
fn what_is_confirmed_is_kept_and_nothing_else() {
    let gate = closing("22/tcp");
    let (own, other) = (stands(&gate, 9), stands(&gate, 10));
    let kept = |deed: Deed, made: Option<u32>| receipt(5, deed, made);
    for deed in [applied(Was::Nothing, None), Deed::Confirm { of: 4 }] {
        let change = kept(deed, Some(9));
        assert_eq!(change.keeps(Some(&own)), Keeps::Gate(&gate));
        assert_eq!(change.keeps(Some(&other)), Keeps::Same, "somebody else changed it");
        assert_eq!(change.keeps(None), Keeps::Same, "somebody else took it away");
        assert_eq!(change.keeps(Some(&standing(9, None))), Keeps::Nothing, "it lets in everything");
        let refused = Receipt { outcome: Outcome::Refused, ..change };
        assert_eq!(refused.keeps(Some(&own)), Keeps::Same);
    }
    assert_eq!(
        kept(applied(Was::Nothing, Some(60)), Some(9)).keeps(Some(&own)),
        Keeps::Same,
        "it is on trial"
    );
    assert_eq!(kept(off(), None).keeps(None), Keeps::Nothing);
    assert_eq!(kept(off(), None).keeps(Some(&other)), Keeps::Same, "somebody else made one");
}

/// Whoever comes next settles it, and keeps the gate then.
#[test]
fn what_was_made_and_not_seen_is_to_be_kept_by_whoever_comes_next() {
    let told = |deed: Deed| {
        let receipt = begun(5, deed, Some(9)).made_unseen();
        (receipt.outcome, receipt.made)
    };
    assert_eq!(told(applied(Was::Nothing, None)), (Outcome::Begun, Some(10)));
    assert_eq!(told(Deed::Confirm { of: 4 }), (Outcome::Begun, Some(10)));
    assert_eq!(told(applied(Was::Nothing, Some(60))), (Outcome::Done, Some(10)), "a trial is not kept");
    assert_eq!(told(off()), (Outcome::Done, None), "there is nothing to keep");
    assert_eq!(told(Deed::Unblock { source: "203.0.113.7".parse().unwrap() }), (Outcome::Done, None));
    let gate = closing("22/tcp");
    let settled = begun(5, Deed::Confirm { of: 4 }, Some(9)).made_unseen().settled_at(
        None,
        None,
        &Temporary::default(),
        Kept::Unknown,
        at(0),
    );
    assert_eq!(settled.keeps(Some(&stands(&gate, 10))), Keeps::Gate(&gate));
}

/// What nft says that it made is there, or it is not said to be.
#[test]
fn a_change_that_the_gate_does_not_show_was_not_made() {
    let apply = || begun(1, applied(Was::Nothing, None), Some(6));
    assert_eq!(apply().shown(Some(7)), Shown::Made);
    assert_eq!(apply().shown(Some(6)), Shown::Unmade);
    assert_eq!(apply().shown(None), Shown::Gone);
    assert_eq!(apply().shown(Some(9)), Shown::Made, "somebody else has changed it since");
    let first = begun(1, applied(Was::Nothing, None), None);
    assert_eq!(first.shown(None), Shown::Untold, "perhaps nothing was ever made");
    assert_eq!(first.shown(first.expected()), Shown::Made);
    let off = begun(1, off(), Some(6));
    assert_eq!((off.shown(None), off.shown(Some(6))), (Shown::Made, Shown::Unmade));
    let source = "203.0.113.7".parse().unwrap();
    let block = begun(1, Deed::Block { source, until: None, why: None }, Some(6));
    assert_eq!((block.shown(Some(6)), block.shown(None)), (Shown::Made, Shown::Gone), "no new revision");
}

#[test]
fn what_somebody_else_changed_since_it_was_confirmed_is_told() {
    let (gate, other) = (closing("22/tcp"), closing("23/tcp"));
    let history: History = [
        receipt(5, applied(Was::Nothing, None), Some(9)),
        receipt(
            6,
            Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was: Was::Nothing, until: None },
            Some(9),
        ),
    ]
    .into_iter()
    .collect();
    let integrity = |standing: &Standing, since| history.integrity(standing, Some((&gate, at(since))));
    assert_eq!(integrity(&stands(&gate, 9), 5), Integrity::AsConfirmed);
    assert_eq!(integrity(&stands(&other, 9), 5), Integrity::Changed, "an element more is one");
    assert_eq!(
        integrity(&stands(&other, 9), 4),
        Integrity::AsConfirmed,
        "the one of receipt 5 was not saved"
    );
    assert_eq!(history.integrity(&stands(&other, 9), None), Integrity::AsConfirmed);
    let mut listing = Listing::read(r#"{"nftables":[]}"#).unwrap();
    listing.create(&gate, Revision::of(9));
    let foreign = listing.text().replace("\"told4\"", "\"told\"");
    let foreign = Standing::read(&foreign).unwrap().unwrap();
    assert_eq!(history.integrity(&foreign, None), Integrity::Changed);
}
