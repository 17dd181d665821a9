//! Who is kept out, who was before, and whether one more may be: bounded in number and in time (A19).

use alloc::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::{policy::WatchChoice, watch::BLOCK_LONGEST};

/// The gate keeps no more sources out than these.
const BLOCKS_MAX: usize = 65_536;
/// Who comes back so long after he was let in again begins anew.
const FORGOTTEN_AFTER: SignedDuration = BLOCK_LONGEST;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A source that was kept out.
#[derive(Clone, Copy, Debug)]
struct Block {
    until: Timestamp,
    times: u32,
}

/// Why nobody else is kept out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// As many were in this minute as may be.
    Minute,
    /// As many are as may be at once.
    All,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    all: BTreeMap<Source, Block>,
    /// When the minute began in which so many were blocked.
    minute: Option<(Timestamp, u32)>,
}

impl Blocks {
    /// Whether `source` is kept out: what he does then is no news.
    pub(super) fn has(&self, source: Source, at: Timestamp) -> bool {
        self.all.get(&source).is_some_and(|block| at < block.until)
    }

    /// For how long `source` would be kept out.
    pub(super) fn length(&self, source: Source, choice: &WatchChoice, at: Timestamp) -> SignedDuration {
        let before = self.all.get(&source).filter(|block| !is_forgotten(block, at));
        let times = before.map_or(0, |block| block.times);
        let factor = 1_i32.checked_shl(times).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
        choice.block_for.checked_mul(factor).unwrap_or(BLOCK_LONGEST).min(BLOCK_LONGEST)
    }

    /// What keeps one more from being kept out.
    pub(super) fn limit(&self, choice: &WatchChoice, at: Timestamp) -> Option<Limit> {
        let now = self.minute.filter(|(began, _)| at.duration_since(*began) < MINUTE);
        if now.is_some_and(|(_, count)| count >= choice.blocks_per_minute_max) {
            return Some(Limit::Minute);
        }
        let is_full = self.all.len() >= BLOCKS_MAX;
        (is_full && self.all.values().filter(|block| at < block.until).count() >= BLOCKS_MAX)
            .then_some(Limit::All)
    }

    /// Whose block ended after `before`, and by `now`.
    pub(super) fn ended(&self, before: Timestamp, now: Timestamp) -> impl Iterator<Item = Source> {
        let is_over = move |block: &Block| before < block.until && block.until <= now;
        self.all.iter().filter(move |(_, block)| is_over(block)).map(|(source, _)| *source)
    }

    /// One more is kept out.
    pub(super) fn put(&mut self, source: Source, until: Timestamp, at: Timestamp) {
        match &mut self.minute {
            Some((began, count)) if at.duration_since(*began) < MINUTE => *count = count.saturating_add(1),
            minute => *minute = Some((at, 1)),
        }
        self.remember(source, until, at);
    }

    /// Somebody is or was kept out, whoever did it.
    pub(super) fn remember(&mut self, source: Source, until: Timestamp, at: Timestamp) {
        if self.all.len() >= BLOCKS_MAX {
            self.all.retain(|_, block| !is_forgotten(block, at));
        }
        if self.all.len() >= BLOCKS_MAX {
            self.all.retain(|_, block| at < block.until);
        }
        let before = self.all.get(&source).filter(|block| !is_forgotten(block, at));
        let times = before.map_or(0, |block| block.times).saturating_add(1);
        self.all.insert(source, Block { until, times });
    }

    /// Somebody else keeps him out until then: one block, of which each may hear more than once.
    pub(super) fn hears(&mut self, source: Source, until: Timestamp, at: Timestamp) {
        match self.all.get_mut(&source).filter(|block| at < block.until) {
            Some(block) => block.until = block.until.max(until),
            None => self.remember(source, until, at),
        }
    }

    /// Whoever is none of those whom the gate keeps out at `now` is let in, as if his time were over.
    pub(super) fn compare(&mut self, kept_out: &BTreeSet<Source>, now: Timestamp) {
        let is_lost = |source: &Source, block: &Block| now < block.until && !kept_out.contains(source);
        let lost = self.all.iter_mut().filter(|(source, block)| is_lost(source, block));
        lost.for_each(|(_, block)| block.until = now);
    }

    /// Somebody is let in again, and nothing of it is held against him.
    pub(super) fn forgive(&mut self, source: Source) {
        self.all.remove(&source);
    }
}

fn is_forgotten(block: &Block, at: Timestamp) -> bool {
    at.duration_since(block.until) >= FORGOTTEN_AFTER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn source(number: u32) -> Source {
        Source::V4(core::net::Ipv4Addr::from_bits(number))
    }

    const HOUR: i64 = 3_600;

    #[test]
    fn whoever_comes_back_is_kept_out_for_twice_as_long() {
        let (mut blocks, choice) = (Blocks::default(), WatchChoice::default());
        let mut now = 0;
        let lengths = (0..10).map(|_| {
            let length = blocks.length(source(1), &choice, at(now));
            blocks.put(source(1), at(now) + length, at(now));
            now += length.as_secs() + HOUR;
            length.as_hours()
        });
        assert!(lengths.eq([1, 2, 4, 8, 16, 32, 64, 128, 168, 168]));
        assert_eq!(blocks.length(source(2), &choice, at(now)).as_hours(), 1, "another one");
        let later = at(now - HOUR) + FORGOTTEN_AFTER;
        assert_eq!(blocks.length(source(1), &choice, later).as_hours(), 1, "it was long ago");
    }

    #[test]
    fn what_is_done_by_whoever_is_kept_out_is_no_news() {
        let mut blocks = Blocks::default();
        blocks.put(source(1), at(10), at(0));
        assert!(
            blocks.has(source(1), at(9)) && !blocks.has(source(1), at(10)) && !blocks.has(source(2), at(9))
        );
        blocks.forgive(source(1));
        assert!(!blocks.has(source(1), at(9)));
        assert_eq!(blocks.length(source(1), &WatchChoice::default(), at(9)).as_hours(), 1);
    }

    #[test]
    fn only_so_many_are_kept_out_in_a_minute() {
        let choice = WatchChoice { blocks_per_minute_max: 2, ..WatchChoice::default() };
        let mut blocks = Blocks::default();
        let told = [0, 1, 59, 60, 61, 62].map(|second| {
            let limit = blocks.limit(&choice, at(second));
            if limit.is_none() {
                blocks.put(source(u32::try_from(second).unwrap()), at(HOUR), at(second));
            }
            limit
        });
        let full = Some(Limit::Minute);
        assert_eq!(told, [None, None, full, None, None, full]);
    }

    #[test]
    fn only_so_many_are_kept_out_at_once() {
        let choice = WatchChoice::default();
        let mut blocks = Blocks::default();
        (0..65_536).for_each(|number| blocks.remember(source(number), at(HOUR), at(0)));
        assert_eq!(blocks.limit(&choice, at(0)), Some(Limit::All));
        assert_eq!(blocks.limit(&choice, at(HOUR)), None, "their time is over");
        blocks.remember(source(70_000), at(3 * HOUR), at(HOUR));
        assert_eq!(blocks.all.len(), 1, "those of the past make room");
    }
}
