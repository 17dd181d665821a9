//! Whom the watch suspected within the hour, and who is let in still (A19).

use alloc::{format, string::String, vec::Vec};

use jiff::SignedDuration;

use crate::{facts::Suspected, watch::Kind, words::Text, world::World};

/// What was longer ago is no news of an audit.
const LATELY: SignedDuration = SignedDuration::from_hours(1);
/// A sentence names so many.
const NAMED: usize = 4;

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
    let names: Vec<&str> = suspected.iter().take(NAMED).map(|it| it.source.as_str()).collect();
    let (en, ja) = (names.join(", "), names.join("、"));
    match suspected.len().saturating_sub(NAMED) {
        0 => Text { en, ja },
        more => Text { en: format!("{en} and {more} more"), ja: format!("{ja} ほか {more} 個") },
    }
}

/// What tells of the first of them.
pub(super) fn why(suspected: &[&Suspected]) -> Option<String> {
    suspected.first().map(|it| format!("portreeve why {}", it.source))
}
