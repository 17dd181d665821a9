//! What a person pastes into a shell says what it seems to (sh(1), "Quoting").

use alloc::{borrow::ToOwned as _, format, string::String};

/// A word as it is, or in quotes where a shell would read other letters as its own.
#[must_use]
pub fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._+-:".contains(letter);
    let is_word = !word.is_empty() && word.chars().all(is_plain);
    if is_word { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_one_word_as_it_was() {
        for (word, written) in [
            ("/var/lib/a.db", "/var/lib/a.db"),
            ("host:4c1d", "host:4c1d"),
            ("a;reboot", "'a;reboot'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("名", "'名'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
