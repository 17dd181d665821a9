//! Keeps what the programs in the kernel have on trial: with the gate, or alone (A12, A15, A24).

use portreeve_core::{
    programs::Programs,
    receipt::History,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::Door;

use super::{FAILED, PROGRAMS_NOT_RESERVED, nothing};
use crate::{
    clients,
    exit::Exit,
    failure::Failure,
    programs::{self, Comes},
    settings::{Settings, Verbosity},
    show::{next, out::Out},
    steers,
};

const NOT_TOLD: Words = Words {
    en: "the gate is confirmed, but the guard and what is steered are not",
    ja: "ゲートは確定しましたが、ガードと誘導を確定できません",
};

/// What came with the trial of receipt `of`, or was to come: its receipt, and what is to be kept.
pub(super) fn tried(history: &History, of: u32) -> Option<(Option<u32>, Programs)> {
    let tried = history.programs_tried(Some(of)).map(|(trial, now, _)| (Some(trial.number), now.clone()));
    tried.or_else(|| Some((None, history.untold(of)?.clone())))
}

/// Keeps what was tried by receipt `number` beside the gate of receipt `with`, also where its time was over a moment before that
/// of the gate.
pub(super) fn keep_with_gate(number: Option<u32>, now: &Programs, with: u32) -> Result<(), Failure> {
    let comes = Comes { with: Some(with), confirms: number, ..Comes::default() };
    programs::tell(now, comes, NOT_TOLD).map(drop)
}

/// The receipt of what is on trial without a gate, that of the gate that it came with where that is kept by now, and what is tried.
fn alone(door: &Door) -> Option<(u32, Option<u32>, Programs)> {
    let tried = door.history.programs_on_trial(door.now);
    let left = || door.history.programs_left(door.standing.as_ref(), door.now).filter(|left| left.is_kept);
    tried
        .map(|(trial, now)| (trial.number, None, now.clone()))
        .or_else(|| left().map(|left| (left.receipt.number, Some(left.with), left.now.clone())))
}

/// Keeps what is on trial without a gate, if anything is.
pub(super) fn keep_alone(door: Door, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let Some((number, with, now)) = alone(&door) else { return nothing(&door, settings, out) };
    // Whoever kept the gate that it came with was killed before he got to either.
    let reserves = door.history.of(with.unwrap_or(number)).and_then(|trial| trial.reserves.clone());
    let comes = Comes { with, confirms: Some(number), ..Comes::default() };
    let passed = programs::tell_through(door, &now, comes, FAILED)?;
    out.changed();
    if let Some(ports) = reserves {
        let comes = clients::Comes { with: with.or(Some(passed.receipt.number)), undoes: None };
        clients::reserve(&ports, comes, passed.standing.as_ref(), PROGRAMS_NOT_RESERVED)?;
    }
    if settings.verbosity != Verbosity::Quiet {
        let ((Text { en: en_what, ja: ja_what }, shown), (Text { en, ja }, enable)) =
            (programs::called(&now), programs::in_force());
        let said = text!("Kept: {en_what} {en}.", "変更を確定しました。{ja_what}{ja}です。");
        out.sentences(said.in_lang(settings.lang))?;
        let commands = ["portreeve undo"].into_iter().chain(enable).chain(shown);
        next::print(&commands.map(str::to_owned).collect::<Vec<_>>(), out)?;
    }
    steers::lead_found_at_last(settings);
    Ok(Exit::Fine)
}
