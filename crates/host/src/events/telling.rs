//! What programs in the kernel tell by a ring buffer of theirs, and how much found no room in it.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use jiff::Timestamp;

use crate::{
    bpf::{
        hang::{HangError, create},
        object::Object,
        ring::End,
    },
    observe::clock::WallClock,
    sys::{bpf::OpenMap, ring::Ring},
};

/// What every such object calls the two maps.
const EVENTS: &str = "events";
const LOST: &str = "lost";

/// A ring buffer, and a count of what was lost.
#[derive(Debug)]
pub(super) struct Telling {
    ring: Ring,
    lost: OpenMap,
    lost_before: u64,
    clock: WallClock,
    descriptors: [u32; 2],
}

impl Telling {
    /// Makes the maps of `object`.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses them.
    pub(super) fn create(object: &Object<'_>) -> Result<Self, HangError> {
        let (events, lost) = (create(object, EVENTS, None)?, create(object, LOST, None)?);
        let descriptors = [descriptor(&events), descriptor(&lost)];
        let bytes = object.map(EVENTS).map_or(0, |map| map.entries);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let ring = Ring::new(events.into_fd(), bytes).map_err(|error| HangError::NoMap(EVENTS, error))?;
        Ok(Self { ring, lost, lost_before: 0, clock: WallClock::now(), descriptors })
    }

    /// The descriptor of the map of this name, where it is one of both.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let [events, lost] = self.descriptors;
        match name {
            EVENTS => Some(events),
            LOST => Some(lost),
            _ => None,
        }
    }

    /// Gives each record that was told until now to `each`, which says whether it understood it; tells how many it did not, and
    /// for how many there was no room.
    pub(super) fn read(&mut self, mut each: impl FnMut(&WallClock, &[u8]) -> Option<()>) -> u64 {
        self.clock = self.clock.again();
        let (clock, mut strange) = (&self.clock, 0);
        let end = self.ring.read(|bytes| strange += u64::from(each(clock, bytes).is_none()));
        let lost = self.lost.look_up(&0_u32.to_ne_bytes()).ok().flatten();
        let lost = lost.and_then(|value| Some(u64::from_ne_bytes(*value.first_chunk()?)));
        let lost = lost.unwrap_or(self.lost_before);
        let more = lost.saturating_sub(self.lost_before);
        self.lost_before = lost;
        // What cannot be understood was something all the same.
        more + strange + u64::from(end == End::Broken)
    }

    /// What the wall clock said so many nanoseconds after the boot.
    pub(super) fn time(&self, since_boot: u64) -> Timestamp {
        self.clock.at(since_boot)
    }
}

impl AsFd for Telling {
    /// Readable when something was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

pub(super) fn descriptor(map: &OpenMap) -> u32 {
    map.as_fd().as_raw_fd().cast_unsigned()
}
