//! `cargo xtask lab`: makes the lab's root, then runs the lab tests, or those whose names hold a word.

mod kernel;
mod ledger;
pub(crate) mod oldest;
mod zoo;

use crate::{shell::Result, tally::count, test};

/// The lab tests; further words go to the test runner as they are (`--nocapture`, a name).
///
/// `kernel`, `ledger`, `oldest` and `zoo` are no names but chores of their own.
pub(crate) fn run(words: &[String]) -> Result {
    test::tools::install()?;
    match words.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        Some(("kernel", rest)) => return kernel::run(rest),
        Some(("ledger", [])) => return ledger::run(),
        Some(("oldest", rest)) => return oldest::run(rest),
        Some(("within", rest)) => return oldest::within(rest),
        Some(("zoo", rest)) => return zoo::run(rest),
        _ => {}
    }
    let tally = count(test::lab().arg("--").args(words))?;
    println!("{tally}");
    if tally.failed > 0 { Err("the lab".into()) } else { Ok(()) }
}
