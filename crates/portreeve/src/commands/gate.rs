//! `portreeve gate status`: how the gate stands, what is on trial, and what is open or kept out for a while (A15, A20).

mod enable;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    gate::{Standing, Temporary},
    receipt::{Current, History, Integrity, Kept, Outcome, Tried},
    words::{Lang, Words},
};
use portreeve_host::enforce::{firewall::StandingError, look, receipts};

use super::Command;
use crate::{
    directories, door,
    exit::Exit,
    failure::Failure,
    settings::{Settings, Verbosity},
    show::{gate as show, next, out::Out},
};

const ACTION: &str = "action";
const STATUS: &str = "status";
const ENABLE: &str = "enable";

/// `gate`.
pub(super) const COMMAND: Command = Command {
    name: "gate",
    about: Words {
        en: "How does the gate stand, and does it at the next boot?",
        ja: "ゲートの状態と起動時の復元",
    },
    examples: &["portreeve gate status", "portreeve gate enable"],
    takes: &[],
    arguments,
    run,
};

const FAILED: Words =
    Words { en: "cannot tell how the gate stands", ja: "ゲートの状態を確認できません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "status: what is confirmed, on trial, open or kept out; enable: put it back at each boot",
        ja: "status: 確定済み、試行中、一時的な開放と遮断を表示、enable: 起動のたびにゲートを復元",
    };
    vec![
        Arg::new(ACTION)
            .value_name("status|enable")
            .value_parser([STATUS, ENABLE])
            .default_value(STATUS)
            .hide_possible_values(true)
            .hide_default_value(true)
            .help(action.in_lang(lang)),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if own.get_one::<String>(ACTION).is_some_and(|action| action == ENABLE) {
        return enable::run(settings, out);
    }
    let folder = directories::gate()?;
    let look = || {
        let (listing, history) = look(&folder).map_err(|error| door::failure(error, FAILED))?;
        Ok((listing.map_err(|error| door::standing(&error, FAILED))?, history))
    };
    let (mut listing, mut history) = look()?;
    if history.last().is_some_and(|last| last.outcome == Outcome::Begun) {
        // Of a change that was killed, or could not be kept, whoever comes next says what came of it, if he can.
        drop(door::open(FAILED));
        (listing, history) = look()?;
    }
    let unread = |error| door::standing(&StandingError::Read(error), FAILED);
    let standing = listing.as_deref().map_or(Ok(None), Standing::read).map_err(unread)?;
    let temporary = listing.as_deref().map_or(Ok(Temporary::default()), Temporary::read).map_err(unread)?;
    // What cannot be read tells nothing.
    let kept = receipts::boot(&folder).ok().flatten();
    let kept = kept.as_ref().map(|kept| (&kept.gate, kept.at));
    let integrity = standing.as_ref().map_or(Integrity::AsConfirmed, |it| history.integrity(it, kept));
    let is_kept = receipts::kept(&folder);
    show::status(standing.as_ref(), &temporary, (&history, is_kept), integrity, settings, out)?;
    if settings.verbosity != Verbosity::Quiet {
        let commands = commands(standing.as_ref(), (&history, is_kept), integrity);
        next::print(&commands.iter().map(ToString::to_string).collect::<Vec<_>>(), out)?;
    }
    Ok(Exit::Fine)
}

/// What to type next.
fn commands(
    standing: Option<&Standing>,
    (history, kept): (&History, Kept),
    integrity: Integrity,
) -> &'static [&'static str] {
    let Some(standing) = standing else {
        return if history.gone(None, kept).is_some() { &["portreeve apply"] } else { &[] };
    };
    match (standing.trial, integrity, standing.foundation) {
        (Some(_), ..) if history.tried(standing) == Tried::Changed => &["portreeve undo"],
        (Some(_), ..) => &["portreeve confirm", "portreeve undo"],
        (None, Integrity::Changed, _) if history.confirms_none(kept) => {
            &["portreeve off gate", "portreeve apply --no-trial"]
        }
        (None, Integrity::Changed, foundation) if foundation.is_made_anew() => {
            &["portreeve plan", "portreeve apply --no-trial"]
        }
        (None, Integrity::Changed, _) => &["portreeve plan", "portreeve apply"],
        _ if history.current(Some(standing)) == Current::Unknown => &["portreeve audit", "portreeve plan"],
        _ => &["portreeve history", "portreeve exposure"],
    }
}
