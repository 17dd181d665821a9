//! To whose sockets `apply` leads: nobody tries that, as of `steer move` (A5, A12).

use portreeve_core::{text, words::Words};

use super::{FAILED, told};
use crate::{
    commands::plan::Planned,
    exit::Exit,
    failure::Failure,
    settings::{Settings, Verbosity},
    show::out::Out,
    steers::{self, Seated},
};

/// What comes before it is done.
pub(super) const NOT_LED: Words = Words {
    en: "the rest is as planned, but not all that comes in is led to its socket",
    ja: "ほかの変更は計画どおりですが、一部の通信をソケットに誘導できません",
};

/// Leads to what has no socket yet. What is new of it goes again where the change that comes next is not made.
///
/// # Errors
///
/// The kernel refuses, or one cannot be taken; `what` says what was done by then.
pub(super) fn lead(planned: &Planned, what: Words) -> Result<Seated, Failure> {
    if planned.plan.leads().next().is_none() {
        return Ok(Seated::none());
    }
    let now = planned.plan.programs();
    let seated = now.map_or(Ok(Seated::none()), |now| Seated::of(&now.routes, what))?;
    steers::lead_all(planned.plan.leads(), what)?;
    Ok(seated)
}

/// Leads to what has no socket yet, where nothing else changes. Nobody tries that: it takes nothing from anybody.
pub(super) fn alone(planned: &Planned, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    lead(planned, FAILED)?.keep();
    out.changed();
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let said = text!(
        "Applied at once: every socket that was found is led to.",
        "直ちに適用しました。見つかったソケットをすべて誘導先に登録しました。"
    );
    told(&said, &["portreeve steer status"], out)
}
