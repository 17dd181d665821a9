//! `portreeve guard status|refused|mark`: whose ports are kept for their owners, who tried to bind them, and marks to know an owner
//! by (A24).

mod mark;
mod refused;

use clap::{Arg, ArgMatches};
use portreeve_core::words::{Lang, Words};
use portreeve_host::{
    enforce::guard::{Guard, Pinned, has_remains},
    root,
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    guards, programs,
    settings::{Common, Format, Settings, Verbosity, options},
    show::{guard as show, next, out::Out},
};

const ACTION: &str = "action";
const STATUS: &str = "status";
const REFUSED: &str = "refused";
const MARK: &str = "mark";
const NAME: &str = "name";
const FOLLOW: &str = "follow";

/// `guard`.
pub(super) const COMMAND: Command = Command {
    name: "guard",
    about: Words {
        en: "Which ports are kept for their owners, and who tried to bind them?",
        ja: "所有者以外の bind の制限と記録",
    },
    examples: &["portreeve guard status", "portreeve guard refused", "portreeve guard refused --follow"],
    takes: &[Common::Output(&[Format::Table, Format::Json, Format::Ndjson]), Common::Policy],
    arguments,
    run,
};

const FAILED: Words =
    Words { en: "cannot tell what the guard does", ja: "ガードの状態を確認できません" };

const UNFOLLOWED: Words = Words {
    en: "--follow tells who is refused, and status is told once",
    ja: "--follow は refused と併用します。status は一度だけ表示されます",
};
const UNNAMED: Words = Words { en: "only a mark has a name", ja: "NAME は mark と併用します" };
const MARK_NAMED: Words = Words { en: "portreeve guard mark NAME", ja: "portreeve guard mark NAME" };
const REFUSED_FOLLOWED: Words =
    Words { en: "portreeve guard refused --follow", ja: "portreeve guard refused --follow" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "status: the ports and whose they are; refused: who bound one that is not his, or was kept from it; mark: marks the sockets of the service that runs it as NAME",
        ja: "status: 対象のポートと所有者を表示、refused: 所有者以外による bind の記録を表示、mark: 実行元のサービスのソケットに NAME の印を付ける",
    };
    let name =
        Words { en: "Of mark: what the policy calls it", ja: "mark と併用: policy に書く名前" };
    let follow = Words {
        en: "Of refused: go on, and tell each further time",
        ja: "refused と併用: 終了せず、記録が増えるたびに表示する",
    };
    vec![
        Arg::new(ACTION)
            .value_name("status|refused|mark")
            .value_parser([STATUS, REFUSED, MARK])
            .default_value(STATUS)
            .hide_possible_values(true)
            .hide_default_value(true)
            .help(action.in_lang(lang)),
        Arg::new(NAME).value_name("NAME").help(name.in_lang(lang)),
        options::flag(FOLLOW, follow, lang),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let (action, name) = (own.get_one::<String>(ACTION).map(String::as_str), own.get_one::<String>(NAME));
    let is_followed = own.get_flag(FOLLOW);
    match (action, name) {
        (Some(REFUSED), None) => return refused::run(is_followed, settings, out),
        _ if is_followed => return Err(Failure::usage(UNFOLLOWED).hint(REFUSED_FOLLOWED)),
        (Some(MARK), name) => return mark::run(name.map(String::as_str), settings, out),
        (_, Some(_)) => return Err(Failure::usage(UNNAMED).hint(MARK_NAMED)),
        (_, None) => {}
    }
    if !root::is_of_host() {
        return Err(guards::not_root(FAILED));
    }
    let pinned = Guard::pinned().map_err(|error| guards::failure(&error, FAILED))?;
    status(pinned.as_ref(), settings, out)
}

fn status(pinned: Option<&Pinned>, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let fail = |error| guards::failure(&error, FAILED);
    let rules = pinned.map_or(Ok(Default::default()), |pinned| guards::kept_by(&pinned.guard));
    let rules = rules.map_err(fail)?;
    let until = pinned.map_or(Ok(None), |pinned| pinned.guard.trial()).map_err(fail)?;
    let tried = pinned.map_or(Ok(None), |pinned| guards::tried_by(&pinned.guard)).map_err(fail)?;
    let until = until.map(programs::moments());
    // One of which a map is gone still judges, and nobody can tell how.
    let is_torn = pinned.is_none() && has_remains();
    let is_whole = pinned.map_or(!is_torn, |pinned| pinned.is_whole);
    let is_there = pinned.is_some() || is_torn;
    let is_missed = !is_there && !programs::confirmed().rules.entries.is_empty();
    let stands = show::Stands { is_there, is_whole, is_missed, until, rules: &rules, tried: tried.as_ref() };
    match settings.format {
        Format::Json => return out.json(&show::view(&stands)).map(|()| Exit::Fine),
        Format::Ndjson => return out.ndjson(&show::view(&stands)).map(|()| Exit::Fine),
        _ => {}
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    show::print(&stands, out)?;
    let commands: &[&str] = match (until, is_whole, pinned) {
        (Some(_), ..) => &["portreeve confirm", "portreeve undo"],
        (None, false, _) => &["portreeve apply"],
        (None, true, _) if is_missed => &["portreeve apply --boot", "portreeve plan", "portreeve off guard"],
        (None, true, Some(_)) => &["portreeve guard refused"],
        (None, true, None) => &["portreeve plan"],
    };
    next::print(&commands.iter().map(ToString::to_string).collect::<Vec<_>>(), out)?;
    Ok(Exit::Fine)
}
