//! The process that watches over a container from outside: its runtime's, and so a witness of what it is (A12, A24).

use portreeve_core::{cgroup, facts::Container};

use super::FILE_BYTES_MAX;
use crate::{
    observe::processes::view::{View, Views},
    proc::{self, stat, status},
};

/// Parents of one process that are looked at: far more than a program inside a container stands below.
const PARENTS_MAX: usize = 256;
const CMDLINE_BYTES_MAX: usize = 64 * 1024;

/// Which program watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// containerd's, under Docker, Kubernetes and nerdctl.
    Shim,
    /// The one of podman and CRI-O.
    Conmon,
}

/// The first ancestor of a container's process that is not in the container.
///
/// Whatever it is called, nothing inside can stand in its place: inside, a cgroup is the container's or one below it.
pub(super) struct Monitor {
    pub(super) kind: Kind,
    pub(super) arguments: Vec<String>,
    pid: u32,
    uid: u32,
    view: View,
}

impl Monitor {
    /// Root watches over the containers of the host, a user over those that are rootless; any other is no monitor.
    pub(super) fn of(pid: u32, container: &Container, views: &mut Views) -> Option<Self> {
        let pid = outside(pid, container)?;
        let uid = status::read(&proc::read(format!("/proc/{pid}/status"), proc::SMALL_BYTES).ok()?).uid?;
        if (uid != 0) != container.rootless {
            return None;
        }
        let cmdline = proc::read(format!("/proc/{pid}/cmdline"), CMDLINE_BYTES_MAX).ok()?;
        let arguments: Vec<_> = cmdline.split(|&byte| byte == 0).map(proc::text).collect();
        let kind = kind(arguments.first()?)?;
        Some(Self { kind, arguments, pid, uid, view: views.of(pid)? })
    }

    /// The argument after the first of these options.
    pub(super) fn argument(&self, options: [&str; 2]) -> Option<&str> {
        argument(&self.arguments, options)
    }

    /// Its working directory.
    pub(super) fn directory(&self) -> Option<String> {
        proc::read_link(format!("/proc/{}/cwd", self.pid))
    }

    /// A file of its user's own, where asking for it can neither wait nor start anything.
    pub(super) fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.view.read(path, self.uid, FILE_BYTES_MAX)
    }
}

fn outside(mut pid: u32, container: &Container) -> Option<u32> {
    for _ in 0..PARENTS_MAX {
        let found = cgroup::read(&proc::cgroup(pid)?).container;
        if found.is_none_or(|found| found.id != container.id) {
            return Some(pid);
        }
        pid = stat::of(pid)?.parent;
    }
    None
}

fn kind(program: &str) -> Option<Kind> {
    let name = program.rsplit('/').next()?;
    match name {
        "conmon" => Some(Kind::Conmon),
        name if name.starts_with("containerd-shim") => Some(Kind::Shim),
        _ => None,
    }
}

/// What follows the first of `options`; none of the options before it has a value that looks like one.
fn argument<'a>(arguments: &'a [String], options: [&str; 2]) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| options.contains(&argument.as_str()))?;
    arguments.get(at + 1).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(String::from).collect()
    }

    #[test]
    fn programs_are_told_by_their_file() {
        assert_eq!(kind("/usr/bin/conmon"), Some(Kind::Conmon));
        assert_eq!(kind("/usr/bin/containerd-shim-runc-v2"), Some(Kind::Shim));
        assert_eq!(kind("containerd-shim"), Some(Kind::Shim));
        assert_eq!(kind("/usr/bin/conmonitor"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn an_option_has_a_short_and_a_long_name() {
        let conmon = words("conmon --api-version 1 -c abc -u abc -b /x/userdata -n");
        assert_eq!(argument(&conmon, ["-c", "--cid"]), Some("abc"));
        assert_eq!(argument(&conmon, ["-b", "--bundle"]), Some("/x/userdata"));
        assert_eq!(argument(&conmon, ["-n", "--name"]), None);
        assert_eq!(argument(&words("conmon --cid abc"), ["-c", "--cid"]), Some("abc"));
    }

    #[test]
    fn a_process_in_no_container_is_outside_itself() {
        let pid = std::process::id();
        let container = Container { runtime: "docker".into(), id: "ab".into(), ..Container::default() };
        assert_eq!(outside(pid, &container), Some(pid));
        assert_eq!(outside(u32::MAX, &container), None);
    }
}
