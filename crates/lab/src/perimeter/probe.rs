//! One running probe: what it is told, and what it tells.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use crate::{error::LabError, output::Output};

/// A probe that stands in a network until [`Probe::end`].
pub(super) struct Probe {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// What a probe has seen: `request tcp 2000 22`, `answer 2000`.
pub(super) struct Seen(Vec<String>);

impl Probe {
    pub(super) fn start(mut command: Command) -> Result<Self, LabError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut probe = Self { child, stdin, stdout };
        probe.expect("ready")?;
        Ok(probe)
    }

    /// Has it send what these lines say, and waits until it has.
    pub(super) fn send(&mut self, lines: &str) -> Result<(), LabError> {
        let told = self.stdin.write_all(lines.as_bytes()).and_then(|()| self.stdin.write_all(b"\n"));
        match told {
            Ok(()) => self.expect("sent"),
            Err(_) => Err(self.complaint("sending")),
        }
    }

    /// Ends it, and reads what it saw.
    pub(super) fn end(self) -> Result<Seen, LabError> {
        let Self { child, stdin, mut stdout } = self;
        drop(stdin);
        let mut lines = Vec::new();
        for line in (&mut stdout).lines() {
            lines.push(line.map_err(failed)?);
        }
        Output::from(child.wait_with_output().map_err(failed)?).success("probe")?;
        match lines.pop() {
            Some(last) if last == "lost 0" => Ok(Seen(lines)),
            last => Err(LabError::Failed {
                what: "seeing every packet".into(),
                status: 0,
                said: last.unwrap_or_default(),
            }),
        }
    }

    fn expect(&mut self, word: &str) -> Result<(), LabError> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).map_err(failed)?;
        if line.trim_end() == word { Ok(()) } else { Err(self.complaint(word)) }
    }

    fn complaint(&mut self, what: &str) -> LabError {
        let _ = self.child.kill();
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = std::io::Read::read_to_string(&mut stderr, &mut said);
        }
        LabError::Failed { what: format!("the probe's {what}"), status: -1, said }
    }
}

impl Seen {
    /// The source and destination ports of the first packets that arrived.
    pub(super) fn requests(&self) -> impl Iterator<Item = (u16, u16)> {
        self.0.iter().filter_map(|line| {
            let mut words = line.strip_prefix("request ")?.split(' ').skip(1);
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
    }

    /// The ports whose packets somebody answered.
    pub(super) fn answers(&self) -> impl Iterator<Item = u16> {
        self.0.iter().filter_map(|line| line.strip_prefix("answer ")?.parse().ok())
    }
}

fn failed(source: std::io::Error) -> LabError {
    LabError::Start { program: "probe".into(), source }
}
