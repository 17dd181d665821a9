//! `cargo xtask readme`: what the READMEs show is what the built program prints.
//!
//! A block that is marked `console` is a session: each line after `$ ` is typed into a shell in the project's
//! folder with the release build of portreeve first in PATH, and the lines below it are what must appear. In them
//! `…` stands for anything within a line, and alone on its line for any number of lines.

use std::{env, fs};

use crate::{
    shell::{self, Result, cargo, command, root, target},
    tally::Tally,
};

const READMES: &[&str] = &["README.md", "README.ja.md", "CONTRIBUTING.md"];

pub(crate) fn run(_: &[String]) -> Result {
    sessions().map(|tally| println!("{tally}"))
}

/// Types every session; the tally counts commands.
pub(crate) fn sessions() -> Result<Tally> {
    shell::run(&mut cargo(&["build", "--release", "--package", "portreeve"]))?;
    let mut tally = Tally::default();
    for file in READMES {
        for step in steps(&fs::read_to_string(root().join(file))?) {
            match play(&step) {
                Ok(()) => tally.passed += 1,
                Err(error) => {
                    eprintln!("{file}:{}: {error}", step.line);
                    tally.failed += 1;
                }
            }
        }
    }
    if tally.failed > 0 { Err(format!("the READMEs: {tally}").into()) } else { Ok(tally) }
}

/// One command of a session, and what is printed after it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    line: usize,
    typed: String,
    printed: Vec<String>,
}

/// The steps of every `console` block.
fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut within = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            within = line == "```console";
        } else if within && let Some(typed) = line.strip_prefix("$ ") {
            steps.push(Step { line: at + 1, typed: typed.into(), printed: Vec::new() });
        } else if within && let Some(step) = steps.last_mut() {
            step.printed.push(line.into());
        }
    }
    for step in &mut steps {
        trim(&mut step.printed);
    }
    steps
}

/// Blank lines before the next prompt are there for the eye.
fn trim(lines: &mut Vec<String>) {
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
}

fn play(step: &Step) -> Result {
    let built = target().join("release");
    let others = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([built].into_iter().chain(env::split_paths(&others)))?;
    let mut shell = command(&["sh", "-c", &format!("{{ {} ; }} 2>&1", step.typed)]);
    let output = shell.env("PATH", path).env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").output()?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines: Vec<String> = printed.lines().map(|line| line.trim_end().to_owned()).collect();
    trim(&mut lines);
    if fits(&step.printed, &lines) {
        return Ok(());
    }
    Err(format!("`{}` printed\n{}\nand not\n{}", step.typed, lines.join("\n"), step.printed.join("\n"))
        .into())
}

/// Whether `lines` are what `patterns` describe.
fn fits(patterns: &[String], lines: &[String]) -> bool {
    match (patterns, lines) {
        ([], lines) => lines.is_empty(),
        ([any, patterns @ ..], lines) if any.trim() == "…" => {
            (0..=lines.len()).any(|skipped| fits(patterns, &lines[skipped..]))
        }
        ([pattern, patterns @ ..], [line, lines @ ..]) => {
            fits_line(pattern.trim_end(), line) && fits(patterns, lines)
        }
        (_, []) => false,
    }
}

fn fits_line(pattern: &str, line: &str) -> bool {
    match pattern.split_once('…') {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(at, _)| at).chain([line.len()]).any(|at| fits_line(rest, &line[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a\n```console\n$ portreeve ls\nPORT\n\n$ portreeve who 1; echo $?\n0\n```\n```sh\n$ no\n```\n";

    fn fits_text(pattern: &str, text: &str) -> bool {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        fits(&lines(pattern), &lines(text))
    }

    #[test]
    fn only_console_blocks_are_played() {
        let steps = steps(TEXT);
        let typed: Vec<_> = steps.iter().map(|step| (step.line, step.typed.as_str())).collect();
        assert_eq!(typed, [(3, "portreeve ls"), (6, "portreeve who 1; echo $?")]);
        assert_eq!(steps[0].printed, ["PORT"]);
    }

    #[test]
    fn an_ellipsis_stands_for_anything_but_what_is_written_must_appear() {
        assert!(fits_text("22/tcp … sshd\n…", "22/tcp  ssh  sshd\nmore\nmore"));
        assert!(fits_text("…\nlast", "last"));
        assert!(!fits_text("22/tcp …", "23/tcp telnet"));
        assert!(!fits_text("one", "one\ntwo"));
        assert!(!fits_text("one\ntwo", "one"));
    }
}
