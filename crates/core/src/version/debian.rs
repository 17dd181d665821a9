//! The order of Debian's versions, `epoch:upstream-revision` (Debian policy §5.6.12, deb-version(7)).

use core::cmp::Ordering;

use super::{Number, digits, epoch, span};

/// By epoch, then by what is upstream's, then by revision; one that is missing counts as 0.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let ((one_epoch, one), (other_epoch, other)) = (epoch(one), epoch(other));
    let ((one, one_revision), (other, other_revision)) = (split(one), split(other));
    let ordering = one_epoch.cmp(&other_epoch);
    ordering.then_with(|| part(one, other)).then_with(|| part(one_revision, other_revision))
}

/// At the last hyphen.
fn split(version: &str) -> (&[u8], &[u8]) {
    let (upstream, revision) = version.rsplit_once('-').unwrap_or((version, ""));
    (upstream.as_bytes(), revision.as_bytes())
}

/// What is no number and what is one, in turn, until there is a difference.
fn part(mut one: &[u8], mut other: &[u8]) -> Ordering {
    while !(one.is_empty() && other.is_empty()) {
        let ((one_words, one_rest), (other_words, other_rest)) = (words(one), words(other));
        let ((one_digits, one_rest), (other_digits, other_rest)) = (digits(one_rest), digits(other_rest));
        let numbers = || Number::of(one_digits).cmp(&Number::of(other_digits));
        let ordering = weights(one_words).cmp(weights(other_words)).then_with(numbers);
        if ordering.is_ne() {
            return ordering;
        }
        (one, other) = (one_rest, other_rest);
    }
    Ordering::Equal
}

fn words(text: &[u8]) -> (&[u8], &[u8]) {
    span(text, |byte| !byte.is_ascii_digit())
}

/// In the order in which they are sorted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Tilde,
    End,
    Letter(u8),
    Sign(u8),
}

fn weights(words: &[u8]) -> impl Iterator<Item = Weight> {
    let weight = |&byte: &u8| match byte {
        b'~' => Weight::Tilde,
        letter if letter.is_ascii_alphabetic() => Weight::Letter(letter),
        sign => Weight::Sign(sign),
    };
    words.iter().map(weight).chain([Weight::End])
}
