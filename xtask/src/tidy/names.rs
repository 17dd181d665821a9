//! Names say what a thing is, in whole words; words that fit anything are refused.

use proc_macro2::TokenTree;

use super::house::{House, Mistake, Source, flatten, line};

/// Words that say nothing about a thing.
const EMPTY: &[&str] = &["handler", "helper", "helpers", "util", "utils", "impl"];

/// What a new name follows.
const DECLARES: &[&str] =
    &["fn", "struct", "enum", "trait", "type", "mod", "const", "static", "union", "macro_rules"];

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let files = house.texts.keys().filter(|path| path.ends_with("/mod.rs"));
    let files = files.map(|path| Mistake::at(path, 0, "`foo.rs` stands beside `foo/`; there is no mod.rs"));
    files.chain(house.sources.iter().flat_map(mistakes)).collect()
}

fn mistakes(source: &Source) -> Vec<Mistake> {
    let mut found = Vec::new();
    let tokens: Vec<_> = flatten(&source.tokens).into_iter().filter(|token| !is_bang(token)).collect();
    for pair in tokens.windows(2) {
        let [TokenTree::Ident(keyword), TokenTree::Ident(name)] = pair else { continue };
        if DECLARES.iter().any(|word| keyword == word)
            && let Some(text) = fault(&keyword.to_string(), &name.to_string())
        {
            found.push(Mistake::at(&source.path, line(&pair[1]), text));
        }
    }
    found
}

/// `macro_rules! name`: the bang stands between the keyword and the name.
fn is_bang(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '!')
}

fn fault(keyword: &str, name: &str) -> Option<String> {
    let words = words(name);
    let is_empty = |word: &&String| EMPTY.contains(&word.as_str());
    if let Some(empty) = words.iter().find(is_empty) {
        return Some(format!("`{name}`: `{empty}` says nothing about it"));
    }
    match (keyword, words.first()?.as_str(), words.last()?.as_str()) {
        // systemd is a service manager; a type of ours that ends so is none.
        ("struct" | "enum" | "trait" | "type" | "mod", _, "manager") => {
            Some(format!("`{name}`: `manager` says nothing about it"))
        }
        ("fn", "get", _) if words.len() > 1 => {
            Some(format!("`{name}`: a noun alone, or a verb that says how"))
        }
        _ => None,
    }
}

/// The words of `snake_case`, `CamelCase` or `SHOUTED_CASE`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut previous = '_';
    for character in name.chars() {
        let starts = character == '_' || (character.is_uppercase() && previous.is_lowercase());
        if starts {
            words.push(String::new());
        }
        if character != '_' {
            words.last_mut().expect("one word is there from the start").extend(character.to_lowercase());
        }
        previous = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> usize {
        check(&House::sample(&[("a.rs", text)])).len()
    }

    #[test]
    fn empty_words_are_refused_where_they_are_declared() {
        assert_eq!(faults("struct PortManager; fn parse_helper() {} mod util {} fn get_port() {}"), 4);
        assert_eq!(faults("trait EventHandler {} const PARSE_UTILS: u8 = 1;"), 2);
    }

    #[test]
    fn what_others_named_may_be_called() {
        assert_eq!(faults("fn f(g: &G) { g.get_mut(0); rustix::get_flags(); } impl G {} fn target() {}"), 0);
        assert_eq!(faults("fn f(g: &mut impl G) {} fn is_user_manager() {} const GET_LINK: u8 = 1;"), 0);
    }

    #[test]
    fn a_folder_is_led_by_the_file_beside_it() {
        assert_eq!(check(&House::sample(&[("crates/core/src/policy/mod.rs", "//! A.\n")])).len(), 1);
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("lease_seconds_max"), ["lease", "seconds", "max"]);
        assert_eq!(words("PortSpec"), ["port", "spec"]);
        assert_eq!(words("FILE_LINES_MAX"), ["file", "lines", "max"]);
    }
}
