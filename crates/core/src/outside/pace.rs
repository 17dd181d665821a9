//! When the next packets leave: on a clock, slower where answers get lost (A20).

use alloc::collections::VecDeque;
use core::time::Duration;

use super::BATCH;

/// So many a second at first, twice as many each step: whoever is asked must be found on the link before, and may be slow.
const RATE_FIRST: u32 = 2_000;
const STEP: Duration = Duration::from_millis(10);
/// What is late by more is not made up for.
const LATE_MAX: Duration = Duration::from_millis(5);
/// Packets of which the answers are counted together.
const WINDOW: u32 = 256;
/// Fewer answers less than before are chance.
const LOST_MIN: u32 = 24;
/// Nobody is asked slower than a sixteenth of what was allowed.
const SLOWEST: u32 = 16;

/// Packets that left one behind the other.
#[derive(Clone, Copy, Debug)]
struct Window {
    first_at: Duration,
    last_at: Duration,
    sent: u32,
    answered: u32,
}

/// The clock.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    rate_max: u32,
    rate: u32,
    next_at: Duration,
    stepped_at: Duration,
    slowed_at: Option<Duration>,
    slowed: u32,
    /// Those whose answers may still come; the first one has this number.
    windows: VecDeque<Window>,
    first: u32,
    before: Option<Window>,
}

impl Pace {
    /// At most `rate_max` packets a second; one a second at least.
    pub(super) fn new(rate_max: u32) -> Self {
        let rate_max = rate_max.max(1);
        Self {
            rate_max,
            rate: rate_max.min(RATE_FIRST),
            next_at: Duration::ZERO,
            stepped_at: Duration::ZERO,
            slowed_at: None,
            slowed: 0,
            windows: VecDeque::new(),
            first: 0,
            before: None,
        }
    }

    /// When the next packets may leave.
    pub(super) fn next_at(&self) -> Duration {
        self.next_at
    }

    /// How often it became slower.
    pub(super) fn slowed(&self) -> u32 {
        self.slowed
    }

    /// `count` packets leave now; the number says of which window they are.
    pub(super) fn send(&mut self, now: Duration, count: usize) -> u32 {
        let count = u32::try_from(count.min(BATCH)).unwrap_or(1);
        let begin = self.next_at.max(now.saturating_sub(LATE_MAX));
        self.next_at = begin + Duration::from_secs(1) * count / self.rate;
        if self.windows.back().is_none_or(|window| window.sent >= WINDOW) {
            self.windows.push_back(Window { first_at: now, last_at: now, sent: 0, answered: 0 });
        }
        if let Some(window) = self.windows.back_mut() {
            window.sent += count;
            window.last_at = now;
        }
        self.first.wrapping_add(u32::try_from(self.windows.len()).unwrap_or(1)).wrapping_sub(1)
    }

    /// One of this window was answered.
    pub(super) fn answered(&mut self, window: u32) {
        let place = usize::try_from(window.wrapping_sub(self.first)).unwrap_or(usize::MAX);
        if let Some(window) = self.windows.get_mut(place) {
            window.answered += 1;
        }
    }

    /// Looks at the windows of which no answer comes any more, each against the one before it.
    pub(super) fn judge(&mut self, now: Duration, wait: Duration) {
        while let Some(window) = self.windows.front().copied() {
            if window.sent < WINDOW || window.last_at + wait > now {
                break;
            }
            self.windows.pop_front();
            self.first = self.first.wrapping_add(1);
            let is_of_this_rate = self.slowed_at.is_none_or(|at| at < window.first_at);
            match self.before.replace(window) {
                Some(before) if is_of_this_rate && loses(before, window) => self.halve(now),
                Some(_) if is_of_this_rate && self.slowed_at.is_some() => self.recover(),
                _ => {}
            }
        }
        if self.slowed_at.is_none() && self.rate < self.rate_max && now >= self.stepped_at + STEP {
            self.stepped_at = now;
            self.rate = self.rate.saturating_mul(2).min(self.rate_max);
        }
    }

    /// What is asked from now on was not asked before, or was not answered: it answers otherwise.
    pub(super) fn begin(&mut self) {
        self.first = self.first.wrapping_add(u32::try_from(self.windows.len()).unwrap_or(0));
        self.windows.clear();
        self.before = None;
    }

    /// From now on half as fast.
    pub(super) fn halve(&mut self, now: Duration) {
        self.slowed_at = Some(now);
        self.slowed += 1;
        self.rate = (self.rate / 2).max(self.rate_max / SLOWEST).max(1);
    }

    fn recover(&mut self) {
        self.rate = (self.rate + self.rate / 8).min(self.rate_max);
    }
}

/// Whether a third fewer answer than of the ones before.
fn loses(before: Window, window: Window) -> bool {
    let expected = u64::from(before.answered) * u64::from(window.sent) / u64::from(before.sent.max(1));
    let lost = expected.saturating_sub(window.answered.into());
    lost >= LOST_MIN.into() && lost > expected / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    /// Sends for so long on the clock, of which `share` in a hundred are answered at once; how many were sent.
    fn run(pace: &mut Pace, from: Duration, long: Duration, share: u32) -> u32 {
        let mut sent = 0;
        let mut now = from;
        while now < from + long {
            pace.judge(now, WAIT);
            if pace.next_at() <= now {
                let window = pace.send(now, BATCH);
                for nth in 0..32 {
                    sent += 1;
                    if (sent * 7 + nth) % 100 < share {
                        pace.answered(window);
                    }
                }
            }
            now += Duration::from_micros(100);
        }
        sent
    }

    #[test]
    fn it_gets_as_fast_as_it_may_and_no_faster() {
        let mut pace = Pace::new(20_000);
        run(&mut pace, Duration::ZERO, Duration::from_millis(100), 0);
        let sent = run(&mut pace, Duration::from_millis(100), Duration::from_secs(1), 0);
        assert!((19_900..=20_100).contains(&sent), "{sent}");
        let mut slow = Pace::new(100);
        assert!(run(&mut slow, Duration::ZERO, Duration::from_secs(3), 100) <= 332);
    }

    #[test]
    fn it_gets_slower_when_answers_get_lost_and_recovers() {
        let mut pace = Pace::new(20_000);
        let second = Duration::from_secs(1);
        run(&mut pace, Duration::ZERO, second, 100);
        assert_eq!((pace.slowed(), pace.rate), (0, 20_000));
        // A loss of a few in a hundred is no reason.
        run(&mut pace, second, second, 93);
        assert_eq!(pace.slowed(), 0);
        run(&mut pace, second * 2, second / 4, 30);
        assert!(pace.slowed() == 1 && pace.rate < 12_000, "{pace:?}");
        run(&mut pace, second * 3, second * 2, 30);
        assert_eq!((pace.slowed(), pace.rate), (1, 20_000));
    }

    #[test]
    fn there_is_a_slowest_rate() {
        let mut pace = Pace::new(20_000);
        (0..100).for_each(|_| pace.halve(Duration::from_secs(1)));
        assert_eq!(pace.rate, 1_250);
        let mut one = Pace::new(0);
        one.halve(Duration::ZERO);
        assert_eq!(one.rate, 1);
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let mut pace = Pace::new(20_000);
        run(&mut pace, Duration::ZERO, Duration::from_millis(100), 0);
        let sent = run(&mut pace, Duration::from_secs(9), Duration::from_millis(100), 0);
        assert!(sent < 2_200, "{sent}");
    }
}
