//! How long etcd keeps a claim that ends by itself: never less long than the claim holds.

use jiff::Timestamp;
use portreeve_core::ledger::{Claim, Lease};

/// etcd's clock is another one, and a claim ends by that of who made it; others wait until etcd takes it away.
const SLACK_SECONDS: i64 = 60;
/// Claims that end at about the same time hang on one lease.
const SHARED_SECONDS: i64 = 60;
/// More than etcd takes is as good as for ever (`server/lease/lessor.go`).
const SECONDS_MAX: i64 = 9_000_000_000;

/// A lease that was granted, for a number of seconds from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) id: u64,
    pub(super) seconds: i64,
}

/// How many seconds a lease must have for `claim`, fewer than none where it ended long ago; nothing where it does not end by a
/// clock.
pub(super) fn needed(claim: &Claim, now: Timestamp) -> Option<i64> {
    let Lease::Until { until, .. } = &claim.lease else { return None };
    // The second that has begun is counted too.
    let left = until.as_second().saturating_sub(now.as_second()).saturating_add(1);
    Some(left.saturating_add(SLACK_SECONDS).min(SECONDS_MAX))
}

/// For how long a lease is asked that is needed for `seconds`.
pub(super) fn asked(seconds: i64) -> i64 {
    seconds.saturating_add(SHARED_SECONDS).clamp(1, SECONDS_MAX)
}

/// The one of `granted` on which a claim is to hang that needs `seconds`.
pub(super) fn fitting(granted: &[Granted], seconds: i64) -> Option<u64> {
    let fits = |lease: &&Granted| (seconds..=asked(seconds)).contains(&lease.seconds);
    granted.iter().find(fits).map(|lease| lease.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_outlives_its_claims_and_not_by_much() {
        for seconds in [-3600, -1, 60, 61, 3600, SECONDS_MAX] {
            let lease = Granted { id: 7, seconds: asked(seconds) };
            assert_eq!(fitting(&[lease], seconds), Some(7), "{seconds}");
        }
        let lease = Granted { id: 7, seconds: 120 };
        assert_eq!(fitting(&[lease], 121), None, "it would end before the claim");
        assert_eq!(fitting(&[lease], 59), None, "it would stay for long");
    }
}
