//! Asks the kernel itself for sockets and who holds them, by programs that it runs over its own lists (A5, A12).
//!
//! One pass over all descriptors sees every network namespace, and sockets that were passed on; a pass over the tables
//! of a namespace sees those that nobody has a descriptor of.

mod record;
pub(super) mod socket;
pub(super) mod tables;

use std::os::fd::OwnedFd;

use portreeve_core::port::PortRange;
use rustix::io::{Errno, read, retry_on_intr};

pub use self::record::{RECORD_BYTES, Record};
use crate::{
    bpf::{
        fit::fit,
        known::{self, Known, KnownError},
        object::{Object, Program},
    },
    sys::bpf,
};

const MANIFEST: &str = include_str!("../../bpf/sight.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/sight.bpf.bin");
/// What the kernel fills at most for one read (kernel/bpf/bpf_iter.c, `bpf_seq_read`: 8 pages), and room for more.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why this way of looking is closed.
#[derive(Debug, thiserror::Error)]
pub enum SightError {
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
    /// Every process in another network namespace than the calling thread's.
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
    /// Whether sockets with a peer are asked for too, and those without ports.
    pub connections: bool,
}

/// Programs that are loaded, one a list; they are gone from the kernel when this value is.
#[derive(Debug)]
pub struct Sight {
    links: Vec<(List, OwnedFd)>,
}

impl Sight {
    /// Loads the programs of `lists`.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what they need, or does not let this process load them.
    pub fn open(lists: &[(List, Asked)]) -> Result<Self, SightError> {
        let object = Object::read(MANIFEST, CODE).expect("the manifest was written with its code");
        let known = known::of(&object)?;
        let mut links = Vec::new();
        for &(list, asked) in lists {
            let mut programs = object.programs.iter().zip(&known);
            let (program, known) =
                programs.find(|(program, _)| program.name == list.name()).expect("each list has its program");
            links.push((list, load(program, list, known, asked)?));
        }
        Ok(Self { links })
    }

    /// Gives each socket of `list` to `each`.
    ///
    /// # Errors
    ///
    /// Where reading breaks off; what came before has been given to `each`.
    pub fn read(&self, list: List, mut each: impl FnMut(Record)) -> Result<(), SightError> {
        let broken = |error| SightError::Broken(list.name(), error);
        let Some((_, link)) = self.links.iter().find(|(of, _)| *of == list) else { return Ok(()) };
        let listing = bpf::begin(link).map_err(broken)?;
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            // EAGAIN: the kernel went through a million things of which none was asked for, and wants to be asked again.
            let length = match retry_on_intr(|| read(&listing, buffer.as_mut_slice())) {
                Ok(0) => return Ok(()),
                Err(Errno::AGAIN) => continue,
                answer => answer.map_err(broken)?,
            };
            buffer[..length].chunks_exact(RECORD_BYTES).filter_map(Record::read).for_each(&mut each);
        }
    }
}

fn load(program: &Program<'_>, list: List, known: &Known, asked: Asked) -> Result<OwnedFd, SightError> {
    let attach = known.attach.ok_or(SightError::NoIterator(list.name()))?;
    let code = fit(program, &known.values, |name| match name {
        "PORT_FIRST" => asked.ports.first.into(),
        "PORT_LAST" => asked.ports.last.into(),
        _ => asked.connections.into(),
    });
    let refused = |error| SightError::Refused(list.name(), error);
    let loaded = bpf::load_iterator(&code, program.name, attach).map_err(refused)?;
    bpf::link_iterator(&loaded).map_err(refused)
}
