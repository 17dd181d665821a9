//! Who shares the work of a scan: many sources, each of which asks for a port or three of nobody's, within minutes (A14, A19).
//!
//! None of them does enough to be told of by himself. So it is counted how many touch each port, against what is usual there, and
//! how many come of each network. The kernel tells of some sources and counts the others; both are added up here.

mod days;
mod lately;
mod networks;
mod place;
mod ports;
mod usual;

use alloc::{collections::BTreeSet, vec::Vec};

use ipnet::IpNet;
use jiff::Timestamp;

pub use self::usual::{PortDays, Usual};
use self::{
    lately::{Known as Touched, Lately},
    networks::Networks,
    place::Place,
    ports::Ports,
};
use super::{
    Confidence, Contact, Group, Key, Kind, Known, Source, Suspicion, TICKS_EACH_SECOND, Touch, digest,
    family::is_of_neighbours,
    group::{Last, MANY, NAMED, SECONDS},
    suspicion::PORTS_NAMED,
    table::Record,
};
use crate::port::Protocol;

/// Whoever touches more ports is told of by himself, or soon will be.
const SHARED_MAX: u8 = 3;
/// What a source touches again is counted again after more than one of these.
const PERIOD_TICKS: u32 = SECONDS * TICKS_EACH_SECOND;
/// Networks that become a group between two looks; a flood in the name of more is the same group.
const NETWORKS_MAX: usize = 8;

/// How many sources touched a port first, of which nothing else is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstTouches {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// So many more; below 0 where they were told of after all.
    pub more: i32,
}

/// What is remembered of all of them. It does not grow.
#[derive(Debug)]
pub(super) struct Scan {
    ports: Ports,
    networks: Networks,
    lately: Lately,
    /// Networks that have become a group since the last look.
    crowded: [Option<Crowded>; NETWORKS_MAX],
    /// When a group was told of last.
    told: Last,
}

/// A network of which many come.
#[derive(Clone, Copy, Debug)]
struct Crowded {
    site: IpNet,
    count: usize,
}

/// What many did together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sharing {
    pub(super) group: Group,
    /// The first ports of it.
    pub(super) ports: Vec<Contact>,
    /// How many first contacts there were, at least.
    pub(super) contacts: u32,
    pub(super) first: u32,
    /// The last of whom somebody knows.
    pub(super) last: Source,
    /// How many of those that are known are proven.
    pub(super) proven: usize,
}

impl Scan {
    pub(super) fn new(began: Timestamp) -> Self {
        Self {
            ports: Ports::new(began),
            networks: Networks::new(),
            lately: Lately::new(),
            crowded: [None; NETWORKS_MAX],
            told: Last::default(),
        }
    }

    /// A source touched a port of nobody's at `tick`; `record` is what is known of it since, and it had so many contacts before.
    pub(super) fn touches(
        &mut self,
        key: Key,
        touch: &Touch,
        (record, contacts_before): (&mut Record, u8),
        tick: u32,
    ) {
        let source = Source::of(touch.from);
        let period = tick / PERIOD_TICKS;
        let is_first = record.contacts != contacts_before;
        if record.contacts > SHARED_MAX {
            if is_first && contacts_before == SHARED_MAX {
                self.leaves(key, source, record, tick);
            }
            return;
        }
        if is_first {
            record.counts(period);
        } else if !record.comes_again(period) {
            return;
        }
        if !is_of_neighbours(touch.port) {
            self.comes(key, source, Place::of(touch.protocol, touch.port), tick);
        }
    }

    /// So many more touched a port, as somebody else has counted.
    pub(super) fn counts(&mut self, touches: &FirstTouches, tick: u32) {
        let FirstTouches { protocol, port, more } = *touches;
        if !is_of_neighbours(port) {
            self.ports.add(Place::of(protocol, port), more, tick);
        }
    }

    /// Looks whether they are a group by now, `at` this time, which is `tick`.
    pub(super) fn look(
        &mut self,
        known: &Known,
        (at, tick): (Timestamp, u32),
        is_proven: impl Fn(Source) -> bool,
    ) -> Option<Sharing> {
        self.ports.watches(at, tick);
        for (protocol, port) in &known.served {
            self.ports.serves(Place::of(*protocol, *port), tick);
        }
        let (mut news, mut named) = ([None; PORTS_NAMED], 0);
        self.for_each_crowded(known, tick, |place| {
            if let Some(free) = news.get_mut(named) {
                *free = Some(place);
                named += 1;
            }
        });
        let crowded = core::mem::take(&mut self.crowded);
        if named == 0 && crowded[0].is_none() {
            return None;
        }
        // What shows itself so soon after is of the same group.
        if self.told.is_within(tick, SECONDS) {
            return None;
        }
        self.told.set(tick);
        Some(self.sharing(&news, &crowded, tick, is_proven))
    }

    /// What is usual by now.
    pub(super) fn usual(&self) -> Usual {
        self.ports.usual()
    }

    /// Goes on after what was usual before, at `now`.
    pub(super) fn recall(&mut self, usual: &Usual, now: Timestamp) {
        self.ports.recall(usual, now);
    }

    fn comes(&mut self, key: Key, source: Source, place: Place, tick: u32) {
        self.ports.add(place, 1, tick);
        if self.ports.was_served(place, tick) {
            return;
        }
        self.lately.keep(source, place, tick);
        let network = self.networks.comes(digest(key, &source.site_bits()), source.number_in_site(), tick);
        let Some(network) = network.filter(|network| network.count() >= MANY) else { return };
        let count = network.count();
        if count >= self.ports.limit(place)
            && network.told.is_news(tick)
            && let Some(free) = self.crowded.iter_mut().find(|free| free.is_none())
        {
            *free = Some(Crowded { site: source.site(), count });
        }
    }

    /// Whoever touches many ports is one of many no more, nor was he lately.
    fn leaves(&mut self, key: Key, source: Source, record: &Record, tick: u32) {
        self.networks.leaves(digest(key, &source.site_bits()), source.number_in_site());
        self.lately.forget(source);
        if !super::group::is_within(record.first, tick, SECONDS) {
            return;
        }
        let before = record.ports().take(usize::from(SHARED_MAX));
        for (protocol, port) in before.filter(|(_, port)| !is_of_neighbours(*port)) {
            self.ports.add(Place::of(protocol, port), -1, tick);
        }
    }

    /// Gives each port to `each` that has become one of a group.
    fn for_each_crowded(&mut self, known: &Known, tick: u32, mut each: impl FnMut(Place)) {
        self.ports.for_each_touched(|ports, place| {
            let count = usize::try_from(ports.lately(place)).unwrap_or(usize::MAX);
            let Contact { protocol, port } = place.contact();
            let is_group = count >= MANY
                && count >= ports.limit(place)
                && !ports.was_served(place, tick)
                && !known.is_innocent(protocol, port);
            if is_group && ports.is_news(place, tick) {
                each(place);
            }
        });
    }

    fn sharing(
        &self,
        news: &[Option<Place>],
        crowded: &[Option<Crowded>],
        tick: u32,
        is_proven: impl Fn(Source) -> bool,
    ) -> Sharing {
        let is_its = |touched: &&Touched| {
            let site = touched.source.site();
            news.contains(&Some(touched.place)) || crowded.iter().flatten().any(|it| it.site == site)
        };
        let own: Vec<&Touched> = self.lately.all(tick).filter(is_its).collect();
        let sources = distinct(own.iter().map(|touched| touched.source));
        let places = news.iter().flatten().copied().chain(own.iter().map(|touched| touched.place));
        let places = distinct(places);
        let since = news.iter().flatten().map(|place| self.ports.since(*place));
        let first = own.iter().map(|touched| touched.tick).chain(since).min().unwrap_or(tick);
        let counted = self.counted(news, crowded);
        Sharing {
            contacts: counted.1.max(number(own.len())),
            ports: places.iter().take(PORTS_NAMED).map(|place| place.contact()).collect(),
            first,
            last: own.last().map_or(Source::NOBODY, |touched| touched.source),
            proven: sources.iter().filter(|source| is_proven(**source)).count(),
            group: Group {
                count: counted.0.max(number(sources.len())),
                network: network(news, crowded),
                sources: sources.into_iter().take(NAMED).collect(),
            },
        }
    }

    /// How many sources these are at least, and how many contacts of theirs there were.
    fn counted(&self, news: &[Option<Place>], crowded: &[Option<Crowded>]) -> (u32, u32) {
        let touches = || news.iter().flatten().map(|place| self.ports.lately(*place));
        let sum = touches().fold(0, u32::saturating_add);
        let of_networks = crowded.iter().flatten().map(|it| number(it.count));
        // Each may have touched as many ports as whoever shares a scan does.
        let shared = sum.div_ceil(SHARED_MAX.into());
        (touches().chain(of_networks).chain([shared]).max().unwrap_or(0), sum)
    }
}

impl Sharing {
    /// What is told of it: the addresses are known to be theirs where as many as are a group finished handshakes.
    pub(super) fn tell(self, first: Timestamp, at: Timestamp) -> Suspicion {
        let is_proven = self.proven >= MANY;
        Suspicion {
            at,
            source: self.last,
            kind: Kind::DistributedScan,
            confidence: if is_proven { Confidence::Proven } else { Confidence::Unproven },
            score: 0,
            first,
            last: at,
            contacts: self.contacts,
            ports: self.ports,
            service: None,
            users: 0,
            welcomed: 0,
            group: Some(self.group),
        }
    }
}

/// The network that all of them are of, where it is for that alone that they are a group.
fn network(news: &[Option<Place>], crowded: &[Option<Crowded>]) -> Option<IpNet> {
    let mut all = crowded.iter().flatten();
    let one = all.next().filter(|_| all.next().is_none())?;
    news.iter().flatten().next().is_none().then_some(one.site)
}

/// Each once, in the order in which they came.
fn distinct<T: Copy + Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
