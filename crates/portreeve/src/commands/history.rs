//! `portreeve history`: who changed the gate, when, and what came of it (A20).

use clap::{Arg, ArgMatches};
use jiff::Timestamp;
use portreeve_core::{
    gate::Standing,
    words::{Lang, Words},
};
use portreeve_host::enforce::{firewall::StandingError, look};

use super::Command;
use crate::{
    directories, door,
    exit::Exit,
    failure::Failure,
    settings::Settings,
    show::{gate as show, out::Out},
};

/// `history`.
pub(super) const COMMAND: Command = Command {
    name: "history",
    about: Words { en: "Who changed what, and when?", ja: "誰がいつ何を変更したか" },
    examples: &["portreeve history"],
    takes: &[],
    arguments,
    run,
};

const FAILED: Words =
    Words { en: "cannot tell what was changed", ja: "変更の記録を確認できません" };
const UNSEEN: Words = Words {
    en: "cannot tell whether a trial still runs",
    ja: "試行中の変更があるかを確認できません",
};

fn arguments(_: Lang) -> Vec<Arg> {
    Vec::new()
}

fn run(_: &ArgMatches, _: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let (listing, history) = look(&directories::gate()?).map_err(|error| door::failure(error, FAILED))?;
    let read = |listing: Option<String>| listing.as_deref().map_or(Ok(None), Standing::read);
    let standing = listing.and_then(|listing| read(listing).map_err(StandingError::Read));
    show::history(&history, &standing, Timestamp::now(), out)?;
    standing.map(|_| Exit::Fine).map_err(|error| door::standing(&error, UNSEEN))
}
