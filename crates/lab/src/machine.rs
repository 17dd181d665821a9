//! The machine's own listeners and units, which the lab must leave as they were.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{error::LabError, output::Output, witness};

/// What the lab must leave alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Every listener of the machine's own network namespace.
    pub listeners: BTreeSet<witness::Socket>,
    /// Every unit file that an administrator or a package has put in place or enabled, and every running unit.
    pub units: BTreeSet<String>,
    /// Every mount of the caller's mount namespace.
    pub mounts: BTreeSet<String>,
}

impl Machine {
    /// As it is now.
    ///
    /// # Errors
    ///
    /// Where `ss` cannot be run.
    pub fn observe() -> Result<Self, LabError> {
        let sockets = run("ss", &["-Hltnup"])?;
        let mounts =
            fs::read_to_string("/proc/self/mounts").map_err(LabError::file("read", "/proc/self/mounts"))?;
        Ok(Self {
            listeners: witness::ss(&sockets.stdout),
            units: units(),
            mounts: mounts.lines().map(String::from).collect(),
        })
    }
}

/// systemd's own word where it runs, and the links on the disk in any case.
fn units() -> BTreeSet<String> {
    let mut units = BTreeSet::new();
    links(Path::new("/etc/systemd/system"), &mut units);
    let running = ["list-units", "--state=running", "--plain", "--no-legend", "--no-pager"];
    if let Ok(output) = run("systemctl", &running) {
        units.extend(output.stdout.lines().filter_map(|line| line.split(' ').next()).map(String::from));
    }
    units
}

fn links(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            links(&entry.path(), found);
        }
        found.insert(entry.path().display().to_string());
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<Output, LabError> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.map(Output::from).map_err(|source| LabError::Start { program: program.into(), source })
}
