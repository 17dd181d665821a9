//! Tells one event, as a line for a person or for a program.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portreeve_core::{
    facts::Listener,
    text,
    words::{Lang, Words},
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    failure::Failure,
    settings::{Format, Settings},
    show::{
        escape::visible,
        listeners,
        out::Out,
        owner,
        rows::{Folding, Row, fold},
        table::pad,
        view::{ListenerView, Viewer},
    },
};

/// What happened to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Present,
    Opened,
    Closed,
    ChangedHands,
    Lost,
}

/// One line of `--follow -o ndjson`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventView<'a> {
    event: Kind,
    #[schemars(with = "String")]
    at: Timestamp,
    /// Of what was lost nothing is known.
    listener: Option<ListenerView<'a>>,
    /// How many sockets share the endpoint (SO_REUSEPORT), or how many changes were lost.
    count: u64,
}

/// What happened when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
}

/// Tells what happened to the endpoint of `sockets`, with which the first of them came or the last went; `known` are those who held it before it changed hands.
pub(super) fn tell<'a>(
    world: &World<'a>,
    moment: Moment,
    sockets: &[&'a Listener],
    known: Option<&BTreeSet<String>>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let Some(subject) = newcomer(world, sockets, known) else { return Ok(()) };
    let Moment { kind, at } = moment;
    if settings.format == Format::Ndjson {
        let listener = Some(Viewer::new(world, settings.lang).listener(subject));
        return out.ndjson(&EventView { event: kind, at, listener, count: sockets.len() as u64 });
    }
    // Of a group it is the last that closed.
    let shown = if kind == Kind::Closed { &sockets[..1] } else { sockets };
    for row in fold(world, shown, Folding::Service, settings.lang) {
        out.line(&visible(&line(world, moment, &row, settings.lang)))?;
    }
    Ok(())
}

fn line<'a>(world: &World<'a>, moment: Moment, row: &Row<'a>, lang: Lang) -> String {
    let first = row.first();
    let mut line = format!(
        "{}  {}  {}  {}  {}",
        head(moment, lang),
        pad(&row.ports(), 12),
        pad(&row.bound, 16),
        first.map(|first| owner::owner(world, first, lang)).unwrap_or_default(),
        first.map(|first| owner::process(world, first, lang)).unwrap_or_default(),
    );
    if let Some(name) = listeners::namespace(world, row) {
        line += "  ";
        line += text!("(network namespace {name})", "(ネットワーク名前空間 {name})").in_lang(lang);
    }
    line
}

/// Tells that of so many changes until `at` nothing else is known.
pub(super) fn tell_lost(
    count: u64,
    at: Timestamp,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let moment = Moment { kind: Kind::Lost, at };
    if settings.format == Format::Ndjson {
        return out.ndjson(&EventView { event: moment.kind, at: moment.at, listener: None, count });
    }
    let what = text!("changes that were missed: {count}", "{count} 件の変化を取りこぼしました");
    out.line(&format!("{}  {}", head(moment, settings.lang), what.in_lang(settings.lang)))
}

/// The first socket whose owner is not among those that are `known`, else the first.
fn newcomer<'a>(
    world: &World<'a>,
    sockets: &[&'a Listener],
    known: Option<&BTreeSet<String>>,
) -> Option<&'a Listener> {
    let is_known = |listener: &'a Listener| {
        let mut owners = world.identities(listener).into_iter().filter_map(|identity| identity.lasting());
        known.is_none_or(|known| owners.all(|owner| known.contains(&owner)))
    };
    sockets.iter().copied().find(|listener| !is_known(listener)).or_else(|| sockets.first().copied())
}

/// When it happened and what.
fn head(moment: Moment, lang: Lang) -> String {
    let time = moment.at.strftime("%H:%M:%SZ");
    format!("{time}  {}", pad(words(moment.kind).in_lang(lang), word_width(lang)))
}

const fn word_width(lang: Lang) -> usize {
    match lang {
        Lang::En => 13,
        Lang::Ja => 10,
    }
}

const fn words(event: Kind) -> Words {
    match event {
        Kind::Present => Words { en: "present", ja: "使用中" },
        Kind::Opened => Words { en: "opened", ja: "開始" },
        Kind::Closed => Words { en: "closed", ja: "終了" },
        Kind::ChangedHands => Words { en: "changed hands", ja: "所有者変更" },
        Kind::Lost => Words { en: "lost", ja: "取りこぼし" },
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::{facts::Snapshot, owner::Identity, registry::Registry, world::Scope};

    use super::*;

    #[test]
    fn the_listener_of_an_event_is_the_newcomers() {
        let text = include_bytes!("../../../../tests/data/web.json");
        let mut snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        snapshot.listeners.retain(|listener| matches!(listener.port, 22 | 25));
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
        let at = |port| snapshot.listeners.iter().find(|listener| listener.port == port).unwrap();
        let (ssh, mail) = (at(22), at(25));
        let known = world.identities(ssh).first().and_then(Identity::lasting).into_iter().collect();
        assert_eq!(newcomer(&world, &[ssh, mail], Some(&known)), Some(mail));
        assert_eq!(newcomer(&world, &[ssh, mail], None), Some(ssh));
        assert_eq!(newcomer(&world, &[ssh], Some(&known)), Some(ssh));
    }

    #[test]
    fn a_namespace_that_is_not_the_readers_own_is_named() {
        let text = include_bytes!("../../../../tests/data/web.json");
        let mut snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        let mut elsewhere = snapshot.listeners.iter().find(|listener| listener.port == 22).unwrap().clone();
        elsewhere.netns = 4_711;
        snapshot.listeners.push(elsewhere);
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
        let moment = Moment { kind: Kind::Closed, at: snapshot.taken };
        let told = |netns: Option<u64>| {
            let is_there = |listener: &&Listener| {
                listener.port == 22 && netns.is_none_or(|netns| listener.netns == netns)
            };
            let sockets: Vec<_> = snapshot.listeners.iter().filter(is_there).take(1).collect();
            line(&world, moment, &fold(&world, &sockets, Folding::Service, Lang::En)[0], Lang::En)
        };
        assert_eq!(told(Some(4_711)), told(None) + "  (network namespace 4711)");
    }
}
