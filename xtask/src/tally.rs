//! How many tests passed and failed, read from what the test runner prints.

use std::{
    fmt,
    io::{BufRead, BufReader},
    ops::AddAssign,
    process::{Command, Stdio},
};

use crate::shell::{Result, shown};

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Those that passed.
    pub(crate) passed: u32,
    /// Those that failed.
    pub(crate) failed: u32,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Tally {
    /// A suite of one step.
    pub(crate) const fn of(passed: bool) -> Self {
        Self { passed: passed as u32, failed: !passed as u32 }
    }

    /// The tally of a line like `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
    fn of_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |what: &str| counts.split("; ").find_map(|part| part.strip_suffix(what)?.parse().ok());
        Some(Self { passed: count(" passed")?, failed: count(" failed")? })
    }
}

/// Runs `cargo test …`, shows what it prints, and counts.
///
/// # Errors
///
/// It fails without a failed test: nothing was built, or a runner was killed.
pub(crate) fn count(command: &mut Command) -> Result<Tally> {
    let line = shown(command);
    println!("$ {line}");
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().expect("standard output was asked for");
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally += Tally::of_line(&line).unwrap_or_default();
    }
    let status = child.wait()?;
    if status.success() || tally.failed > 0 {
        Ok(tally)
    } else {
        Err(format!("`{line}` ended with {status}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_last_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.01s";
        assert_eq!(Tally::of_line(line), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(Tally::of_line("running 3 tests"), None);
    }
}
