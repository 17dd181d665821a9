//! Nothing is depended on without a reason in docs/dependencies.md, and no reason stays behind.

use std::collections::BTreeMap;

use super::house::{House, Mistake};

const REASONS: &str = "docs/dependencies.md";

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let needed = needed(house);
    let reasons: Vec<_> = house.text(REASONS).lines().filter_map(reason).collect();
    let bare = needed.iter().filter(|(name, _)| !reasons.contains(name));
    let mut mistakes: Vec<_> = bare
        .map(|(name, (path, line))| Mistake::at(path, *line, format!("`{name}` has no line in {REASONS}")))
        .collect();
    let idle = reasons.iter().filter(|name| !needed.contains_key(*name));
    mistakes.extend(idle.map(|name| Mistake::at(REASONS, 0, format!("nothing depends on `{name}`"))));
    mistakes
}

/// The crates of others that any Cargo.toml names, with the first place of each.
fn needed(house: &House) -> BTreeMap<&str, (&str, usize)> {
    let mut needed = BTreeMap::new();
    for (path, text) in house.with_extension("toml").filter(|(path, _)| path.ends_with("Cargo.toml")) {
        let mut section = "";
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('[') {
                section = line.trim_matches(['[', ']']);
            } else if section.ends_with("dependencies")
                && let Some(name) = key(line)
                && !name.starts_with("portreeve")
            {
                needed.entry(name).or_insert((path, at + 1));
            }
        }
    }
    needed
}

/// The name before `=` or `.workspace`.
fn key(line: &str) -> Option<&str> {
    let end = line.find(['=', '.', ' '])?;
    let name = &line[..end];
    (!name.is_empty() && !name.starts_with('#')).then_some(name)
}

/// The crate that a row of the table speaks of.
fn reason(row: &str) -> Option<&str> {
    row.strip_prefix("| `")?.split_once('`').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(toml: &str, reasons: &str) -> Vec<String> {
        let house = House::sample(&[("crates/x/Cargo.toml", toml), (REASONS, reasons)]);
        check(&house).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_dependency_wants_a_reason() {
        let toml = "[package]\nname = \"x\"\n\n[dev-dependencies]\ninsta.workspace = true\ncsv = \"1\"\n";
        assert_eq!(
            said(toml, "| `insta` | why |\n"),
            ["crates/x/Cargo.toml:6: `csv` has no line in docs/dependencies.md"]
        );
    }

    #[test]
    fn a_reason_goes_with_its_dependency() {
        let toml = "[dependencies]\nportreeve-core.workspace = true\n";
        assert_eq!(said(toml, "| `csv` | why |\n"), ["docs/dependencies.md: nothing depends on `csv`"]);
    }
}
