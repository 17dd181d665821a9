//! One round of following: what was heard and what was seen, told as news.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::{
    facts::{GapKind, HolderGap, Listener, Snapshot},
    world::World,
};
use portreeve_host::{
    events::listening::{Event, Happening},
    observe::{brief, sight::may_look},
};

use super::{
    super::filter::Filter,
    endpoints::{Endpoint, Endpoints, Key, News, Noise, Round, Sockets},
    heard::{Heard, halves, lives},
    tell::{Kind, Moment, tell, tell_lost},
};
use crate::{
    failure::Failure,
    settings::Settings,
    show::{out::Out, owner},
};

/// The listeners of a world that are asked for.
pub(super) struct Seen<'w, 'a> {
    world: &'w World<'a>,
    sockets: Sockets,
    listeners: BTreeMap<Key, &'a Listener>,
    sharing: BTreeMap<Endpoint, Vec<&'a Listener>>,
    /// Those too that are not asked for.
    all: BTreeMap<Key, &'a Listener>,
    /// Whether it would have told of each network namespace that anybody has a socket of.
    sees_namespaces: bool,
}

impl<'w, 'a> Seen<'w, 'a> {
    pub(super) fn of(world: &'w World<'a>, filter: &Filter, settings: &Settings) -> Self {
        let mut seen = Self {
            world,
            sockets: Sockets::new(),
            listeners: BTreeMap::new(),
            sharing: BTreeMap::new(),
            all: world.snapshot.listeners.iter().map(|listener| (Key::of(listener), listener)).collect(),
            sees_namespaces: sees_namespaces(world.snapshot),
        };
        for listener in filter.listeners(world, settings).filter(|listener| !world.is_ephemeral(listener)) {
            let (key, endpoint) = (Key::of(listener), Endpoint::of(listener));
            seen.sockets.insert(key, endpoint.clone());
            seen.listeners.insert(key, listener);
            seen.sharing.entry(endpoint).or_default().push(listener);
        }
        seen
    }

    /// Whether the look saw this socket at all.
    pub(super) fn is_there(&self, key: Key) -> bool {
        self.all.contains_key(&key)
    }

    /// Whether a socket that is not among those asked for is gone, or has become another's: a look without its
    /// namespace, or without its holder's name, does not tell.
    fn would_show(&self, key: Key, endpoint: &Endpoint) -> bool {
        match self.all.get(&key) {
            Some(listener) => !listener.hides_every_holder(),
            None => self.sees_namespaces || self.world.snapshot.namespace(endpoint.netns()).is_some(),
        }
    }

    /// The world that it is of.
    pub(super) const fn world(&self) -> &World<'a> {
        self.world
    }

    /// The listeners that are asked for.
    pub(super) fn shown(&self) -> Vec<&'a Listener> {
        self.listeners.values().copied().collect()
    }

    /// Whether the look saw who holds it: descriptors are gone through first, so that it may see a newcomer's socket alone.
    fn names_holder(&self, key: Key) -> bool {
        self.all.get(&key).is_some_and(|listener| !listener.holders.is_empty())
    }

    /// Whether a look could have seen it: the programs in the kernel tell of the whole machine, a look from within a
    /// container does not.
    fn may_show(&self, event: &Event) -> bool {
        event.process.pid != 0 || self.world.snapshot.namespace(event.netns).is_some()
    }

    /// Those that share an endpoint, `key` being one of them.
    fn sharing(&self, endpoint: &Endpoint, key: Key) -> Option<&[&'a Listener]> {
        self.listeners.get(&key)?;
        self.sharing.get(endpoint).map(Vec::as_slice)
    }

    /// The same sockets, that of `key` before the others.
    fn in_front(&self, sockets: &[&'a Listener], key: Key) -> Vec<&'a Listener> {
        let others = sockets.iter().copied().filter(|listener| Key::of(listener) != key);
        self.listeners.get(&key).copied().into_iter().chain(others).collect()
    }

    /// Who owns an endpoint; `None` where somebody could not be seen: that is no event.
    fn owners(&self, sockets: &[&'a Listener]) -> Option<BTreeSet<String>> {
        sockets.iter().map(|listener| owner::lasting(self.world, listener)).collect()
    }
}

/// Whether a namespace that a look does not tell of is gone; pins may have been taken away since the look before.
fn sees_namespaces(look: &Snapshot) -> bool {
    look.gaps.iter().all(|gap| gap.what != GapKind::ForeignNamespaces) && may_look()
}

/// What is known from the rounds before.
#[derive(Debug)]
pub(super) struct Known {
    endpoints: Endpoints,
    owners: BTreeMap<Endpoint, BTreeSet<String>>,
    /// What was told of sockets that opened, until they close: a look may not see who holds one, and one during which it
    /// closes may miss it before that is told.
    opened: BTreeMap<Key, Event>,
    /// Whether events were lost in the round before.
    has_lost: bool,
    /// How many ends were found out of which no look tells whose they are.
    untold: u64,
    /// Whether the last look would have told of each network namespace.
    sees_namespaces: bool,
}

impl Known {
    /// Tells what a first look saw.
    pub(super) fn begin(seen: &Seen<'_, '_>, settings: &Settings, out: &mut Out) -> Result<Self, Failure> {
        let endpoints = Endpoints::begin(&seen.sockets);
        let mut known = Self {
            endpoints,
            owners: BTreeMap::new(),
            opened: BTreeMap::new(),
            has_lost: false,
            untold: 0,
            sees_namespaces: seen.sees_namespaces,
        };
        let moment = Moment { kind: Kind::Present, at: seen.world.snapshot.taken };
        for (endpoint, sockets) in &seen.sharing {
            tell(seen.world, moment, sockets, None, settings, out)?;
            known.remember(seen, endpoint, sockets);
        }
        Ok(known)
    }

    /// What the last look saw, and could see: pins may have come or gone since.
    pub(super) fn recall<'w, 'a>(
        &self,
        world: &'w World<'a>,
        filter: &Filter,
        settings: &Settings,
    ) -> Seen<'w, 'a> {
        Seen { sees_namespaces: self.sees_namespaces, ..Seen::of(world, filter, settings) }
    }

    /// Whether a look should be taken once more before it is believed: a list that changes while it is read may miss a
    /// socket, who is about to end has given up its descriptors before its sockets are closed, and who began just now
    /// cannot always be told from one that had its number before.
    pub(super) fn doubt(&self, old: &Seen<'_, '_>, new: &Seen<'_, '_>, heard: &Heard) -> bool {
        let missed = self.endpoints.doubt(&new.sockets, heard.is_awaited(), |protocol| heard.hears(protocol));
        let is_left = |key: &Key| old.names_holder(*key) && !new.names_holder(*key);
        let is_new = |(key, listener): (&Key, &&Listener)| {
            listener.gap == Some(HolderGap::Vanished)
                && !old.is_there(*key)
                && !heard.hears(listener.protocol)
        };
        missed || new.all.keys().any(is_left) || new.all.iter().any(is_new)
    }

    /// What is known of the sockets that opened and whose holder the look did not see.
    pub(super) fn brief(&self, events: &[Event], new: &Seen<'_, '_>) -> Snapshot {
        let now: BTreeSet<Key> = events.iter().map(Key::told).collect();
        let opened = self.opened.iter().filter(|(key, _)| self.has_lost || now.contains(key));
        let lives = lives(opened.map(|(_, event)| event).chain(events));
        let is_told = |key: Key, opened: &Event| !new.names_holder(key) && new.may_show(opened);
        let sockets = lives.into_iter().filter(|(key, life)| is_told(*key, life.opened));
        brief(&sockets.map(|(_, life)| life).collect::<Vec<_>>(), new.world.snapshot)
    }

    /// Tells the news of a round; `seen` are the look before, this one, which began `at` some time, and what was merely
    /// told of.
    pub(super) fn step<'a>(
        &mut self,
        seen: [&Seen<'_, 'a>; 3],
        at: Timestamp,
        events: &[Event],
        heard: &mut Heard,
        settings: &Settings,
        out: &mut Out,
    ) -> Result<(), Failure> {
        let [old, new, told] = seen;
        let mut lost = heard.lost();
        if lost > 0 || self.has_lost {
            lost += halves(events, |event| self.knows(event, seen));
        }
        let noise = |event: &Event| {
            let (key, happening) = (Key::told(event), event.happening);
            Noise { key, happening, at: heard.time(event.since_boot).unwrap_or(at) }
        };
        let noises: Vec<_> = events.iter().map(noise).collect();
        let sees = |key, endpoint: &Endpoint| new.would_show(key, endpoint);
        let saw = |key, endpoint: &Endpoint| old.would_show(key, endpoint);
        let round =
            Round { noises: &noises, seen: &new.sockets, heard: &told.sockets, sees: &sees, saw: &saw, at };
        let news = self.endpoints.step(&round, heard.is_awaited());
        let told_of: BTreeSet<_> = news.iter().map(|news| news.endpoint.clone()).collect();
        for news in &news {
            self.tell_news(news, [old, new, told], settings, out)?;
        }
        let moment = Moment { kind: Kind::ChangedHands, at };
        for (endpoint, sockets) in &new.sharing {
            let before = self.owners.get(endpoint).filter(|_| !told_of.contains(endpoint));
            if before.zip(new.owners(sockets)).is_some_and(|(before, now)| *before != now) {
                tell(new.world, moment, sockets, before, settings, out)?;
            }
            self.remember(new, endpoint, sockets);
        }
        self.note_opened(events);
        self.sees_namespaces = new.sees_namespaces;
        self.has_lost = lost > 0;
        if self.has_lost {
            self.endpoints.distrust();
        }
        lost += std::mem::take(&mut self.untold);
        if lost > 0 { tell_lost(lost, at, settings, out) } else { Ok(()) }
    }

    /// How many sockets that were told of this look could not see.
    pub(super) fn out_of_sight(&self, new: &Seen<'_, '_>, heard: &Heard) -> usize {
        self.endpoints.out_of_sight(&new.sockets, heard.is_awaited())
    }

    /// Whether a look or what was told before tells of the socket of an event, or no look ever could.
    fn knows(&self, event: &Event, seen: [&Seen<'_, '_>; 3]) -> bool {
        let key = Key::told(event);
        let may_show = seen.iter().any(|seen| seen.may_show(event));
        self.endpoints.hold(key) || seen.iter().any(|seen| seen.is_there(key)) || !may_show
    }

    fn tell_news(
        &mut self,
        news: &News,
        [old, new, told]: [&Seen<'_, '_>; 3],
        settings: &Settings,
        out: &mut Out,
    ) -> Result<(), Failure> {
        let order = if news.kind == Kind::Closed {
            self.owners.remove(&news.endpoint);
            [old, told, new]
        } else {
            [new, told, old]
        };
        let by = |seen| Seen::sharing(seen, &news.endpoint, news.key).map(|sockets| (seen, sockets));
        let mut sources = order.into_iter().filter_map(by);
        let best = sources.clone().find(|(seen, _)| seen.names_holder(news.key)).or_else(|| sources.next());
        let Some((seen, sockets)) = best else {
            self.untold += 1;
            return Ok(());
        };
        let sockets = seen.in_front(sockets, news.key);
        tell(seen.world, Moment { kind: news.kind, at: news.at }, &sockets, None, settings, out)
    }

    fn remember<'a>(&mut self, seen: &Seen<'_, 'a>, endpoint: &Endpoint, sockets: &[&'a Listener]) {
        if let Some(now) = seen.owners(sockets) {
            self.owners.insert(endpoint.clone(), now);
        }
    }

    fn note_opened(&mut self, events: &[Event]) {
        for event in events {
            let key = Key::told(event);
            match event.happening {
                Happening::Opened => self.opened.insert(key, event.clone()),
                Happening::Closed => self.opened.remove(&key),
            };
        }
        self.opened.retain(|key, _| self.endpoints.hold(*key));
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::{registry::Registry, world::Scope};

    use super::{super::heard::tests::udp, *};

    #[test]
    fn of_a_group_the_socket_that_closed_is_named() {
        let text = include_bytes!("../../../../tests/data/web.json");
        let mut snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        snapshot.listeners.truncate(1);
        let mut last = snapshot.listeners[0].clone();
        last.cookie = u64::MAX;
        snapshot.listeners.push(last);
        let world = World::new(&snapshot, None, Registry::builtin(), snapshot.taken, Scope::Own);
        let listeners: BTreeMap<_, _> =
            snapshot.listeners.iter().map(|listener| (Key::of(listener), listener)).collect();
        let seen = Seen {
            world: &world,
            sockets: Sockets::new(),
            all: listeners.clone(),
            listeners,
            sharing: BTreeMap::new(),
            sees_namespaces: true,
        };
        let [first, last] = [&snapshot.listeners[0], &snapshot.listeners[1]];
        assert_eq!(seen.in_front(&[first, last], Key::of(last)), [last, first]);
        assert_eq!(seen.in_front(&[first, last], Key::of(first)), [first, last]);
    }

    #[test]
    fn what_was_told_when_a_socket_opened_is_kept_until_it_closes() {
        let (opened, closed) = (udp(1, 1, 0), udp(1, 2, 0));
        let text = include_bytes!("../../../../tests/data/web.json");
        let snapshot: Snapshot = serde_json::from_slice(text).unwrap();
        let key = Key::told(&opened);
        let mut known = Known {
            endpoints: Endpoints::begin(&Sockets::from([(key, Endpoint::of(&snapshot.listeners[0]))])),
            owners: BTreeMap::new(),
            opened: BTreeMap::new(),
            has_lost: false,
            untold: 0,
            sees_namespaces: true,
        };
        known.note_opened(&[opened.clone(), udp(2, 1, 0)]);
        known.note_opened(&[]);
        assert_eq!(known.opened.keys().collect::<Vec<_>>(), [&key], "the other is not asked for");
        known.note_opened(&[closed]);
        assert!(known.opened.is_empty());
    }
}
