//! `ls --follow`: tells what opens, closes and changes hands, until it is told to stop (A17, A24).

mod stop;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::{
    address::{Address, Family},
    facts::Listener,
    port::Protocol,
    words::{Lang, Words},
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;

use self::stop::{Stop, Woken};
use super::filter::Filter;
use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Format, Settings},
    show::{
        escape::visible,
        out::Out,
        owner,
        rows::{Folding, fold},
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
}

/// One line of `--follow -o ndjson`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub(crate) struct EventView<'a> {
    event: Kind,
    #[schemars(with = "String")]
    at: Timestamp,
    listener: ListenerView<'a>,
    /// How many sockets share the endpoint (SO_REUSEPORT).
    count: usize,
}

/// Where something listens, whoever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Endpoint {
    netns: u64,
    port: u16,
    protocol: Protocol,
    family: Family,
    address: Address,
    device: Option<String>,
}

type Endpoints<'a> = BTreeMap<Endpoint, Vec<&'a Listener>>;
type Owners = BTreeMap<Endpoint, BTreeSet<String>>;

/// Follows until a signal comes or the reader goes.
pub(super) fn run(filter: &Filter, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    refuse_what_cannot_be_followed(settings)?;
    let stop = Stop::on_signals()?;
    let wanted = filter.wanted();
    let mut look = Look::take(settings, &wanted)?;
    filter.check(&look.world())?;
    let mut owners = Owners::new();
    {
        let world = look.world();
        for (endpoint, sockets) in endpoints(&world, filter, settings) {
            tell(&world, Kind::Present, &sockets, None, settings, out)?;
            remember(&world, &mut owners, endpoint, &sockets);
        }
    }
    loop {
        out.finish()?;
        match stop.wait()? {
            Woken::Stopped | Woken::ReaderGone => return Ok(Exit::Fine),
            Woken::Time => {}
        }
        let now = look.again(&wanted)?;
        compare(&look.world(), &now.world(), &mut owners, filter, settings, out)?;
        look = now;
    }
}

fn refuse_what_cannot_be_followed(settings: &Settings) -> Result<(), Failure> {
    if settings.snapshot.is_some() {
        return Err(Failure::usage(Words {
            en: "--follow watches this host, and a snapshot does not change",
            ja: "--follow はこのホストを監視します。スナップショットは変化しません",
        })
        .hint(Words { en: "portreeve diff A B", ja: "portreeve diff A B" }));
    }
    if matches!(settings.format, Format::Json | Format::Csv) {
        return Err(Failure::usage(Words {
            en: "--follow never ends, so it is written as table or ndjson",
            ja: "--follow には終わりがないため、出力形式は table か ndjson だけです",
        })
        .hint(Words { en: "portreeve ls --follow -o ndjson", ja: "portreeve ls --follow -o ndjson" }));
    }
    Ok(())
}

fn endpoints<'a>(world: &World<'a>, filter: &Filter, settings: &Settings) -> Endpoints<'a> {
    let mut endpoints = Endpoints::new();
    for listener in filter.listeners(world, settings).filter(|listener| !world.is_ephemeral(listener)) {
        let endpoint = Endpoint {
            netns: listener.netns,
            port: listener.port,
            protocol: listener.protocol,
            family: listener.family,
            address: listener.address.clone(),
            device: listener.device.clone(),
        };
        endpoints.entry(endpoint).or_default().push(listener);
    }
    endpoints
}

fn compare(
    before: &World<'_>,
    after: &World<'_>,
    owners: &mut Owners,
    filter: &Filter,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let old = endpoints(before, filter, settings);
    let new = endpoints(after, filter, settings);
    for (endpoint, sockets) in old.iter().filter(|(endpoint, _)| !new.contains_key(endpoint)) {
        tell(before, Kind::Closed, sockets, None, settings, out)?;
        owners.remove(endpoint);
    }
    for (endpoint, sockets) in new {
        if !old.contains_key(&endpoint) {
            tell(after, Kind::Opened, &sockets, None, settings, out)?;
        } else if has_changed_hands(after, owners.get(&endpoint), &sockets) {
            tell(after, Kind::ChangedHands, &sockets, owners.get(&endpoint), settings, out)?;
        }
        remember(after, owners, endpoint, &sockets);
    }
    Ok(())
}

/// Who owns an endpoint; `None` where somebody could not be seen: that is no change.
fn owners_of<'a>(world: &World<'a>, sockets: &[&'a Listener]) -> Option<BTreeSet<String>> {
    sockets.iter().map(|listener| owner::lasting(world, listener)).collect()
}

fn has_changed_hands<'a>(
    world: &World<'a>,
    known: Option<&BTreeSet<String>>,
    sockets: &[&'a Listener],
) -> bool {
    known.zip(owners_of(world, sockets)).is_some_and(|(known, now)| *known != now)
}

fn remember<'a>(world: &World<'a>, owners: &mut Owners, endpoint: Endpoint, sockets: &[&'a Listener]) {
    if let Some(now) = owners_of(world, sockets) {
        owners.insert(endpoint, now);
    }
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

/// Tells an event; `known` are those who held the endpoint before it changed hands.
fn tell<'a>(
    world: &World<'a>,
    event: Kind,
    sockets: &[&'a Listener],
    known: Option<&BTreeSet<String>>,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let Some(subject) = newcomer(world, sockets, known) else { return Ok(()) };
    if settings.format == Format::Ndjson {
        let listener = Viewer::new(world, settings.lang).listener(subject);
        return out.ndjson(&EventView { event, at: event_time(), listener, count: sockets.len() });
    }
    let time = event_time().strftime("%H:%M:%SZ").to_string();
    for row in fold(world, sockets, Folding::Service, settings.lang) {
        let Some(first) = row.first() else { continue };
        let line = format!(
            "{time}  {}  {}  {}  {}  {}",
            pad(words(event).in_lang(settings.lang), word_width(settings.lang)),
            pad(&row.ports(), 12),
            pad(&row.bound, 16),
            owner::owner(world, first, settings.lang),
            owner::process(world, first, settings.lang),
        );
        out.line(&visible(&line))?;
    }
    Ok(())
}

fn event_time() -> Timestamp {
    Timestamp::now()
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
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::{facts::Snapshot, registry::Registry, world::Scope};

    use super::*;

    #[test]
    fn the_listener_of_an_event_is_the_newcomers() {
        let text = include_bytes!("../../../tests/data/web.json");
        let mut snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        snapshot.listeners.retain(|listener| matches!(listener.port, 22 | 25));
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
        let at = |port| snapshot.listeners.iter().find(|listener| listener.port == port).unwrap();
        let (ssh, mail) = (at(22), at(25));
        let known = owners_of(&world, &[ssh]);
        assert_eq!(newcomer(&world, &[ssh, mail], known.as_ref()), Some(mail));
        assert_eq!(newcomer(&world, &[ssh, mail], None), Some(ssh));
        assert_eq!(newcomer(&world, &[ssh], known.as_ref()), Some(ssh));
    }
}
