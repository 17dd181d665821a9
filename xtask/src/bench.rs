//! `cargo xtask bench`: portreeve against its rivals in the same run, and against what was promised.

mod lookup;
mod machine;
mod policy;
mod report;
mod scenes;
mod size;
mod stopwatch;

use std::fs;

use report::Row;

use crate::shell::{self, Result, cargo, root};

const PAGE: &str = "docs/performance.md";

/// `[--save]` writes docs/performance.md; `[--cold]` also builds from nothing, which takes minutes.
pub(crate) fn run(words: &[String]) -> Result {
    if cfg!(debug_assertions) {
        let mut again = cargo(&["run", "--quiet", "--release", "--package", "xtask", "--", "bench"]);
        return shell::run(again.args(words));
    }
    let has = |option: &str| words.iter().any(|word| word == option);
    let mut rows = Vec::new();
    if has("--cold") {
        rows.push(size::cold_build()?);
    }
    shell::run(&mut cargo(&["build", "--release", "--package", "portreeve"]))?;
    rows.extend(scenes::small()?);
    rows.extend(scenes::busy()?);
    rows.extend(lookup::rows()?);
    rows.push(policy::row()?);
    rows.extend(size::rows()?);
    let page = report::page(&rows, &machine::describe());
    println!("{page}");
    if has("--save") {
        fs::write(root().join(PAGE), &page)?;
    }
    verdict(&rows)
}

fn verdict(rows: &[Row]) -> Result {
    let missed: Vec<_> = rows.iter().filter(|row| !row.is_kept()).map(|row| row.what.as_str()).collect();
    if missed.is_empty() { Ok(()) } else { Err(format!("not as promised: {}", missed.join("; ")).into()) }
}
