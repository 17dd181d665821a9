//! `cargo xtask bench`: portreeve against its rivals in the same run, and against what was promised.

mod gate;
mod guard;
mod ledger;
mod lookup;
mod machine;
mod patches;
mod policy;
mod race;
mod report;
mod scan;
mod scenes;
mod sight;
mod size;
mod steer;
mod stopwatch;
mod watch;

use std::fs;

use report::{Part, Row};

use crate::shell::{self, Result, cargo, root};

/// What may stand beside the parts.
const OPTIONS: [&str; 2] = ["--save", "--cold"];
const PAGE: &str = "docs/performance.md";

/// `[sight]`, `[gate]`, `[ledger]`, `[guard]`, `[steer]`, `[watch]`, `[patches]`, `[scan]` measure that part alone; `[--save]` writes docs/performance.md; `[--cold]` also builds from
/// nothing, which takes minutes.
///
/// # Errors
///
/// A word that asks for nothing, what cannot be measured, and what is not as promised.
pub(crate) fn run(words: &[String]) -> Result {
    let is_known = |word: &&String| {
        OPTIONS.contains(&word.as_str()) || Part::ALL.iter().any(|part| part.word() == word.as_str())
    };
    if let Some(word) = words.iter().find(|word| !is_known(word)) {
        let parts = Part::ALL.map(Part::word).join(", ");
        return Err(format!(
            "nothing is measured for `{word}`; type any of: {parts}, {}",
            OPTIONS.join(", ")
        )
        .into());
    }
    if cfg!(debug_assertions) {
        let mut again = cargo(&["run", "--quiet", "--release", "--package", "xtask", "--", "bench"]);
        return shell::run(again.args(words));
    }
    let has = |option: &str| words.iter().any(|word| word == option);
    shell::run(&mut cargo(&["build", "--release", "--package", "portreeve"]))?;
    let is_whole = !Part::ALL.iter().any(|part| has(part.word()));
    let mut parts = Vec::new();
    for part in Part::ALL.into_iter().filter(|part| is_whole || has(part.word())) {
        let rows = match part {
            Part::General => general(has("--cold"))?,
            Part::Sight => sight::rows()?,
            Part::Gate => gate::rows()?,
            Part::Ledger => ledger::rows()?,
            Part::Guard => guard::rows()?,
            Part::Steer => steer::rows()?,
            Part::Watch => watch::rows()?,
            Part::Patches => patches::rows()?,
            Part::Scan => scan::rows()?,
        };
        parts.push((part, rows));
    }
    let machine = machine::describe();
    let sections: Vec<_> =
        parts.iter().map(|(part, rows)| (*part, report::section(*part, rows, &machine))).collect();
    sections.iter().for_each(|(_, section)| println!("{section}"));
    if has("--save") {
        let saved = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
        fs::write(root().join(PAGE), report::page(&saved, &sections))?;
    }
    verdict(parts.iter().flat_map(|(_, rows)| rows))
}

fn general(cold: bool) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if cold {
        rows.push(size::cold_build()?);
    }
    rows.extend(scenes::small()?);
    rows.extend(scenes::busy()?);
    rows.extend(lookup::rows()?);
    rows.push(policy::row()?);
    rows.extend(size::rows()?);
    Ok(rows)
}

fn verdict<'r>(rows: impl Iterator<Item = &'r Row>) -> Result {
    let missed: Vec<_> = rows.filter(|row| !row.is_kept()).map(|row| row.what.as_str()).collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("not as promised: {}", missed.join("; ")).into()) }
}
