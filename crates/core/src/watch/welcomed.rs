//! From where somebody has logged in lately, who had to know or to have something for it (A19).

use alloc::boxed::Box;

use super::{Source, TICKS_EACH_SECOND};

/// Whoever runs a host comes from fewer places within a day.
const REMEMBERED: usize = 1_024;
const DAY_TICKS: u32 = 24 * 60 * 60 * TICKS_EACH_SECOND;

/// The last ones, and when that was. A block takes nothing of it away: that is against somebody, and this is for him.
#[derive(Debug)]
pub(super) struct Welcomed(Box<[Option<(Source, u32)>]>);

impl Welcomed {
    pub(super) fn new() -> Self {
        Self(alloc::vec![None; REMEMBERED].into())
    }

    /// Somebody was let in from there; whoever was longest ago makes room.
    pub(super) fn keep(&mut self, source: Source, tick: u32) {
        let known = self.0.iter().position(|one| one.is_some_and(|(own, _)| own == source));
        let oldest = || (0..REMEMBERED).min_by_key(|place| self.0[*place].map(|(_, tick)| tick));
        if let Some(place) = known.or_else(oldest) {
            self.0[place] = Some((source, tick));
        }
    }

    /// Whether somebody was within a day.
    pub(super) fn has(&self, source: Source, tick: u32) -> bool {
        self.0.iter().flatten().any(|(own, at)| *own == source && tick.abs_diff(*at) <= DAY_TICKS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_are_remembered_for_a_day() {
        let source = |number: u32| Source::V4(core::net::Ipv4Addr::from_bits(number));
        let mut welcomed = Welcomed::new();
        welcomed.keep(source(7), 1);
        assert!(welcomed.has(source(7), DAY_TICKS) && !welcomed.has(source(7), DAY_TICKS + 2));
        assert!(!welcomed.has(source(8), 1));
        welcomed.keep(source(7), DAY_TICKS);
        (100..100 + 1_023).for_each(|number| welcomed.keep(source(number), 2 * DAY_TICKS));
        assert!(welcomed.has(source(7), 2 * DAY_TICKS));
        welcomed.keep(source(9), 2 * DAY_TICKS);
        assert!(!welcomed.has(source(7), 2 * DAY_TICKS), "he was longest ago");
    }
}
