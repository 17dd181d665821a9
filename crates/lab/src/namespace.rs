//! A network namespace that lives exactly as long as the control group of its anchor.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    os::fd::AsFd as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{
    cgroup::{self, Group},
    error::LabError,
    output::Output,
};

/// A network namespace, held by one sleeping process.
///
/// No name in /run/netns and no mount holds it, so nothing can be left behind when the process is gone.
#[derive(Debug)]
pub struct Namespace {
    group: Group,
    anchor: Child,
}

impl Namespace {
    /// A fresh one, its loopback up.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create() -> Result<Self, LabError> {
        Self::with(&["--net"])
    }

    /// A fresh one with its own process numbers and /proc, so that nobody else's processes are seen in it.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create_with_processes() -> Result<Self, LabError> {
        Self::with(&["--net", "--pid", "--fork", "--mount-proc"])
    }

    /// A fresh one with its own mounts, so that none is left on the machine; processes are the machine's.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here.
    pub fn create_with_mounts() -> Result<Self, LabError> {
        Self::with(&["--net", "--mount"])
    }

    fn with(unshare: &[&str]) -> Result<Self, LabError> {
        // Who is first in it becomes the parent of every orphan, and `sleep` waits for none: one that ended would stay a
        // zombie, if the kernel did not take it away where nobody wants to hear of it (wait(2)).
        let anchor = "ip link set lo up && echo ready && exec env --ignore-signal=CHLD sleep infinity";
        let group = Group::create()?;
        let mut anchor = cgroup::command(&group.below("anchor")?, "unshare")
            .args(unshare)
            .args(["/bin/sh", "-c", anchor])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| LabError::Start { program: "unshare".into(), source })?;
        let stdout = anchor.stdout.take().expect("standard output was piped");
        let mut line = String::new();
        let said = BufReader::new(stdout).read_line(&mut line);
        let namespace = Self { group, anchor };
        match said {
            Ok(_) if line == "ready\n" => Ok(namespace),
            _ => Err(LabError::Failed { what: "unshare".into(), status: -1, said: line }),
        }
    }

    /// The control group that everything in it should live in.
    #[must_use]
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The machine's number of a process in it.
    ///
    /// The anchor is a child of `unshare` where that forks, else `unshare` itself; it is the youngest either way.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let unshare = self.anchor.id();
        let children = std::fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children"));
        let child = children.ok().and_then(|text| text.split_whitespace().next()?.parse().ok());
        child.unwrap_or(unshare)
    }

    /// The file by which the kernel knows it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/ns/net", self.pid()).into()
    }

    /// A command that runs `program` of the machine in it, in the group at `group`.
    ///
    /// `ip netns exec` would replace /sys and hide the cgroup mount.
    #[must_use]
    pub fn command_in(&self, group: &std::path::Path, program: &str) -> Command {
        let pid = self.pid();
        let mut command = cgroup::command(group, "nsenter");
        command.args(["--target", &pid.to_string(), "--net", "--pid", "--mount", "--", program]);
        command
    }

    /// The same in its network alone: the processes and mounts are the machine's.
    #[must_use]
    pub fn command_beside(&self, group: &std::path::Path, program: &str) -> Command {
        let mut command = cgroup::command(group, "nsenter");
        command.args(["--target", &self.pid().to_string(), "--net", "--", program]);
        command
    }

    /// Makes the calling thread one of its network; what it opens from then on is there.
    ///
    /// # Errors
    ///
    /// Without root.
    pub fn enter(&self) -> Result<(), LabError> {
        let path = self.path();
        let network = File::open(&path).map_err(LabError::file("open", &path))?;
        let moved = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
        moved.map_err(|error| LabError::file("enter", &path)(error.into()))
    }

    /// Runs `ip` on it.
    ///
    /// # Errors
    ///
    /// Where `ip` refuses.
    pub fn ip(&self, arguments: &[&str]) -> Result<(), LabError> {
        let what = format!("ip {}", arguments.join(" "));
        let output = self
            .command_in(&self.group.below("anchor")?, "ip")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "ip".into(), source })?;
        Output::from(output).success(&what).map(drop)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = cgroup::remove(self.group.name());
        let _ = self.anchor.wait();
    }
}
