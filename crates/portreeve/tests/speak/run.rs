//! Runs the program and keeps what it said.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// The standard output as one document.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).expect("the program writes UTF-8"),
            err: String::from_utf8(output.stderr).expect("the program writes UTF-8"),
            code: output.status.code(),
        }
    }
}

/// The program with nothing of this machine's locale, policy or colour.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "NO_COLOR", "PORTREEVE_POLICY"] {
        command.env_remove(name);
    }
    command.env("PORTREEVE_POLICY", "none").stdin(Stdio::null());
    command
}

/// A saved host of the test data.
pub(crate) fn saved(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Runs the words of `line`.
pub(crate) fn run(line: &str) -> Said {
    program().args(line.split_whitespace()).output().expect("the program starts").into()
}

/// Runs the words of `line` about the host that most tests know.
pub(crate) fn on_web(line: &str) -> Said {
    let snapshot = saved("web.json");
    let words = line.split_whitespace();
    program().args(words).arg("--snapshot").arg(snapshot).output().expect("the program starts").into()
}

/// Runs the words of `line` with `input` on standard input.
pub(crate) fn with_input(line: &str, input: &[u8]) -> Said {
    let mut child = program()
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may refuse and be gone before everything is written.
    let _ = child.stdin.take().expect("standard input is a pipe").write_all(input);
    child.wait_with_output().expect("the program ends").into()
}

/// The saved host that most tests know, changed by `change`.
pub(crate) fn web_with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let text = std::fs::read(saved("web.json")).expect("the test data is there");
    let mut snapshot = serde_json::from_slice(&text).expect("the test data is JSON");
    change(&mut snapshot);
    serde_json::to_vec(&snapshot).expect("a value is JSON")
}

/// Asserts that nothing in `text` acts on a terminal or hides.
pub(crate) fn assert_harmless(text: &str) {
    let harmful = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(harmful), None, "{text}");
}
