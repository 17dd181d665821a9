//! The last days, and how many sources are usual on one (A19).

use alloc::vec::Vec;

use jiff::{SignedDuration, Timestamp};

use super::usual::{PortDays, Usual};
use crate::watch::group::SECONDS;

/// What is usual is the median of so many days: what happens on three of them is not.
pub(super) const DAYS: usize = 7;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// What was watched for less tells nothing of what is usual.
const WATCHED_SECONDS_MIN: u32 = 60 * 60;
/// Between two times that somebody says that he watches there are some seconds; what is longer, nobody did.
const PAUSE_SECONDS_MAX: i64 = 60;

/// When the days were, and for how long somebody watched.
#[derive(Clone, Debug)]
pub(super) struct Days {
    /// When this one began.
    began: Timestamp,
    /// When somebody watched last.
    last: Timestamp,
    /// For how many seconds on this day.
    today: u32,
    /// And on each of those before, the newest first.
    watched: [u32; DAYS],
}

impl Days {
    /// The first one begins.
    pub(super) const fn since(began: Timestamp) -> Self {
        Self { began, last: began, today: 0, watched: [0; DAYS] }
    }

    /// They go on at `now`.
    pub(super) fn after(usual: &Usual, now: Timestamp) -> Self {
        let mut watched = [0; DAYS];
        let before = usual.watched.iter().skip(1);
        watched.iter_mut().zip(before).for_each(|(own, seconds)| *own = *seconds);
        let today = usual.watched.first().copied().unwrap_or(0);
        // A clock that was put back since would let this day never end.
        Self { began: usual.began.min(now), last: now, today, watched }
    }

    /// Somebody watches at `at`.
    pub(super) fn watches(&mut self, at: Timestamp) {
        let seconds = at.duration_since(self.last).as_secs().clamp(0, PAUSE_SECONDS_MAX);
        self.today = self.today.saturating_add(u32::try_from(seconds).unwrap_or(0));
        self.last = at;
    }

    /// How many days have ended by `at`; another one has begun then.
    pub(super) fn ended(&mut self, at: Timestamp) -> usize {
        let hours = at.duration_since(self.began).as_hours();
        let days = usize::try_from(hours / DAY.as_hours()).unwrap_or(0);
        if days == 0 {
            return 0;
        }
        for _ in 0..days.min(DAYS + 1) {
            self.watched.rotate_right(1);
            self.watched[0] = core::mem::take(&mut self.today);
        }
        let whole = DAY.checked_mul(i32::try_from(days).unwrap_or(i32::MAX)).unwrap_or(DAY);
        self.began = self.began.saturating_add(whole).unwrap_or(at);
        days.min(DAYS + 1)
    }

    /// How many sources within the time of a group are usual for a port of which there were so many first touches on each of the
    /// days before this one: in thousandths.
    ///
    /// Where fewer of them were watched it is the median of these; on the first one nothing is usual yet.
    pub(super) fn usual(&self, days: &[u16; DAYS]) -> u64 {
        let mut known = [0; DAYS];
        let mut count = 0;
        for (touches, seconds) in days.iter().zip(self.watched) {
            if seconds >= WATCHED_SECONDS_MIN {
                known[count] = u64::from(*touches) * u64::from(SECONDS) * 1_000 / u64::from(seconds);
                count += 1;
            }
        }
        median(&mut known[..count])
    }

    /// The same as a value, with what is known of these ports.
    pub(super) fn tell(&self, ports: Vec<PortDays>) -> Usual {
        let watched = [self.today].into_iter().chain(self.watched).collect();
        Usual { began: self.began, watched, ports }
    }
}

/// The one in the middle, of two the larger one; 0 of none.
fn median(known: &mut [u64]) -> u64 {
    known.sort_unstable();
    known.get(known.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u32 = 60 * 60;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn usual(watched: [u32; DAYS], touches: [u16; DAYS]) -> u64 {
        Days { watched, ..Days::since(at(0)) }.usual(&touches)
    }

    #[test]
    fn the_day_in_the_middle_is_usual() {
        let whole = [24 * HOUR; DAYS];
        // 144 times ten minutes each day.
        assert_eq!(usual(whole, [144, 288, 432, 576, 720, 864, 1_008]), 4_000);
        assert_eq!(usual(whole, [0, 0, 0, 0, 60_000, 60_000, 60_000]), 0, "three days are not usual");
        assert_eq!(usual(whole, [0, 0, 0, 60_000, 144, 144, 144]), 1_000);
    }

    #[test]
    fn of_fewer_days_it_is_the_one_in_the_middle_too() {
        let (day, none) = (24 * HOUR, 0);
        assert_eq!(usual([none; DAYS], [600; DAYS]), 0, "nobody knows yet");
        assert_eq!(usual([day, none, none, none, none, none, none], [144, 9, 9, 9, 9, 9, 9]), 1_000);
        assert_eq!(usual([HOUR, day, HOUR - 1, none, none, none, none], [12, 144, 900, 9, 9, 9, 9]), 2_000);
    }

    #[test]
    fn a_day_ends_after_so_many_hours_and_those_without_a_watch_are_known_too() {
        let mut days = Days::since(at(0));
        for second in (0..=24 * 3_600).step_by(10) {
            days.watches(at(second));
        }
        assert_eq!(
            (days.today, days.ended(at(24 * 3_600 - 1)), days.ended(at(24 * 3_600))),
            (24 * HOUR, 0, 1)
        );
        assert_eq!((days.today, days.watched[0], days.began), (0, 24 * HOUR, at(24 * 3_600)));
        days.watches(at(3 * 24 * 3_600));
        assert_eq!((days.today, days.ended(at(3 * 24 * 3_600))), (60, 2), "only a pause of it was watched");
        assert_eq!(days.watched, [0, 60, 24 * HOUR, 0, 0, 0, 0]);
        assert_eq!(days.ended(at(1_000 * 24 * 3_600)), DAYS + 1);
        assert_eq!((days.watched, days.began), ([0; DAYS], at(1_000 * 24 * 3_600)));
    }

    #[test]
    fn days_go_on_after_a_restart_and_a_clock_that_was_put_back() {
        let told = Days { today: 9, watched: [7; DAYS], ..Days::since(at(0)) }.tell(Vec::new());
        let after = Days::after(&told, at(100));
        assert_eq!((after.today, after.watched, after.began), (9, [7; DAYS], at(0)));
        assert_eq!(Days::after(&told, at(-100)).began, at(-100));
    }
}
