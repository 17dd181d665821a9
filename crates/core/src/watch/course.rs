//! How time goes on in what was saved, where nobody but what is written there tells it (A14, A19).
//!
//! Clocks are set, and lines of many are in one file. Whatever they say, what has happened is judged in the order in which it was
//! written, and one odd date makes nothing of the rest happen at once.

use jiff::{SignedDuration, Timestamp};

/// So far a clock leaps that was set: whoever did something before it is remembered no more. It is whole days.
const LEAP: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Nor is he after this, while ticks can still be counted.
const LONGEST: SignedDuration = SignedDuration::from_hours(6 * 366 * 24);

/// How time goes on.
#[derive(Clone, Copy, Debug)]
pub struct Course {
    began: Timestamp,
    last: Timestamp,
    newest: Timestamp,
}

/// What the next moment is beside the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Later, or the same.
    On,
    /// Earlier.
    Back,
    /// So far from it that time begins anew.
    Anew,
}

impl Course {
    /// One in which this is the first moment.
    #[must_use]
    pub fn new(first: Timestamp) -> Self {
        Self { began: before(first), last: first, newest: first }
    }

    /// From when on ticks are counted, also for whoever is earlier than the first.
    #[must_use]
    pub const fn began(&self) -> Timestamp {
        self.began
    }

    /// The latest moment that was taken.
    #[must_use]
    pub const fn newest(&self) -> Timestamp {
        self.newest
    }

    /// The last one.
    #[must_use]
    pub const fn last(&self) -> Timestamp {
        self.last
    }

    /// Takes the next moment, unless time begins anew with it.
    pub fn step(&mut self, at: Timestamp) -> Step {
        let leap = at.duration_since(self.last).unsigned_abs();
        if leap > LEAP.unsigned_abs() || at < self.began || at.duration_since(self.began) > LONGEST {
            return Step::Anew;
        }
        let step = if at < self.last { Step::Back } else { Step::On };
        self.last = at;
        self.newest = self.newest.max(at);
        step
    }
}

fn before(at: Timestamp) -> Timestamp {
    at.saturating_sub(LEAP).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each step, by days since the beginning of the time of Unix.
    fn steps(days: &[i64]) -> alloc::vec::Vec<Step> {
        let at = |day: i64| Timestamp::from_second(day * 24 * 60 * 60).unwrap();
        let mut course = Course::new(at(days[0]));
        let next = |day: &i64| {
            let step = course.step(at(*day));
            if step == Step::Anew {
                course = Course::new(at(*day));
            }
            step
        };
        days[1..].iter().map(next).collect()
    }

    #[test]
    fn a_step_is_one_and_a_leap_begins_anew() {
        use Step::{Anew, Back, On};
        assert_eq!(steps(&[20_000, 20_000, 20_001, 20_367, 20_000]), [On, On, On, Anew]);
        assert_eq!(steps(&[20_000, 19_999, 19_998, 19_634]), [Back, Back, Back]);
        assert_eq!(steps(&[0, 20_000, 20_001, 20_000]), [Anew, On, Back]);
        assert_eq!(steps(&[2_900_000, 20_000, 20_001]), [Anew, On]);
    }

    #[test]
    fn before_ticks_end_time_begins_anew() {
        let years: alloc::vec::Vec<_> = (0..8).map(|year| year * 360).collect();
        assert_eq!(steps(&years).iter().filter(|step| **step == Step::Anew).count(), 1);
        let back: alloc::vec::Vec<_> = (0..4).map(|year| 20_000 - year * 360).collect();
        assert_eq!(steps(&back).iter().filter(|step| **step == Step::Anew).count(), 1);
        assert_eq!(Course::new(Timestamp::MIN).began(), Timestamp::MIN);
    }
}
