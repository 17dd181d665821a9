//! `cargo xtask check`: what a review would say, said by machines.

use crate::{
    shell::{self, Result, cargo},
    tidy,
};

/// What is checked, and how.
type Check = (&'static str, fn() -> Result);

/// Every check, by the name under which it is missed.
const CHECKS: &[Check] = &[
    ("format: cargo fmt --all", format),
    ("format of the fuzz targets: cargo fmt --manifest-path fuzz/Cargo.toml", format_of_fuzz),
    ("lints: cargo clippy --workspace --all-targets --all-features", lints),
    ("documentation: cargo doc", documentation),
    ("rules of the house: cargo xtask tidy", || tidy::run(&[])),
];

/// Runs every check, then fails with the list of those that failed.
pub(crate) fn run(_: &[String]) -> Result {
    run_all(CHECKS)
}

fn run_all(checks: &[Check]) -> Result {
    let mut missing = String::new();
    for (name, check) in checks {
        if let Err(error) = check() {
            missing += &format!("\n  {name} ({error})");
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("what is missing:{missing}").into()) }
}

fn format() -> Result {
    run_cargo(&["fmt", "--all", "--check"])
}

fn format_of_fuzz() -> Result {
    run_cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"])
}

fn lints() -> Result {
    run_cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
}

fn documentation() -> Result {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn run_cargo(arguments: &[&str]) -> Result {
    shell::run(&mut cargo(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_does_not_hide_another() {
        let checks: &[Check] =
            &[("first", || Err("badly".into())), ("second", || Ok(())), ("third", || Err("worse".into()))];
        let missing = run_all(checks).unwrap_err().to_string();
        assert_eq!(missing, "what is missing:\n  first (badly)\n  third (worse)");
        assert!(run_all(&[("second", || Ok(()))]).is_ok());
    }
}
