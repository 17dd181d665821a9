//! `portreeve renew NAME --lease 10m`: more time for a claim (A24).

pub(super) mod reference;

use std::time::Duration;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    ledger::Ask,
    words::{Lang, Words},
};
use rustix::process::getuid;

use super::{
    Command,
    claim::{Settled, settle, until},
};
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        home::{self, Home},
        sight,
    },
    settings::{Common, Format, Settings, Verbosity, options},
    show::{claim as show, out::Out},
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
        if settings.format == Format::Json {
            out.json(&show::document(entry, kept, *state, &[], settings.lang))
        } else if settings.verbosity == Verbosity::Verbose {
            out.line(&entry.claim.spec().to_string())
        } else {
            Ok(())
        }
    })
}
