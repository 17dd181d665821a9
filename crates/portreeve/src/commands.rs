//! The commands, grouped by the question that they answer; each is described in its own file.

mod apply;
mod audit;
mod check;
mod claim;
mod claims;
mod close;
mod completions;
mod confirm;
mod diff;
mod doctor;
mod explain;
mod exposure;
mod gate;
mod guard;
pub(crate) mod help;
mod history;
mod init;
mod ledger;
pub(crate) mod ls;
mod man;
mod off;
mod open;
mod patches;
mod plan;
mod purge;
mod registry;
mod release;
mod renew;
pub(crate) mod scan;
mod schedule;
mod schema;
mod snapshot;
mod spare;
mod status;
mod steer;
mod undo;
mod wait;
pub(crate) mod watch;
mod who;
pub(crate) mod why;

pub(crate) use doctor::{foreign, out_of_the_way, strange};
pub(crate) use plan::failure as refusal;

use clap::{Arg, ArgMatches};
use portreeve_core::words::{Lang, Words};

use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Common, Format, Settings},
    show::out::Out,
};

/// A word after `portreeve`, and all there is to say about it.
#[derive(Debug)]
pub(crate) struct Command {
    /// The word.
    pub(crate) name: &'static str,
    /// The question that it answers, or what it does, in a line.
    pub(crate) about: Words,
    /// Commands to try, one a line.
    pub(crate) examples: &'static [&'static str],
    /// The options that it shares with others.
    pub(crate) takes: &'static [Common],
    /// The arguments of its own.
    pub(crate) arguments: fn(Lang) -> Vec<Arg>,
    /// What it does.
    pub(crate) run: fn(&ArgMatches, &Settings, &mut Out) -> Result<Exit, Failure>,
}

impl Command {
    /// What its answer can be written as, the default first.
    pub(crate) fn formats(&self) -> &'static [Format] {
        let formats = self.takes.iter().find_map(|common| match common {
            Common::Output(formats) => Some(*formats),
            _ => None,
        });
        formats.unwrap_or_default()
    }
}

/// Commands that answer one kind of question.
#[derive(Debug)]
pub(crate) struct Group {
    /// The question.
    pub(crate) title: Words,
    /// The commands.
    pub(crate) commands: &'static [&'static Command],
}

/// What runs when no command is named.
pub(crate) const BARE: &Command = &status::COMMAND;

/// Every command, in the order in which `--help` shows them.
pub(crate) const GROUPS: &[Group] = &[SEE, JUDGE, CHANGE, CLAIM, COMPARE, OURSELVES];

const SEE: Group = Group {
    title: Words { en: "What is there?", ja: "何が開いているか" },
    commands: &[
        &ls::COMMAND,
        &who::COMMAND,
        &why::COMMAND,
        &exposure::COMMAND,
        &scan::COMMAND,
        &wait::COMMAND,
        &watch::COMMAND,
        &explain::COMMAND,
    ],
};

const JUDGE: Group = Group {
    title: Words { en: "Is it right?", ja: "正しい状態か" },
    commands: &[&audit::COMMAND, &patches::COMMAND, &schedule::COMMAND, &init::COMMAND, &check::COMMAND],
};

const CHANGE: Group = Group {
    title: Words { en: "Make it so", ja: "変更する" },
    commands: &[
        &plan::COMMAND,
        &apply::COMMAND,
        &confirm::COMMAND,
        &undo::COMMAND,
        &open::COMMAND,
        &close::COMMAND,
        &gate::COMMAND,
        &guard::COMMAND,
        &steer::COMMAND,
        &history::COMMAND,
    ],
};

const CLAIM: Group = Group {
    title: Words { en: "Which port may I use?", ja: "使えるポートはどれか" },
    commands: &[&claim::COMMAND, &renew::COMMAND, &release::COMMAND, &claims::COMMAND, &ledger::COMMAND],
};

const COMPARE: Group = Group {
    title: Words { en: "What has changed?", ja: "何が変わったか" },
    commands: &[&snapshot::COMMAND, &diff::COMMAND],
};

const OURSELVES: Group = Group {
    title: Words { en: "About portreeve", ja: "portreeve について" },
    commands: &[
        &doctor::COMMAND,
        &off::COMMAND,
        &purge::COMMAND,
        &registry::COMMAND,
        &schema::COMMAND,
        &help::COMMAND,
        &completions::COMMAND,
        &man::COMMAND,
    ],
};

/// Every command that can be named.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    GROUPS.iter().flat_map(|group| group.commands).copied()
}
