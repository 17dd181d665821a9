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
/// Nobody is asked slower than a sixteenth of what was allowed, but for whoever was seen to answer so slowly.
const SLOWEST: u32 = 16;
/// Who loses as much after so many windows at that rate does so for another reason.
const IN_VAIN: u8 = 4;
/// As many leave together as one after the other would in a millisecond and a half: at a low rate each by itself.
const TOGETHER: u32 = 625;

/// How many leave together at so many a second.
pub(super) fn together(rate: u32) -> usize {
    usize::try_from(rate / TOGETHER).unwrap_or(BATCH).clamp(1, BATCH)
}

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
    /// Windows one behind the other that lost as much at the slowest rate.
    in_vain: u8,
    /// Those whose answers may still come; the first one has this number.
    windows: VecDeque<Window>,
    first: u32,
    /// Packets of the windows that lost hardly anything by haste, and answers.
    calm: (u64, u64),
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
            in_vain: 0,
            windows: VecDeque::new(),
            first: 0,
            calm: (0, 0),
        }
    }

    /// When the next packets may leave.
    pub(super) fn next_at(&self) -> Duration {
        self.next_at
    }

    /// How many leave together now.
    pub(super) fn together(&self) -> usize {
        together(self.rate)
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

    /// Looks at the windows of which no answer comes any more.
    pub(super) fn judge(&mut self, now: Duration, wait: Duration) {
        while let Some(window) = self.windows.front().copied() {
            if window.sent < WINDOW || window.last_at + wait > now {
                break;
            }
            self.windows.pop_front();
            self.first = self.first.wrapping_add(1);
            if self.slowed_at.is_none_or(|at| at < window.first_at) {
                self.weigh(now, window);
            }
        }
        if self.slowed_at.is_none() && self.rate < self.rate_max && now >= self.stepped_at + STEP {
            self.stepped_at = now;
            self.rate = self.rate.saturating_mul(2).min(self.rate_max);
        }
    }

    /// Chance has the ports in order, so each window answers as much as all do: what is less was lost.
    fn weigh(&mut self, now: Duration, window: Window) {
        let (expected, lost) = self.lost(window).unwrap_or_default();
        let is_chance = lost < LOST_MIN.into();
        if !is_chance && lost > expected / 3 {
            return self.lose(now);
        }
        self.in_vain = 0;
        let is_calm = is_chance || lost <= expected / 10;
        // What is a little less would teach to expect less and less.
        if is_calm {
            self.calm.0 += u64::from(window.sent);
            self.calm.1 += u64::from(window.answered);
        }
        if self.slowed_at.is_some() {
            let step = (self.rate / 8).max(1);
            let rate = if is_calm { self.rate + step } else { self.rate - step };
            self.rate = rate.clamp(self.slowest(), self.rate_max);
        }
    }

    /// How many answers were to be expected of it, and how many of them are missing.
    fn lost(&self, window: Window) -> Option<(u64, u64)> {
        let (sent, answered) = self.calm;
        let expected = (answered * u64::from(window.sent)).checked_div(sent)?;
        Some((expected, expected.saturating_sub(window.answered.into())))
    }

    fn lose(&mut self, now: Duration) {
        if self.rate > self.slowest() {
            return self.halve(now);
        }
        self.in_vain += 1;
        if self.in_vain >= IN_VAIN {
            self.in_vain = 0;
            self.calm = (0, 0);
        }
    }

    fn slowest(&self) -> u32 {
        (self.rate_max / SLOWEST).max(1)
    }

    /// What is asked from now on was not asked before, or was not answered: it answers otherwise.
    pub(super) fn begin(&mut self) {
        self.first = self.first.wrapping_add(u32::try_from(self.windows.len()).unwrap_or(0));
        self.windows.clear();
        self.calm = (0, 0);
    }

    /// From now on half as fast.
    pub(super) fn halve(&mut self, now: Duration) {
        self.slowed_at = Some(now);
        self.slowed += 1;
        self.rate = (self.rate / 2).max(self.slowest());
    }

    /// From now on never faster than `rate` a second, however slow that is.
    pub(super) fn keep_to(&mut self, now: Duration, rate: u32) {
        self.slowed_at = Some(now);
        self.slowed += 1;
        self.rate_max = rate.clamp(1, self.rate_max);
        self.rate = self.rate.min(self.rate_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(100);

    /// Sends for so long on the clock, of which `answers` tells at what time the next one is answered; how many were sent.
    fn run(
        pace: &mut Pace,
        from: Duration,
        long: Duration,
        answers: &mut dyn FnMut(Duration) -> bool,
    ) -> u32 {
        let mut sent = 0;
        let mut now = from;
        while now < from + long {
            pace.judge(now, WAIT);
            if pace.next_at() <= now {
                let count = pace.together();
                let window = pace.send(now, count);
                for _ in 0..count {
                    sent += 1;
                    if answers(now) {
                        pace.answered(window);
                    }
                }
            }
            now += Duration::from_micros(100);
        }
        sent
    }

    /// So many in a hundred are answered.
    fn share(percent: u32) -> impl FnMut(Duration) -> bool {
        let mut nth = 0;
        move |_| {
            nth += 61;
            nth % 100 < percent
        }
    }

    /// As many a second are answered, as a filter counts them.
    fn limit(rate: u32, burst: u32) -> impl FnMut(Duration) -> bool {
        let (mut left, mut at) = (f64::from(burst), Duration::ZERO);
        move |now| {
            left = (left + (now.saturating_sub(at)).as_secs_f64() * f64::from(rate)).min(f64::from(burst));
            at = now;
            let is_answered = left >= 1.0;
            left -= if is_answered { 1.0 } else { 0.0 };
            is_answered
        }
    }

    #[test]
    fn it_gets_as_fast_as_it_may_and_no_faster() {
        let mut pace = Pace::new(20_000);
        run(&mut pace, Duration::ZERO, Duration::from_millis(100), &mut share(0));
        let sent = run(&mut pace, Duration::from_millis(100), Duration::from_secs(1), &mut share(0));
        assert!((19_900..=20_100).contains(&sent), "{sent}");
        for rate in [1, 45, 100] {
            let mut slow = Pace::new(rate);
            let sent = run(&mut slow, Duration::ZERO, Duration::from_secs(3), &mut share(100));
            assert!((rate * 3..=rate * 3 + 1).contains(&sent) && slow.together() == 1, "{rate}: {sent}");
        }
    }

    #[test]
    fn it_gets_slower_when_answers_get_lost_and_recovers() {
        let mut pace = Pace::new(20_000);
        let second = Duration::from_secs(1);
        run(&mut pace, Duration::ZERO, second, &mut share(100));
        assert_eq!((pace.slowed(), pace.rate), (0, 20_000));
        // A loss of a few in a hundred is no reason.
        run(&mut pace, second, second, &mut share(93));
        assert_eq!(pace.slowed(), 0);
        run(&mut pace, second * 2, second / 4, &mut share(30));
        assert!(pace.slowed() > 0 && pace.rate < 12_000, "{pace:?}");
        run(&mut pace, second * 3, second * 8, &mut share(100));
        assert_eq!(pace.rate, 20_000);
    }

    #[test]
    fn who_answers_so_many_a_second_is_asked_about_as_many() {
        let mut pace = Pace::new(20_000);
        let mut answers = limit(2_000, 100);
        run(&mut pace, Duration::ZERO, Duration::from_secs(2), &mut answers);
        let sent = run(&mut pace, Duration::from_secs(2), Duration::from_secs(10), &mut answers);
        assert!((18_000..32_000).contains(&sent), "{sent} {pace:?}");
    }

    #[test]
    fn who_loses_as_much_however_slowly_he_is_asked_is_asked_faster_again() {
        let mut pace = Pace::new(20_000);
        let second = Duration::from_secs(1);
        run(&mut pace, Duration::ZERO, second, &mut share(100));
        run(&mut pace, second, second * 30, &mut share(30));
        assert_eq!(pace.rate, 20_000, "{pace:?}");
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
        run(&mut pace, Duration::ZERO, Duration::from_millis(100), &mut share(0));
        let sent = run(&mut pace, Duration::from_secs(9), Duration::from_millis(100), &mut share(0));
        assert!(sent < 2_200, "{sent}");
    }
}
