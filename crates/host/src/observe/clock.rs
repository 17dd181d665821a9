//! The time of a look, and when the host booted (clock_gettime(2)).

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// The time now.
pub(super) fn now() -> Timestamp {
    timestamp(nanoseconds(ClockId::Realtime))
}

/// When the host booted, by the wall clock of now.
pub(super) fn booted() -> i128 {
    nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime)
}

/// Nanoseconds after 1970 as a time.
pub(super) fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn nanoseconds(clock: ClockId) -> i128 {
    let time = clock_gettime(clock);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
