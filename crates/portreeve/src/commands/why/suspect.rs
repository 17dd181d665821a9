//! `portreeve why 203.0.113.7`: what is known of a source, what was done about it, and what would have to change (A16, A19, A26).

use std::{net::IpAddr, time::Duration};

use jiff::Timestamp;
use portreeve_core::{gate::BlockedSource, watch::Source, words::Words};

use crate::{
    commands::watch::{
        blocked,
        react::Reacted,
        status::now_by,
        told::{self, Told},
    },
    door,
    exit::Exit,
    failure::Failure,
    settings::{Format, Settings, Verbosity},
    show::{
        next,
        out::Out,
        watch::{
            blocked::Blocked,
            suspect::{self as show, Suspect},
        },
    },
};

const FAILED: Words =
    Words { en: "cannot tell what is known of the source", ja: "送信元の情報を確認できません" };
const HERE_ALONE: Words = Words {
    en: "a saved snapshot tells nothing of who probes a host",
    ja: "保存したスナップショットには、ポートを探った相手の情報はありません",
};

/// Whom the only word names; `None` where it is no address.
pub(super) fn named(words: &[String]) -> Option<IpAddr> {
    let [word] = words else { return None };
    word.parse().ok()
}

/// Tells what is known of whoever has `address`.
///
/// # Errors
///
/// Without root, or where that cannot be read.
pub(super) fn tell(address: IpAddr, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if settings.snapshot.is_some() {
        return Err(Failure::usage(FAILED).because(HERE_ALONE));
    }
    let source = Source::of(address);
    let door = door::open(FAILED)?;
    let temporary = door::temporary(FAILED)?;
    let (told, runs) = now_by(door.now).map_err(|error| told::failure(&error, FAILED))?;
    let kept = temporary.blocked_for(BlockedSource::of(address), Some(Duration::ZERO));
    let blocked: Option<Blocked<'_>> = kept.as_ref().map(|kept| blocked::told(kept, &door.history));
    let own: Vec<&Reacted> = told.all.iter().filter(|told| is_about(told, source)).collect();
    let is_late = runs.is_late(told.at, door.now);
    let suspect = Suspect { source, blocked, told: own, watched: watched(&told), is_late, now: door.now };
    if settings.verbosity == Verbosity::Quiet {
        return Ok(if suspect.blocked.is_some() { Exit::Found } else { Exit::Fine });
    }
    if settings.format == Format::Json {
        out.json(&show::document(&suspect, settings.lang))?;
        return Ok(Exit::Fine);
    }
    show::print(&suspect, out)?;
    next::print(&commands(&suspect), out)?;
    Ok(Exit::Fine)
}

fn is_about(Reacted { suspicion, .. }: &Reacted, source: Source) -> bool {
    match &suspicion.group {
        Some(group) => group.sources.contains(&source),
        None => suspicion.source == source,
    }
}

/// When somebody watched last; `None` where nobody ever did.
fn watched(told: &Told) -> Option<Timestamp> {
    told.is_of_somebody().then_some(told.at)
}

/// What to type next.
fn commands(suspect: &Suspect<'_>) -> Vec<String> {
    let source = suspect.source;
    if suspect.blocked.is_some() {
        return vec![format!("portreeve watch forgive {}", source.address())];
    }
    match suspect.watched {
        None => vec!["portreeve watch enable".into()],
        Some(_) if suspect.told.is_empty() => vec!["portreeve watch".into()],
        Some(_) => vec![format!("portreeve watch block {}", source.address())],
    }
}
