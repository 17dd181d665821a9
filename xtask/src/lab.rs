//! `cargo xtask lab`: makes the lab's root, then runs the lab tests, or those whose names hold a word.

use crate::{shell::Result, tally::count, test};

/// The lab tests; further words go to the test runner as they are (`--nocapture`, a name).
pub(crate) fn run(words: &[String]) -> Result {
    test::tools::install()?;
    let tally = count(test::lab().arg("--").args(words))?;
    println!("{tally}");
    if tally.failed > 0 { Err("the lab".into()) } else { Ok(()) }
}
