//! The order of rpm's versions, `epoch:version-release` (rpm-version(7), tests/rpmvercmp.at of rpm's source).

use core::{cmp::Ordering, iter};

use super::{Number, digits, epoch, span};

/// By epoch, where none is 0; then by version; then by release, where none is older than any.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let ((one_epoch, one), (other_epoch, other)) = (epoch(one), epoch(other));
    let ((one, one_release), (other, other_release)) = (split(one), split(other));
    let releases = || match (one_release, other_release) {
        (Some(one), Some(other)) => tokens(one).cmp(tokens(other)),
        _ => one_release.is_some().cmp(&other_release.is_some()),
    };
    one_epoch.cmp(&other_epoch).then_with(|| tokens(one).cmp(tokens(other))).then_with(releases)
}

/// At the last hyphen.
fn split(version: &str) -> (&str, Option<&str>) {
    version.rsplit_once('-').map_or((version, None), |(version, release)| (version, Some(release)))
}

/// What versions are compared by, in the order in which they are sorted: a number is newer than letters.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Token<'v> {
    Tilde,
    End,
    Caret,
    Letters(&'v [u8]),
    Number(Number<'v>),
}

fn tokens(version: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = Some(version.as_bytes());
    iter::from_fn(move || {
        let (token, left) = first(rest?);
        rest = left;
        Some(token)
    })
}

/// The first one, and what stands behind it. Any other byte only separates them, and how many do makes no difference.
fn first(text: &[u8]) -> (Token<'_>, Option<&[u8]>) {
    let (_, text) = span(text, |byte| !(byte.is_ascii_alphanumeric() || byte == b'~' || byte == b'^'));
    match text {
        [] => (Token::End, None),
        [b'~', rest @ ..] => (Token::Tilde, Some(rest)),
        [b'^', rest @ ..] => (Token::Caret, Some(rest)),
        [b'0'..=b'9', ..] => {
            let (number, rest) = digits(text);
            (Token::Number(Number::of(number)), Some(rest))
        }
        _ => {
            let (letters, rest) = span(text, |byte| byte.is_ascii_alphabetic());
            (Token::Letters(letters), Some(rest))
        }
    }
}
