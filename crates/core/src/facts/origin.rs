//! How the holders of sockets came to run: who stands above them, and what others keep of their start (A12).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Peer, Process, Snapshot};

/// No process that holds a port stands deeper below the first one.
pub const ANCESTORS_MAX: usize = 64;

/// A start is read off two clocks: a child may seem to be this much older than its parent.
const CLOCK_ERROR: SignedDuration = SignedDuration::from_secs(1);

/// What is known of the start of holders, where it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Origins {
    /// The processes above the holders, by pid; one that holds a socket itself stands among the holders.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ancestors: BTreeMap<u32, Process>,
    /// The units in which they run or their sockets were made, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub units: BTreeMap<String, UnitOrigin>,
    /// The login sessions in which they run, by the name of the scope.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<String, Session>,
    /// The lines of crontabs that started them, by the holder's pid.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<u32, Line>,
    /// Where those came from whose SSH daemon stands above a holder, by the daemon's pid.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ssh_peers: BTreeMap<u32, Peer>,
    /// Who logged in to start the holder with this pid (`/proc/PID/loginuid`, proc(5)), where anybody did.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<u32, String>,
}

/// What the service manager's files say of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UnitOrigin {
    /// When its present run began: the manager's own record of it (systemd.exec(5), `INVOCATION_ID`).
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// The file that describes it.
    pub file: Option<String>,
    /// What that file was made from, as it says itself (systemd.unit(5), SourcePath=).
    pub source: Option<String>,
    /// What counts of it and its drop-ins: each ExecStart= of a service, each Listen…= of a socket.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<Line>,
}

/// A line of a file of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub number: u32,
    /// What it says.
    pub text: String,
}

/// A person's login as the login manager keeps it (systemd-logind.service(8)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Session {
    /// Who logged in.
    pub user: Option<String>,
    /// From which host, where it was not this one.
    pub remote_host: Option<String>,
    /// Through which service: `sshd`, `login`, `cron`.
    pub service: Option<String>,
    /// At which terminal.
    pub tty: Option<String>,
    /// Since when.
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
}

impl Snapshot {
    /// The process with this number, holder or ancestor.
    #[must_use]
    pub fn process(&self, pid: u32) -> Option<&Process> {
        let above = || self.origins.as_ref()?.ancestors.get(&pid);
        self.processes.get(&pid).or_else(above)
    }

    /// The processes above the one with this number, the nearest first, as far as they were seen.
    ///
    /// A parent that is younger than its child has a number that another had before: nobody follows it.
    pub fn ancestors(&self, pid: u32) -> impl Iterator<Item = (u32, &Process)> {
        let mut known = BTreeSet::from([pid]);
        let mut below = self.process(pid);
        core::iter::from_fn(move || {
            let child = below?;
            let pid = child.parent.as_ref()?.pid;
            below = self.process(pid).filter(|parent| may_be_parent(parent, child) && known.insert(pid));
            Some((pid, below?))
        })
        .take(ANCESTORS_MAX)
    }
}

fn may_be_parent(parent: &Process, child: &Process) -> bool {
    match (parent.started, child.started) {
        (Some(parent), Some(child)) => parent.duration_since(child) <= CLOCK_ERROR,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Parent, testing::snapshot};
    use alloc::vec;

    fn process(parent: u32, second: i64) -> Process {
        Process {
            parent: Some(Parent { pid: parent, name: String::new() }),
            started: Some(Timestamp::from_second(second).unwrap()),
            ..Process::default()
        }
    }

    fn above(processes: &[(u32, u32, i64)]) -> Vec<u32> {
        let mut seen = snapshot(Timestamp::UNIX_EPOCH);
        let ancestors = processes.iter().map(|&(pid, parent, second)| (pid, process(parent, second)));
        seen.origins = Some(Origins { ancestors: ancestors.collect(), ..Origins::default() });
        seen.ancestors(9).map(|(pid, _)| pid).collect()
    }

    #[test]
    fn ancestors_go_up_to_the_first_process() {
        assert_eq!(above(&[(9, 5, 100), (5, 1, 50), (1, 0, 0)]), [5, 1]);
        assert_eq!(above(&[(9, 5, 100)]), Vec::<u32>::new());
    }

    #[test]
    fn a_younger_process_with_the_parents_number_is_not_the_parent() {
        assert_eq!(above(&[(9, 5, 100), (5, 1, 160), (1, 0, 0)]), Vec::<u32>::new());
        assert_eq!(above(&[(9, 5, 100), (5, 1, 101), (1, 0, 0)]), [5, 1], "two clocks, one second");
    }

    #[test]
    fn a_saved_circle_ends() {
        assert_eq!(above(&[(9, 5, 1), (5, 9, 1)]), [5]);
        assert_eq!(above(&[(9, 9, 1)]), Vec::<u32>::new());
        let deep: Vec<_> = (9..200).map(|pid| (pid, pid + 1, 1)).collect();
        assert_eq!(above(&deep).len(), ANCESTORS_MAX);
    }

    #[test]
    fn origins_read_back_as_they_are_written() {
        let origins = Origins {
            units: [("a.service".into(), UnitOrigin { file: Some("/x".into()), ..UnitOrigin::default() })]
                .into(),
            logins: [(7, "dev".into())].into(),
            ..Origins::default()
        };
        let text = serde_json::to_string(&origins).unwrap();
        assert_eq!(serde_json::from_str::<Origins>(&text).unwrap(), origins);
        assert_eq!(vec![serde_json::from_str::<Origins>("{}").unwrap()], [Origins::default()]);
    }
}
