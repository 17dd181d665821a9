//! `portreeve doctor`: which ways of looking are open here, and what each missing one costs (A5, A12, A26).

mod pin;

use clap::{Arg, ArgMatches};
use portreeve_core::words::{Lang, Words};
use portreeve_host::{Wanted, observe::observe, probe::probe};
use rustix::process::geteuid;

pub(crate) use self::pin::{foreign, out_of_the_way, strange};
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look,
    settings::{Common, Format, Settings, Verbosity, options},
    show::{
        doctor::{
            self as show, Record, WayView,
            standing::{Standing, User, judge},
        },
        gaps::{self, Unseen},
        out::Out,
    },
};

/// `doctor`.
pub(super) const COMMAND: Command = Command {
    name: "doctor",
    about: Words {
        en: "What can be seen here, and what would help?",
        ja: "この環境で使える取得方法と、不足を補う方法",
    },
    examples: &["portreeve doctor", "portreeve doctor -o json", "portreeve doctor --pin --group adm"],
    takes: &[Common::Output(Format::LISTING), Common::AllowGaps],
    arguments,
    run,
};

const PIN: &str = "pin";
const GROUP: &str = "group";

fn arguments(lang: Lang) -> Vec<Arg> {
    let pin = Words {
        en: "As root, once: let a group see what root sees, until portreeve off pins",
        ja: "root で一度実行し、グループに root と同じ範囲を見せる(portreeve off pins で解除)",
    };
    let group = Words {
        en: "Which group: a name of /etc/group, or a number",
        ja: "対象のグループ: /etc/group の名前、または番号",
    };
    vec![
        options::flag(PIN, pin, lang).requires(GROUP),
        options::value(GROUP, "NAME", group, lang).requires(PIN),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let ways = look::ways()?;
    if let Some(group) = own.get_one::<String>(GROUP) {
        pin::pin(group, ways)?;
        if settings.format == Format::Table {
            if settings.verbosity != Verbosity::Quiet {
                pin::tell(group, out)?;
            }
            return Ok(Exit::Fine);
        }
    }
    let user = if geteuid().is_root() { User::Root } else { User::Ordinary };
    let standings = judge(probe(ways), user);
    // A way may be open and show less than all, as processes may be hidden one by one: only a look tells.
    let seen = observe(&Wanted { ways, ..Wanted::LISTENERS }).ok();
    let (gaps, listeners) =
        seen.as_ref().map_or((&[][..], Vec::new()), |seen| (&seen.gaps, seen.listeners.iter().collect()));
    let unseen = Unseen::of(gaps, &listeners, false);
    let view = |standing| WayView::new(standing, settings.lang);
    match settings.format {
        Format::Json => out.json(&show::document(&standings, &unseen, settings.lang))?,
        Format::Ndjson => standings.iter().try_for_each(|standing| out.ndjson(&view(standing)))?,
        Format::Csv => out.csv(standings.iter().map(|standing| Record::from(view(standing))))?,
        _ if settings.verbosity == Verbosity::Quiet => {}
        _ => show::print(&standings, settings, out)?,
    }
    unseen.tell(settings, out)?;
    Ok(gaps::exit(settings, unseen.is_grave() || standings.iter().any(Standing::matters)))
}
