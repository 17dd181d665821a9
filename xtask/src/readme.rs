//! `cargo xtask readme`: what the READMEs show is what the built program prints.
//!
//! A block that is marked `console` is a session: each line after `$ ` is typed into a shell in the project's
//! folder with the release build of portreeve first in PATH, and the lines below it are what must appear. In them
//! `…` stands for anything within a line, and alone on its line for any number of lines. A block that is marked `toml`
//! is a whole policy, and `portreeve check` finds no mistake in it.

use std::{
    env, fs,
    io::Write as _,
    process::{Command, Stdio},
};

use crate::{
    shell::{self, Result, cargo, command, root, target},
    tally::Tally,
};

const READMES: &[&str] = &["README.md", "README.ja.md", "CONTRIBUTING.md"];

pub(crate) fn run(_: &[String]) -> Result {
    sessions().map(|tally| println!("{tally}"))
}

/// Types every session and checks every policy; the tally counts commands and policies.
pub(crate) fn sessions() -> Result<Tally> {
    shell::run(&mut build())?;
    let mut tally = Tally::default();
    for file in READMES {
        let text = fs::read_to_string(root().join(file))?;
        let played = steps(&text).into_iter().map(|step| (step.line, play(&step)));
        let checked = policies(&text).into_iter().map(|(line, policy)| (line, check_policy(&policy)));
        for (line, outcome) in played.chain(checked) {
            if let Err(error) = &outcome {
                eprintln!("{file}:{line}: {error}");
            }
            tally += Tally::of(outcome.is_ok());
        }
    }
    if tally.failed > 0 { Err(format!("the READMEs: {tally}").into()) } else { Ok(tally) }
}

/// What it says is asked here and not how fast: optimised as for a release it would take three times as long to build.
fn build() -> Command {
    let mut build = cargo(&["build", "--release", "--package", "portreeve"]);
    build.envs([
        ("CARGO_PROFILE_RELEASE_LTO", "off"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ]);
    build
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

/// What stands in every `toml` block, with the line of its fence.
fn policies(text: &str) -> Vec<(usize, String)> {
    let mut policies: Vec<(usize, String)> = Vec::new();
    let mut within = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            within = line == "```toml";
            policies.extend(within.then(|| (at + 1, String::new())));
        } else if within && let Some((_, policy)) = policies.last_mut() {
            policy.extend([line, "\n"]);
        }
    }
    policies
}

/// Whoever pastes the policy must get no mistake.
fn check_policy(policy: &str) -> Result {
    let mut portreeve =
        command(&[target().join("release/portreeve").to_string_lossy(), "check".into(), "-".into()]);
    let piped = portreeve.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").spawn()?;
    // A policy of a README is shorter than a pipe holds, so nobody waits for anybody.
    child.stdin.take().ok_or("no way to hand over the policy")?.write_all(policy.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("not a policy that can be pasted:\n{}", String::from_utf8_lossy(&said)).into())
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
    fn only_toml_blocks_are_policies() {
        let text = "a\n```toml\nversion = 1\n\n[service.a]\n```\nb\n```sh\nls\n```\n```toml\n```\n";
        let (first, empty) = ((2, "version = 1\n\n[service.a]\n".to_owned()), (11, String::new()));
        assert_eq!(policies(text), [first, empty]);
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
