//! Which sources touched which port of nobody's lately, as far as each was told of (A19).

use alloc::boxed::Box;

use super::place::Place;
use crate::watch::{
    Source,
    group::{SECONDS, is_within},
};

/// So many touches are remembered: a group names far fewer.
const REMEMBERED: usize = 1_024;

/// A touch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) source: Source,
    pub(super) place: Place,
    pub(super) tick: u32,
}

/// The newest ones. It does not grow.
#[derive(Debug)]
pub(super) struct Lately {
    touches: Box<[Option<Known>]>,
    next: usize,
}

impl Lately {
    pub(super) fn new() -> Self {
        Self { touches: alloc::vec![None; REMEMBERED].into(), next: 0 }
    }

    /// Remembers one more, in the place of the oldest.
    pub(super) fn keep(&mut self, source: Source, place: Place, tick: u32) {
        self.touches[self.next] = Some(Known { source, place, tick });
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// Whoever is told of by himself is one of many no more.
    pub(super) fn forget(&mut self, source: Source) {
        let own = self.touches.iter_mut().filter(|touch| touch.is_some_and(|touch| touch.source == source));
        own.for_each(|touch| *touch = None);
    }

    /// Those within the time of a group, the oldest first.
    pub(super) fn all(&self, tick: u32) -> impl Iterator<Item = &Known> + Clone {
        let (newer, older) = self.touches.split_at(self.next);
        let is_late = move |touch: &&Known| is_within(touch.tick, tick, SECONDS);
        older.iter().chain(newer).flatten().filter(is_late)
    }
}
