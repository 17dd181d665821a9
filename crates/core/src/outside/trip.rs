//! How long an answer takes, and so how long to wait for one (RFC 6298).

use core::time::Duration;

/// Nobody waits less: a busy host answers late.
const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(1);
/// As long as nothing has answered: longer than by a satellite.
const WAIT_UNKNOWN: Duration = Duration::from_millis(800);

/// The time there and back, smoothed, with how much it varies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trip(Option<(Duration, Duration)>);

impl Trip {
    /// One more answer took so long.
    pub(super) fn took(&mut self, time: Duration) {
        let (smooth, varies) = match self.0 {
            None => (time, time / 2),
            Some((smooth, varies)) => ((smooth * 7 + time) / 8, (varies * 3 + smooth.abs_diff(time)) / 4),
        };
        self.0 = Some((smooth, varies));
    }

    /// How long an answer may still come.
    pub(super) fn wait(self) -> Duration {
        self.0.map_or(WAIT_UNKNOWN, |(smooth, varies)| (smooth + varies * 4).clamp(WAIT_MIN, WAIT_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_waits_as_long_as_answers_take_within_bounds() {
        let mut trip = Trip::default();
        assert_eq!(trip.wait(), WAIT_UNKNOWN);
        trip.took(Duration::from_millis(80));
        assert_eq!(trip.wait(), Duration::from_millis(240));
        trip.took(Duration::from_millis(80));
        assert_eq!(trip.wait(), Duration::from_millis(200));
        (0..40).for_each(|_| trip.took(Duration::from_micros(50)));
        assert_eq!(trip.wait(), WAIT_MIN);
        trip.took(Duration::from_secs(3_000));
        assert_eq!(trip.wait(), WAIT_MAX);
    }
}
