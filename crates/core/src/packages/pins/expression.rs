//! What a preference of apt compares with: a word, or one with `*` and `?` in it (glob(7), A18).

use alloc::{borrow::ToOwned as _, string::String};

/// No word that a person writes is longer, and a pattern as long as a file would take as long to be compared.
const WORD_BYTES_MAX: usize = 1_024;

/// Such a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression(String);

impl Expression {
    /// Understands it; `None` where it is a regular expression or names classes of characters, which are apt's own, or is longer
    /// than anybody writes.
    pub(super) fn read(word: &str) -> Option<Self> {
        let is_regular = word.len() > 1 && word.starts_with('/') && word.ends_with('/');
        let is_class =
            word.contains('[') && ["[:", "[.", "[=", "\\"].iter().any(|class| word.contains(class));
        (!is_regular && !is_class && word.len() <= WORD_BYTES_MAX).then(|| Self(word.to_owned()))
    }

    /// Whether it fits, in capitals or not; nothing fits what is not told.
    pub(super) fn fits(&self, told: &str) -> bool {
        !told.is_empty() && fits(self.0.as_bytes(), told.as_bytes())
    }

    /// The same of a version, where a star at the end stands for whatever may follow the beginning as it is written, and is none of the
    /// pattern (apt's `pkgVersionMatch`).
    pub(super) fn fits_version(&self, told: &str) -> bool {
        let Some(beginning) = self.0.strip_suffix('*') else { return self.fits(told) };
        let is_begun = told.get(..beginning.len()).is_some_and(|it| it.eq_ignore_ascii_case(beginning));
        !told.is_empty() && (is_begun || fits(beginning.as_bytes(), told.as_bytes()))
    }

    /// The same of the name of a package, which is no pattern where it has no sign of one.
    pub(super) fn names(&self, told: &str) -> bool {
        if self.0.contains(['*', '?', '[']) { self.fits(told) } else { self.0 == told }
    }

    pub(super) fn fits_any<'a>(&self, mut told: impl Iterator<Item = &'a str>) -> bool {
        told.any(|told| self.fits(told))
    }
}

/// Goes on behind the last `*` with a byte more each time that the rest does not fit.
fn fits(pattern: &[u8], told: &[u8]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut last_star = None;
    while place < told.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at + 1, place));
                at += 1;
            }
            _ => match (step(&pattern[at..], told[place]), last_star) {
                (Some(length), _) => {
                    at += length;
                    place += 1;
                }
                (None, None) => return false,
                (None, Some((behind, from))) => {
                    last_star = Some((behind, from + 1));
                    (at, place) = (behind, from + 1);
                }
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// How much of the beginning of `pattern` stands for `byte` (fnmatch(3), FNM_CASEFOLD).
fn step(pattern: &[u8], byte: u8) -> Option<usize> {
    let is = |own: &u8| own.eq_ignore_ascii_case(&byte);
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', own, ..] => is(own).then_some(2),
        [b'[', rest @ ..] => match set(rest) {
            Some((members, is_without)) => {
                (has(members, byte) != is_without).then_some(members.len() + 2 + usize::from(is_without))
            }
            None => (byte == b'[').then_some(1),
        },
        [own, ..] => is(own).then_some(1),
        [] => None,
    }
}

/// What stands up to the bracket that ends a set, and whether all others are meant; one that comes first ends none.
fn set(rest: &[u8]) -> Option<(&[u8], bool)> {
    let is_without = matches!(rest.first(), Some(b'!' | b'^'));
    let members = &rest[usize::from(is_without)..];
    let end = members.iter().skip(1).position(|&byte| byte == b']')? + 1;
    Some((&members[..end], is_without))
}

fn has(mut members: &[u8], byte: u8) -> bool {
    let byte = byte.to_ascii_lowercase();
    while let [first, behind @ ..] = members {
        let (last, rest) = if let [b'-', last, rest @ ..] = behind { (last, rest) } else { (first, behind) };
        if (first.to_ascii_lowercase()..=last.to_ascii_lowercase()).contains(&byte) {
            return true;
        }
        members = rest;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        let fits = |pattern: &str, told: &str| Expression::read(pattern).unwrap().fits(told);
        for (pattern, told) in [
            ("5.10*", "5.10.1-2"),
            ("*", "x"),
            ("a?c*e", "abcdcde"),
            ("lib*-dev", "libc6-dev-dev"),
            ("BookWorm", "bookworm"),
        ] {
            assert!(fits(pattern, told), "{pattern} {told}");
        }
        for (pattern, told) in [("5.1", "5.10"), ("a?", "a"), ("*b", "abc"), ("*", ""), ("", "a")] {
            assert!(!fits(pattern, told), "{pattern} {told}");
        }
    }

    #[test]
    fn a_set_stands_for_one_of_its_characters_or_for_none_of_them() {
        let fits = |pattern: &str, told: &str| Expression::read(pattern).unwrap().fits(told);
        for (pattern, told) in [
            ("lib[xy]*", "libx11"),
            ("a[0-9]", "a7"),
            ("a[!0-9]b", "axb"),
            ("[]x]", "]"),
            ("a[", "a["),
            ("[A-C]*-[xz]", "b--z"),
        ] {
            assert!(fits(pattern, told), "{pattern} {told}");
        }
        for (pattern, told) in
            [("lib[xy]*", "libc6"), ("a[!0-9]", "a7"), ("a[0-9]", "a"), ("a[b", "ab"), ("[^a]", "A")]
        {
            assert!(!fits(pattern, told), "{pattern} {told}");
        }
    }

    #[test]
    fn what_is_longer_than_a_word_is_not_understood() {
        let long = "[".repeat(WORD_BYTES_MAX);
        assert!(!Expression::read(&long).unwrap().fits(&"a".repeat(64)));
        assert_eq!(Expression::read(&(long + "[")), None);
    }

    #[test]
    fn a_name_without_a_sign_of_a_pattern_is_a_name() {
        let names = |pattern: &str, told: &str| Expression::read(pattern).unwrap().names(told);
        assert!(names("curl", "curl") && names("Cur?", "curl"));
        assert!(!names("Curl", "curl") && !names("cur\\l", "curl"));
    }

    #[test]
    fn what_is_apts_own_is_not_understood() {
        for own in ["/^lib/", "lib[[:digit:]]", "a[\\]]"] {
            assert_eq!(Expression::read(own), None, "{own}");
        }
    }
}
