//! Every file opens with one sentence that says what it is.

use super::house::{House, Mistake, Source};

pub(super) fn check(house: &House) -> Vec<Mistake> {
    house.sources.iter().filter_map(mistake).collect()
}

fn mistake(source: &Source) -> Option<Mistake> {
    let at_top = |text| Some(Mistake::at(&source.path, 1, text));
    let sentence = opening(&source.text);
    if sentence.is_empty() {
        at_top("a file opens with one `//!` sentence")
    } else if !sentence.ends_with(['.', '?']) {
        at_top("the opening sentence has no end")
    } else if has_second_sentence(&sentence) {
        at_top("one sentence opens a file; what follows is a paragraph of its own")
    } else {
        None
    }
}

/// The first paragraph of the `//!` lines at the very top.
fn opening(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    lines.collect::<Vec<_>>().join(" ")
}

fn has_second_sentence(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(". ") {
        rest = &rest[at + 2..];
        if rest.starts_with(char::is_uppercase) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untidy(text: &str) -> bool {
        !check(&House::sample(&[("a.rs", text)])).is_empty()
    }

    #[test]
    fn one_sentence_is_wanted_at_the_top() {
        assert!(untidy("fn a() {}\n"));
        assert!(untidy("//! No end\n"));
        assert!(untidy("//! One. Two.\n"));
        assert!(untidy("#![no_std]\n//! Too late.\n"));
    }

    #[test]
    fn a_sentence_may_go_on_and_a_paragraph_may_follow() {
        assert!(!untidy("//! One that goes on\n//! for two lines (A5).\n//!\n//! More. And more.\n"));
    }
}
