//! The order of Alpine's versions, `1.2.3b_rc4~hash-r5` (apk-package(5), src/version.c of apk-tools 3).

use core::{cmp::Ordering, iter};

use super::{Number, digits, span};

/// What sorts before a version that ends here, the oldest one first.
const BEFORE: [&[u8]; 4] = [b"alpha", b"beta", b"pre", b"rc"];
/// What sorts behind it, likewise.
const BEHIND: [&[u8]; 5] = [b"cvs", b"svn", b"git", b"hg", b"p"];

/// Part by part. Where both stop to be versions they are equal, and one that does so is older than one that goes on.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    tokens(one).cmp(tokens(other))
}

/// What versions are compared by, in the order in which they are sorted where all before is equal.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Token<'v> {
    /// By its place in [`BEFORE`].
    Before(usize),
    /// Nothing that may stand there.
    Invalid,
    End,
    Revision(Number<'v>),
    Hash(&'v [u8]),
    SuffixNumber(Number<'v>),
    /// By its place in [`BEHIND`].
    Behind(usize),
    Letter(u8),
    Component(Component<'v>),
    First(Number<'v>),
}

/// A number that is not the first: with a leading zero it is compared as text, and is then below any without.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Component<'v> {
    Text(&'v [u8]),
    Number(Number<'v>),
}

impl<'v> Component<'v> {
    fn of(digits: &'v [u8]) -> Self {
        if digits.starts_with(b"0") { Self::Text(digits) } else { Self::Number(Number::of(digits)) }
    }
}

/// What was read last, in the order in which a version has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Last {
    Nothing,
    Number,
    Letter,
    Suffix,
    SuffixNumber,
    Hash,
    Revision,
}

fn tokens(version: &str) -> impl Iterator<Item = Token<'_>> {
    let mut left = Some((Last::Nothing, version.as_bytes()));
    iter::from_fn(move || {
        let (last, rest) = left?;
        let (token, last, rest) = next(last, rest).unwrap_or((Token::Invalid, Last::Revision, rest));
        left = (!matches!(token, Token::Invalid | Token::End)).then_some((last, rest));
        Some(token)
    })
}

/// A token, what it is, and what stands behind it.
type Found<'v> = (Token<'v>, Last, &'v [u8]);

/// The one that follows after `last`; none where it may not.
fn next(last: Last, text: &[u8]) -> Option<Found<'_>> {
    match text {
        _ if last == Last::Nothing => number(text, Token::First, Last::Number),
        [] => Some((Token::End, last, text)),
        [letter @ b'a'..=b'z', rest @ ..] if last <= Last::Number => {
            Some((Token::Letter(*letter), Last::Letter, rest))
        }
        [b'.', rest @ ..] if last <= Last::Number => component(rest),
        [b'0'..=b'9', ..] if last == Last::Suffix => number(text, Token::SuffixNumber, Last::SuffixNumber),
        [b'_', rest @ ..] if last <= Last::SuffixNumber => suffix(rest),
        [b'~', rest @ ..] if last < Last::Hash => hash(rest),
        [b'-', b'r', rest @ ..] if last < Last::Revision => number(rest, Token::Revision, Last::Revision),
        _ => None,
    }
}

fn number<'v>(text: &'v [u8], token: fn(Number<'v>) -> Token<'v>, last: Last) -> Option<Found<'v>> {
    let (number, rest) = digits(text);
    (!number.is_empty()).then(|| (token(Number::of(number)), last, rest))
}

fn component(text: &[u8]) -> Option<Found<'_>> {
    let (number, rest) = digits(text);
    (!number.is_empty()).then(|| (Token::Component(Component::of(number)), Last::Number, rest))
}

fn suffix(text: &[u8]) -> Option<Found<'_>> {
    let (name, rest) = span(text, |byte| byte.is_ascii_lowercase());
    let place = |names: &[&[u8]]| names.iter().position(|&known| known == name);
    let token = place(&BEFORE).map(Token::Before).or_else(|| place(&BEHIND).map(Token::Behind))?;
    Some((token, Last::Suffix, rest))
}

/// Of a commit.
fn hash(text: &[u8]) -> Option<Found<'_>> {
    let (hash, rest) = span(text, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (!hash.is_empty()).then_some((Token::Hash(hash), Last::Hash, rest))
}
