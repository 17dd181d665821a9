//! What the kernel told of events, kept until a look tells more of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::port::{PortRange, Protocol};
use portreeve_host::{
    Wanted,
    events::listening::{Event, Happening, Listening},
    observe::{Brief, Way, sockets::ESTABLISHED},
};

use super::endpoints::Key;
use crate::{failure::Failure, look::ways};

const EVERY_PORT: PortRange = PortRange { first: 0, last: u16::MAX };

/// A server opens several sockets at once, and forks: a look a little later sees more.
pub(super) const SETTLE: Duration = Duration::from_millis(10);
/// So many events are told without waiting for more.
const KEPT_MAX: usize = 50_000;

/// Changes that were heard of and not told yet; none ever where the kernel does not tell.
#[derive(Debug, Default)]
pub(super) struct Heard {
    listening: Option<Listening>,
    kept: Vec<Event>,
    /// Since when there are any.
    since: Option<Instant>,
    lost: u64,
}

impl Heard {
    /// Listens to the kernel where it lets us.
    pub(super) fn open(wanted: &Wanted) -> Result<Self, Failure> {
        let is_open = ways()?.allow(Way::Bpf);
        let ports = wanted.ports.unwrap_or(EVERY_PORT);
        let listening = is_open.then(|| Listening::open(ports).ok()).flatten();
        Ok(Self { listening, ..Self::default() })
    }

    /// Whether events of this protocol are told by the kernel.
    pub(super) fn hears(&self, protocol: Protocol) -> bool {
        self.listening.as_ref().is_some_and(|listening| listening.hears(protocol))
    }

    /// What can be read when something changed.
    pub(super) fn source(&self) -> Option<BorrowedFd<'_>> {
        self.listening.as_ref().map(AsFd::as_fd)
    }

    /// Takes in what was told until now.
    pub(super) fn listen(&mut self) {
        if let Some(listening) = &mut self.listening {
            self.lost += listening.read(|event| self.kept.push(event));
        }
        if self.kept.is_empty() {
            self.since = None;
        } else {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// When a look should tell more of what is kept, where anything is.
    pub(super) fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(if self.kept.len() > KEPT_MAX { since } else { since + SETTLE })
    }

    /// What the wall clock said so many nanoseconds after the boot, by one clock for everything that is told.
    pub(super) fn time(&self, since_boot: u64) -> Option<Timestamp> {
        self.listening.as_ref().map(|listening| listening.time(since_boot))
    }

    /// How many events nobody will ever be told of, since this was last asked.
    pub(super) fn lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// Takes, in order, the events that a look knows of which began at `began` and in which `is_there` tells of sockets.
    ///
    /// A socket that opened before and is not there was closed meanwhile: from there on all is left for the next time,
    /// so that its end is known too and nothing is told out of order.
    pub(super) fn take(&mut self, began: u64, is_there: impl Fn(Key) -> bool) -> Vec<Event> {
        self.kept.sort_by_key(|event| event.since_boot);
        let ripe = self.kept.partition_point(|event| event.since_boot < began);
        let (before, after) = self.kept.split_at(ripe);
        let ends: BTreeSet<Key> = after.iter().filter(|event| is_end(event)).map(Key::told).collect();
        let cut = before.iter().position(|event| {
            let key = Key::told(event);
            !is_end(event) && !is_there(key) && ends.contains(&key)
        });
        let later = self.kept.split_off(cut.unwrap_or(ripe));
        let ripe = std::mem::replace(&mut self.kept, later);
        self.since = (!self.kept.is_empty()).then(Instant::now);
        without_refused(ripe)
    }

    /// Whether something is still to be told of this socket.
    pub(super) fn is_awaited(&self) -> impl Fn(Key) -> bool {
        let keys: BTreeSet<Key> = self.kept.iter().map(Key::told).collect();
        move |key| keys.contains(&key)
    }
}

fn is_end(event: &Event) -> bool {
    event.happening == Happening::Closed
}

/// Leaves out those whose listening the kernel refused: nobody could ever have reached them.
fn without_refused(events: Vec<Event>) -> Vec<Event> {
    let mut is_refused = vec![false; events.len()];
    let mut opened: BTreeMap<Key, usize> = BTreeMap::new();
    for (at, event) in events.iter().enumerate() {
        match event.happening {
            Happening::Opened => {
                opened.insert(Key::told(event), at);
            }
            Happening::Closed => {
                let begin = opened.remove(&Key::told(event));
                if let Some(begin) = begin.filter(|&begin| events[begin].was_refused(event)) {
                    (is_refused[begin], is_refused[at]) = (true, true);
                }
            }
        }
    }
    events.into_iter().zip(is_refused).filter(|(_, refused)| !refused).map(|(event, _)| event).collect()
}

/// How many of `events` tell of one side alone of a socket of which nothing else is known (`is_known`): where some are
/// lost the other side may be among these, so that nobody can tell whether it ever waited for strangers.
pub(super) fn halves(events: &[Event], is_known: impl Fn(&Event) -> bool) -> u64 {
    let mut halves: BTreeMap<Key, &Event> = BTreeMap::new();
    let mut ends = Vec::new();
    for event in events {
        match event.happening {
            Happening::Opened => drop(halves.insert(Key::told(event), event)),
            Happening::Closed if halves.remove(&Key::told(event)).is_some() => {}
            // It was connected, and waited for nobody.
            Happening::Closed if event.socket.state == ESTABLISHED => {}
            Happening::Closed => ends.push(event),
        }
    }
    halves.into_values().chain(ends).filter(|event| !is_known(event)).count() as u64
}

/// Each socket that opened, with its end where that is among `events` too.
pub(super) fn lives<'c>(events: impl Iterator<Item = &'c Event>) -> Vec<(Key, Brief<'c>)> {
    let mut lives: Vec<(Key, Brief<'c>)> = Vec::new();
    let mut open: BTreeMap<Key, usize> = BTreeMap::new();
    for event in events {
        match event.happening {
            Happening::Opened => {
                open.insert(Key::told(event), lives.len());
                lives.push((Key::told(event), Brief { opened: event, closed: None }));
            }
            Happening::Closed => {
                if let Some(at) = open.get(&Key::told(event)) {
                    lives[*at].1.closed = Some(event);
                }
            }
        }
    }
    lives
}

#[cfg(test)]
pub(super) mod tests;
