//! Which of two versions of a package is newer, by the rules of whoever packed it (A18).
//!
//! Any two strings have an order, also those that no package could have as its version: what is installed, and what an
//! advisory names, are words of strangers.

mod apk;
mod debian;
mod rpm;

use core::cmp::Ordering;

/// By whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// dpkg's: Debian policy §5.6.12, deb-version(7).
    Debian,
    /// rpm's: rpm-version(7), and tests/rpmvercmp.at of its source for what that leaves open.
    Rpm,
    /// apk's: apk-package(5), and src/version.c of apk-tools 3 for what that leaves open.
    Apk,
}

/// How the version `one` stands to `other`: [`Ordering::Less`] where it is the older one.
///
/// Different strings may be equal: `1.0` and `1.0-0` to Debian. No memory is taken, and a number may have any length.
///
/// ```
/// use core::cmp::Ordering;
/// use portreeve_core::version::{Scheme, compare};
///
/// assert_eq!(compare(Scheme::Debian, "1:9.2p1-2+deb12u2", "1:9.2p1-2+deb12u10"), Ordering::Less);
/// assert_eq!(compare(Scheme::Rpm, "1.0~rc1-1", "1.0-1"), Ordering::Less);
/// assert_eq!(compare(Scheme::Apk, "1.0_p1-r0", "1.0-r3"), Ordering::Greater);
/// ```
#[must_use]
pub fn compare(scheme: Scheme, one: &str, other: &str) -> Ordering {
    match scheme {
        Scheme::Debian => debian::compare(one, other),
        Scheme::Rpm => rpm::compare(one, other),
        Scheme::Apk => apk::compare(one, other),
    }
}

/// A run of digits by its value, however long; an empty one is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Number<'v> {
    length: usize,
    digits: &'v [u8],
}

impl<'v> Number<'v> {
    fn of(digits: &'v [u8]) -> Self {
        let (_, digits) = span(digits, |digit| digit == b'0');
        Self { length: digits.len(), digits }
    }
}

/// What stands before the first colon where that is a number, and the rest.
fn epoch(version: &str) -> (Number<'_>, &str) {
    let number = version.split_once(':').filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
    let (epoch, rest) = number.unwrap_or(("", version));
    (Number::of(epoch.as_bytes()), rest)
}

/// As much of the beginning as consists of such bytes, and the rest.
fn span(text: &[u8], is_such: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|&byte| !is_such(byte)).unwrap_or(text.len()))
}

/// The digits at the beginning, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    span(text, |byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
