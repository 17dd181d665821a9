//! What a program printed and how it ended.

use std::process;

use serde_json::Value;

use crate::error::LabError;

/// What a program printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit status; -1 when a signal ended it.
    pub status: i32,
    /// Its standard output; bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error; bytes that are no UTF-8 are replaced.
    pub stderr: String,
}

impl Output {
    /// Its standard output as JSON.
    ///
    /// # Panics
    ///
    /// Where it is none, with everything that was printed: an answer that cannot be read fails the test.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {self:#?}"),
        }
    }

    /// This output if its status is 0.
    ///
    /// # Errors
    ///
    /// With what it printed, where its status is another.
    pub fn success(self, what: &str) -> Result<Self, LabError> {
        if self.status == 0 {
            return Ok(self);
        }
        let said = format!("{}{}", tail(&self.stdout), tail(&self.stderr));
        Err(LabError::Failed { what: what.into(), status: self.status, said })
    }
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The last lines of a long text.
pub(crate) fn tail(text: &str) -> String {
    let mut lines: Vec<_> = text.lines().rev().take(30).collect();
    lines.reverse();
    lines.join("\n")
}
