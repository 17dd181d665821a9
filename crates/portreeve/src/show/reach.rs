//! Who can reach a listener, in a word of a table (A4, A15).

use portreeve_core::{
    facts::Listener,
    policy::{HOST, WORLD},
    reach::{Basis, Reach, Verdict},
    words::{Lang, Words},
    world::World,
};

const NEARBY: Words = Words { en: "nearby", ja: "一部" };
const PARTLY: Words = Words { en: "part of world", ja: "world の一部" };
const NOBODY: Words = Words { en: "nobody", ja: "なし" };
const UNKNOWN: &str = "?";

/// The reach of `listener` from every zone.
pub(crate) fn of(world: &World<'_>, listener: &Listener) -> Vec<Reach> {
    world.reach(listener)
}

/// Whether the world can reach `listener`.
pub(crate) fn from_world(world: &World<'_>, listener: &Listener) -> Verdict {
    let reached = of(world, listener);
    reached.iter().find(|reach| reach.zone == WORLD).map_or(Verdict::Unknown, |reach| reach.verdict)
}

/// The widest zone from which `listeners` can be reached, or the declared zones where it is not all the world.
pub(crate) fn widest(world: &World<'_>, listeners: &[&Listener], lang: Lang) -> String {
    let reached = world.reach_of_all(listeners);
    let verdict = |zone| reached.iter().find(|reach| reach.zone == zone).map(|reach| reach.verdict);
    match verdict(WORLD) {
        Some(Verdict::Reachable) => WORLD.into(),
        Some(Verdict::Blocked) if verdict(HOST) == Some(Verdict::Blocked) => NOBODY.in_lang(lang).into(),
        Some(Verdict::Blocked) => HOST.into(),
        Some(Verdict::Partly) => {
            let declared = reached.iter().filter(|reach| reach.zone != WORLD && reach.zone != HOST);
            let zones: Vec<_> = declared
                .filter(|reach| reach.verdict >= Verdict::Partly)
                .map(|reach| reach.zone.as_str())
                .collect();
            let basis = reached.first().map(|reach| reach.basis);
            let partly = if basis == Some(Basis::Bind) { NEARBY } else { PARTLY }.in_lang(lang);
            match zones.as_slice() {
                [] => partly.into(),
                zones if is_reached_beyond(world, listeners, zones) => {
                    format!("{}, {partly}", zones.join(" "))
                }
                zones => zones.join(" "),
            }
        }
        Some(Verdict::Unknown) | None => UNKNOWN.into(),
    }
}

/// Whether others get in than those in the zones of these names.
fn is_reached_beyond(world: &World<'_>, listeners: &[&Listener], names: &[&str]) -> bool {
    let zones = world.policy.into_iter().flat_map(|policy| &policy.zones);
    let zones: Vec<_> = zones.filter(|zone| names.contains(&zone.name.as_str())).collect();
    listeners.iter().any(|listener| world.is_reached_beyond(listener, &zones))
}
