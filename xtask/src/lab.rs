//! `cargo xtask lab`: makes the lab's root, then runs the lab tests, or those whose names hold a word.

mod kernel;

use crate::{shell::Result, tally::count, test};

/// The lab tests; further words go to the test runner as they are (`--nocapture`, a name). `kernel` is no name but a
/// chore of its own.
pub(crate) fn run(words: &[String]) -> Result {
    test::tools::install()?;
    if let Some(("kernel", rest)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return kernel::run(rest);
    }
    let tally = count(test::lab().arg("--").args(words))?;
    println!("{tally}");
    if tally.failed > 0 { Err("the lab".into()) } else { Ok(()) }
}
