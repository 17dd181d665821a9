//! Packets that reach nobody, and handshakes, as the kernel tells of them (A14, A16, A19).
//!
//! One source for both worlds: whether a rule of any packet filter drops a packet, or there is no filter and nobody has its
//! port, the kernel lets it go and says why (`kfree_skb`). It counts by itself; of a source little is told.

mod event;
mod first;

use std::{
    net::IpAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use portreeve_core::{
    port::PortRange,
    watch::{self, FirstTouches},
};

pub use self::event::EVENT_BYTES;
use self::{
    event::{read, source},
    first::First,
};
use super::telling::{Telling, descriptor};
use crate::{
    bpf::{
        hang::{HangError, create, hang},
        known::{self, KnownError},
        object::Object,
    },
    sys::bpf::OpenMap,
};

const MANIFEST: &str = include_str!("../../bpf/watch.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/watch.bpf.bin");
/// What the programs remember between two packets.
const MEMORIES: [&str; 5] = ["touched_once", PROBERS, "known", "networks", FIRST_TOUCHES];
const PROBERS: &str = "probers";
const FIRST_TOUCHES: &str = "first_touches";

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
    /// A number that nobody else knows.
    pub seed: u32,
}

/// Programs that tell of events; they are gone from the kernel when this value is.
#[derive(Debug)]
pub struct Probing {
    telling: Telling,
    memories: Vec<OpenMap>,
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
    pub fn open(place: Place) -> Result<Self, ProbingError> {
        let object = Object::read(MANIFEST, CODE).expect("the manifest was written with its code");
        let known = known::of("watch", &object)?;
        let telling = Telling::create(&object)?;
        let memories =
            MEMORIES.into_iter().map(|name| create(&object, name, None)).collect::<Result<Vec<_>, _>>()?;
        let memory = |name: &str| {
            let at = MEMORIES.iter().position(|of| *of == name);
            at.and_then(|at| memories.get(at)).map(descriptor)
        };
        let number = |name: &str| match name {
            "NETWORK_NAMESPACE" => place.netns,
            "CLIENT_FIRST" => place.client_range.first.into(),
            "CLIENT_LAST" => place.client_range.last.into(),
            "SEED" => place.seed,
            map => {
                let own = telling.number(map).or_else(|| memory(map));
                own.expect("the programs have no other map")
            }
        };
        let programs = object.programs.iter().zip(&known);
        let links: Result<Vec<_>, _> =
            programs.map(|(program, known)| hang(program, known, number, None)).collect();
        let first = MEMORIES.iter().position(|of| *of == FIRST_TOUCHES).and_then(|at| memories.get(at));
        let first = first.expect("it is one of them");
        let first = First::of(first).map_err(|error| HangError::NoMap(FIRST_TOUCHES, error))?;
        Ok(Self { telling, memories, first, _links: links? })
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
        let place = MEMORIES.iter().position(|of| *of == PROBERS);
        if let Some(probers) = place.and_then(|place| self.memories.get(place)) {
            // Nothing may be kept of it.
            let _ = probers.remove(&source(address));
        }
    }
}

impl AsFd for Probing {
    /// Readable when an event was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.telling.as_fd()
    }
}
