//! To whose sockets `apply` leads: nobody tries that, as of `steer move` (A5, A12).

use std::collections::BTreeSet;

use clap::ArgMatches;
use portreeve_core::{plan::Lead, text, words::Words};

use super::{FAILED, told};
use crate::{
    commands::plan::{self, Planned},
    door,
    exit::Exit,
    failure::{Failure, warn},
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
    steers::{self, Former},
};

/// What comes before it is done.
pub(super) const NOT_LED: Words = Words {
    en: "the rest is as planned, but not all that comes in is led to its socket",
    ja: "ほかの変更は計画どおりですが、一部の通信をソケットに誘導できません",
};

/// Leads to what has no socket yet.
///
/// # Errors
///
/// The kernel refuses, or one cannot be taken; `what` says what was done by then.
pub(super) fn lead(planned: &Planned, what: Words) -> Result<(), Failure> {
    steers::lead_all(planned.plan.leads().filter(|lead| lead.instead_of.is_none()), what)
}

/// Leads to new owners what strangers get, each with a receipt: their numbers, the newest first.
///
/// # Errors
///
/// The kernel refuses, or one cannot be taken; those before are led to.
pub(super) fn lead_away(planned: &Planned) -> Result<Vec<u32>, Failure> {
    let away: Vec<&Lead> = planned.plan.leads().filter(|lead| lead.instead_of.is_some()).collect();
    let services: BTreeSet<&str> = away.iter().map(|lead| lead.service.as_str()).collect();
    let mut receipts = Vec::new();
    for service in services {
        let leads: Vec<Lead> =
            away.iter().filter(|lead| lead.service == service).map(|lead| (*lead).clone()).collect();
        let led = steers::led().map_err(|error| steers::failure(&error, NOT_LED))?;
        let cookies: Vec<u64> =
            led.iter().filter(|led| led.service == service).map(|led| led.cookie).collect();
        let former = Former { service, cookies: &cookies, undoes: None };
        let passed = steers::move_all(&leads, &former, door::open(NOT_LED)?, NOT_LED)?;
        receipts.insert(0, passed.receipt.number);
    }
    Ok(receipts)
}

/// Says that who is led to is not tried, where a stranger gets what is an owner's.
pub(super) fn tell_untried(planned: &Planned, settings: &Settings) {
    if planned.plan.leads().any(|lead| lead.instead_of.is_some()) {
        let text = text!(
            "note: nothing is led away from a stranger while this is on trial: portreeve apply does so at once when it is confirmed",
            "注意: 試行中は、owner ではないプロセスからの誘導先の切り替えは行いません。確定後に portreeve apply を実行すると、直ちに切り替わります"
        );
        warn(&visible(text.in_lang(settings.lang)));
    }
}

/// Leads to what has no socket of its owner's yet, where nothing else changes. Nobody tries that: it takes nothing from anybody who
/// may have it, and has a receipt where a stranger had it.
pub(super) fn alone(
    planned: &Planned,
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    lead(planned, FAILED)?;
    let receipts = lead_away(planned)?;
    out.changed();
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    let said = text!(
        "Applied at once: every socket that was found is led to.",
        "直ちに適用しました。見つかったソケットをすべて誘導先に登録しました。"
    );
    let undo: Vec<String> = receipts.iter().map(|number| plan::undo_of(*number, own)).collect();
    let commands: Vec<&str> = undo.iter().map(String::as_str).chain(["portreeve steer status"]).collect();
    told(&said, &commands, out)
}
