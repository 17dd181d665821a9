//! Whole processes, timed by a small C program that adds next to nothing of its own.

use std::{fs, path::PathBuf, process::Command};

use super::report::Figure;
use crate::shell::{self, Result, command, output, root, target};

/// What the runs of one command took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sample {
    nanoseconds: Vec<u64>,
    peak_kib: u64,
}

impl Sample {
    /// The median time.
    pub(super) fn time(&self) -> Figure {
        Figure::Nanoseconds(median(&self.nanoseconds))
    }

    /// The most memory that any run held at once.
    #[expect(clippy::cast_precision_loss, reason = "memory in KiB is far below 2^52")]
    pub(super) fn peak(&self) -> Figure {
        Figure::Bytes(self.peak_kib as f64 * 1024.0)
    }
}

/// The middle one, or the mean of the two in the middle.
#[expect(clippy::cast_precision_loss, reason = "times in nanoseconds are far below 2^52")]
pub(super) fn median(values: &[u64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (None, _) => f64::NAN,
        (Some(value), 1) => *value as f64,
        (Some(value), _) => (values[middle - 1] as f64 + *value as f64) / 2.0,
    }
}

/// Compiles a program of `xtask/bench`.
pub(super) fn compile(name: &str) -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let program = folder.join(name);
    let source = root().join("xtask/bench").join(name).with_extension("c");
    shell::run(command(&["cc", "-O2", "-Wall", "-Wextra", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}

/// The words that let the commands take turns for a number of rounds.
pub(super) fn words(rounds: u32, commands: &[Vec<String>]) -> Result<Vec<String>> {
    let mut words = vec![compile("stopwatch")?.to_string_lossy().into_owned(), rounds.to_string()];
    for command in commands {
        words.push("--".into());
        words.extend_from_slice(command);
    }
    Ok(words)
}

/// Runs the stopwatch and reads what it prints, one sample a command.
pub(super) fn race(stopwatch: &mut Command, commands: usize) -> Result<Vec<Sample>> {
    samples(&output(stopwatch)?, commands)
}

/// What it printed, one sample a command.
pub(super) fn samples(printed: &str, commands: usize) -> Result<Vec<Sample>> {
    let mut samples = vec![Sample::default(); commands];
    for line in printed.lines() {
        let numbers: Vec<u64> = line.split(' ').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let [index, nanoseconds, peak_kib] = numbers[..] else {
            return Err(format!("the stopwatch printed `{line}`").into());
        };
        let sample =
            samples.get_mut(usize::try_from(index)?).ok_or("the stopwatch ran a command of its own")?;
        sample.nanoseconds.push(nanoseconds);
        sample.peak_kib = sample.peak_kib.max(peak_kib);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[9, 1, 5]) - 5.0).abs() < f64::EPSILON);
        assert!((median(&[9, 1, 5, 6]) - 5.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn commands_take_turns_and_are_told_apart() {
        let commands = [vec!["true".to_owned()], vec!["sleep".to_owned(), "0.02".to_owned()]];
        let words = words(3, &commands).unwrap();
        let samples = race(&mut command(&words), 2).unwrap();
        assert_eq!(samples.iter().map(|sample| sample.nanoseconds.len()).collect::<Vec<_>>(), [3, 3]);
        assert!(samples[0].time() != samples[1].time());
        assert!(samples[1].nanoseconds.iter().all(|took| *took >= 20_000_000));
    }
}
