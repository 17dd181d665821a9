//! The time of a look, and when the host booted (clock_gettime(2)).

use std::sync::LazyLock;

use jiff::Timestamp;
use rustix::{
    param::clock_ticks_per_second,
    time::{ClockId, clock_gettime},
};

use crate::proc;

/// The time now.
pub(crate) fn now() -> Timestamp {
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

/// Nanoseconds since the boot as /proc tells them to us: whole ticks of our time namespace (fs/proc/array.c, `do_task_stat`).
pub(super) fn ticks(nanoseconds: u64) -> u64 {
    nanoseconds.saturating_add_signed(*BOOT_OFFSET) / tick_nanoseconds()
}

/// When whoever started in this tick did so, by the wall clock of now, where the host booted at `booted`.
pub(super) fn start(booted: i128, ticks: u64) -> Timestamp {
    timestamp(booted + i128::from(ticks) * 1_000_000_000 / i128::from(clock_ticks_per_second()))
}

/// When the process with this number began, if there is one (proc_pid_stat(5)).
pub(crate) fn start_of(pid: u32) -> Option<Timestamp> {
    Some(start(booted(), proc::stat::of(pid)?.started_ticks))
}

/// The first nanosecond since the boot that is of this tick.
pub(super) fn of_ticks(ticks: u64) -> u64 {
    ticks.saturating_mul(tick_nanoseconds()).saturating_add_signed(BOOT_OFFSET.saturating_neg())
}

/// When the first process started, with which the boot begins that a container has too; `None` where it is hidden.
pub(crate) fn began() -> Option<Timestamp> {
    start_of(1)
}

/// The tick of now: whoever starts from now on starts in it or later.
pub(super) fn ticks_now() -> u64 {
    ticks(since_boot())
}

fn tick_nanoseconds() -> u64 {
    1_000_000_000 / clock_ticks_per_second().clamp(1, 1_000_000_000)
}

/// How far the time since the boot is ahead in our time namespace, in nanoseconds (time_namespaces(7)); a program stays
/// in the one that it was started in.
static BOOT_OFFSET: LazyLock<i64> = LazyLock::new(|| {
    proc::read_text("/proc/self/timens_offsets").as_deref().and_then(boot_offset).unwrap_or(0)
});

/// The line of the clock: `boottime 1000 0`, in seconds and nanoseconds.
fn boot_offset(offsets: &str) -> Option<i64> {
    let mut words = offsets
        .lines()
        .map(str::split_ascii_whitespace)
        .find_map(|mut words| (words.next() == Some("boottime")).then_some(words))?;
    let mut number = || words.next()?.parse::<i64>().ok();
    let (seconds, nanoseconds) = (number()?, number()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Nanoseconds after 1970 as a time.
pub(super) fn timestamp(nanoseconds: i128) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Nanoseconds since the boot, the time that the host slept included (CLOCK_BOOTTIME), as the kernel's programs count
/// them: without what our time namespace adds.
pub(crate) fn since_boot() -> u64 {
    u64::try_from(host_boot_clock()).unwrap_or(0)
}

fn host_boot_clock() -> i128 {
    nanoseconds(ClockId::Boottime) - i128::from(*BOOT_OFFSET)
}

/// What the wall clock says of times since the boot as [`since_boot`] counts them: the same of the same, until somebody sets it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    booted: i128,
}

/// What is less than this is how the wall clock is made to agree with others.
const CORRECTION_NANOSECONDS_MAX: i128 = 1_000_000;
/// Nothing else ran between two of so many readings, nearly surely.
const READINGS: usize = 5;

impl WallClock {
    /// As it is now.
    pub(crate) fn now() -> Self {
        let mut best = (i128::MAX, 0);
        for _ in 0..READINGS {
            let before = host_boot_clock();
            let now = nanoseconds(ClockId::Realtime);
            let after = host_boot_clock();
            best = best.min((after - before, now - before));
        }
        Self { booted: best.1 }
    }

    /// As it was, or as it is now where it was set.
    pub(crate) fn again(self) -> Self {
        let now = Self::now();
        if (now.booted - self.booted).abs() < CORRECTION_NANOSECONDS_MAX { self } else { now }
    }

    /// What it said so many nanoseconds after the boot.
    pub(crate) fn at(self, since_boot: u64) -> Timestamp {
        timestamp(self.booted + i128::from(since_boot))
    }
}

fn nanoseconds(clock: ClockId) -> i128 {
    let time = clock_gettime(clock);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::stat;
    use std::process;

    #[test]
    fn a_boot_began_before_whoever_looks() {
        let own = start(booted(), stat::of(process::id()).unwrap().started_ticks);
        assert!(began().unwrap() <= own);
    }

    #[test]
    fn the_clock_of_a_time_namespace_is_ahead_or_behind() {
        let offsets = "monotonic           5         6\nboottime         1000 500000000\n";
        assert_eq!(boot_offset(offsets), Some(1_000_500_000_000));
        assert_eq!(boot_offset("boottime -2 0\n"), Some(-2_000_000_000));
        assert_eq!(boot_offset("boottime -2\n"), None);
        assert_eq!(boot_offset("boottime 9223372036854775807 0\n"), None, "no such offset can be set");
        assert_eq!(boot_offset("monotonic 1 0\n"), None);
    }

    #[test]
    fn who_runs_started_in_this_tick_or_before() {
        let own = stat::of(process::id()).unwrap().started_ticks;
        let age = ticks_now() - own;
        assert!(age < 3600 * clock_ticks_per_second(), "{age} ticks");
    }
}
