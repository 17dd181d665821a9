//! What `apply` has the guard keep: with the gate, or alone (A15, A24).

use clap::ArgMatches;
use jiff::Timestamp;
use portreeve_core::{
    gate::Standing,
    guard::Rules,
    plan::held,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::Passed;

use super::{FAILED, Way, alone as on_trial, ask, told};
use crate::{
    commands::plan::{self, Planned},
    door,
    exit::Exit,
    failure::{Failure, warn},
    guards::{self, Comes},
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
};

const NOT_GUARDED: Words = Words {
    en: "the gate is as planned, but the guard is not",
    ja: "ゲートは計画どおりですが、ガードを変更できません",
};

/// What comes with a change of the gate that has `passed`, and is on trial as long as that.
pub(super) fn with_gate(rules: &Rules, passed: &Passed, until: Option<Timestamp>) -> Result<(), Failure> {
    let comes = Comes { with: Some(passed.receipt.number), until, ..Comes::default() };
    guards::keep(rules, comes, NOT_GUARDED).map(drop)
}

/// Tells of a stranger who bound what is refused to him between the look at the host and the change.
pub(super) fn tell_too_late(planned: &Planned, rules: &Rules, settings: &Settings) {
    // Whether he did is found by the next plan too.
    let Ok(look) = planned.look.again(&plan::WANTED) else { return };
    if let Some(held) = held(&look.world(), rules) {
        warn(&visible(held.too_late().in_lang(settings.lang)));
    }
}

/// What comes alone, as the gate `stands`.
pub(super) fn alone(
    planned: &Planned,
    rules: &Rules,
    way: Way,
    stands: Option<&Standing>,
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let door = door::open_unmoved(stands, FAILED, None)?;
    let until = match way {
        Way::AtOnce => None,
        Way::Asking(_, timeout) | Way::Alone(timeout) => Some(timeout.end(door.now)),
    };
    let passed = guards::keep_through(door, rules, Comes { until, ..Comes::default() }, FAILED)?;
    out.changed();
    tell_too_late(planned, rules, settings);
    let number = passed.receipt.number;
    let undo = plan::undo_of(number, own);
    match (way, until) {
        (Way::Asking(length, _), until) => ask(length, until, &undo, settings, out),
        (Way::Alone(_), Some(until)) => on_trial(until, &undo, settings, out),
        _ if settings.verbosity == Verbosity::Quiet => Ok(Exit::Fine),
        _ => applied(&undo, out),
    }
}

fn applied(undo: &str, out: &mut Out) -> Result<Exit, Failure> {
    let (Text { en, ja }, enable) = guards::in_force();
    let said = text!("Applied: the guard is {en}.", "適用しました。ガードは{ja}です。");
    let commands: Vec<&str> = [undo].into_iter().chain(enable).chain(["portreeve guard status"]).collect();
    told(&said, &commands, out)
}
