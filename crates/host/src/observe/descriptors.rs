//! Every descriptor of a socket, from one pass of the kernel over all processes and namespaces (A5, A12).

use std::{collections::BTreeMap, sync::OnceLock};

use portreeve_core::{
    facts::{OtherSocket, SeenBy},
    port::PortRange,
};

use super::{
    Connections, Wanted, asks_everybody, clock,
    holders::{self, Found},
    sight::{Asked, List, Record, Sight, socket},
    sockets::{CLOSE, LISTEN, Socket},
    unported,
    ways::Way,
};
use crate::proc;

/// The pass, which one thread may be at while another reads what needs it not yet.
#[derive(Debug)]
pub(super) struct Pass<'w> {
    wanted: &'w Wanted,
    seen: OnceLock<Option<Descriptors>>,
}

impl<'w> Pass<'w> {
    /// One over everything that is wanted; nobody goes over anything before it is asked what it saw.
    pub(super) const fn over(wanted: &'w Wanted) -> Self {
        Self { wanted, seen: OnceLock::new() }
    }

    /// What it saw, which whoever asks first finds out; the others wait. `None` where it is not worth its price, or the
    /// kernel does not let us.
    pub(super) fn seen(&self) -> Option<&Descriptors> {
        self.seen.get_or_init(|| Self::see(self.wanted)).as_ref()
    }

    /// The same, for good.
    pub(super) fn into_seen(self) -> Option<Descriptors> {
        self.seen.into_inner().unwrap_or_else(|| Self::see(self.wanted))
    }

    fn see(wanted: &Wanted) -> Option<Descriptors> {
        asks_everybody(wanted).then(|| Descriptors::see(wanted)).flatten()
    }
}

/// What the pass saw.
#[derive(Debug, Default)]
pub(super) struct Descriptors {
    /// Who has which socket, in order of socket, process and descriptor.
    pub(super) found: Vec<Found>,
    /// The sockets that wait for somebody or are merely bound, by network namespace.
    sockets: BTreeMap<u64, Vec<Socket>>,
    other: BTreeMap<u64, Vec<OtherSocket>>,
    /// A descriptor in each namespace, which leads there.
    pub(super) guides: BTreeMap<u64, Found>,
    /// The tick in which it began.
    pub(super) told: u64,
}

impl Descriptors {
    /// Those that refer to wanted sockets; `None` where the kernel does not let us.
    pub(super) fn see(wanted: &Wanted) -> Option<Self> {
        if !may_ask(wanted) {
            return None;
        }
        let asked = Asked {
            ports: wanted.ports.unwrap_or(PortRange::EVERY),
            connections: wanted.connections == Connections::List,
        };
        let sight = Sight::open(&[(List::Files, asked)]).ok()?;
        let mut descriptors = Self { told: clock::ticks_now(), ..Self::default() };
        sight.read(List::Files, |record| descriptors.add(&record)).ok()?;
        if !unported::are_wanted(wanted) {
            descriptors.other.clear();
        }
        descriptors.settle();
        Some(descriptors)
    }

    /// The sockets of one namespace that wait for somebody or are merely bound, each once.
    pub(super) fn sockets(&self, netns: u64) -> &[Socket] {
        self.sockets.get(&netns).map_or(&[], Vec::as_slice)
    }

    /// The network namespaces of which some process has a socket, by inode.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = u64> {
        self.guides.keys().copied()
    }

    /// Its sockets without ports.
    pub(super) fn other(&self, netns: u64) -> &[OtherSocket] {
        self.other.get(&netns).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, record: &Record) {
        let found = Found::of(record);
        let netns = u64::from(record.netns);
        self.found.push(found);
        self.guides.entry(netns).or_insert(found);
        if let Some(socket) = socket::ported(record, SeenBy::TaskFile) {
            // The kernel's own tables tell the others completely, and a busy host has a hundred thousand of them.
            if matches!(record.state, LISTEN | CLOSE) {
                self.sockets.entry(netns).or_default().push(socket);
            }
        } else if let Some(other) = socket::other(record) {
            self.other.entry(netns).or_default().push(other);
        }
    }

    fn settle(&mut self) {
        holders::settle(&mut self.found);
        for sockets in self.sockets.values_mut() {
            sockets.sort_by_key(|socket| socket.inode);
            sockets.dedup_by_key(|socket| socket.inode);
        }
        for sockets in self.other.values_mut() {
            sockets.sort_by_key(|socket| socket.inode);
            sockets.dedup_by_key(|socket| socket.inode);
        }
    }
}

/// Whether the kernel may be asked, and counts processes as /proc does.
fn may_ask(wanted: &Wanted) -> bool {
    wanted.ways.allow(Way::Bpf) && proc::numbers_are_ours()
}

/// A thread in each network namespace but our own, where the kernel tells of all.
pub(super) fn elsewhere(wanted: &Wanted) -> Option<BTreeMap<u64, u32>> {
    if !may_ask(wanted) {
        return None;
    }
    let mut threads = BTreeMap::new();
    let asked = Asked { ports: PortRange::EVERY, connections: false };
    let sight = Sight::open(&[(List::Elsewhere, asked)]).ok()?;
    sight
        .read(List::Elsewhere, |record| {
            threads.entry(record.netns.into()).or_insert(record.thread);
        })
        .ok()?;
    Some(threads)
}
