//! Whom the watch suspected within the hour, and who is let in still (A19).

use alloc::{format, string::String, vec::Vec};

use jiff::{SignedDuration, Timestamp};

use crate::{facts::Suspected, gate::BlockedSource, text, watch::Kind, words::Text, world::World};

/// What was longer ago is no news of an audit.
const LATELY: SignedDuration = SignedDuration::from_hours(1);
/// A sentence names so many.
const NAMED: usize = 4;
/// Who is told of where of many nobody is known.
const NOBODY: &str = "0.0.0.0";

/// Those of these kinds who are not kept out.
pub(super) fn suspected<'a>(world: &World<'a>, kinds: &[Kind]) -> Vec<&'a Suspected> {
    let now = world.snapshot.taken;
    let kept_out = world.blocked();
    let is_asked = |it: &&Suspected| {
        kinds.contains(&it.kind)
            && now.duration_since(it.at) < LATELY
            && !is_kept_out(it, kept_out.as_deref(), now)
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

/// Whether nobody needs to hear of him: the gate says so, and where nobody saw the gate, what the watch did.
fn is_kept_out(suspected: &Suspected, kept_out: Option<&[BlockedSource]>, now: Timestamp) -> bool {
    let Some(kept_out) = kept_out else {
        return suspected.blocked_until.is_some_and(|until| now < until);
    };
    // Of many one may be kept out.
    let own = suspected.source.parse().map(BlockedSource::of);
    suspected.count == 1 && own.is_ok_and(|own| kept_out.contains(&own))
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
