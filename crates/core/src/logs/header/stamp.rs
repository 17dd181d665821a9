//! When a line was written, as it says itself.

use core::str::FromStr;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::Offset,
};

/// The hour on somebody's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    clock: DateTime,
    /// How far that clock is from UTC; `None` where it does not say.
    offset: Option<Offset>,
    has_year: bool,
}

/// A year that has a 29th of February.
const SOME_YEAR: i16 = 2_000;
/// So many years a line is old at most that does not say of which year it is.
const YEARS_MAX: i16 = 8;
/// So far clocks are apart that nobody sets.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Stamp {
    /// The moment that is meant by a line that was read at `now`; without a zone UTC, and without a year the last one that it can
    /// have been.
    #[must_use]
    pub fn moment(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = self.offset.unwrap_or(Offset::UTC);
        let at = |clock: DateTime| zone.to_timestamp(clock).ok();
        if self.has_year {
            // The last hours of the last year are the only ones that are none.
            return Some(at(self.clock).unwrap_or(Timestamp::MAX));
        }
        let latest = now.saturating_add(AHEAD).ok()?;
        let this = zone.to_datetime(latest).year();
        (0..=YEARS_MAX).find_map(|back| {
            let date = self.clock.date();
            let date = Date::new(this - back, date.month(), date.day()).ok()?;
            at(date.to_datetime(self.clock.time())).filter(|moment| *moment <= latest)
        })
    }

    /// `Jun 21 16:47:48 `, `2019-07-08T17:40:16.954167-04:00 `, `2019-07-08 17:40:16 ` or `@400000004c91b044077a9e94 `, and what
    /// follows.
    pub(super) fn of_syslog(text: &str) -> Option<(Self, &str)> {
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        if let Some(stamp) = Self::standard(first).or_else(|| Self::atomic(first)) {
            return Some((stamp, rest));
        }
        if let Some((year, month, day)) = date(first) {
            let (time, rest) = rest.split_once(' ')?;
            return Some((Self::of(year, month, day, time, None, true)?, rest));
        }
        let month = month(first)?;
        let (day, rest) = rest.trim_start().split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        Some((Self::of(SOME_YEAR, month, number(day)?, time, None, false)?, rest))
    }

    /// RFC 3339.
    fn standard(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once('T')?;
        let at = rest.find(['Z', '+', '-'])?;
        let (time, zone) = rest.split_at(at);
        let offset = if zone == "Z" { Offset::UTC } else { offset(&zone.replacen(':', "", 1))? };
        let (year, month, day) = self::date(date)?;
        Self::of(year, month, day, time, Some(offset), true)
    }

    /// Seconds of atomic time, as multilog writes them (TAI64N): ten more than those of UTC at its beginning.
    fn atomic(text: &str) -> Option<Self> {
        const BEGINNING: i64 = (1 << 62) + 10;
        let label = text.strip_prefix('@').filter(|label| label.len() == 24)?;
        let seconds = i64::from_str_radix(label.get(..16)?, 16).ok()?.checked_sub(BEGINNING)?;
        let clock = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
        Some(Self { clock, offset: Some(Offset::UTC), has_year: true })
    }

    /// `Fri Jan 19 12:20:33 2007 `, as ctime(3) writes it.
    pub(super) fn with_weekday(text: &str) -> Option<(Self, &str)> {
        let (weekday, rest) = text.split_once(' ')?;
        let (month, rest) = rest.split_once(' ').filter(|_| WEEKDAYS.contains(&weekday))?;
        let (day, rest) = rest.trim_start().split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        let (year, rest) = rest.split_once(' ')?;
        Some((Self::of(number(year)?, self::month(month)?, number(day)?, time, None, true)?, rest))
    }

    /// `2012/04/09 11:53:29 `.
    pub(super) fn with_slashes(text: &str) -> Option<(Self, &str)> {
        let (date, rest) = text.split_once(' ')?;
        let (time, rest) = rest.split_once(' ')?;
        let mut parts = date.split('/');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        Some((Self::of(number(year)?, number(month)?, number(day)?, time, None, true)?, rest))
    }

    /// `10/Oct/2026:13:55:36 +0000]`.
    pub(super) fn of_access(text: &str) -> Option<(Self, &str)> {
        let (date, rest) = text.split_once(':')?;
        let (time, rest) = rest.split_once(' ')?;
        let (zone, rest) = rest.split_once(']')?;
        let mut parts = date.split('/');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let stamp =
            Self::of(number(year)?, self::month(month)?, number(day)?, time, Some(offset(zone)?), true)?;
        Some((stamp, rest))
    }

    /// A time is `16:47:48`, whatever part of a second follows.
    fn of(year: i16, month: i8, day: i8, time: &str, offset: Option<Offset>, has_year: bool) -> Option<Self> {
        let mut parts = time.split(':');
        let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
        let second = second.split_once('.').map_or(second, |(second, _)| second);
        let time = Time::new(number(hour)?, number(minute)?, number::<i8>(second)?.min(59), 0).ok()?;
        let clock = Date::new(year, month, day).ok()?.to_datetime(time);
        parts.next().is_none().then_some(Self { clock, offset, has_year })
    }
}

/// `+0200`.
fn offset(zone: &str) -> Option<Offset> {
    let (sign, digits) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let seconds = number::<i32>(hours)? * 3_600 + number::<i32>(minutes)? * 60;
    Offset::from_seconds(sign * seconds).ok()
}

/// `2019-07-08`.
fn date(text: &str) -> Option<(i16, i8, i8)> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    Some((number(year)?, number(month)?, number(day)?))
}

fn month(name: &str) -> Option<i8> {
    let place = MONTHS.iter().position(|month| *month == name)?;
    i8::try_from(place + 1).ok()
}

/// Digits alone; a sign is none.
fn number<N: FromStr>(text: &str) -> Option<N> {
    let is_plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn moment(read: Option<(Stamp, &str)>, now: &str) -> Option<alloc::string::String> {
        let now = now.parse().expect("a moment");
        read.and_then(|(stamp, _)| stamp.moment(now)).map(|moment| moment.to_string())
    }

    #[test]
    fn a_stamp_with_a_year_is_what_it_says() {
        let now = "2030-01-01T00:00:00Z";
        let standard = Stamp::of_syslog("2019-07-08T17:40:16.954167-04:00 host");
        assert_eq!(moment(standard, now).as_deref(), Some("2019-07-08T21:40:16Z"));
        let access = Stamp::of_access("10/Oct/2026:13:55:36 +0200] \"GET");
        assert_eq!(moment(access, now).as_deref(), Some("2026-10-10T11:55:36Z"));
        let ctime = Stamp::with_weekday("Thu Sep  8 00:39:49 2016 [pid 1]");
        assert_eq!(moment(ctime, now).as_deref(), Some("2016-09-08T00:39:49Z"));
        let latest = Stamp::of_syslog("9999-12-31T23:59:59Z host");
        assert!(moment(latest, now).is_some_and(|moment| moment.starts_with("9999-12-30T2")));
    }

    #[test]
    fn atomic_time_is_read_too() {
        let read = Stamp::of_syslog("@400000004c91b044077a9e94 dovecot");
        assert_eq!(moment(read, "2030-01-01T00:00:00Z").as_deref(), Some("2010-09-16T05:50:50Z"));
        for odd in [
            "@400000004c91b044077a9e9",
            "@400000004c91b044077a9e9é",
            "@7fffffffffffffff00000000",
            "@000000000000000000000000",
        ] {
            assert_eq!(Stamp::of_syslog(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_stamp_without_a_year_is_of_the_last_one_that_it_can_be() {
        let of = |text, now| moment(Stamp::of_syslog(text), now);
        let now = "2026-03-01T00:00:00Z";
        assert_eq!(of("Feb 27 10:00:00 h", now).as_deref(), Some("2026-02-27T10:00:00Z"));
        assert_eq!(of("Dec 31 23:59:60 h", now).as_deref(), Some("2025-12-31T23:59:59Z"));
        assert_eq!(of("Mar  1 10:00:00 h", now).as_deref(), Some("2026-03-01T10:00:00Z"), "a clock is ahead");
        assert_eq!(of("Mar  2 10:00:00 h", now).as_deref(), Some("2025-03-02T10:00:00Z"));
        assert_eq!(of("Feb 29 10:00:00 h", now).as_deref(), Some("2024-02-29T10:00:00Z"), "of the leap year");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in
            ["", "Jun", "Jun 21", "Jun 31 00:00:00 h", "Jun 1 24:00:00 h", "Jun 1 1:2 h", "Jun -1 00:00:00 h"]
        {
            assert_eq!(Stamp::of_syslog(text), None, "{text}");
        }
        for text in
            ["2019-07-08T17:40:16+9 h", "2019-07-08T17:40:16+99:99 h", "2019-13-08T17:40:16Z h", "T+1é2 h"]
        {
            assert_eq!(Stamp::of_syslog(text), None, "{text}");
        }
    }
}
