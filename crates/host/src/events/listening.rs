//! Sockets that begin or end to wait for strangers, as the kernel tells of them through a ring buffer (A17).
//!
//! TCP is heard of in every network namespace; UDP from the processes below the cgroup at which its programs stand, where
//! the kernel lets them stand there.

mod event;

use std::{
    fs::{self, File},
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd},
        linux::fs::MetadataExt as _,
    },
};

use jiff::Timestamp;
use portreeve_core::port::{PortRange, Protocol};

pub use self::event::{Doer, EVENT_BYTES, Event, Happening};
use crate::{
    bpf::{
        hang::{HangError, create, hang},
        known::{self, KnownError},
        object::{Hook, Object},
        ring::End,
    },
    observe::clock::{self, WallClock},
    proc::{self, mounts},
    sys::{bpf::OpenMap, ring::Ring},
};

const MANIFEST: &str = include_str!("../../bpf/follow.bpf.txt");
const CODE: &[u8] = include_bytes!("../../bpf/follow.bpf.bin");
const EVENTS: &str = "events";
const LOST: &str = "lost";

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
    ring: Ring,
    lost: OpenMap,
    lost_before: u64,
    hears_datagrams: bool,
    clock: WallClock,
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
        let (events, lost) = (create(&object, EVENTS, None)?, create(&object, LOST, None)?);
        let bytes = object.map(EVENTS).map_or(0, |map| map.entries);
        let number = |name: &str| match name {
            "PORT_FIRST" => ports.first.into(),
            "PORT_LAST" => ports.last.into(),
            "PID_NAMESPACE" => pid_namespace,
            EVENTS => descriptor(&events),
            _ => descriptor(&lost),
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
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let ring = Ring::new(events.into_fd(), bytes).map_err(|error| HangError::NoMap(EVENTS, error))?;
        Ok(Self { ring, lost, lost_before: 0, hears_datagrams, clock: WallClock::now(), _links: links })
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
        self.clock = self.clock.again();
        let mut strange = 0;
        let end = self.ring.read(|bytes| match Event::read(bytes) {
            Some(event) => each(event),
            None => strange += 1,
        });
        let lost = self.lost.look_up(&0_u32.to_ne_bytes()).ok().flatten();
        let lost = lost.and_then(|value| Some(u64::from_ne_bytes(*value.first_chunk()?)));
        let lost = lost.unwrap_or(self.lost_before);
        let more = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        // What cannot be understood was something all the same.
        more + strange + u64::from(end == End::Broken)
    }

    /// What the wall clock said so many nanoseconds after the boot.
    #[must_use]
    pub fn time(&self, since_boot: u64) -> Timestamp {
        self.clock.at(since_boot)
    }
}

impl AsFd for Listening {
    /// Readable when an event was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// The time that events are told by, now: nanoseconds since the boot.
#[must_use]
pub fn now() -> u64 {
    clock::since_boot()
}

fn descriptor(map: &OpenMap) -> u32 {
    map.as_fd().as_raw_fd().cast_unsigned()
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
