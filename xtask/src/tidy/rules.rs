//! Each rule is a file, and the file is whole: a name, duties, a page, and tests of the finding and of its neighbour.

use super::house::{House, Mistake, Source};

/// The least that shows a rule: the finding, and the nearest harmless neighbour.
const TESTS_MIN: usize = 2;

pub(super) fn check(house: &House) -> Vec<Mistake> {
    house.sources.iter().filter(|source| is_rule(source)).flat_map(mistakes).collect()
}

fn is_rule(source: &Source) -> bool {
    source.path.starts_with("crates/core/src/rules/") && source.text.contains("const RULE: Rule")
}

fn mistakes(source: &Source) -> Vec<Mistake> {
    let stem = source.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
    let named = format!("name: \"{}\"", stem.replace('_', "-"));
    let demands = [
        (source.text.contains(&named), "a rule carries the name of its file"),
        (source.text.contains("article: &[\"A"), "a rule serves a duty of the article"),
        (["what: ", "why: ", "fix: "].iter().all(|part| source.text.contains(part)), "a rule has a page"),
        (
            tests(source) >= TESTS_MIN,
            "a rule has a test of the finding and one of its nearest harmless neighbour",
        ),
    ];
    demands
        .into_iter()
        .filter(|(kept, _)| !kept)
        .map(|(_, text)| Mistake::at(&source.path, 0, text))
        .collect()
}

fn tests(source: &Source) -> usize {
    source.text.lines().filter(|line| line.trim() == "#[test]").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "//! A.\nconst RULE: Rule = Rule { name: \"stolen-port\", article: &[\"A24\"], page: Page { what: W, why: W, fix: W } };\n\n#[test]\nfn a() {}\n#[test]\nfn b() {}\n";

    fn faults(file: &str, text: &str) -> usize {
        check(&House::sample(&[(&format!("crates/core/src/rules/declared/{file}.rs"), text)])).len()
    }

    #[test]
    fn a_whole_rule_is_tidy() {
        assert_eq!(faults("stolen_port", WHOLE), 0);
    }

    #[test]
    fn each_part_is_missed() {
        assert_eq!(faults("other_name", WHOLE), 1);
        assert_eq!(faults("stolen_port", &WHOLE.replacen("#[test]\n", "", 1)), 1);
        assert_eq!(faults("stolen_port", &WHOLE.replace("&[\"A24\"]", "&[]")), 1);
        assert_eq!(faults("stolen_port", &WHOLE.replace("why: W, ", "")), 1);
    }
}
