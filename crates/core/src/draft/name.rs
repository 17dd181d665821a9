//! Names for services: readable, unique, and never in need of quotes.

use alloc::{collections::BTreeSet, format, string::String};

/// Longer names make tables hard to read.
const NAME_CHARACTERS_MAX: usize = 40;

/// The names given so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    given: BTreeSet<String>,
}

impl Names {
    /// A name like `label` that nobody has yet; `port` tells two of one label apart.
    pub(super) fn give(&mut self, label: &str, port: u16) -> String {
        let plain = plain(label);
        let plain = if plain.is_empty() { format!("port-{port}") } else { plain };
        let mut name = plain.clone();
        if self.given.contains(&name) {
            name = format!("{plain}-{port}");
        }
        let mut count = 2_u32;
        while self.given.contains(&name) {
            name = format!("{plain}-{port}-{count}");
            count += 1;
        }
        self.given.insert(name.clone());
        name
    }
}

/// What of a label a bare TOML key may hold.
fn plain(label: &str) -> String {
    let mut plain = String::new();
    for letter in label.chars() {
        if plain.len() >= NAME_CHARACTERS_MAX {
            break;
        }
        if letter.is_ascii_alphanumeric() || letter == '_' {
            plain.push(letter);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    plain.trim_end_matches('-').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare_keys_and_unique() {
        let mut names = Names::default();
        assert_eq!(names.give("nginx", 80), "nginx");
        assert_eq!(names.give("nginx", 8080), "nginx-8080");
        assert_eq!(names.give("nginx", 8080), "nginx-8080-2");
        assert_eq!(names.give("a\u{1b}[31m b]\n", 1), "a-31m-b");
        assert_eq!(names.give("受付", 99), "port-99");
        assert_eq!(names.give(&"x".repeat(1_000), 1).len(), NAME_CHARACTERS_MAX);
    }
}
