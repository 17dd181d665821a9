//! `cargo xtask check`: what a review would say, said by machines.

use crate::{
    shell::{self, Result, cargo},
    tidy,
};

/// Formatting, lints, documentation and the rules of the house.
pub(crate) fn run(_: &[String]) -> Result {
    run_cargo(&["fmt", "--all", "--check"])?;
    run_cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])?;
    run_cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])?;
    shell::run(
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    tidy::run(&[])
}

fn run_cargo(arguments: &[&str]) -> Result {
    shell::run(&mut cargo(arguments))
}
