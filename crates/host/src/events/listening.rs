//! Sockets that begin or end to wait for strangers, as the kernel tells of them through a ring buffer (A17).
//!
//! TCP is heard of in every network namespace; UDP from the processes below the cgroup at which its programs stand, where
//! the kernel lets them stand there.

mod event;

use std::{
    fs::{self, File},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        linux::fs::MetadataExt as _,
    },
};

use jiff::Timestamp;
use portreeve_core::port::{PortRange, Protocol};

pub use self::event::{Doer, EVENT_BYTES, Event, Happening};
use super::telling::Telling;
use crate::{
    bpf::{
        hang::{HangError, hang},
        known::{self, KnownError},
        object::{Hook, Object},
    },
    observe::clock,
    proc::{self, mounts},
};

const MANIFEST: &str = include_str!("../../bpf/follow.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/follow.bpf.bin");

/// Why this way of hearing of events is closed.
#[derive(Debug, thiserror::Error)]
pub enum ListeningError {
    /// The kernel does not describe itself.
    #[error(transparent)]
    Unknown(#[from] KnownError),
    /// /proc does not count processes as the kernel counts them for this one.
    #[error("/proc is another pid namespace's")]
    ForeignProc,
    /// The kernel does not run the programs.
    #[error(transparent)]
    Unhung(#[from] HangError),
}

/// Programs that tell of events; they are gone from the kernel when this value is.
#[derive(Debug)]
pub struct Listening {
    telling: Telling,
    hears_datagrams: bool,
    /// They keep the programs where they are.
    _links: Vec<OwnedFd>,
}

impl Listening {
    /// Begins to hear of sockets with a local port in `ports`.
    ///
    /// # Errors
    ///
    /// Where the kernel has not what the programs need, or does not let this process load them.
    pub fn open(ports: PortRange) -> Result<Self, ListeningError> {
        let pid_namespace = own_pid_namespace().ok_or(ListeningError::ForeignProc)?;
        let object = Object::read(MANIFEST, CODE).expect("the manifest was written with its code");
        let known = known::of("follow", &object)?;
        let telling = Telling::create(&object)?;
        let number = |name: &str| match name {
            "PORT_FIRST" => ports.first.into(),
            "PORT_LAST" => ports.last.into(),
            "PID_NAMESPACE" => pid_namespace,
            map => telling.number(map).expect("the program has no other map"),
        };
        let cgroup = cgroup_root();
        let mut links = Vec::new();
        let mut hears_datagrams = true;
        for (program, known) in object.programs.iter().zip(&known) {
            match hang(program, known, number, cgroup.as_ref().map(AsFd::as_fd)) {
                Ok(link) => links.push(link),
                Err(_) if matches!(program.hook, Hook::Cgroup(_)) => hears_datagrams = false,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { telling, hears_datagrams, _links: links })
    }

    /// Whether it hears of sockets of this protocol, in its own part of the host at least.
    #[must_use]
    pub const fn hears(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => true,
            Protocol::Udp | Protocol::Udplite => self.hears_datagrams,
            _ => false,
        }
    }

    /// Gives each event that was told until now to `each`, nearly in order of time; tells how many more there were,
    /// for which the ring buffer had no room.
    pub fn read(&mut self, mut each: impl FnMut(Event)) -> u64 {
        self.telling.read(|_, bytes| Event::read(bytes).map(&mut each))
    }

    /// What the wall clock said so many nanoseconds after the boot.
    #[must_use]
    pub fn time(&self, since_boot: u64) -> Timestamp {
        self.telling.time(since_boot)
    }
}

impl AsFd for Listening {
    /// Readable when an event was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.telling.as_fd()
    }
}

/// The time that events are told by, now: nanoseconds since the boot.
#[must_use]
pub fn now() -> u64 {
    clock::since_boot()
}

/// The pid namespace whose numbers /proc shows, where it is our own.
fn own_pid_namespace() -> Option<u32> {
    let is_ours = proc::numbers_are_ours();
    let namespace = fs::metadata("/proc/self/ns/pid").ok()?.st_ino();
    u32::try_from(namespace).ok().filter(|_| is_ours)
}

/// The root of the cgroup2 hierarchy as far as it can be seen from here.
fn cgroup_root() -> Option<File> {
    let mountinfo = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).ok()?;
    File::open(mounts::read(&mountinfo).cgroup2?).ok()
}
