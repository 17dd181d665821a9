//! What `undo` tells the programs in the kernel: what they were told before (A12, A15, A24).

use portreeve_core::{
    facts::Led,
    gate::Transaction,
    port::PortRange,
    programs::Programs,
    receipt::{Back, Deed, History, Receipt},
    steer::Routes,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::Door;

use crate::{
    failure::Failure,
    programs::{self, Comes},
};

const NOT_AS_BEFORE: Words = Words {
    en: "the gate is as it was, but the guard and what is steered are not",
    ja: "ゲートは元に戻しましたが、ガードと誘導を戻せません",
};

/// The change of the gate that is taken back, and what the programs were told before it; `None` where nothing of that changes.
pub(super) fn before(history: &History, back: &Back<'_>) -> Option<(u32, Programs)> {
    match back {
        Back::Restore(Receipt { number: of, .. }, _) | Back::EndTrial(Receipt { number: of, .. }) => {
            history.programs_before(*of).map(|was| (*of, was.clone()))
        }
        _ => None,
    }
}

/// The change that is taken back, and what was kept from clients before it, as that goes with it; `None` where it stays as it is.
pub(super) fn reserved_before(history: &History, back: &Back<'_>) -> Option<(u32, Vec<PortRange>)> {
    let (of, was) = match back {
        Back::Restore(Receipt { number: of, .. }, _) => (of, history.reserved_before(*of)),
        Back::Programs(Receipt { number: of, .. }, _) => (of, history.reserved_before_programs(*of)),
        _ => return None,
    };
    was.map(|was| (*of, was.to_vec()))
}

/// Whether what is taken back is on trial, with the gate or without one.
pub(super) fn is_tried(door: &Door, back: &Back<'_>) -> bool {
    match back {
        Back::EndTrial(_) => true,
        Back::Programs(receipt, _) => {
            door.history.programs_on_trial(door.now).is_some_and(|(trial, _)| trial.number == receipt.number)
        }
        _ => false,
    }
}

/// Whether something else is on trial of what the programs are told, which would be over half with it.
pub(super) fn is_beside_trial(door: &Door, back: &Back<'_>) -> bool {
    let (Back::Programs(Receipt { number: of, .. }, _) | Back::Restore(Receipt { number: of, .. }, _)) = back
    else {
        return false;
    };
    let is_in_gate = door.standing.as_ref().is_some_and(|standing| standing.trial.is_some());
    let another = door.history.programs_on_trial(door.now).filter(|(trial, _)| trial.number != *of);
    another.is_some() || (is_in_gate && matches!(back, Back::Programs(..)))
}

/// The sockets to which packets were led before the change that is taken back.
pub(super) fn led_before(history: &History, back: &Back<'_>) -> Vec<Led> {
    match back {
        Back::EndTrial(receipt) | Back::Restore(receipt, _) | Back::Programs(receipt, _) => {
            history.led_before(receipt.number).to_vec()
        }
        _ => Vec::new(),
    }
}

/// What is steered again then; nothing where that stays as it is.
pub(super) fn routes_before(back: &Back<'_>, told: Option<&(u32, Programs)>) -> Routes {
    match (back, told) {
        (Back::Programs(_, was), _) => was.routes.clone(),
        (_, Some((_, was))) => was.routes.clone(),
        _ => Routes::default(),
    }
}

/// Tells them that again, with the change of receipt `with`.
pub(super) fn go_with(before: Option<(u32, Programs)>, with: u32) -> Result<(), Failure> {
    let Some((of, was)) = before else { return Ok(()) };
    let comes = Comes { with: Some(with), undoes: Some(of), ..Comes::default() };
    programs::tell(&was, comes, NOT_AS_BEFORE).map(drop)
}

/// What takes back the change of receipt `of` alone, before which they were told `was`.
pub(super) fn back(of: u32, was: &Programs) -> (Deed, Transaction, Text) {
    let said = text!(
        "Taken back: the guard and what is steered are as they were before receipt {of}.",
        "ガードと誘導を、記録 {of} より前の状態に戻しました。"
    );
    let undoes = Some(of);
    // What they are told now is written down with it.
    let (now, was, led) = (was.clone(), Programs::default(), Vec::new());
    let deed = Deed::Programs { now, was, led, until: None, with: None, confirms: None, undoes };
    (deed, Transaction::default(), said)
}
