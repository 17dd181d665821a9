//! `portreeve watch`: who is probing us, as it happens (A14, A16, A19).

mod lines;
mod saved;
mod sight;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Arg, ArgMatches, value_parser};
use portreeve_core::words::{Lang, Words};

use self::sight::Sight;
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Common, Format, Settings, Verbosity, options},
    show::{out::Out, watch as show},
    stop::{Stop, Woken},
};

const FOR: &str = "for";
const READ: &str = "read";
/// So soon somebody hears that the host has changed, or that nobody reads.
const NAP: Duration = Duration::from_secs(1);

/// `watch`.
pub(super) const COMMAND: Command = Command {
    name: "watch",
    about: Words { en: "Who is probing us?", ja: "ポートを探っている相手" },
    examples: &[
        "portreeve watch",
        "portreeve watch --for 60s -o ndjson",
        "portreeve watch --read /var/log/auth.log",
    ],
    takes: &[Common::Output(&[Format::Table, Format::Ndjson]), Common::Policy],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let time = Words {
        en: "So long (default: until it is stopped)",
        ja: "監視する時間(既定値: 停止するまで)",
    };
    let saved = Words {
        en: "Judge saved logs instead, as they were written (-: standard input)",
        ja: "保存されたログを、書かれた時刻に従って判定する(-: 標準入力)",
    };
    vec![
        options::value(FOR, "TIME", time, lang).value_parser(options::duration),
        options::value(READ, "FILE", saved, lang)
            .num_args(1..)
            .value_parser(value_parser!(PathBuf))
            .conflicts_with(FOR),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(files) = own.get_many::<PathBuf>(READ) {
        return saved::judge(&files.collect::<Vec<_>>(), settings, out);
    }
    let stop = Stop::on_signals()?;
    let end = own.get_one::<Duration>(FOR).map(|time| Instant::now() + *time);
    let mut sight = Sight::open(settings)?;
    if settings.format != Format::Ndjson && settings.verbosity != Verbosity::Quiet {
        out.say(show::SEES)?;
    }
    loop {
        out.finish()?;
        let left = end.map_or(NAP, |end| end.saturating_duration_since(Instant::now()).min(NAP));
        let woken = stop.wait(left, Some(sight.source()))?;
        // What happened until the end is told too.
        let heard = sight.listen()?;
        heard.suspicions.iter().try_for_each(|suspicion| show::tell(suspicion, settings.format, out))?;
        if heard.lost > 0 {
            show::tell_lost(heard.lost, settings.format, out)?;
        }
        if woken != Woken::Time || end.is_some_and(|end| end <= Instant::now()) {
            out.finish()?;
            return Ok(Exit::Fine);
        }
    }
}
