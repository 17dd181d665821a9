//! `cargo xtask test`: everything once, from a bare machine to the totals.

mod stillness;
pub(crate) mod tools;

use std::time::{Duration, Instant};

use crate::{
    check, readme,
    shell::{Result, cargo},
    tally::{Tally, count},
};

/// A part of the whole, timed by itself.
struct Suite {
    name: &'static str,
    run: fn() -> Result<Tally>,
}

const SUITES: &[Suite] = &[
    Suite { name: "check", run: || check::run(&[]).map(|()| Tally::of(true)) },
    Suite { name: "tests", run: || count(&mut every_test()) },
    Suite { name: "readme", run: readme::sessions },
];

/// Those that boot hosts wait for these half of the time: more of them at once than there are cores.
const THREADS: &str = "4";

/// Every test of the workspace, built once.
fn every_test() -> std::process::Command {
    let mut tests = cargo(&["test", "--workspace", "--features", "portreeve/lab", "--no-fail-fast"]);
    tests.env("RUST_TEST_THREADS", THREADS);
    tests
}

/// The tests that boot whole hosts, each of which has one to itself; those of the program itself ask an etcd of three members.
pub(crate) fn lab() -> std::process::Command {
    let own = ["test", "--package", "portreeve", "--features", "lab"];
    cargo(&[&own[..], &["--bin", "portreeve", "--test", "lab", "--no-fail-fast"]].concat())
}

/// The tests alone of which the lab is made.
pub(crate) fn lab_alone() -> std::process::Command {
    cargo(&["test", "--package", "portreeve", "--features", "lab", "--test", "lab"])
}

/// The ledger under everything that goes wrong, with all its steps.
pub(crate) fn ledger() -> std::process::Command {
    cargo(&["test", "--release", "--package", "portreeve-core", "--test", "ledger"])
}

/// Every suite, whatever the one before it said; then the totals.
///
/// Not even the installation of tools may leave a listener or a unit behind.
pub(crate) fn run(_: &[String]) -> Result {
    tools::install_witness()?;
    let before = stillness::observe()?;
    tools::install()?;
    let outcomes: Vec<_> = SUITES.iter().map(timed).collect();
    let mut total = Tally::default();
    println!();
    for (suite, (tally, took)) in SUITES.iter().zip(&outcomes) {
        println!("{:10} {:>5.0} s  {tally}", suite.name, took.as_secs_f32());
        total += *tally;
    }
    let stands_still = stillness::compare(&before, &stillness::observe()?);
    println!("{:10} {:>7}  {stands_still}", "machine", "");
    total += stands_still;
    println!("\n{total}");
    if total.failed > 0 { Err("not everything is well".into()) } else { Ok(()) }
}

/// A suite that could not even be run has failed once.
fn timed(suite: &Suite) -> (Tally, Duration) {
    let start = Instant::now();
    println!("\n== {}", suite.name);
    let tally = (suite.run)().unwrap_or_else(|error| {
        eprintln!("error: {}: {error}", suite.name);
        Tally::of(false)
    });
    (tally, start.elapsed())
}
