//! The time of a look, and when the host booted (clock_gettime(2)).

use jiff::Timestamp;
use rustix::{
    param::clock_ticks_per_second,
    time::{ClockId, clock_gettime},
};

/// The time now.
pub(super) fn now() -> Timestamp {
    timestamp(nanoseconds(ClockId::Realtime))
}

/// A process' start is known to a hundredth of a second (USER_HZ).
const TICK_NANOSECONDS: i128 = 10_000_000;

/// When the host booted, by the wall clock of now, in nanoseconds after 1970.
///
/// Nearly the same at each look: the two clocks are read one after the other, and the wall clock is corrected.
pub(super) fn booted() -> i128 {
    let booted = nanoseconds(ClockId::Realtime) - nanoseconds(ClockId::Boottime);
    (booted + TICK_NANOSECONDS / 2) / TICK_NANOSECONDS * TICK_NANOSECONDS
}

/// Nanoseconds since the boot as /proc tells them: whole ticks (fs/proc/array.c, `nsec_to_clock_t`).
pub(super) fn ticks(nanoseconds: u64) -> u64 {
    nanoseconds / (1_000_000_000 / clock_ticks_per_second().clamp(1, 1_000_000_000))
}

/// Nanoseconds after 1970 as a time.
pub(super) fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn nanoseconds(clock: ClockId) -> i128 {
    let time = clock_gettime(clock);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}
