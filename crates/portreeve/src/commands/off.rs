//! `portreeve off`: takes out of the kernel what portreeve left there (A20).

use clap::{Arg, ArgMatches};
use portreeve_core::{
    text,
    words::{Lang, Words, inflect},
};
use portreeve_host::pins::{
    FOLDER,
    off::{OffError, Taken, off},
};

use super::{Command, doctor::foreign};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    settings::{Settings, Verbosity},
    show::out::Out,
};

const WHAT: &str = "what";
const PINS: &str = "pins";

/// `off`.
pub(super) const COMMAND: Command = Command {
    name: "off",
    about: Words {
        en: "Take out of the kernel what portreeve left there",
        ja: "portreeve がカーネルに残したものの撤去",
    },
    examples: &["portreeve off pins"],
    takes: &[],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let what = Words {
        en: "pins: what doctor --pin left for a group (without it: everything, which is that)",
        ja: "pins: doctor --pin が残したもの(省略時はすべて。現在は pins のみ)",
    };
    vec![
        Arg::new(WHAT)
            .value_name("pins")
            .value_parser([PINS])
            .hide_possible_values(true)
            .help(what.in_lang(lang)),
    ]
}

fn run(_: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let taken = off().map_err(failure)?;
    if settings.verbosity != Verbosity::Quiet {
        let Taken { pins, .. } = taken;
        let en_pins = inflect(pins, "pin", "pins");
        let said = if taken == Taken::default() {
            text!("Nothing of portreeve's is pinned.", "portreeve が固定(pin)したものはありません。")
        } else {
            text!(
                "Took {pins} {en_pins} away and unmounted {FOLDER}.",
                "{pins} 個の pin を取り除き、{FOLDER} をアンマウントしました。"
            )
        };
        out.sentences(said.in_lang(settings.lang))?;
    }
    Ok(Exit::Fine)
}

fn failure(error: OffError) -> Failure {
    let failed = Words { en: "cannot take the pins away", ja: "pin を取り除けません" };
    match error {
        OffError::NotRoot => Failure::usage(failed)
            .because(Words {
                en: "only root can unmount", ja: "アンマウントできるのは root だけです"
            })
            .hint(text!("sudo portreeve off pins", "sudo portreeve off pins")),
        OffError::Foreign(stranger) => foreign(&stranger),
        OffError::Step { source, .. } => Failure::new(Exit::Unreachable, failed)
            .because(text!(
                "the kernel refused a step below {FOLDER}",
                "{FOLDER} の操作をカーネルが拒否しました"
            ))
            .because(io_cause(&source)),
    }
}
