//! Whether the gate has room left to tell sources apart, of which it tells where the kernel's programs do not (A14, A19).
//!
//! It tells of each source by a rate of its own as long as its set has room; whoever comes when it is full shares one with all the
//! others, and a flood in the name of many hides him. Each source in the set was told of within its minute, so those that were heard
//! of are those that are in it.

use alloc::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Source;
use crate::gate::{TOLD_FOR, TOLD_SOURCES_MAX};

/// Who was told of lately, of each family: what the set of the gate holds. It does not grow beyond that.
#[derive(Debug, Default)]
pub struct Room {
    sets: [Set; 2],
}

#[derive(Debug, Default)]
struct Set {
    heard: BTreeMap<Source, Timestamp>,
    /// When it was last.
    full: Option<Timestamp>,
    /// When those of longer ago were forgotten last.
    looked: Option<Timestamp>,
}

impl Room {
    /// A packet of `source` was told of.
    pub fn hears(&mut self, source: Source, at: Timestamp) {
        let set = match source {
            Source::V4(_) => &mut self.sets[0],
            Source::V6(_) => &mut self.sets[1],
        };
        set.hears(source, at);
    }

    /// Whether there was none within the last minute.
    #[must_use]
    pub fn is_full(&self, now: Timestamp) -> bool {
        self.sets.iter().any(|set| set.full.is_some_and(|full| is_lately(full, now)))
    }
}

impl Set {
    fn hears(&mut self, source: Source, at: Timestamp) {
        if let Some(heard) = self.heard.get_mut(&source) {
            *heard = at;
            return;
        }
        self.forgets(at);
        if self.heard.len() < TOLD_SOURCES_MAX {
            self.heard.insert(source, at);
        }
        if self.heard.len() >= TOLD_SOURCES_MAX {
            self.full = Some(at);
        }
    }

    /// Those of longer ago make room, where there is none: once a second, as each packet of a flood asks for it.
    fn forgets(&mut self, at: Timestamp) {
        let is_looked = self.looked.is_some_and(|looked| at.duration_since(looked).abs() < LOOK_EACH);
        if self.heard.len() >= TOLD_SOURCES_MAX && !is_looked {
            self.looked = Some(at);
            self.heard.retain(|_, heard| is_lately(*heard, at));
        }
    }
}

const LOOK_EACH: SignedDuration = SignedDuration::from_secs(1);

/// Within the time that the gate remembers a source, whatever a clock does.
fn is_lately(then: Timestamp, now: Timestamp) -> bool {
    now.duration_since(then).abs() <= TOLD_FOR
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// So many sources from the first on, each heard of once.
    fn hear(room: &mut Room, count: usize, seconds: i64) {
        for number in 0..u32::try_from(count).unwrap() {
            room.hears(Source::V4(Ipv4Addr::from_bits(number)), at(seconds));
        }
    }

    #[test]
    fn it_is_full_where_as_many_were_told_of_within_a_minute_as_the_gate_tells_apart() {
        let mut room = Room::default();
        hear(&mut room, TOLD_SOURCES_MAX - 1, 0);
        hear(&mut room, TOLD_SOURCES_MAX - 1, 30);
        assert!(!room.is_full(at(30)), "the same ones again");
        room.hears(Source::V6(1), at(30));
        assert!(!room.is_full(at(30)), "they are in another set");
        hear(&mut room, TOLD_SOURCES_MAX, 60);
        assert!(room.is_full(at(60)) && room.is_full(at(120)) && !room.is_full(at(121)));
    }

    #[test]
    fn whoever_was_told_of_long_ago_takes_no_room() {
        let mut room = Room::default();
        hear(&mut room, TOLD_SOURCES_MAX, 0);
        let other = Source::V4(Ipv4Addr::from_bits(u32::MAX));
        room.hears(other, at(61));
        assert!(!room.is_full(at(61)), "it is the only one of that minute");
        assert_eq!(room.sets[0].heard.len(), 1);
    }

    /// Its clock may be put back.
    #[test]
    fn it_does_not_grow() {
        let mut room = Room::default();
        hear(&mut room, TOLD_SOURCES_MAX + 1_000, 1_000);
        hear(&mut room, TOLD_SOURCES_MAX + 2_000, 999);
        assert_eq!(room.sets[0].heard.len(), TOLD_SOURCES_MAX);
    }
}
