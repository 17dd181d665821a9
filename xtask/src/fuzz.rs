//! `cargo xtask fuzz`: throws bytes at every parser of bytes that others write, for a bounded time.
//!
//! libFuzzer's coverage needs no nightly compiler as long as no sanitizer is asked for, and code without `unsafe`
//! has none to ask.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    shell::{self, Result, command, option, root, target},
    tally::Tally,
};

const SECONDS: u32 = 20;
/// No input may make a parser take more than this.
const MEMORY_MB_MAX: u32 = 512;
/// Longer inputs only slow the search; length itself is tested elsewhere.
const INPUT_BYTES_MAX: u32 = 16 * 1024;
const CARGO_FUZZ: &str = "0.13.2";

/// `[TARGET] [--seconds N]`.
pub(crate) fn run(words: &[String]) -> Result {
    let seconds = option(words, "--seconds")?.map_or(Ok(SECONDS), str::parse)?;
    match words.first().filter(|word| !word.starts_with('-')) {
        Some(name) => fuzz(name, seconds),
        None => every_target(seconds).map(|tally| println!("{tally}")),
    }
}

/// Every target in turn; the first that breaks ends it, with the input that did it on disk.
pub(crate) fn every_target(seconds: u32) -> Result<Tally> {
    let mut tally = Tally::default();
    for name in targets()? {
        fuzz(&name, seconds)?;
        tally += Tally::of(true);
    }
    Ok(tally)
}

/// The names of the files in `fuzz/fuzz_targets`.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn fuzz(name: &str, seconds: u32) -> Result {
    let found = target().join("fuzz/found").join(name);
    fs::create_dir_all(&found)?;
    let mut fuzz = cargo_fuzz()?;
    let built = target().join("fuzz/build");
    fuzz.args(["run", "--sanitizer", "none", "--target-dir"])
        .arg(built)
        .arg(name)
        .arg(&found)
        .arg(root().join("fuzz/corpus").join(name))
        .arg("--");
    fuzz.arg(format!("-max_total_time={seconds}"));
    fuzz.arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"));
    fuzz.arg(format!("-max_len={INPUT_BYTES_MAX}"));
    fuzz.args(["-timeout=10", "-print_final_stats=1"]);
    shell::run(&mut fuzz)
}

/// cargo-fuzz, installed below the target folder where it is not yet.
fn cargo_fuzz() -> Result<Command> {
    let home = target().join("tools");
    let program: PathBuf = home.join("bin/cargo-fuzz");
    if !program.exists() {
        let home = home.to_string_lossy();
        let install = ["install", "cargo-fuzz", "--version", CARGO_FUZZ, "--locked", "--root", &home];
        shell::run(&mut shell::cargo(&install))?;
    }
    Ok(command(&[program.to_string_lossy()]))
}
