//! What receipts tell about a gate that was changed, tried, confirmed and taken back.

use alloc::{string::ToString, vec, vec::Vec};

use super::*;
use crate::gate::{self, Body, Closed, Gate, Kept, Revision, Standing, Temporary, Trial};

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn closing(port: &str) -> Body {
    let ports = [port.parse().unwrap()].into_iter().collect();
    Body::from(&Gate::Closed(Closed { ports, ..Closed::default() }))
}

pub(crate) fn receipt(number: u32, deed: Deed, made: Option<u32>) -> Receipt {
    let who = Who { uid: 0, login_uid: Some(1000), sudo_user: Some("alice".into()) };
    let seen = made.map(|made| made - 1);
    let outcome = Outcome::Done;
    let (layout, at) = (LAYOUT, at(number.into()));
    Receipt {
        layout,
        number,
        at,
        who,
        deed,
        seen,
        made,
        outcome,
        gate: None,
        rehearsed: None,
        reserves: None,
        tells: None,
        boot_id: None,
        booted: None,
    }
}

pub(super) fn applied(was: Was, until: Option<i64>) -> Deed {
    Deed::Gate { cause: Cause::Apply, becomes: Becomes::Gate, was, until: until.map(at) }
}

/// A gate as it stands, with so many seconds left of a trial.
pub(super) fn standing(revision: u32, trial: Option<u64>) -> Standing {
    let mut standing = Standing::made(Revision::of(revision));
    let (generation, extent) = (gate::Generation::B, gate::Extent::Whole);
    standing.trial = trial.map(|seconds_left| Trial { generation, seconds_left, extent });
    standing
}

/// What takes a change back at a second, where nothing is open or kept out for a while.
fn back<'a>(
    history: &'a History,
    number: Option<u32>,
    standing: Option<&Standing>,
    second: i64,
) -> Result<Back<'a>, Edge<'a>> {
    history.back(number, standing, &Temporary::default(), at(second))
}

/// 22/tcp was closed for good, then 23/tcp on trial until second 60.
fn on_trial() -> Vec<Receipt> {
    vec![
        receipt(1, applied(Was::Nothing, None), Some(10)),
        receipt(2, applied(Was::Gate((&closing("22/tcp")).into()), Some(60)), Some(11)),
    ]
}

#[test]
fn a_trial_that_runs_is_ended_and_one_that_is_over_is_left_alone() {
    let history: History = on_trial().into_iter().collect();
    let running = standing(11, Some(30));
    assert_eq!(history.trial(&running).unwrap().number, 2);
    assert_eq!(history.ended(Some(&running), at(30)), None);
    let trial = history.of(2).unwrap();
    assert_eq!(back(&history, None, Some(&running), 30), Ok(Back::EndTrial(trial)));
    let over = standing(11, None);
    assert_eq!(history.trial(&over), None);
    assert_eq!(history.ended(Some(&over), at(60)), Some((trial, End::Lapsed(at(60)))));
    assert_eq!(back(&history, None, Some(&over), 61), Err(Edge::Over(trial, at(60))));
}

/// A trial presses: whoever names nothing means it, whatever was opened or kept out for a while meanwhile.
#[test]
fn while_a_trial_runs_it_is_what_is_taken_back_unless_another_one_is_named() {
    let mut history: History = on_trial().into_iter().collect();
    let source = "203.0.113.7".parse().unwrap();
    let block = receipt(3, Deed::Block { source, until: None, why: None }, None);
    history.put(Receipt { seen: Some(11), ..block });
    let running = standing(11, Some(30));
    let (trial, block) = (history.of(2).unwrap(), history.of(3).unwrap());
    assert_eq!(back(&history, None, Some(&running), 30), Ok(Back::EndTrial(trial)));
    let blocked = there(&[], &[("203.0.113.7", 5)]);
    let back =
        |number, standing: &Standing, second| history.back(number, Some(standing), &blocked, at(second));
    assert_eq!(back(Some(3), &running, 30), Ok(Back::Unblock(block, source)));
    assert_eq!(back(None, &standing(11, None), 61), Ok(Back::Unblock(block, source)));
}

/// The kernel ends no trial before its time: whoever emptied the map or took the table away did.
#[test]
fn a_trial_that_somebody_else_ended_is_not_laid_to_the_kernel() {
    let history: History = on_trial().into_iter().collect();
    let trial = history.of(2).unwrap();
    for now in [Some(standing(11, None)), None] {
        assert_eq!(history.ended(now.as_ref(), at(59)), Some((trial, End::Early)));
        assert_eq!(back(&history, None, now.as_ref(), 59), Err(Edge::Ended(trial)));
    }
    assert_eq!(back(&history, Some(2), Some(&standing(11, None)), 60), Err(Edge::Over(trial, at(60))));
}

/// The kernel takes no table away: a gate that is gone stays told as that, also once the time is over and to whoever makes the
/// next one.
#[test]
fn how_a_trial_ended_does_not_change_once_its_time_is_over() {
    let mut history: History = on_trial().into_iter().collect();
    let trial = history.of(2).unwrap().clone();
    for (now, end, edge) in [
        (Some(standing(11, None)), End::Lapsed(at(60)), Edge::Over(&trial, at(60))),
        (None, End::Early, Edge::Ended(&trial)),
    ] {
        assert_eq!(history.ended(now.as_ref(), at(99)), Some((&trial, end)));
        assert_eq!(back(&history, Some(2), now.as_ref(), 99), Err(edge));
    }
    assert_eq!(history.gone(None, super::Kept::Since(at(1))), history.of(1), "of the trial nothing was left");
    for (seen, later, end) in [
        (Some(11), 59, End::Early),
        (Some(11), 61, End::Lapsed(at(60))),
        (None, 59, End::Early),
        (None, 61, End::Early),
    ] {
        let again = receipt(3, applied(Was::Nothing, None), Some(90));
        history.put(Receipt { seen, at: at(later), ..again });
        assert_eq!(history.end_of(&trial, at(60), Some(&standing(90, None)), at(99)), end);
    }
    let first: History = [receipt(1, applied(Was::Nothing, Some(60)), Some(10))].into_iter().collect();
    assert_eq!(
        back(&first, None, None, 99),
        Err(Edge::Over(first.of(1).unwrap(), at(60))),
        "nothing is missing"
    );
}

/// After a boot that puts the confirmed gate back, or none, nobody else need have been there.
#[test]
fn a_trial_that_a_boot_ended_is_laid_to_the_boot() {
    let on_trial = on_trial().into_iter().map(|receipt| Receipt { boot_id: Some("a".into()), ..receipt });
    let mut history = on_trial.collect::<History>().at_boot(Some("b".into()));
    let trial = history.of(2).unwrap();
    assert_eq!(history.ended(None, at(59)), Some((trial, End::Reboot)));
    assert!(history.is_before_boot(trial));
    assert_eq!(back(&history, None, None, 59), Err(Edge::Rebooted(trial)));
    assert_eq!(back(&history, None, None, 60), Err(Edge::Rebooted(trial)), "nobody knows when");
    let lapsed = history.clone().booted(Some(at(60)));
    assert_eq!(back(&lapsed, None, None, 60), Err(Edge::Over(trial, at(60))));
    let same = history.clone().at_boot(Some("a".into()));
    assert_eq!(back(&same, None, None, 59), Err(Edge::Ended(same.of(2).unwrap())));
    let deed = Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was: Was::Nothing, until: None };
    history.put(Receipt { boot_id: Some("b".into()), ..receipt(3, deed, Some(90)) });
    let now = standing(90, None);
    assert_eq!(back(&history, None, Some(&now), 59), Err(Edge::Rebooted(history.of(2).unwrap())));
}

#[test]
fn what_was_confirmed_is_taken_back_to_what_was_before_it() {
    let mut history: History = on_trial().into_iter().collect();
    history.put(receipt(3, Deed::Confirm { of: 2 }, Some(12)));
    let now = standing(12, None);
    let trial = history.of(2).unwrap();
    let before = || Back::Restore(trial, Some(closing("22/tcp")));
    for number in [None, Some(2), Some(3)] {
        assert_eq!(back(&history, number, Some(&now), 70), Ok(before()));
    }
    assert_eq!(back(&history, Some(1), Some(&now), 70), Ok(Back::Restore(history.of(1).unwrap(), None)));
    assert_eq!(back(&history, Some(4), Some(&now), 70), Err(Edge::Missing));
    let undo = Deed::Gate {
        cause: Cause::Undo(2),
        becomes: Becomes::Gate,
        was: Was::Gate((&closing("23/tcp")).into()),
        until: None,
    };
    let mut undone = history.clone();
    undone.put(receipt(4, undo, Some(13)));
    let now = standing(13, None);
    assert_eq!(back(&undone, Some(2), Some(&now), 80), Err(Edge::Back(undone.of(2).unwrap())));
    // And back again, by whoever names it: to type undo twice is no wish to have the change again.
    let undo = undone.of(4).unwrap();
    let before = undone.of(1);
    assert_eq!(back(&undone, None, Some(&now), 80), Err(Edge::Again { undo, before }));
    let again = Back::Restore(undo, Some(closing("23/tcp")));
    assert_eq!(back(&undone, Some(4), Some(&now), 80), Ok(again));
    assert_eq!(undone.lasting().map(|lasting| lasting.number).collect::<Vec<_>>(), [1]);
    let redo = Deed::Gate {
        cause: Cause::Undo(4),
        becomes: Becomes::Gate,
        was: Was::Gate((&closing("22/tcp")).into()),
        until: None,
    };
    undone.put(receipt(5, redo, Some(14)));
    let now = standing(14, None);
    let (undo, before) = (undone.of(5).unwrap(), undone.of(2));
    assert_eq!(back(&undone, None, Some(&now), 90), Err(Edge::Again { undo, before }));
    assert_eq!(undone.lasting().map(|lasting| lasting.number).collect::<Vec<_>>(), [2, 1]);
    let before = Back::Restore(undone.of(2).unwrap(), Some(closing("22/tcp")));
    assert_eq!(back(&undone, Some(2), Some(&now), 90), Ok(before), "it is in force again");
}

/// To take back what is older, or what took something back, brings along what came after it.
#[test]
fn what_is_younger_goes_with_it_and_is_told() {
    let undo = |of| Deed::Gate {
        cause: Cause::Undo(of),
        becomes: Becomes::Nothing,
        was: Was::Gate((&closing("22/tcp")).into()),
        until: None,
    };
    let was = || Was::Gate((&closing("22/tcp")).into());
    let mut history: History =
        [receipt(1, applied(Was::Nothing, None), Some(10)), receipt(2, applied(was(), None), Some(11))]
            .into_iter()
            .collect();
    assert_eq!((history.gone_with(1), history.gone_with(2)), (vec![2], vec![]));
    history.put(receipt(3, undo(2), Some(12)));
    assert_eq!(history.gone_with(1), vec![0; 0], "it is taken back already");
    history.put(receipt(4, undo(1), None));
    assert_eq!((history.gone_with(3), history.gone_with(2)), (vec![4], vec![4]));
    // Without a gate there is none to take away.
    assert_eq!(
        back(&history, Some(3), None, 9),
        Ok(Back::Restore(history.of(3).unwrap(), Some(closing("22/tcp"))))
    );
    let fresh: History = history.newest_first().filter(|receipt| receipt.number == 1).cloned().collect();
    assert_eq!(back(&fresh, None, None, 9), Err(Edge::Same(fresh.of(1).unwrap())));
}

/// Whoever closed a port and stopped who listened there in one means the port; to stop alone is the last change as any other is.
#[test]
fn whoever_was_stopped_is_in_the_way_where_no_port_was_closed_with_him() {
    let now = standing(10, None);
    let after = |with| -> History {
        let (by, whom) = (Means::Stop, vec!["ssh.service".into()]);
        let halt =
            Deed::Halt { by, whom, units: Vec::new(), ports: vec![Ports("22/tcp".parse().unwrap())], with };
        let halt = Receipt { seen: Some(10), ..receipt(2, halt, None) };
        [receipt(1, applied(Was::Nothing, None), Some(10)), halt].into_iter().collect()
    };
    let alone = after(None);
    assert_eq!(alone.current(Some(&now)), Current::By(alone.of(1).unwrap()));
    for number in [None, Some(2)] {
        let halted = Err(Edge::Halted(alone.of(2).unwrap()));
        assert_eq!(back(&alone, number, Some(&now), 5), halted, "{number:?}");
    }
    assert_eq!(back(&alone, Some(1), Some(&now), 5), Ok(Back::Restore(alone.of(1).unwrap(), None)));
    assert_eq!(alone.newest_standing(&Temporary::default(), at(5)), alone.of(1));
    let closed = after(Some(1));
    assert_eq!(back(&closed, None, Some(&now), 5), Ok(Back::Restore(closed.of(1).unwrap(), None)));
    assert_eq!(back(&closed, Some(2), Some(&now), 5), Err(Edge::Halted(closed.of(2).unwrap())));
}

/// As on a full disk: what was on trial was written before it was made and not after, and then it was confirmed.
#[test]
fn what_could_not_be_written_down_is_told_by_whoever_came_next() {
    let mut receipts = on_trial();
    receipts[1].outcome = Outcome::Begun;
    receipts[1].made = None;
    let last: History = receipts.clone().into_iter().collect();
    assert_eq!(last.of(2).unwrap().outcome, Outcome::Begun, "the gate tells of the last one");
    let told = |seen: u32| {
        let next = Receipt { seen: Some(seen), ..receipt(3, Deed::Confirm { of: 2 }, Some(12)) };
        let history: History = receipts.iter().cloned().chain([next]).collect();
        (history.of(2).unwrap().outcome, history.of(2).unwrap().made)
    };
    assert_eq!(told(11), (Outcome::Done, Some(11)));
    assert_eq!(told(10), (Outcome::Begun, None), "a boot may have come between");
    let block = Deed::Block { source: "203.0.113.7".parse().unwrap(), until: None, why: None };
    receipts[1] = Receipt { outcome: Outcome::Begun, seen: Some(10), ..receipt(2, block, None) };
    let next = Receipt { seen: Some(10), ..receipt(3, Deed::Confirm { of: 1 }, Some(11)) };
    let history: History = receipts.into_iter().chain([next]).collect();
    assert_eq!(history.of(2).unwrap().outcome, Outcome::Begun, "it makes no revision");
}

/// A boot is no person's change: whoever takes the last one back means what he did himself.
#[test]
fn a_boot_is_not_what_is_taken_back_also_where_it_is_named() {
    let mut history: History = on_trial().into_iter().collect();
    history.put(receipt(3, Deed::Confirm { of: 2 }, Some(12)));
    let deed = Deed::Gate { cause: Cause::Boot, becomes: Becomes::Gate, was: Was::Nothing, until: None };
    history.put(receipt(4, deed, Some(90)));
    let now = standing(90, None);
    assert_eq!(history.current(Some(&now)), Current::By(history.of(4).unwrap()));
    let before = Back::Restore(history.of(2).unwrap(), Some(closing("22/tcp")));
    assert_eq!(back(&history, None, Some(&now), 100), Ok(before));
    for standing in [Some(&now), None] {
        assert_eq!(back(&history, Some(4), standing, 100), Err(Edge::OfBoot(history.of(4).unwrap())));
    }
}

#[test]
fn what_was_taken_back_leaves_what_was_there() {
    let mut history: History = on_trial().into_iter().collect();
    history.put(receipt(3, Deed::TakeBack { of: 2 }, Some(12)));
    let now = standing(12, None);
    assert_eq!(back(&history, Some(2), Some(&now), 30), Err(Edge::Back(history.of(2).unwrap())));
    let (undo, before) = (history.of(3).unwrap(), history.of(1));
    assert_eq!(back(&history, None, Some(&now), 30), Err(Edge::Again { undo, before }));
}

#[test]
fn what_somebody_else_did_is_not_claimed_to_be_known() {
    let history: History = on_trial().into_iter().collect();
    assert_eq!(history.current(Some(&standing(40, Some(3)))), Current::Unknown);
    assert_eq!(history.trial(&standing(40, Some(3))), None);
    assert_eq!(history.current(None), Current::Gone(history.of(2).unwrap()));
    assert_eq!(History::default().current(None), Current::Absent);
    assert_eq!(History::default().current(Some(&standing(1, None))), Current::Unknown);
    let unknown: History = [receipt(1, applied(Was::Unknown, None), Some(10))].into_iter().collect();
    let edge = back(&unknown, None, Some(&standing(10, None)), 5);
    assert_eq!(edge, Err(Edge::Unknown(unknown.of(1).unwrap())));
}

#[test]
fn whoever_was_killed_is_told_by_the_gate_whether_it_was_done() {
    let begun =
        |deed: Deed, seen: Option<u32>| Receipt { outcome: Outcome::Begun, seen, ..receipt(5, deed, None) };
    let told = |receipt: Receipt, now: Option<u32>| {
        let standing = now.map(|now| standing(now, None));
        let settled = receipt.settled(standing.as_ref(), &Temporary::default(), at(0));
        (settled.outcome, settled.made)
    };
    let next = || begun(applied(Was::Unknown, None), Some(7));
    assert_eq!(told(next(), Some(8)), (Outcome::Done, Some(8)));
    assert_eq!(told(next(), Some(7)), (Outcome::Refused, None));
    assert_eq!(told(next(), None), (Outcome::Refused, None));
    let first = || begun(applied(Was::Nothing, None), None);
    assert_eq!(told(first(), Some(1_800_000_001)), (Outcome::Done, Some(1_800_000_001)));
    assert_eq!(told(first(), None), (Outcome::Refused, None));
    let block =
        || begun(Deed::Block { source: "203.0.113.7".parse().unwrap(), until: None, why: None }, None);
    assert_eq!(
        told(block(), Some(1_800_000_000)),
        (Outcome::Done, Some(1_800_000_000)),
        "the first of a gate"
    );
    let off = Deed::Gate { cause: Cause::Off, becomes: Becomes::Nothing, was: Was::Unknown, until: None };
    assert_eq!(told(begun(off.clone(), Some(7)), None), (Outcome::Done, None));
    assert_eq!(told(begun(off, Some(7)), Some(7)), (Outcome::Refused, None));
    let done = receipt(5, Deed::Confirm { of: 1 }, Some(9));
    assert_eq!(done.clone().settled(None, &Temporary::default(), at(0)), done, "what was said stays");
}

/// What leaves no trace in the revision stands in its sets for the time that it was put there for, or nobody can tell.
#[test]
fn whoever_was_killed_with_a_source_or_a_port_is_told_by_the_sets() {
    let source = "2001:db8::7".parse().unwrap();
    let ports = Ports("80-81/tcp".parse().unwrap());
    let told = |deed: Deed, stands: bool, temporary: &Temporary, now: i64| {
        let begun = Receipt { outcome: Outcome::Begun, seen: Some(7), ..receipt(5, deed, None) };
        let standing = stands.then(|| standing(7, None));
        let settled = begun.settled(standing.as_ref(), temporary, at(now));
        assert_eq!(settled.made, None);
        settled.outcome
    };
    let block = |until: Option<i64>| Deed::Block { source, until: until.map(at), why: None };
    let open = || Deed::Open { zone: Some("lan".into()), ports, until: at(1_000), from: Vec::new() };
    let with = |blocked: &[Option<u64>], open: &[(&str, &str, u64)]| {
        let left = |seconds: u64| Some(core::time::Duration::from_secs(seconds));
        let network = "2001:db8::".parse().unwrap();
        let kept = blocked.iter().map(|seconds| Kept { what: network, left: seconds.and_then(left) });
        let port = |&(zone, port, seconds): &(&str, &str, u64)| gate::Open {
            zone: zone.to_string(),
            port: Kept { what: port.parse().unwrap(), left: left(seconds) },
            from: None,
        };
        Temporary { blocked: kept.collect(), open: open.iter().map(port).collect(), ..Temporary::default() }
    };
    let none = Temporary::default();
    assert_eq!(told(block(None), true, &with(&[None], &[]), 10), Outcome::Done);
    assert_eq!(told(block(None), true, &none, 10), Outcome::Refused);
    assert_eq!(told(block(None), false, &none, 10), Outcome::Unknown, "the table is gone");
    assert_eq!(told(block(Some(1_000)), true, &with(&[Some(990)], &[]), 10), Outcome::Done);
    assert_eq!(told(block(Some(1_000)), true, &none, 999), Outcome::Refused);
    assert_eq!(told(block(Some(1_000)), true, &none, 1_000), Outcome::Unknown, "its time is over");
    for other in [None, Some(500), Some(1_500)] {
        assert_eq!(told(block(Some(1_000)), true, &with(&[other], &[]), 10), Outcome::Unknown, "{other:?}");
    }
    let both = [("lan", "80/tcp", 989), ("lan", "81/tcp", 989)];
    assert_eq!(told(open(), true, &with(&[], &both), 10), Outcome::Done);
    assert_eq!(told(open(), true, &with(&[], &both[..1]), 10), Outcome::Unknown);
    let others = [("world", "80/tcp", 989), ("lan", "80/udp", 989), ("lan", "82/tcp", 989)];
    assert_eq!(told(open(), true, &with(&[], &others), 10), Outcome::Refused);
    let shut = || Deed::Shut { zone: Some("lan".into()), ports, from: Vec::new() };
    assert_eq!(told(shut(), true, &with(&[], &both), 10), Outcome::Refused);
    assert_eq!(told(shut(), true, &with(&[], &others), 10), Outcome::Done);
    assert_eq!(told(Deed::Unblock { source }, true, &with(&[None], &[]), 10), Outcome::Refused);
    assert_eq!(told(Deed::Unblock { source }, true, &none, 10), Outcome::Done);
}

/// What is there for a while, with so many seconds left: ports to the office, and a source.
fn there(open: &[(&str, u64)], blocked: &[(&str, u64)]) -> Temporary {
    let left = |seconds: u64| Some(core::time::Duration::from_secs(seconds));
    let port = |&(port, seconds): &(&str, u64)| gate::Open {
        zone: "office".into(),
        port: Kept { what: port.parse().unwrap(), left: left(seconds) },
        from: None,
    };
    let source =
        |&(source, seconds): &(&str, u64)| Kept { what: source.parse().unwrap(), left: left(seconds) };
    Temporary {
        open: open.iter().map(port).collect(),
        blocked: blocked.iter().map(source).collect(),
        ..Temporary::default()
    }
}

/// The clock of the kernel is another one: it stops where the machine sleeps, and nobody sets it.
#[test]
fn what_is_there_for_a_while_is_taken_back_while_it_is_there() {
    let source = "203.0.113.7".parse().unwrap();
    let ports = Ports("8080/tcp".parse().unwrap());
    let open = |number, until| {
        receipt(
            number,
            Deed::Open { zone: Some("office".into()), ports, until: at(until), from: Vec::new() },
            None,
        )
    };
    let mut history: History = [
        receipt(1, Deed::Block { source, until: None, why: None }, None),
        receipt(2, Deed::Block { source, until: Some(at(60)), why: None }, None),
        open(3, 60),
    ]
    .into_iter()
    .collect();
    let (none, both) = (Temporary::default(), there(&[("8080/tcp", 5)], &[("203.0.113.7", 5)]));
    let of = |number| history.of(number).unwrap();
    let back = |number, temporary, second| history.back(Some(number), None, temporary, at(second));
    assert_eq!(back(1, &both, 1_000), Ok(Back::Unblock(of(1), source)));
    // It went with a reboot, or with the table.
    for number in [1, 2, 3] {
        assert_eq!(back(number, &none, 59), Err(Edge::Gone(of(number))));
    }
    assert_eq!(history.back(None, None, &none, at(59)), Err(Edge::Gone(of(3))));
    assert_eq!(history.renewed_by(of(1), &both), Some(of(2)), "there is one of a source at a time");
    assert_eq!(history.renewed_by(of(2), &both), None);
    let blocked = there(&[], &[("203.0.113.7", 5)]);
    assert_eq!(history.newest_standing(&blocked, at(99)), Some(of(2)), "this one is what can be taken back");
    assert_eq!(back(2, &none, 60), Err(Edge::Over(of(2), at(60))));
    assert_eq!(back(3, &none, 60), Err(Edge::Over(of(3), at(60))));
    for second in [59, 60, 1_000] {
        assert_eq!(back(2, &both, second), Ok(Back::Unblock(of(2), source)));
        assert_eq!(back(3, &both, second), Ok(Back::Shut(of(3), Some("office".into()), ports.0)));
    }
    // Whoever let a source in again is told what else is there.
    let unblocked = receipt(4, Deed::Unblock { source }, None);
    let mut again = history.clone();
    again.put(unblocked);
    for (temporary, before) in [(there(&[("8080/tcp", 5)], &[]), again.of(3)), (none, None)] {
        let told = again.back(None, None, &temporary, at(30));
        assert_eq!(told, Err(Edge::Again { undo: again.of(4).unwrap(), before }));
    }
    // What somebody put there again is his.
    history.put(open(4, 2_000));
    let back = |number, second| history.back(Some(number), None, &both, at(second));
    let of = |number| history.of(number).unwrap();
    assert_eq!(back(3, 1_000), Err(Edge::Over(of(3), at(60))));
    assert_eq!(back(4, 1_000), Ok(Back::Shut(of(4), Some("office".into()), ports.0)));
}

#[test]
fn a_receipt_is_read_back_as_it_was_written() {
    let mut receipts = on_trial();
    receipts.push(receipt(3, Deed::Confirm { of: 2 }, Some(12)));
    let ports = Ports("8000-8010/udp".parse().unwrap());
    receipts.push(receipt(4, Deed::Open { zone: None, ports, until: at(60), from: Vec::new() }, None));
    receipts.push(receipt(5, Deed::Shut { zone: Some("lan".into()), ports, from: Vec::new() }, None));
    let closed = vec![ports, Ports("8080/tcp".parse().unwrap())];
    let (becomes, was, until) = (Becomes::Gate, Was::Nothing, None);
    receipts.push(receipt(
        7,
        Deed::Gate { cause: Cause::ClosePorts(closed.clone()), becomes, was, until },
        None,
    ));
    receipts.push(receipt(
        8,
        Deed::Halt {
            by: Means::Stop,
            whom: vec!["nginx.service".into()],
            units: vec!["nginx.service".into()],
            ports: closed,
            with: Some(7),
        },
        None,
    ));
    receipts.push(receipt(6, Deed::Unblock { source: "2001:db8::1".parse().unwrap() }, None));
    for receipt in receipts {
        let text = serde_json::to_string(&receipt).unwrap();
        assert_eq!(serde_json::from_str::<Receipt>(&text).unwrap(), receipt, "{text}");
    }
    let text = serde_json::to_string(&receipt(1, Deed::Confirm { of: 2 }, Some(12))).unwrap();
    assert!(text.contains(r#""deed":{"kind":"confirm","of":2}"#), "{}", text.to_string());
    // As they were written before the ports were.
    let old = r#"{"kind":"gate","cause":"close","becomes":"gate","was":"nothing","until":null}"#;
    assert!(matches!(serde_json::from_str(old), Ok(Deed::Gate { cause: Cause::Close, .. })));
}
