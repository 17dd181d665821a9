//! Many sources that do one thing together: how many are many, within which time, and what is told of them (A19).

use alloc::vec::Vec;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Source, TICKS_EACH_SECOND};

/// So many sources are a group. Where strangers come at random, three of them in ten minutes, twenty come so in one such time of
/// 10¹⁰ (Poisson).
pub(super) const MANY: usize = 20;
/// Within this time, in seconds.
pub(super) const SECONDS: u32 = 10 * 60;
/// A group is told of again after this time, in seconds.
pub(super) const AGAIN_SECONDS: u32 = 60 * 60;
/// So many sources are named.
pub(super) const NAMED: usize = 16;

/// Many sources that do one thing together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The first ones that are remembered; none where all were only counted.
    pub sources: Vec<Source>,
    /// How many there are, at least.
    pub count: u32,
    /// The network that all of them are of, where it is for that that they are one.
    #[serde(default)]
    pub network: Option<IpNet>,
}

/// Whether `at` was so many seconds before `tick` at most.
pub(super) fn is_within(at: u32, tick: u32, seconds: u32) -> bool {
    tick.saturating_sub(at) <= seconds * TICKS_EACH_SECOND
}

/// When something was last so: the tick after that, and 0 of what never was, so that a table of zeros is one of these.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Last(pub(super) u32);

impl Last {
    /// It is so at `tick`.
    pub(super) fn set(&mut self, tick: u32) {
        self.0 = tick.saturating_add(1);
    }

    /// Whether it was so within so many seconds before `tick`.
    pub(super) fn is_within(self, tick: u32, seconds: u32) -> bool {
        self.0 != 0 && is_within(self.0 - 1, tick, seconds)
    }

    /// It is so at `tick`; whether that is news, as it has not been so for long enough.
    pub(super) fn is_news(&mut self, tick: u32) -> bool {
        let is_news = !self.is_within(tick, AGAIN_SECONDS);
        self.set(tick);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_no_news_until_it_was_quiet_for_an_hour() {
        let mut last = Last::default();
        let mut news = |minute: u32| last.is_news(minute * 60 * TICKS_EACH_SECOND);
        assert!(news(0) && (1..500).all(|minute| !news(minute)));
        assert!(!news(499 + 60) && news(499 + 60 + 61));
    }
}
