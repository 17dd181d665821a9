//! `portreeve release NAME`: gives a claim up (A24).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    ledger::Ask,
    words::{Lang, Words},
};
use rustix::process::getuid;

use super::{Command, renew::reference};
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::home,
    settings::{Common, Format, Settings},
    show::out::Out,
};

/// `release`.
pub(super) const COMMAND: Command = Command {
    name: "release",
    about: Words { en: "Give a claim up", ja: "申請したポートの解放" },
    examples: &["portreeve release web", "portreeve release dns --protocol udp"],
    takes: &[Common::Output(&[Format::Table, Format::Json]), Common::Policy],
    arguments,
    run,
};

const FAILED: Words = Words { en: "nothing was released", ja: "解放できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let own = reference::arguments(lang);
    own.into_iter().chain([home::argument(lang)]).collect()
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = home::Home::of(own, settings)?;
    let of = reference::read(own, &home, FAILED)?;
    super::renew::change(&Ask::Release { of, uid: getuid().as_raw() }, &home, FAILED, settings, out)
}
