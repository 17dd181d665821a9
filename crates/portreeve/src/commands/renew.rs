//! `portreeve renew NAME --lease 10m`: more time for a claim (A24).

pub(super) mod reference;

use std::time::Duration;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    ledger::Ask,
    text,
    words::{Lang, Text, Words},
};
use rustix::process::{geteuid, getuid};

use super::{
    Command,
    claim::{Settled, settle, until},
};
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    ledger::{
        home::{self, Home, Obeyed},
        kernel::Kept,
        sight,
    },
    settings::{Common, Format, Settings, Verbosity, options},
    show::{claim as show, escape::visible, out::Out},
};

const LEASE: &str = "lease";

/// `renew`.
pub(super) const COMMAND: Command = Command {
    name: "renew",
    about: Words { en: "More time for a claim", ja: "申請の期限の延長" },
    examples: &["portreeve renew job --lease 10m", "portreeve renew job --lease 10m --revision 7"],
    takes: &[Common::Output(&[Format::Table, Format::Json]), Common::Policy],
    arguments,
    run,
};

const FAILED: Words = Words { en: "nothing was renewed", ja: "延長できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let lease =
        Words { en: "For so long from now on: 10m, 2h", ja: "これからの有効期間: 10m、2h など" };
    let lease = options::value(LEASE, "TIME", lease, lang).value_parser(options::duration).required(true);
    reference::arguments(lang).into_iter().chain([lease, home::argument(lang)]).collect()
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = Home::of(own, settings)?;
    let length = own.get_one::<Duration>(LEASE).copied().expect("clap requires it");
    let of = reference::read(own, &home, FAILED)?;
    let lease = until(length, &sight::now()?)?;
    change(&Ask::Renew { of, lease, uid: getuid().as_raw() }, &home, FAILED, settings, out)
}

/// That the ledger was changed, and not what the kernel keeps.
fn untold(Text { en, ja }: &Text, home: &Home) -> Text {
    let repair = home.command("claims --repair");
    text!(
        "warning: the ledger was changed, and what the kernel keeps from clients was not: {en}; {repair}",
        "警告: 台帳は変更しましたが、カーネルの予約には反映されていません: {ja}。{repair} で反映できます"
    )
}

/// Asks for a change of a claim that stands.
///
/// # Errors
///
/// The ledger refuses, or is not to be had.
pub(super) fn change(
    asked: &Ask,
    home: &Home,
    what: Words,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    settle(asked, home, what, settings, out, |Settled { entry, kept, state }, out| {
        // A member cannot tell it, and the next claim by root does.
        if let Kept::Unreserved(why) = kept
            && geteuid().is_root()
            && home.obeyed == Obeyed::ByHost
            && entry.claim.scope.meets(&home.scope)
        {
            warn(&visible(untold(why, home).in_lang(settings.lang)));
        }
        if settings.format == Format::Json {
            out.json(&show::document(entry, kept, *state, &[], settings.lang))
        } else if settings.verbosity == Verbosity::Verbose {
            out.line(&entry.claim.spec().to_string())
        } else {
            Ok(())
        }
    })
}
