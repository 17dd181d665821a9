//! Packets that reach nobody, and handshakes, as the kernel tells of them (A14, A16, A19).
//!
//! One source for both worlds: whether a rule of any packet filter drops a packet, or there is no filter and nobody has its
//! port, the kernel lets it go and says why (`kfree_skb`). It counts by itself; of a source little is told.

mod event;
mod first;
mod memory;
mod remembered;

use std::{
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use portreeve_core::{
    port::PortRange,
    watch::{self, FirstTouches},
};

pub use self::{
    event::EVENT_BYTES,
    memory::{Passing, forget},
};
use self::{
    event::{read, source},
    first::First,
    memory::{FIRST_TOUCHES, KNOWN, Memory, PROBERS},
    remembered::PROBER_BYTES,
};
use super::telling::{Telling, descriptor};
use crate::bpf::{
    hang::{HangError, hang},
    known::{self, KnownError},
    object::Object,
};

const MANIFEST: &str = include_str!("../../bpf/watch.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/watch.bpf.bin");

/// Why the kernel does not tell.
#[derive(Debug, thiserror::Error)]
pub enum ProbingError {
    /// The kernel does not describe itself.
    #[error(transparent)]
    Unknown(#[from] KnownError),
    /// The kernel does not run the programs.
    #[error(transparent)]
    Unhung(#[from] HangError),
}

/// The host as its packets find it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Its network namespace, by inode.
    pub netns: u32,
    /// The ports that its kernel gives to clients.
    pub client_range: PortRange,
}

/// How long it is remembered what the programs heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// As long as they are hung.
    No,
    /// From one watch to the next.
    Yes,
}

/// Programs that tell of events; they are gone from the kernel when this value is.
#[derive(Debug)]
pub struct Probing {
    telling: Telling,
    memory: Memory,
    passing: Option<Passing>,
    first: First,
    /// They keep the programs where they are.
    _links: Vec<OwnedFd>,
}

impl Probing {
    /// Begins to hear of packets that reach nobody at `place`.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what the programs need, or does not let this process load them.
    pub fn open(place: Place, lasting: Lasting) -> Result<Self, ProbingError> {
        let object = Object::read(MANIFEST, CODE).expect("the manifest was written with its code");
        let known = known::of("watch", &object)?;
        let telling = Telling::create(&object)?;
        let (memory, passing) = match lasting {
            Lasting::No => (Memory::fresh(&object)?, None),
            Lasting::Yes => Memory::lasting(&object)?,
        };
        let number = |name: &str| match name {
            "NETWORK_NAMESPACE" => place.netns,
            "CLIENT_FIRST" => place.client_range.first.into(),
            "CLIENT_LAST" => place.client_range.last.into(),
            map => {
                let own = telling.number(map).or_else(|| memory.map(map).map(descriptor));
                own.expect("the programs have no other map")
            }
        };
        let programs = object.programs.iter().zip(&known);
        let links: Result<Vec<_>, _> =
            programs.map(|(program, known)| hang(program, known, number, None)).collect();
        let first = First::of(memory.map(FIRST_TOUCHES).expect("it is one of them"));
        let mut first = first.map_err(|error| HangError::NoMap(FIRST_TOUCHES, error))?;
        // What was counted before was told before.
        first.read(|_| {});
        Ok(Self { telling, memory, passing, first, _links: links? })
    }

    /// Why what is remembered does not outlast this value, where it should.
    #[must_use]
    pub const fn passing(&self) -> Option<&Passing> {
        self.passing.as_ref()
    }

    /// What is remembered of before, in order of time: handshakes, and the first ports of whoever touched several.
    #[must_use]
    pub fn remembered(&self) -> Vec<watch::Event<'static>> {
        // What cannot be read is news when it comes again.
        let all = |name| self.memory.map(name).and_then(|map| map.all().ok()).unwrap_or_default();
        let handshakes = all(KNOWN).iter().filter_map(remembered::handshake).collect::<Vec<_>>();
        let touches = all(PROBERS).iter().flat_map(remembered::touches).collect::<Vec<_>>();
        let mut events: Vec<_> = [handshakes, touches].concat();
        events.sort_by_key(|(since_boot, _)| *since_boot);
        let event = |(since_boot, what)| watch::Event { at: self.telling.time(since_boot), what };
        events.into_iter().map(event).collect()
    }

    /// Gives each port to `each` that sources touched first since the last call, of which no event told.
    pub fn count(&mut self, each: impl FnMut(FirstTouches)) {
        self.first.read(each);
    }

    /// Gives each event that was told until now to `each`, nearly in order of time; tells how many more there were, for which the
    /// ring buffer had no room.
    pub fn read(&mut self, mut each: impl FnMut(watch::Event<'static>)) -> u64 {
        self.telling.read(|clock, bytes| {
            let (since_boot, happenings) = read(bytes)?;
            let at = clock.at(since_boot);
            happenings.into_iter().flatten().for_each(|what| each(watch::Event { at, what }));
            Some(())
        })
    }

    /// Tells of the ports of the source of this address anew: what it touched before is news again.
    pub fn forget(&self, address: IpAddr) {
        // Were it gone, the first port that it touched would be told once more with the next one.
        let _ = self.memory.map(PROBERS).map(|probers| probers.put(&source(address), &[0; PROBER_BYTES]));
    }
}

impl AsFd for Probing {
    /// Readable when an event was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.telling.as_fd()
    }
}
