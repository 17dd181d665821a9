//! Every duty of the article is cited by code, by a test and by a mutation; nothing cites one that is not kept yet.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    house::{House, Mistake},
    languages::is_japanese,
};

pub(super) const ARTICLE: &str = "docs/article.md";
const TO_COME: &str = "docs/duties-to-come.txt";

/// The duties that were still to come at first; `docs/duties-to-come.txt` may only shrink from here.
const TO_COME_AT_MOST: &[&str] = &["A18", "A19"];

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let duties = duties(house);
    let mut mistakes = article(house, &duties);
    mistakes.extend(to_come(house, &duties));
    mistakes.extend(unknown(house, &duties));
    mistakes.extend(early(house));
    mistakes.extend(forgotten(house, &duties));
    mistakes
}

/// The ids of the article with the line of each.
fn duties(house: &House) -> BTreeMap<&str, usize> {
    let rows = house.text(ARTICLE).lines().enumerate();
    rows.filter_map(|(at, row)| Some((cells(row)?[0], at + 1))).collect()
}

/// A row of the table: id, Japanese, English.
fn cells(row: &str) -> Option<[&str; 3]> {
    let mut cells = row.strip_prefix('|')?.split('|').map(str::trim);
    let cells = [cells.next()?, cells.next()?, cells.next()?];
    is_duty(cells[0]).then_some(cells)
}

fn article(house: &House, duties: &BTreeMap<&str, usize>) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for number in 1..=duties.len() {
        if !duties.contains_key(format!("A{number}").as_str()) {
            mistakes.push(Mistake::at(ARTICLE, 0, format!("A{number} is missing or stands there twice")));
        }
    }
    for (at, row) in house.text(ARTICLE).lines().enumerate() {
        if cells(row).is_some_and(|[_, ja, en]| !is_japanese(ja) || en.is_empty()) {
            mistakes.push(Mistake::at(ARTICLE, at + 1, "a duty is said in Japanese and in English"));
        }
    }
    mistakes
}

/// The lines of the list: a duty, and whether the part of it that is here is cited all the same.
fn listed(house: &House) -> impl Iterator<Item = (usize, &str, Extent)> {
    let lines = house.text(TO_COME).lines().enumerate();
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(at, line)| {
        let (id, rest) = line.split_once(' ').unwrap_or((line, ""));
        let extent = if rest.starts_with("in part") { Extent::Part } else { Extent::Whole };
        (at + 1, id, extent)
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Part,
}

fn to_come(house: &House, duties: &BTreeMap<&str, usize>) -> Vec<Mistake> {
    let strangers =
        listed(house).filter(|(_, id, _)| !duties.contains_key(id) || !TO_COME_AT_MOST.contains(id));
    strangers
        .map(|(line, id, _)| Mistake::at(TO_COME, line, format!("{id}: this list may only shrink")))
        .collect()
}

/// Where somebody says an id: in code, in a test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Voice {
    Code,
    Test,
}

/// Every id that the crates say, with its file and line.
fn citations(house: &House) -> impl Iterator<Item = (&str, Voice, &str, usize)> {
    house.sources.iter().filter(|source| source.path.starts_with("crates/")).flat_map(|source| {
        source.text.lines().enumerate().flat_map(move |(at, text)| {
            let voice = if source.is_test(at + 1) { Voice::Test } else { Voice::Code };
            ids(text).map(move |id| (id, voice, source.path.as_str(), at + 1))
        })
    })
}

fn unknown(house: &House, duties: &BTreeMap<&str, usize>) -> Vec<Mistake> {
    let cited = citations(house).filter(|(id, ..)| !duties.contains_key(id));
    cited
        .map(|(id, _, path, line)| Mistake::at(path, line, format!("the article has no duty {id}")))
        .collect()
}

/// The duties of which nothing is here yet.
fn later(house: &House) -> BTreeSet<&str> {
    listed(house).filter(|(.., extent)| *extent == Extent::Whole).map(|(_, id, _)| id).collect()
}

/// Whoever cites a duty that is wholly to come says what is not so.
fn early(house: &House) -> Vec<Mistake> {
    let later = later(house);
    let cited = citations(house).filter(|(id, ..)| later.contains(id));
    cited
        .map(|(id, _, path, line)| {
            Mistake::at(path, line, format!("{id} is to come: in {TO_COME} it is not here even in part"))
        })
        .collect()
}

fn forgotten(house: &House, duties: &BTreeMap<&str, usize>) -> Vec<Mistake> {
    let later = later(house);
    let cited: BTreeSet<(&str, Voice)> = citations(house).map(|(id, voice, ..)| (id, voice)).collect();
    let mutated: BTreeSet<&str> = mutated(house).collect();
    let mut mistakes = Vec::new();
    for (&id, &line) in duties.iter().filter(|(id, _)| !later.contains(*id)) {
        let mut demand = |kept: bool, what: &str| {
            if !kept {
                mistakes.push(Mistake::at(ARTICLE, line, format!("{id} has no {what}")));
            }
        };
        demand(cited.contains(&(id, Voice::Code)), "module or rule that cites it");
        demand(cited.contains(&(id, Voice::Test)), "test that cites it");
        demand(mutated.contains(id), "mutation below mutations/");
    }
    mistakes
}

/// The duties that a mutation breaks.
fn mutated(house: &House) -> impl Iterator<Item = &str> {
    house
        .with_extension("patch")
        .flat_map(|(_, patch)| patch.lines())
        .filter_map(|line| line.strip_prefix("Duty: "))
}

/// The words of a text that are ids; `A1–A4` names four.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| is_duty(word))
}

fn is_duty(word: &str) -> bool {
    let digits = word.strip_prefix('A').unwrap_or_default();
    (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "| id | 義務 | duty |\n|---|---|---|\n| A1 | 一 | one |\n| A2 | 二 | two |\n";
    const CODE: &str = "//! Does (A1).\n#[cfg(test)]\nmod tests {\n    // A1\n}\n";

    fn said(files: &[(&str, &str)]) -> Vec<String> {
        check(&House::sample(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_duty_wants_code_a_test_and_a_mutation() {
        let article = "| A1 | 一 | one |\n";
        let patch = ("mutations/a.patch", "Duty: A1\n");
        assert_eq!(said(&[(ARTICLE, article), ("crates/a.rs", CODE), patch]), [""; 0]);
        let bare = ("crates/a.rs", "//! Does (A1).\n");
        let mistakes = said(&[(ARTICLE, article), bare]);
        assert_eq!(
            mistakes,
            [
                "docs/article.md:1: A1 has no test that cites it",
                "docs/article.md:1: A1 has no mutation below mutations/"
            ]
        );
    }

    #[test]
    fn an_id_that_is_no_duty_is_unknown() {
        let mistakes = said(&[("crates/a.rs", "//! Does (A7).\n")]);
        assert_eq!(mistakes, ["crates/a.rs:1: the article has no duty A7"]);
    }

    #[test]
    fn the_list_of_what_is_to_come_only_shrinks() {
        let mistakes =
            said(&[(ARTICLE, TABLE), (TO_COME, "# later\nA2 in part: the rest\n"), ("crates/a.rs", CODE)]);
        assert!(mistakes.contains(&"docs/duties-to-come.txt:2: A2: this list may only shrink".to_owned()));
        assert!(mistakes.contains(&"docs/article.md:4: A2 has no test that cites it".to_owned()));
    }

    #[test]
    fn what_is_wholly_to_come_is_cited_by_nobody() {
        let article = "| A14 | 一 | one |\n";
        let code = ("crates/a.rs", "//! Does (A14).\n");
        let mistakes = said(&[(ARTICLE, article), (TO_COME, "A14 later\n"), code]);
        let early = "crates/a.rs:1: A14 is to come: in docs/duties-to-come.txt it is not here even in part";
        assert!(mistakes.contains(&early.to_owned()), "{mistakes:?}");
        let whole = said(&[(ARTICLE, article), (TO_COME, "A14 later\n"), ("crates/a.rs", "//! Does.\n")]);
        assert!(!whole.iter().any(|mistake| mistake.contains("A14 ")), "{whole:?}");
    }

    #[test]
    fn a_part_that_is_here_is_cited_tested_and_broken_like_a_whole() {
        let (article, list) = ((ARTICLE, "| A16 | 一 | one |\n"), (TO_COME, "A16 in part: the rest\n"));
        let bare = said(&[article, list, ("crates/a.rs", "//! Does.\n")]);
        let wanted = ["module or rule that cites it", "test that cites it", "mutation below mutations/"];
        for what in wanted {
            assert!(bare.contains(&format!("docs/article.md:1: A16 has no {what}")), "{bare:?}");
        }
        let code = CODE.replace("A1", "A16");
        let kept = said(&[article, list, ("crates/a.rs", &code), ("mutations/a.patch", "Duty: A16\n")]);
        assert!(!kept.iter().any(|mistake| mistake.contains(": A16 ")), "{kept:?}");
    }

    #[test]
    fn the_article_is_whole_and_in_both_languages() {
        let mistakes = said(&[(ARTICLE, "| A1 | one | one |\n| A3 | 三 | three |\n"), (TO_COME, "")]);
        assert!(
            mistakes.contains(&"docs/article.md:1: a duty is said in Japanese and in English".to_owned())
        );
        assert!(mistakes.contains(&"docs/article.md: A2 is missing or stands there twice".to_owned()));
    }

    #[test]
    fn ids_are_whole_words() {
        assert_eq!(ids("(A1–A4), A26; not FA12, A1b or A123").collect::<Vec<_>>(), ["A1", "A4", "A26"]);
    }
}
