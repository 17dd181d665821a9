//! Asks portreeve, `ss` and `lsof` about a case and says where each is wrong.

mod lsof;
mod portreeve;
mod ss;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{error::LabError, output::Output};

use super::{
    Verdicts,
    enclosure::Enclosure,
    truth::{Scene, Socket, Viewer},
};

/// Whether a witness is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Right,
    /// It says something else, in words.
    Wrong(String),
}

impl Verdict {
    /// Right where nothing is wrong.
    fn of(mistakes: &[String]) -> Self {
        if mistakes.is_empty() { Self::Right } else { Self::Wrong(mistakes.join("; ")) }
    }

    /// Whether it is right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        *self == Self::Right
    }

    /// What is wrong with it.
    #[must_use]
    pub fn mistake(&self) -> Option<&str> {
        match self {
            Self::Right => None,
            Self::Wrong(what) => Some(what),
        }
    }
}

/// What they all said, asked once a viewer: the cases stand side by side, as on a host.
#[derive(Debug)]
pub struct Witnesses<'a> {
    portreeve: PathBuf,
    enclosure: &'a Enclosure,
    looks: BTreeMap<Viewer, Look>,
}

/// What they said to one viewer.
#[derive(Clone, Debug)]
struct Look {
    portreeve: Value,
    ss: String,
    lsof: String,
}

impl<'a> Witnesses<'a> {
    /// Nobody was asked yet.
    #[must_use]
    pub fn new(portreeve: &Path, enclosure: &'a Enclosure) -> Self {
        Self { portreeve: portreeve.into(), enclosure, looks: BTreeMap::new() }
    }

    /// What each says of a scene.
    ///
    /// # Errors
    ///
    /// Where one of them cannot be run, or portreeve prints no JSON.
    pub fn ask(&mut self, scene: &Scene) -> Result<Verdicts, LabError> {
        if !self.looks.contains_key(&scene.viewer) {
            let look = self.look(scene.viewer)?;
            self.looks.insert(scene.viewer, look);
        }
        let look = &self.looks[&scene.viewer];
        Ok(Verdicts {
            portreeve: portreeve::judge(&look.portreeve, scene),
            ss: ss::judge(&look.ss, scene),
            lsof: lsof::judge(&look.lsof, scene),
            disproof: String::new(),
        })
    }

    fn look(&self, viewer: Viewer) -> Result<Look, LabError> {
        let program = self.portreeve.to_string_lossy();
        let answer = self.run(viewer, &[&program, "ls", "-a", "-o", "json", "--lang", "en"])?;
        let unread = |_| LabError::Failed {
            what: "portreeve ls -a -o json".into(),
            status: answer.status,
            said: answer.stderr.clone(),
        };
        Ok(Look {
            portreeve: serde_json::from_str(&answer.stdout).map_err(unread)?,
            ss: self.run(viewer, &["ss", "-HOanpe"])?.stdout,
            lsof: self.run(viewer, &["lsof", "-nP", "-i", "-FpcftPn"])?.stdout,
        })
    }

    /// Their exit codes are their own affair: `lsof` ends with 1 as soon as something is missing.
    fn run(&self, viewer: Viewer, words: &[&str]) -> Result<Output, LabError> {
        let mut command = match viewer {
            Viewer::Root => Command::new(words[0]),
            Viewer::Veiled(user) => {
                let mut command = Command::new(self.enclosure.program("odd"));
                command.args(["veiled", &user.to_string(), words[0]]);
                command
            }
        };
        let output = command.args(&words[1..]).stdin(Stdio::null()).output();
        output.map(Output::from).map_err(|source| LabError::Start { program: words[0].into(), source })
    }
}

/// Where other people's tools name other processes than those that hold a socket.
fn mistakes_of_pids<'s>(
    socket: &'s Socket,
    seen: &'s BTreeSet<u32>,
    wanted: &'s BTreeSet<u32>,
) -> impl Iterator<Item = String> + use<'s> {
    let holders = socket.holders.iter().filter(|holder| holder.pid.is_some_and(|pid| !seen.contains(&pid)));
    let missing = holders.map(|holder| format!("{} is missing", holder.label));
    let nobody = (seen.is_empty() && !wanted.is_empty()).then(|| "nobody".to_owned());
    let missing = missing.filter(move |_| !seen.is_empty());
    let foreign = seen.difference(wanted).map(|pid| format!("held by process {pid}"));
    nobody.into_iter().chain(missing).chain(foreign)
}
