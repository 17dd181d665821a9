//! A process that holds a socket, with every fact a person uses to recognise it (A12).

use alloc::{borrow::Cow, format, string::String, vec::Vec};
use core::net::IpAddr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::port::Protocol;

/// A process as /proc shows it; what could not be read is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// The script of an interpreter (`app.py`), else the kernel's comm: a process can call itself anything.
    pub name: String,
    /// Path of the executable, without " (deleted)".
    pub exe: Option<String>,
    /// Whether that path is one of another mount namespace, and leads to another file where portreeve looks from.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub exe_elsewhere: bool,
    /// The script that an interpreter runs, as an absolute path: a file that is there, or was, named by the command line.
    ///
    /// A process may rewrite its command line (proc_pid_cmdline(5)), so this proves nothing about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
    /// Whether the file on disk is still the one running.
    pub exe_state: ExeState,
    /// Executable mappings whose file was replaced or deleted (`None`: they were not looked at).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale_files: Option<Vec<String>>,
    /// The command line, an argument each.
    pub cmdline: Vec<String>,
    /// Name of the effective user, or the number as text where there is none.
    pub user: Option<String>,
    /// The effective user id.
    pub uid: Option<u32>,
    /// How much it may do.
    pub privilege: Privilege,
    /// Path in the cgroup2 hierarchy.
    pub cgroup: Option<String>,
    /// The unit of the host's service manager.
    pub unit: Option<String>,
    /// The unit of a user's own service manager.
    pub user_unit: Option<String>,
    /// The container it runs in.
    pub container: Option<Container>,
    /// When it started.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    /// Its working directory.
    pub cwd: Option<String>,
    /// Who started it, or adopted it since.
    pub parent: Option<Parent>,
}

impl Process {
    /// Its name as tables and sentences have it: one of blanks alone, or of nothing, stands in quotes.
    #[must_use]
    pub fn called(&self) -> Cow<'_, str> {
        let name = self.name.as_str();
        if name.trim().is_empty() { Cow::Owned(format!("\"{name}\"")) } else { Cow::Borrowed(name) }
    }

    /// The container, where the host's own runtime made it: a rootless one is its user's, whatever it is called, and
    /// what came as a package is told apart by its unit.
    #[must_use]
    pub fn host_container(&self) -> Option<&Container> {
        self.container.as_ref().filter(|container| !container.rootless && !container.is_package())
    }
}

/// The process above another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Parent {
    /// Its pid.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// Whether the executable on disk is the one that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExeState {
    /// The same device and inode.
    Same,
    /// Another file stands at the path.
    Replaced,
    /// No file stands at the path.
    Deleted,
    /// It never was a file on a disk (memfd_create(2)).
    Memfd,
    /// It could not be read.
    #[default]
    Unknown,
}

/// What the kernel lets a process do (capabilities(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Privilege {
    /// Effective uid 0 with every capability of the initial set.
    Full,
    /// Some capabilities, or uid 0 with fewer than all.
    Some,
    /// No capability.
    None,
    /// It could not be read.
    #[default]
    Unknown,
}

/// A container as its cgroup path tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Container {
    /// `docker`, `podman`, `containerd`, `kubernetes`, `lxc`, `garden`, `buildkit`; `machine` for what systemd-machined
    /// knows (systemd-nspawn, libvirt); `flatpak` and `snap` for a program that came as a package of these.
    pub runtime: String,
    /// Its id as the runtime writes it; of a package the application's.
    pub id: String,
    /// Its name, where it could be learnt; of a pod's container `namespace/pod/container`.
    pub name: Option<String>,
    /// Its image, where it could be learnt.
    pub image: Option<String>,
    /// Whether it stands among cgroups that a user names at will: it is that user's, not the host's.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub rootless: bool,
    /// The ports of the host that its engine says it is reached by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

/// A port of the host behind which a container is: by a forwarder, or by the kernel alone, which changes the
/// destination of each packet (DNAT).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Published {
    /// The protocol.
    pub protocol: Protocol,
    /// The address of the host; `0.0.0.0` and `::` are all of a family.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The port of the host.
    pub port: u16,
    /// The port of the container.
    pub inside: u16,
}

impl Container {
    /// Whether it only confines a program of a package, which uses the host's own network.
    #[must_use]
    pub fn is_package(&self) -> bool {
        ["flatpak", "snap"].contains(&self.runtime.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup;

    #[test]
    fn a_name_that_would_not_show_is_quoted() {
        let called = |name: &str| Process { name: name.into(), ..Process::default() }.called().into_owned();
        assert_eq!(
            ["", "  ", "nginx", "Web Content"].map(called),
            ["\"\"", "\"  \"", "nginx", "Web Content"]
        );
    }

    /// What a package confines is owned by its unit, however a policy names a container.
    #[test]
    fn only_an_engines_container_of_the_hosts_is_an_owner() {
        let id = "ab".repeat(32);
        let owner = |path: &str| {
            let container = cgroup::read(path).container;
            assert!(container.is_some(), "{path}");
            let process = Process { container, ..Process::default() };
            process.host_container().is_some()
        };
        assert!(owner(&alloc::format!("/system.slice/docker-{id}.scope")));
        assert!(owner(&alloc::format!("/system.slice/snap.docker.dockerd.service/docker/{id}")));
        assert!(!owner("/system.slice/snap.lxd.daemon.service"));
        assert!(!owner(&alloc::format!("/user.slice/user-1000.slice/docker-{id}.scope")));
    }
}
