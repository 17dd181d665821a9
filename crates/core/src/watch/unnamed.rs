//! Suspects that are not told of one by one: in a flood of forged packets each source may ask for several ports (A19).

use alloc::vec::Vec;

use jiff::Timestamp;

use super::{Confidence, Kind, Source, Suspicion, TICKS_EACH_SECOND, group::Group};

/// So many whose address may be another's are told of each in a minute: a line a second is what a person can read.
const NAMED_MAX: u32 = 60;
const MINUTE_TICKS: u32 = 60 * TICKS_EACH_SECOND;

/// How many were told of, and how many were not. It does not grow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unnamed {
    /// When this minute began.
    began: u32,
    named: u32,
    /// Sources, and all their contacts.
    count: u32,
    contacts: u32,
}

impl Unnamed {
    /// Whether one more, with so many contacts, is told of at `tick`; else he is counted.
    pub(super) fn names(&mut self, contacts: u32, tick: u32) -> bool {
        if tick.saturating_sub(self.began) >= MINUTE_TICKS && self.count == 0 {
            *self = Self { began: tick, ..Self::default() };
        }
        if self.named < NAMED_MAX {
            self.named += 1;
            return true;
        }
        self.count = self.count.saturating_add(1);
        self.contacts = self.contacts.saturating_add(contacts);
        false
    }

    /// Those of a minute that is over at `tick`: when it began, how many they are, and their contacts.
    pub(super) fn over(&mut self, tick: u32) -> Option<(u32, [u32; 2])> {
        let Self { began, count, contacts, .. } = *self;
        if count == 0 || tick.saturating_sub(began) < MINUTE_TICKS {
            return None;
        }
        *self = Self { began: tick, ..Self::default() };
        Some((began, [count, contacts]))
    }
}

/// What is told of them.
pub(super) fn told([count, contacts]: [u32; 2], first: Timestamp, at: Timestamp) -> Suspicion {
    Suspicion {
        at,
        source: Source::NOBODY,
        kind: Kind::PortScan,
        confidence: Confidence::Unproven,
        score: 0,
        first,
        last: at,
        contacts,
        ports: Vec::new(),
        service: None,
        users: 0,
        welcomed: 0,
        group: Some(Group { sources: Vec::new(), count, network: None }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_more_than_a_line_a_second_the_rest_is_one_line_a_minute() {
        let mut unnamed = Unnamed::default();
        let named = (0..1_000).filter(|tick| unnamed.names(4, *tick)).count();
        assert_eq!((named, unnamed.over(MINUTE_TICKS - 1)), (60, None));
        assert_eq!(unnamed.over(MINUTE_TICKS), Some((0, [940, 4 * 940])));
        assert_eq!(unnamed.over(2 * MINUTE_TICKS), None, "nobody was left out since");
        assert!(unnamed.names(4, 2 * MINUTE_TICKS) && unnamed.names(4, 9 * MINUTE_TICKS));
    }

    #[test]
    fn who_comes_in_the_next_minute_is_told_of() {
        let mut unnamed = Unnamed::default();
        assert!((0..60).all(|_| unnamed.names(4, 0)));
        assert!(unnamed.names(4, MINUTE_TICKS));
        assert!((0..59).all(|_| unnamed.names(4, MINUTE_TICKS)) && !unnamed.names(4, MINUTE_TICKS));
    }
}
