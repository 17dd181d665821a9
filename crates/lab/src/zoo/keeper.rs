//! A program of a case: the lab's `holder` or `odd`, in a unit's control group.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Stdio},
};

use crate::{cgroup, error::LabError};

use super::{enclosure::Enclosure, truth::Trouble};

/// The exit status of a program that says what this kernel lacks.
const MISSING: i32 = 3;

/// A running program; it is killed when this value is dropped, and its whole unit with the enclosure.
#[derive(Debug)]
pub struct Keeper {
    /// Its number.
    pub pid: u32,
    /// The unit in whose group it runs.
    pub unit: &'static str,
    said: BTreeMap<String, String>,
    child: Child,
    /// A script reads from it until it ends.
    _stdin: Option<ChildStdin>,
}

/// What a case is called should this kernel lack it, and the unit of a program of it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Where the zoo stands.
    pub zoo: &'a Enclosure,
    /// What is true of the case, in words.
    pub truth: &'static str,
    /// The unit.
    pub unit: &'static str,
}

impl Place<'_> {
    /// Starts the lab's `holder`, and waits until it holds what it was asked to.
    ///
    /// # Errors
    ///
    /// Where this kernel lacks the case, or with what the program said.
    pub fn holder(self, arguments: &[&str]) -> Result<Keeper, Trouble> {
        Keeper::start(self, "holder", arguments, Stdio::null())
    }

    /// Starts the lab's `holder`, which reads `stdin`.
    ///
    /// # Errors
    ///
    /// As for [`Self::holder`].
    pub fn holder_reading(self, arguments: &[&str], stdin: impl Into<Stdio>) -> Result<Keeper, Trouble> {
        Keeper::start(self, "holder", arguments, stdin.into())
    }

    /// Starts the lab's `odd`.
    ///
    /// # Errors
    ///
    /// As for [`Self::holder`].
    pub fn odd(self, arguments: &[&str]) -> Result<Keeper, Trouble> {
        Keeper::start(self, "odd", arguments, Stdio::null())
    }

    /// Starts a shell's script that says `ready` or `missing: …` as the lab's programs do.
    ///
    /// # Errors
    ///
    /// As for [`Self::holder`].
    pub fn shell(self, script: &str) -> Result<Keeper, Trouble> {
        Keeper::start(self, "/bin/sh", &["-c", script], Stdio::null())
    }
}

impl Keeper {
    fn start(place: Place<'_>, program: &str, arguments: &[&str], stdin: Stdio) -> Result<Self, Trouble> {
        let path = place.zoo.program(program);
        let mut child = cgroup::command(&place.zoo.unit(place.unit)?, &path.to_string_lossy())
            .args(arguments)
            .env("TMPDIR", place.zoo.folder())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| LabError::Start { program: program.into(), source })?;
        let stdout = BufReader::new(child.stdout.take().expect("standard output was piped"));
        let stdin = child.stdin.take();
        let mut keeper =
            Self { pid: child.id(), unit: place.unit, said: BTreeMap::new(), child, _stdin: stdin };
        for line in stdout.lines().map_while(Result::ok) {
            if line == "ready" {
                return Ok(keeper);
            }
            let (word, value) = line.split_once(' ').unwrap_or((&line, ""));
            keeper.said.insert(word.into(), value.into());
        }
        Err(keeper.gave_up(place.truth, format!("{program} {}", arguments.join(" "))))
    }

    /// A number that it said under this word.
    ///
    /// # Errors
    ///
    /// Where it said none.
    pub fn told(&self, word: &str) -> Result<u64, LabError> {
        let value = self.said.get(word).and_then(|value| value.parse().ok());
        let said = || LabError::Failed {
            what: format!("reading `{word}`"),
            status: 0,
            said: format!("{:?}", self.said),
        };
        value.ok_or_else(said)
    }

    /// Another process of it that it told of.
    ///
    /// # Errors
    ///
    /// Where it told of none.
    pub fn child(&self) -> Result<u32, LabError> {
        self.told("child").map(|pid| u32::try_from(pid).expect("a pid has 22 bits"))
    }

    /// The first process that it started (proc_pid_task_children(5)); it told nobody of it.
    ///
    /// # Errors
    ///
    /// Where it started none.
    pub fn first_child(&self) -> Result<u32, LabError> {
        let path = format!("/proc/{0}/task/{0}/children", self.pid);
        let text = fs::read_to_string(&path).map_err(LabError::file("read", &path))?;
        let first = text.split_whitespace().next().and_then(|pid| pid.parse().ok());
        first.ok_or_else(|| LabError::Failed {
            what: format!("finding a child in {path}"),
            status: 0,
            said: text,
        })
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) {
        let _ = self.child.wait();
    }

    fn gave_up(&mut self, truth: &'static str, what: String) -> Trouble {
        let status = self.child.wait().ok().and_then(|status| status.code()).unwrap_or(-1);
        let said: Vec<_> = self.said.iter().map(|(word, value)| format!("{word} {value}")).collect();
        match self.said.get("missing:") {
            Some(what) if status == MISSING => Trouble::Missing { truth, what: what.clone() },
            _ => Trouble::Lab(LabError::Failed { what, status, said: said.join("\n") }),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
