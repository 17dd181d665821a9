//! Whom the watch suspected within the hour, and who is let in still (A19).

use alloc::{format, string::String, vec::Vec};

use jiff::SignedDuration;

use crate::{facts::Suspected, text, watch::Kind, words::Text, world::World};

/// What was longer ago is no news of an audit.
const LATELY: SignedDuration = SignedDuration::from_hours(1);
/// A sentence names so many.
const NAMED: usize = 4;
/// Who is told of where of many nobody is known.
const NOBODY: &str = "0.0.0.0";

/// Those of these kinds who are not kept out.
pub(super) fn suspected<'a>(world: &World<'a>, kinds: &[Kind]) -> Vec<&'a Suspected> {
    let now = world.snapshot.taken;
    let is_asked = |it: &&Suspected| {
        let is_blocked = it.blocked_until.is_some_and(|until| now < until);
        kinds.contains(&it.kind) && !is_blocked && now.duration_since(it.at) < LATELY
    };
    let watched = world.snapshot.watched.iter().flat_map(|watched| &watched.suspects);
    let mut suspected: Vec<&Suspected> = watched.filter(is_asked).collect();
    // Who was told of twice is one.
    suspected.reverse();
    let mut told: Vec<&str> = Vec::new();
    suspected.retain(|it| {
        let is_new = !told.contains(&it.source.as_str());
        told.push(&it.source);
        is_new
    });
    suspected
}

/// The first of them, and how many more there are.
pub(super) fn named(suspected: &[&Suspected]) -> Text {
    let all: Vec<&str> = known(suspected).collect();
    let names: Vec<&str> = all.iter().take(NAMED).copied().collect();
    if names.is_empty() {
        return text!("none of them is known by address", "アドレスは不明");
    }
    let (en, ja) = (names.join(", "), names.join("、"));
    match all.len().saturating_sub(NAMED) {
        0 => Text { en, ja },
        more => Text { en: format!("{en} and {more} more"), ja: format!("{ja} ほか {more} 個") },
    }
}

/// What tells of the first of them.
pub(super) fn why(suspected: &[&Suspected]) -> Option<String> {
    suspected.first()?;
    let one = known(suspected).next();
    Some(one.map_or_else(|| "portreeve watch status".into(), |source| format!("portreeve why {source}")))
}

/// The addresses that are known.
fn known<'a>(suspected: &[&'a Suspected]) -> impl Iterator<Item = &'a str> {
    suspected.iter().map(|it| it.source.as_str()).filter(|source| *source != NOBODY)
}
