//! Which endpoints are in use, kept up to date by what was heard and what was seen.
//!
//! What a look cannot see is not gone, and what the look before could not have seen is not new: a socket that goes out of
//! sight (pins were taken away) is no news, nor is it when it comes into sight again. What came into sight is `present`,
//! as nobody knows since when. What went meanwhile is `closed` when a look finds it gone, also where another stands in
//! its place by then, which came into sight.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use portreeve_core::{
    address::{Address, Family},
    facts::Listener,
    port::Protocol,
};
use portreeve_host::events::listening::{Event, Happening};

use super::tell::Kind;

/// What tells a socket from every other: the kernel's number for it, else its inode.
///
/// A Multipath TCP socket has a TCP socket below it, with a number of its own, and sources differ about whose they tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Cookie(u64),
    Inode(u64),
}

impl Key {
    pub(super) const fn of(listener: &Listener) -> Self {
        Self::chosen(listener.cookie, listener.inode, listener.mptcp)
    }

    pub(super) const fn told(event: &Event) -> Self {
        let socket = &event.socket;
        Self::chosen(socket.cookie, socket.inode, socket.mptcp)
    }

    const fn chosen(cookie: u64, inode: u64, mptcp: bool) -> Self {
        if mptcp || cookie == 0 { Self::Inode(inode) } else { Self::Cookie(cookie) }
    }
}

/// Where something listens, whoever it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    netns: u64,
    port: u16,
    protocol: Protocol,
    family: Family,
    address: Address,
    device: Option<String>,
}

impl Endpoint {
    pub(super) fn of(listener: &Listener) -> Self {
        Self {
            netns: listener.netns,
            port: listener.port,
            protocol: listener.protocol,
            family: listener.family,
            address: listener.address.clone(),
            device: listener.device.clone(),
        }
    }

    /// The network namespace, by inode.
    pub(super) const fn netns(&self) -> u64 {
        self.netns
    }
}

/// Sockets and the endpoints that they stand on.
pub(super) type Sockets = BTreeMap<Key, Endpoint>;

/// Something that was heard of a socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise {
    pub(super) key: Key,
    pub(super) happening: Happening,
    pub(super) at: Timestamp,
}

/// An endpoint came into use or into sight, or nobody uses it any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
    pub(super) endpoint: Endpoint,
    /// The first of its sockets, or the last.
    pub(super) key: Key,
}

/// What a look saw, and what was heard until it began.
pub(super) struct Round<'r> {
    /// What was heard, in order.
    pub(super) noises: &'r [Noise],
    /// What the look saw.
    pub(super) seen: &'r Sockets,
    /// What was heard of and not seen.
    pub(super) heard: &'r Sockets,
    /// Whether the look would have seen this socket if it were there.
    pub(super) sees: &'r dyn Fn(Key, &Endpoint) -> bool,
    /// Whether the look before would have seen it.
    pub(super) saw: &'r dyn Fn(Key, &Endpoint) -> bool,
    /// When the look began.
    pub(super) at: Timestamp,
}

/// How a socket is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A look saw it, so a look can miss it.
    Look,
    /// It was only heard of.
    Hearing,
}

#[derive(Clone, Debug)]
struct Standing {
    endpoint: Endpoint,
    source: Source,
}

/// The endpoints in use.
#[derive(Debug, Default)]
pub(super) struct Endpoints {
    sockets: BTreeMap<Key, Standing>,
    keys: BTreeMap<Endpoint, BTreeSet<Key>>,
}

impl Endpoints {
    /// Those that a first look saw.
    pub(super) fn begin(seen: &Sockets) -> Self {
        let mut endpoints = Self::default();
        for (&key, endpoint) in seen {
            endpoints.add(key, endpoint.clone(), Source::Look);
        }
        endpoints
    }

    /// Whether a look missed a socket whose end would have been heard (`hears`) and was not: a list that changes while it
    /// is read may miss one.
    pub(super) fn doubt(
        &self,
        seen: &Sockets,
        is_awaited: impl Fn(Key) -> bool,
        hears: impl Fn(Protocol) -> bool,
    ) -> bool {
        let mut missed = self.missed(seen, is_awaited);
        missed.any(|(_, standing)| hears(standing.endpoint.protocol))
    }

    /// The news of a round. What is still to be heard of a socket (`is_awaited`) is no news yet.
    pub(super) fn step(&mut self, round: &Round<'_>, is_awaited: impl Fn(Key) -> bool) -> Vec<News> {
        let mut news = Vec::new();
        for noise in round.noises {
            news.extend(self.hear(noise, round));
        }
        let missed = self.missed(round.seen, &is_awaited);
        let gone = missed.filter(|(key, standing)| (round.sees)(*key, &standing.endpoint));
        let (watched, unwatched): (Vec<_>, Vec<_>) = gone
            .map(|(key, standing)| (key, (round.saw)(key, &standing.endpoint)))
            .partition(|(_, was_watched)| *was_watched);
        for (key, _) in unwatched {
            news.extend(self.remove(key, round.at));
        }
        for (&key, endpoint) in round.seen {
            if let Some(standing) = self.sockets.get_mut(&key) {
                standing.source = Source::Look;
            } else if !is_awaited(key) && self.add(key, endpoint.clone(), Source::Look) {
                let kind = if (round.saw)(key, endpoint) { Kind::Opened } else { Kind::Present };
                news.push(News { kind, at: round.at, endpoint: endpoint.clone(), key });
            }
        }
        // Who was seen to take its place within a moment is no news.
        for (key, _) in watched {
            news.extend(self.remove(key, round.at));
        }
        news
    }

    /// How many of the sockets that looks used to see the last one could not see.
    pub(super) fn out_of_sight(&self, seen: &Sockets, is_awaited: impl Fn(Key) -> bool) -> usize {
        self.missed(seen, is_awaited).count()
    }

    /// Whether this socket is one of theirs.
    pub(super) fn hold(&self, key: Key) -> bool {
        self.sockets.contains_key(&key)
    }

    /// From now on a look decides about every socket: what would have been heard may be lost.
    pub(super) fn distrust(&mut self) {
        self.sockets.values_mut().for_each(|standing| standing.source = Source::Look);
    }

    fn hear(&mut self, noise: &Noise, round: &Round<'_>) -> Option<News> {
        let Noise { key, happening, at } = *noise;
        match happening {
            Happening::Opened if self.sockets.contains_key(&key) => None,
            Happening::Opened => {
                let seen = round.seen.get(&key);
                let endpoint = seen.or_else(|| round.heard.get(&key))?.clone();
                let source = if seen.is_some() { Source::Look } else { Source::Hearing };
                let is_first = self.add(key, endpoint.clone(), source);
                is_first.then_some(News { kind: Kind::Opened, at, endpoint, key })
            }
            // It waits again.
            Happening::Closed if round.seen.contains_key(&key) => None,
            Happening::Closed => self.remove(key, at),
        }
    }

    /// Whether it is the first socket of its endpoint.
    fn add(&mut self, key: Key, endpoint: Endpoint, source: Source) -> bool {
        let keys = self.keys.entry(endpoint.clone()).or_default();
        keys.insert(key);
        let is_first = keys.len() == 1;
        self.sockets.insert(key, Standing { endpoint, source });
        is_first
    }

    /// The news, where it was the last socket of its endpoint.
    fn remove(&mut self, key: Key, at: Timestamp) -> Option<News> {
        let Standing { endpoint, .. } = self.sockets.remove(&key)?;
        let keys = self.keys.get_mut(&endpoint)?;
        keys.remove(&key);
        if !keys.is_empty() {
            return None;
        }
        self.keys.remove(&endpoint);
        Some(News { kind: Kind::Closed, at, endpoint, key })
    }

    /// The sockets that looks used to see and that this one did not.
    fn missed(
        &self,
        seen: &Sockets,
        is_awaited: impl Fn(Key) -> bool,
    ) -> impl Iterator<Item = (Key, &Standing)> {
        let sockets = self.sockets.iter().map(|(&key, standing)| (key, standing));
        sockets.filter(move |(key, standing)| {
            standing.source == Source::Look && !seen.contains_key(key) && !is_awaited(*key)
        })
    }
}

#[cfg(test)]
mod tests;
