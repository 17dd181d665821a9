//! English and Japanese say the same: the README and every document that is in both run in step.

use super::house::{House, Mistake};

const ENGLISH: &str = "README.md";
const JAPANESE: &str = "README.ja.md";

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let documents = house.with_extension("md").filter_map(|(path, _)| path.strip_suffix(".ja.md"));
    let others = documents.map(|stem| (format!("{stem}.md"), format!("{stem}.ja.md")));
    let readme = (ENGLISH.to_owned(), JAPANESE.to_owned());
    let pairs = others.filter(|pair| *pair != readme).chain([readme.clone()]);
    pairs.flat_map(|(english, japanese)| compare(house, &english, &japanese)).collect()
}

fn compare(house: &House, english_path: &str, japanese_path: &str) -> Vec<Mistake> {
    let [english, japanese] = [english_path, japanese_path].map(|path| Outline::of(house.text(path)));
    let mut mistakes = Vec::new();
    let mut demand = |same: bool, text: String| {
        if !same {
            mistakes.push(Mistake::at(japanese_path, 0, text));
        }
    };
    demand(english.levels == japanese.levels, format!("its headings do not follow those of {english_path}"));
    demand(english.commands == japanese.commands, format!("its commands are not those of {english_path}"));
    let is_there = !english.levels.is_empty() && is_japanese(house.text(japanese_path));
    demand(is_there, "it is not in Japanese".into());
    mistakes
}

/// What two documents must have in common.
#[derive(Default)]
struct Outline {
    /// The depth of each heading, in order.
    levels: Vec<usize>,
    /// What stands in the blocks of code, without what is printed.
    commands: Vec<String>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut block: Option<String> = None;
        for line in text.lines() {
            block = match (block, line.strip_prefix("```")) {
                (None, Some(language)) => Some(language.to_owned()),
                (Some(_), Some(_)) => None,
                (Some(language), None) => {
                    outline.commands.extend(typed(&language, line).map(str::to_owned));
                    Some(language)
                }
                (None, None) => {
                    outline.levels.extend(heading(line));
                    None
                }
            };
        }
        outline
    }
}

/// What a reader types of a line: all of a script, the prompts of a console.
fn typed<'a>(language: &str, line: &'a str) -> Option<&'a str> {
    match language {
        // Each asks for its own language.
        "console" => line.strip_prefix("$ ").map(|command| command.trim_end_matches(" --lang ja")),
        _ => Some(line.split(" #").next().unwrap_or(line).trim_end()),
    }
}

fn heading(line: &str) -> Option<usize> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    (level > 0 && line[level..].starts_with(' ')).then_some(level)
}

/// Whether a text holds a kana or a Chinese character.
pub(super) fn is_japanese(text: &str) -> bool {
    text.chars().any(|character| matches!(character, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(english: &str, japanese: &str) -> usize {
        check(&House::sample(&[(ENGLISH, english), (JAPANESE, japanese)])).len()
    }

    #[test]
    fn headings_and_commands_run_in_step() {
        let english = "# a\n```console\n$ portreeve ls\nx\n```\n## b\n";
        assert_eq!(faults(english, "# あ\n```console\n$ portreeve ls --lang ja\n、\n```\n## い\n"), 0);
        assert_eq!(faults(english, "# あ\n```console\n$ portreeve who 1\n、\n```\n"), 2);
    }

    #[test]
    fn every_document_in_both_languages_is_compared() {
        let readmes = [(ENGLISH, "# a\n"), (JAPANESE, "# あ\n")];
        let told = |english, japanese| {
            let documents = [("docs/x.md", english), ("docs/x.ja.md", japanese)];
            check(&House::sample(&[&readmes[..], &documents].concat())).len()
        };
        assert_eq!(told("# a\n## b\n", "# あ\n## い\n"), 0);
        assert_eq!(told("# a\n## b\n", "# あ\n"), 1);
        assert_eq!(told("", "# あ\n"), 2);
    }

    #[test]
    fn a_copy_of_the_english_is_no_japanese() {
        assert_eq!(faults("# a\n", "# a\n"), 1);
    }
}
