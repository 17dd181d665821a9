//! Keeps what the guard has on trial: with the gate, or alone (A15, A24).

use portreeve_core::{
    guard::Rules,
    receipt::History,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::Door;

use super::{FAILED, nothing};
use crate::{
    exit::Exit,
    failure::Failure,
    guards::{self, Comes},
    settings::{Settings, Verbosity},
    show::{next, out::Out},
};

const NOT_GUARDED: Words = Words {
    en: "the gate is confirmed, but the guard is not",
    ja: "ゲートは確定しましたが、ガードを確定できません",
};

/// What came with the trial of receipt `of`: its receipt, and what is to be kept.
pub(super) fn tried(history: &History, of: u32) -> Option<(u32, Rules)> {
    history.guard_tried(Some(of)).map(|(trial, rules, _)| (trial.number, rules.clone()))
}

/// Keeps what was tried by receipt `number` beside the gate of receipt `with`, also where its time was over a moment before that
/// of the gate.
pub(super) fn keep_with_gate(number: u32, rules: &Rules, with: u32) -> Result<(), Failure> {
    let comes = Comes { with: Some(with), confirms: Some(number), ..Comes::default() };
    guards::keep(rules, comes, NOT_GUARDED).map(drop)
}

/// Keeps what is on trial without a gate, if anything is.
pub(super) fn keep_alone(door: Door, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let tried = door.history.guard_tried(None).filter(|(.., until)| door.now < *until);
    let Some((number, rules)) = tried.map(|(trial, rules, _)| (trial.number, rules.clone())) else {
        return nothing(&door, settings, out);
    };
    let comes = Comes { confirms: Some(number), ..Comes::default() };
    guards::keep_through(door, &rules, comes, FAILED)?;
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        let (Text { en, ja }, enable) = guards::in_force();
        let said = text!("Kept: the guard is {en}.", "変更を確定しました。ガードは{ja}です。");
        out.sentences(said.in_lang(settings.lang))?;
        let commands = ["portreeve undo"].into_iter().chain(enable).chain(["portreeve guard status"]);
        next::print(&commands.map(str::to_owned).collect::<Vec<_>>(), out)?;
    }
    Ok(Exit::Fine)
}
