//! Whoever is here, and whoever manages the host, could come back once a change is taken back; else it is not (A15).

use clap::ArgMatches;
use portreeve_core::{
    plan::{Refused, Undo, protect_after, undone},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::observe::sessions;

use super::plan::{CUT, NO_SESSION, WANTED, failure};
use crate::{
    failure::{Failure, warn},
    look::Look,
    settings::{PolicyChoice, Settings, Verbosity},
    show::escape::visible,
};

/// Looks at the host and asks, as far as whoever types wants to know; `what` says what is attempted, and `command` is what
/// was typed for it.
///
/// # Errors
///
/// The first one who could not come back, or why that cannot be told. Each names the flag by which it is done all the
/// same: somebody may be locked out already.
pub(super) fn spare(
    own: &ArgMatches,
    settings: &Settings,
    undo: &Undo<'_>,
    (what, command): (Words, &str),
) -> Result<(), Failure> {
    if own.get_flag(CUT) {
        return Ok(());
    }
    let look = look(settings, command)?;
    let footholds = sessions::footholds(&look.snapshot);
    let after = undone(&look.snapshot, undo);
    match after.and_then(|after| protect_after(&look.world(), &after, &footholds)) {
        Ok(()) => Ok(()),
        Err(Refused::NoFoothold) if own.get_flag(NO_SESSION) => Ok(()),
        // Without our table nobody is kept out who gets in with it: whoever sets a dead man's switch needs no session.
        Err(Refused::NoFoothold) if *undo == Undo::NoGate => Ok(()),
        Err(refused @ Refused::NoFoothold) => Err(failure(&refused, what).hint(text!(
            "at a serial console or from a tool: {command} --no-session",
            "シリアルコンソールや構成管理ツールから実行する場合: {command} --no-session"
        ))),
        Err(refused) => Err(failure(&refused, what).hint(accepted(command))),
    }
}

/// The host, and the policy that manages it; one that is wrong keeps nobody from taking a change back.
fn look(settings: &Settings, command: &str) -> Result<Look, Failure> {
    let wrong = match Look::take(settings, &WANTED) {
        Ok(look) => return Ok(look),
        Err(wrong) => wrong,
    };
    let without = Settings { policy: PolicyChoice::Without, ..settings.clone() };
    // What fails without a policy too is no fault of the policy's.
    let look = Look::take(&without, &WANTED).map_err(|failure| failure.hint(accepted(command)))?;
    if settings.verbosity != Verbosity::Quiet {
        let [en, ja] = [Lang::En, Lang::Ja].map(|lang| wrong.what(lang).to_owned());
        let told = text!(
            "warning: zones from which the policy says that the host is managed were not considered: {en}",
            "警告: policy を読めないため、管理用ゾーンからの到達性は確認していません: {ja}"
        );
        warn(&visible(told.in_lang(settings.lang)));
    }
    Ok(look)
}

fn accepted(command: &str) -> Text {
    text!(
        "if you accept that: {command} --cut-my-own-session",
        "承知のうえで続行する場合: {command} --cut-my-own-session"
    )
}
