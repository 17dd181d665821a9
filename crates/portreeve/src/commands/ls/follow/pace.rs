//! How often the host is looked at.

use std::time::{Duration, Instant};

/// A change is told within a second, also where nobody tells of it.
const PAUSE: Duration = Duration::from_millis(400);
/// Where the kernel tells of what opens and closes, looks alone still tell what changes hands.
const PAUSE_WHEN_TOLD: Duration = Duration::from_millis(800);
/// A look rests four times as long as it took, so that following takes a fifth of a processor at most, but a change is
/// still told within a second.
const REST_FACTOR: u32 = 4;
const REST_MAX: Duration = Duration::from_millis(600);
/// What is told meanwhile is taken in that often: the kernel keeps some 16,000 changes for us.
const NAP_MAX: Duration = Duration::from_millis(50);

/// When the last look was, and how long it took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pause: Duration,
    ended: Instant,
    took: Duration,
}

impl Pace {
    /// After a first look that has just ended; `is_told` where the kernel tells of what opens and closes.
    pub(super) fn new(is_told: bool) -> Self {
        let pause = if is_told { PAUSE_WHEN_TOLD } else { PAUSE };
        Self { pause, ended: Instant::now(), took: Duration::ZERO }
    }

    /// Looks, and notes how long that took.
    pub(super) fn measure<T>(&mut self, look: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let seen = look();
        self.ended = Instant::now();
        self.took = self.ended - began;
        seen
    }

    /// How long to sleep at most; `None` where it is time to look. `due` is when something that was heard asks for it.
    pub(super) fn nap(&self, due: Option<Instant>) -> Option<Duration> {
        self.nap_at(Instant::now(), due)
    }

    fn nap_at(&self, now: Instant, due: Option<Instant>) -> Option<Duration> {
        let latest = self.ended + self.pause;
        let earliest = self.ended + (self.took * REST_FACTOR).min(REST_MAX);
        let nap_max = if due.is_some() { NAP_MAX } else { self.pause };
        let wanted = due.map_or(latest, |due| due.max(earliest).min(latest));
        let left = wanted.saturating_duration_since(now);
        (!left.is_zero()).then_some(left.min(nap_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn a_look_follows_what_was_heard_and_rests_by_what_it_took() {
        let ended = Instant::now();
        let pace = |took| Pace { pause: PAUSE_WHEN_TOLD, ended, took };
        let quick = pace(5 * MILLISECOND);
        assert_eq!(quick.nap_at(ended, None), Some(PAUSE_WHEN_TOLD), "nothing was heard");
        assert_eq!(quick.nap_at(ended, Some(ended)), Some(20 * MILLISECOND));
        assert_eq!(quick.nap_at(ended + 20 * MILLISECOND, Some(ended)), None);
        let due = ended + 30 * MILLISECOND;
        assert_eq!(quick.nap_at(ended + 20 * MILLISECOND, Some(due)), Some(10 * MILLISECOND), "it settles");
        let slow = pace(Duration::from_secs(1));
        assert_eq!(slow.nap_at(ended, Some(ended)), Some(NAP_MAX), "what is told is taken in meanwhile");
        assert_eq!(slow.nap_at(ended + REST_MAX, Some(ended)), None);
        assert_eq!(quick.nap_at(ended + PAUSE_WHEN_TOLD, None), None);
    }
}
