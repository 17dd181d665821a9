//! Each sentence is there in both languages and speaks of the same things in both.

use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenTree};

use super::{
    house::{House, Mistake, Source, flatten, inside},
    languages::is_japanese,
};

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let spoken = house.sources.iter().filter(|source| source.path.starts_with("crates/"));
    spoken.flat_map(mistakes).collect()
}

fn mistakes(source: &Source) -> Vec<Mistake> {
    let tokens = flatten(&source.tokens);
    let pairs = tokens.iter().enumerate().filter_map(|(at, _)| pair(&tokens[at..]));
    let outside_tests = pairs.filter(|pair| !source.is_test(pair.line));
    outside_tests.filter_map(|pair| Some(Mistake::at(&source.path, pair.line, fault(&pair)?))).collect()
}

struct Pair {
    line: usize,
    kind: Kind,
    en: String,
    ja: String,
}

/// A sentence about something seen, or a fixed one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Words,
}

/// Holes that stand for the same in both languages: a name, a command to type, and what the kernel or another program
/// says in the only language that it speaks.
const SAME_IN_BOTH: &[&str] = &["{name}", "{page}", "{said}"];

/// `text!("…", "…")` or `Words { en: "…", ja: "…" }`, where it starts here.
fn pair(tokens: &[TokenTree]) -> Option<Pair> {
    let (name, group, kind) = match tokens {
        [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group), ..]
            if name == "text" && bang.as_char() == '!' =>
        {
            (name, group, Kind::Text)
        }
        [TokenTree::Ident(name), TokenTree::Group(group), ..] if name == "Words" => {
            (name, group, Kind::Words)
        }
        _ => return None,
    };
    let mut sentences = inside(group).into_iter().filter_map(|token| match token {
        TokenTree::Literal(literal) => sentence(&literal),
        _ => None,
    });
    Some(Pair { line: name.span().start().line, kind, en: sentences.next()?, ja: sentences.next()? })
}

fn sentence(literal: &Literal) -> Option<String> {
    let text = literal.to_string();
    (text.starts_with('"') || text.starts_with('r')).then_some(text)
}

fn fault(pair: &Pair) -> Option<&'static str> {
    if (pair.en == "\"\"") != (pair.ja == "\"\"") {
        Some("a sentence is empty in one of its languages")
    } else if is_japanese(&pair.en) {
        Some("the English sentence is not in English")
    } else if pair.en == pair.ja && is_copy(&pair.en, pair.kind) {
        Some("the Japanese sentence is a copy of the English one")
    } else if holes(&pair.en) != holes(&pair.ja) {
        Some("the two languages do not name the same things in braces")
    } else if is_japanese(&pair.ja) && pair.ja.contains(" (") {
        Some("Japanese has no space before a parenthesis")
    } else {
        None
    }
}

/// Whether what stands in both languages should have been translated: names and commands to type are not.
fn is_copy(text: &str, kind: Kind) -> bool {
    let text = text.trim_matches('"');
    let is_command = text.contains("portreeve") || text.contains("--");
    let is_spoken = match kind {
        // An error, too, speaks one language.
        Kind::Text => text.contains(char::is_alphabetic) && !SAME_IN_BOTH.contains(&text),
        Kind::Words => words_of(text) > 2,
    };
    is_spoken && !is_command
}

fn words_of(text: &str) -> usize {
    text.split(' ').filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).count()
}

/// The names in braces of a format string, without those that hold one language (`en`, `en_rest`).
fn holes(text: &str) -> BTreeSet<&str> {
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    let names = parts.map(|(hole, _)| hole.split(':').next().unwrap_or(hole));
    names.filter(|name| !matches!(name.split('_').next(), Some("" | "en" | "ja") | None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> usize {
        check(&House::sample(&[("crates/a.rs", text)])).len()
    }

    #[test]
    fn both_languages_name_the_same_things() {
        assert_eq!(faults(r#"fn f() { text!("{who} holds {spec}", "{spec} は {who} が使っています") }"#), 0);
        assert_eq!(faults(r#"fn f() { text!("{who} holds {spec}", "{spec} は使用中です") }"#), 1);
    }

    #[test]
    fn a_sentence_is_translated() {
        assert_eq!(faults(r#"const A: Words = Words { en: "a port is open", ja: "a port is open" };"#), 1);
        assert_eq!(faults(r#"const A: Words = Words { en: "a port", ja: "" };"#), 1);
        assert_eq!(faults(r#"const A: Words = Words { en: "ポート", ja: "ポート" };"#), 1);
    }

    #[test]
    fn japanese_has_no_space_before_a_parenthesis() {
        assert_eq!(faults(r#"const A: Words = Words { en: "text (UTF-8)", ja: "テキスト(UTF-8)" };"#), 0);
        assert_eq!(faults(r#"const A: Words = Words { en: "text (UTF-8)", ja: "テキスト (UTF-8)" };"#), 1);
    }

    #[test]
    fn an_error_speaks_english_alone() {
        assert_eq!(faults(r#"fn f() { text!("{error}", "{error}") }"#), 1);
        assert_eq!(faults(r#"fn f() { text!("closed", "closed") }"#), 1);
        assert_eq!(faults(r#"fn f() { text!("{name}", "{name}") }"#), 0);
        assert_eq!(faults(r#"fn f() { text!("portreeve who {word}", "portreeve who {word}") }"#), 0);
    }

    #[test]
    fn names_and_commands_are_the_same_in_both() {
        assert_eq!(faults(r#"const A: Words = Words { en: "WireGuard", ja: "WireGuard" };"#), 0);
        assert_eq!(
            faults(r#"const A: Words = Words { en: "portreeve diff A B", ja: "portreeve diff A B" };"#),
            0
        );
        assert_eq!(faults(r#"fn f() { text!("{en} is open", "{ja} が開いています") }"#), 0);
        assert_eq!(faults(r#"const A: Words = Words { en: "", ja: "" };"#), 0);
    }
}
