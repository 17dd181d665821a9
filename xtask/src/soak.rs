//! `cargo xtask soak`: the full counts, for a night or before a release.

use crate::{
    fuzz,
    lab::oldest,
    mutate,
    shell::{Result, option},
    tally::{Tally, count},
    test,
};

/// How often the lab is built and torn down in a row.
const LAB_RUNS: u32 = 50;
/// The lab tests that are repeated: hosts are booted, broken, killed, and everything is taken away again.
const LAB_TESTS: &str = "lab::cleanliness::";
/// The lab tests that look into a storm or try what chance brings: a part of it everywhere else, and here all of it.
const STORM_TESTS: [&str; 7] = [
    "lab::churn::",
    "lab::exposure::random::",
    "lab::exposure::twin::",
    "lab::guard::storm::",
    "lab::scanned_storm::",
    "lab::torn::",
    "lab::torn_programs::",
];
/// How they are told so.
const WHOLE_STORM: (&str, &str) = ("PORTREEVE_STORM", "full");
/// The lab tests that run on the oldest kernel too, with the small counts of every day.
const OLDEST_TESTS: [&str; 2] = ["guard", "steer"];
/// How long each fuzz target runs.
const FUZZ_SECONDS: u32 = 300;

/// `[--runs N] [--seconds N]`: the lab over and over, then the storms, the oldest kernel, fuzzing, then every mutation.
pub(crate) fn run(words: &[String]) -> Result {
    let number = |name, usual| option(words, name).map(|value| value.map_or(Ok(usual), str::parse::<u32>));
    let (runs, seconds) = (number("--runs", LAB_RUNS)??, number("--seconds", FUZZ_SECONDS)??);
    let mut total = Tally::default();
    for run in 1..=runs {
        println!("== lab, run {run} of {runs}");
        total += count(test::lab().args(["--", LAB_TESTS]))?;
    }
    println!("== the whole storm");
    let (variable, value) = WHOLE_STORM;
    total += count(test::lab().args(["--", "--nocapture"]).args(STORM_TESTS).env(variable, value))?;
    total += count(test::ledger().env(variable, value))?;
    println!("== the oldest kernel");
    total += oldest::tested(&OLDEST_TESTS.map(String::from))?;
    total += fuzz::every_target(seconds)?;
    total += mutate::mutate(&[])?;
    println!("\n{total}");
    if total.failed > 0 { Err("not everything holds out".into()) } else { Ok(()) }
}
