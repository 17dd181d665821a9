//! Who shares the work: many sources, each of which fails once or twice at a service, within minutes (A19).

use super::{
    Group, Source, TICKS_EACH_SECOND,
    group::{AGAIN_SECONDS, MANY, NAMED, SECONDS},
};

/// Many are a crowd where they are so many more than were let in.
const TIMES_WELCOMED: usize = 4;
/// Whoever fails more often is told of by himself.
const FEW: u8 = 2;
/// So many sources are remembered of a service.
const REMEMBERED: usize = 64;

/// A source that failed.
#[derive(Clone, Copy, Debug)]
struct Failure {
    source: Source,
    tick: u32,
    /// A bit for the user whom it named.
    user: u64,
}

/// What is remembered of those who asked a service lately. It does not grow.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    failures: [Option<Failure>; REMEMBERED],
    next: usize,
    /// When somebody was let in.
    welcomes: [Option<u32>; REMEMBERED],
    next_welcome: usize,
    told: Option<u32>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            failures: [None; REMEMBERED],
            next: 0,
            welcomes: [None; REMEMBERED],
            next_welcome: 0,
            told: None,
        }
    }
}

/// Whether these are so many seconds from each other at most, whichever was first: in a saved log that may be the later one.
fn is_near(at: u32, tick: u32, seconds: u32) -> bool {
    tick.abs_diff(at) <= seconds * TICKS_EACH_SECOND
}

/// What a crowd did.
pub(super) struct Rush {
    pub(super) group: Group,
    pub(super) users: u32,
    pub(super) first: u32,
}

impl Crowd {
    /// `source` failed, for the `failed`th time of late; what that makes known.
    pub(super) fn fails(&mut self, source: Source, failed: u8, user: Option<u64>, tick: u32) -> Option<Rush> {
        let known = self.failures.iter_mut().find(|one| one.is_some_and(|one| one.source == source));
        if failed > FEW {
            known.into_iter().for_each(|one| *one = None);
            return None;
        }
        let bit = user.map_or(0, |user| 1 << (user % 64));
        if let Some(Some(one)) = known {
            (one.tick, one.user) = (tick, one.user | bit);
        } else {
            self.failures[self.next] = Some(Failure { source, tick, user: bit });
            self.next = (self.next + 1) % REMEMBERED;
        }
        let is_again = self.told.is_some_and(|told| is_near(told, tick, AGAIN_SECONDS));
        if is_again || !self.is_crowd(tick) {
            return None;
        }
        self.told = Some(tick);
        Some(self.rush(tick))
    }

    /// Somebody was let in.
    pub(super) fn welcomes(&mut self, tick: u32) {
        self.welcomes[self.next_welcome] = Some(tick);
        self.next_welcome = (self.next_welcome + 1) % REMEMBERED;
    }

    fn is_crowd(&self, tick: u32) -> bool {
        let welcomed = self.welcomes.iter().flatten().filter(|at| is_near(**at, tick, SECONDS)).count();
        let failed = self.lately(tick).count();
        failed >= MANY && failed >= TIMES_WELCOMED * welcomed
    }

    fn lately(&self, tick: u32) -> impl Iterator<Item = &Failure> {
        self.failures.iter().flatten().filter(move |one| is_near(one.tick, tick, SECONDS))
    }

    fn rush(&self, tick: u32) -> Rush {
        let users = self.lately(tick).fold(0, |users, one| users | one.user);
        let count = u32::try_from(self.lately(tick).count()).unwrap_or(u32::MAX);
        let sources = self.lately(tick).map(|one| one.source).take(NAMED).collect();
        let first = self.lately(tick).map(|one| one.tick).min().unwrap_or(tick);
        Rush { group: Group { sources, count, network: None }, users: users.count_ones(), first }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn source(number: u32) -> Source {
        Source::V4(core::net::Ipv4Addr::from_bits(number))
    }

    const SECOND: u32 = TICKS_EACH_SECOND;

    /// At which source a crowd is told of, of so many that come so many seconds apart.
    fn told(count: u32, apart: u32, mut beside: impl FnMut(u32, &mut Crowd)) -> Vec<u32> {
        let mut crowd = Crowd::default();
        let told = (1..=count).filter(|nth| {
            let tick = nth * apart * SECOND;
            beside(tick, &mut crowd);
            crowd.fails(source(*nth), 1, Some(u64::from(*nth)), tick).is_some()
        });
        told.collect()
    }

    #[test]
    fn many_who_fail_once_within_minutes_are_told_of_once_an_hour() {
        assert_eq!(told(200, 10, |_, _| ()), [20]);
        assert_eq!(told(19, 1, |_, _| ()), [0; 0]);
        assert_eq!(told(400, 20, |_, _| ()), [20, 201, 382], "again after an hour");
        assert_eq!(told(400, 40, |_, _| ()), [0; 0], "fifteen in ten minutes");
    }

    #[test]
    fn people_who_make_mistakes_are_no_crowd() {
        assert_eq!(told(400, 10, |tick, crowd| crowd.welcomes(tick)), [0; 0]);
        // One who tries by himself is told of by himself.
        let mut crowd = Crowd::default();
        let alone =
            (1..=100).filter(|nth| crowd.fails(source(1), (*nth).min(10), None, u32::from(*nth)).is_some());
        assert_eq!(alone.count(), 0);
    }

    #[test]
    fn a_crowd_is_counted_and_its_first_ones_named() {
        let mut crowd = Crowd::default();
        let rush =
            (1..=20).find_map(|nth| crowd.fails(source(nth), 1, Some(u64::from(nth % 5)), nth)).unwrap();
        assert_eq!((rush.group.count, rush.users, rush.first), (20, 5, 1));
        assert_eq!(rush.group.sources, (1..=16).map(source).collect::<Vec<_>>());
    }
}
