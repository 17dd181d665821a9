//! When a packet was captured, as its file counts time.

use jiff::Timestamp;

const NANOSECONDS: u128 = 1_000_000_000;
/// pcapng's `if_tsresol`: of a power of two, not of ten.
const IS_BINARY: u8 = 0x80;

/// How an interface counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Units of a second; of more than a number of them holds nobody can tell the time.
    each_second: Option<u128>,
    /// Seconds between the epoch and where it begins.
    offset: i64,
}

impl Clock {
    /// One that counts so many units a second from the epoch.
    pub(super) const fn counting(each_second: u128) -> Self {
        Self { each_second: Some(each_second), offset: 0 }
    }

    /// As an interface of pcapng says it (`if_tsresol`, `if_tsoffset`).
    pub(super) fn of(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & !IS_BINARY);
        let base = if resolution & IS_BINARY == 0 { 10_u128 } else { 2 };
        Self { each_second: base.checked_pow(exponent), offset }
    }

    /// When so many units were over; `None` of what no calendar holds.
    pub(super) fn moment(self, units: u64) -> Option<Timestamp> {
        let (units, each_second) = (u128::from(units), self.each_second?);
        let nanoseconds = units / each_second * NANOSECONDS + units % each_second * NANOSECONDS / each_second;
        let offset = i128::from(self.offset) * i128::try_from(NANOSECONDS).ok()?;
        Timestamp::from_nanosecond(i128::try_from(nanoseconds).ok()? + offset).ok()
    }

    /// Units of so many seconds and what is beyond them.
    pub(super) fn units(self, seconds: u32, beyond: u32) -> Option<u64> {
        let units = u128::from(seconds) * self.each_second? + u128::from(beyond);
        u64::try_from(units).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(clock: Clock, units: u64) -> Option<String> {
        clock.moment(units).map(|moment| moment.to_string())
    }

    #[test]
    fn units_are_what_an_interface_says() {
        assert_eq!(moment(Clock::of(6, 0), 1_500_000).unwrap(), "1970-01-01T00:00:01.5Z");
        assert_eq!(moment(Clock::of(9, 60), 1_000_000_001).unwrap(), "1970-01-01T00:01:01.000000001Z");
        assert_eq!(moment(Clock::of(0, -1), 3).unwrap(), "1970-01-01T00:00:02Z");
        assert_eq!(moment(Clock::of(0x80 | 10, 0), 1_024 + 512).unwrap(), "1970-01-01T00:00:01.5Z");
        let whole = Clock::counting(1_000);
        assert_eq!(moment(whole, whole.units(7, 250).unwrap()).unwrap(), "1970-01-01T00:00:07.25Z");
    }

    #[test]
    fn what_no_calendar_holds_is_no_moment() {
        assert_eq!(moment(Clock::of(6, i64::MAX), 0), None);
        assert_eq!(moment(Clock::of(0, 0), u64::MAX), None);
        assert_eq!(moment(Clock::of(39, 0), 1), None, "no number holds 10^39");
        assert_eq!(moment(Clock::of(0xff, 0), u64::MAX).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(Clock::counting(1 << 40).units(u32::MAX, 0), None);
    }
}
