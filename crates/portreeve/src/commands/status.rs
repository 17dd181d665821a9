//! Bare `portreeve`: how are my ports, on one screen (A26)?

use clap::{Arg, ArgMatches};
use portreeve_core::words::{Lang, Words};
use portreeve_host::Wanted;

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Common, Settings},
    show::out::Out,
};

/// No word at all.
pub(crate) const COMMAND: Command = Command {
    name: "",
    about: Words {
        en: "What is on that port, and should it be?",
        ja: "そのポートには何がいて、いるべきなのか?",
    },
    examples: &["portreeve"],
    takes: &[Common::Snapshot, Common::Policy],
    arguments: no_arguments,
    run,
};

fn no_arguments(_: Lang) -> Vec<Arg> {
    Vec::new()
}

fn run(_: &ArgMatches, settings: &Settings, _out: &mut Out) -> Result<Exit, Failure> {
    let _look = Look::take(settings, &Wanted::JUDGEMENT)?;
    Ok(Exit::Fine)
}
