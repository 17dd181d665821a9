//! What a preference of apt compares with: a word, or one with `*` and `?` in it (glob(7), A18).

use alloc::{borrow::ToOwned as _, string::String};

/// Such a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression(String);

impl Expression {
    /// Understands it; `None` where it is a regular expression or names sets of characters, which are apt's own.
    pub(super) fn read(word: &str) -> Option<Self> {
        let is_regular = word.len() > 1 && word.starts_with('/') && word.ends_with('/');
        (!is_regular && !word.contains(['[', '\\'])).then(|| Self(word.to_owned()))
    }

    /// Whether it fits; nothing fits what is not told.
    pub(super) fn fits(&self, told: &str) -> bool {
        !told.is_empty() && fits(self.0.as_bytes(), told.as_bytes())
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
            Some(&byte) if byte == b'?' || byte == told[place] => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((behind, from)) = last_star else { return false };
                last_star = Some((behind, from + 1));
                (at, place) = (behind, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        let fits = |pattern: &str, told: &str| Expression::read(pattern).unwrap().fits(told);
        for (pattern, told) in
            [("5.10*", "5.10.1-2"), ("*", "x"), ("a?c*e", "abcdcde"), ("lib*-dev", "libc6-dev-dev")]
        {
            assert!(fits(pattern, told), "{pattern} {told}");
        }
        for (pattern, told) in [("5.1", "5.10"), ("a?", "a"), ("*b", "abc"), ("*", ""), ("", "a")] {
            assert!(!fits(pattern, told), "{pattern} {told}");
        }
    }

    #[test]
    fn what_is_apts_own_is_not_understood() {
        for own in ["/^lib/", "lib[abc]", "a\\*"] {
            assert_eq!(Expression::read(own), None, "{own}");
        }
    }
}
