//! Asks the kernel itself for sockets and who holds them, by programs that it runs over its own lists (A5, A12).
//!
//! One pass over all descriptors sees every network namespace, and sockets that were passed on; a pass over the tables
//! of a namespace sees those that nobody has a descriptor of.

mod record;
pub(super) mod socket;
pub(super) mod tables;

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, OnceLock, PoisonError},
};

use portreeve_core::port::PortRange;
use rustix::{
    io::Errno,
    thread::{CapabilitySet, capabilities},
};

pub use self::record::{RECORD_BYTES, Record};
use crate::{
    bpf::{
        fit::fit,
        known::{self, Known, KnownError},
        listing::read_each,
        object::{Object, Program},
    },
    pins::{self, Pin},
    sys::bpf,
};

const MANIFEST: &str = include_str!("../../bpf/sight.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/sight.bpf.bin");
/// Why this way of looking is closed.
#[derive(Debug, thiserror::Error)]
pub enum SightError {
    /// This process may not load programs (capabilities(7)).
    #[error("neither CAP_BPF with CAP_PERFMON nor CAP_SYS_ADMIN is there")]
    NotPermitted,
    /// The kernel does not describe itself.
    #[error(transparent)]
    Unknown(#[from] KnownError),
    /// The kernel has no such iterator.
    #[error("this kernel has no iterator {0}")]
    NoIterator(&'static str),
    /// The kernel refuses the program.
    #[error("the kernel refuses the program `{0}`")]
    Refused(&'static str, #[source] Errno),
    /// Reading broke off.
    #[error("reading `{0}` broke off")]
    Broken(&'static str, #[source] Errno),
}

/// A list that the kernel can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Every descriptor of a socket, of all tasks of this pid namespace.
    Files,
    /// Every socket that a process has, or will get, without a descriptor of its own: in an io_uring, or in the queue of
    /// a Unix socket. Only process, descriptor (of the ring or queue) and inode are told.
    Kept,
    /// Every process in another network namespace than the calling thread's, and each thread that is not where the first
    /// one of its process is.
    Elsewhere,
    /// The TCP sockets of the calling thread's network namespace.
    Tcp,
    /// Its UDP sockets.
    Udp,
}

impl List {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Files, Self::Kept, Self::Elsewhere, Self::Tcp, Self::Udp];

    /// The name of its program.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Kept => "kept",
            Self::Elsewhere => "elsewhere",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// Which sockets are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// With a local port in this range.
    pub ports: PortRange,
    /// Whether sockets with a peer are asked for too, and those of families without ports.
    pub connections: bool,
}

impl Asked {
    /// Whether a socket that a program for every port told is one that is asked for.
    fn means(self, record: &Record) -> bool {
        let has_port = record.is_internet() && !record.is_raw();
        if has_port {
            self.ports.contains(record.local_port)
        } else {
            self.connections || record.hears_every_port()
        }
    }
}

/// Programs that are loaded, one a list; they are gone from the kernel when this value is. Or those that root pinned.
#[derive(Debug)]
pub struct Sight {
    listings: Vec<(List, Listing)>,
}

/// What runs a list's program.
#[derive(Debug)]
enum Listing {
    /// A program of our own, that tells only what is asked for.
    Loaded(OwnedFd),
    /// One for everybody, that tells all there is.
    Pinned(Pin, Asked),
}

impl Sight {
    /// Loads the programs of `lists`, or where this process may not, finds those that root pinned.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what they need, or does not let this process load them, and no pin may be read.
    pub fn open(lists: &[(List, Asked)]) -> Result<Self, SightError> {
        Self::load(lists).or_else(|error| Self::pinned(lists).ok_or(error))
    }

    /// Loads the programs of `lists`.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what they need, or does not let this process load them.
    pub fn load(lists: &[(List, Asked)]) -> Result<Self, SightError> {
        // Asked first: what the programs need to know of the kernel takes longer to look up than a whole look.
        if !may_load() {
            return Err(SightError::NotPermitted);
        }
        let programs = Programs::fitted()?;
        let mut listings = Vec::new();
        for &(list, asked) in lists {
            let (program, known) = programs.of(list);
            listings.push((list, Listing::Loaded(load(program, list, known, asked)?)));
        }
        Ok(Self { listings })
    }

    /// The pins of all `lists`.
    fn pinned(lists: &[(List, Asked)]) -> Option<Self> {
        let folder = pins::Folder::open().ok()?;
        let listing = |&(list, asked): &(List, Asked)| {
            Some((list, Listing::Pinned(folder.pin(pins::Name::of(list, asked.connections)?).ok()?, asked)))
        };
        Some(Self { listings: lists.iter().map(listing).collect::<Option<_>>()? })
    }

    /// What keeps the program of `list` in the kernel, to be pinned.
    pub(crate) fn link(&self, list: List) -> Option<&OwnedFd> {
        self.listings.iter().find_map(|(of, listing)| match listing {
            Listing::Loaded(link) if *of == list => Some(link),
            _ => None,
        })
    }

    /// Gives each socket of `list` to `each`.
    ///
    /// # Errors
    ///
    /// Where reading breaks off; what came before has been given to `each`.
    pub fn read(&self, list: List, mut each: impl FnMut(Record)) -> Result<(), SightError> {
        let broken = |error| SightError::Broken(list.name(), error);
        let Some((_, listing)) = self.listings.iter().find(|(of, _)| *of == list) else { return Ok(()) };
        match listing {
            Listing::Loaded(link) => read_all(&bpf::begin(link).map_err(broken)?, &mut each),
            Listing::Pinned(pin, asked) => {
                let mut each = |record| {
                    if asked.means(&record) {
                        each(record);
                    }
                };
                pin.begin().and_then(|listing| read_all(&listing, &mut each))
            }
        }
        .map_err(broken)
    }
}

fn read_all(listing: impl AsFd, each: &mut impl FnMut(Record)) -> Result<(), Errno> {
    read_each(listing, RECORD_BYTES, usize::MAX, |record| {
        Record::read(record).into_iter().for_each(&mut *each);
    })
}

/// Whether the kernel may let this process load the programs (kernel/bpf/syscall.c, `bpf_prog_load`): in a user
/// namespace of its own it has these capabilities and still may not.
#[must_use]
pub fn may_load() -> bool {
    let Ok(own) = capabilities(None).map(|sets| sets.effective) else { return true };
    own.contains(CapabilitySet::SYS_ADMIN) || own.contains(CapabilitySet::BPF | CapabilitySet::PERFMON)
}

/// Whether this process may list the descriptors of everybody now: by programs of its own, or by those that root pinned.
#[must_use]
pub fn may_look() -> bool {
    may_load() || pins::Folder::open().is_ok_and(|folder| folder.pin(pins::Name::Listeners).is_ok())
}

/// What the verifier says of the program of `list`, whole; empty where it has nothing to say.
#[must_use]
pub fn why_refused(list: List, asked: Asked) -> String {
    let Ok(programs) = Programs::fitted() else { return String::new() };
    let (program, known) = programs.of(list);
    let code = fitted(program, known, asked);
    known.attach.map(|attach| bpf::why_refused(&code, program.name, attach)).unwrap_or_default()
}

/// The programs, with what they need to know of this kernel: understood once, as a look opens several lists.
struct Programs {
    object: Object<'static>,
    known: Vec<Known>,
}

impl Programs {
    fn fitted() -> Result<&'static Self, KnownError> {
        static FITTED: OnceLock<Programs> = OnceLock::new();
        // Two threads may come at the same time: the second finds what the first has looked up.
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fitted) = FITTED.get() {
            return Ok(fitted);
        }
        let object = Object::read(MANIFEST, CODE).expect("the manifest was written with its code");
        let known = known::of("sight", &object)?;
        Ok(FITTED.get_or_init(|| Self { object, known }))
    }

    fn of(&self, list: List) -> (&Program<'static>, &Known) {
        let mut programs = self.object.programs.iter().zip(&self.known);
        programs.find(|(program, _)| program.name == list.name()).expect("each list has its program")
    }
}

fn fitted(program: &Program<'_>, known: &Known, asked: Asked) -> Vec<u8> {
    fit(program, &known.values, |name| match name {
        "PORT_FIRST" => asked.ports.first.into(),
        "PORT_LAST" => asked.ports.last.into(),
        _ => asked.connections.into(),
    })
}

fn load(program: &Program<'_>, list: List, known: &Known, asked: Asked) -> Result<OwnedFd, SightError> {
    let attach = known.attach.ok_or(SightError::NoIterator(list.name()))?;
    let code = fitted(program, known, asked);
    let refused = |error| SightError::Refused(list.name(), error);
    let loaded = bpf::load_iterator(&code, program.name, attach).map_err(refused)?;
    bpf::link_iterator(&loaded).map_err(refused)
}
