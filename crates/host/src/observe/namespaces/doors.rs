//! The ways into other network namespaces, and how many show none (ip-netns(8), A5).

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Display,
    fs::{self, File},
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use portreeve_core::facts::GapKind;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::super::{Gaps, holders::Found, pids::Pids, share::share};
use crate::{proc, sys::netns};

/// Where `ip netns` keeps the namespaces that have a name.
const NAMED: &str = "/run/netns";
/// Far above what any host runs; further ones become a gap.
const NAMESPACES_MAX: usize = 4096;

/// A way into another namespace.
pub(super) struct Door {
    pub(super) id: u64,
    pub(super) name: Option<String>,
    pub(super) way: Way,
}

/// What leads into a namespace.
#[derive(Debug)]
pub(super) enum Way {
    /// A file of it.
    Path(String),
    /// A socket of it that a process has: nothing else may keep it.
    Socket(Found),
}

impl Door {
    /// A descriptor of the namespace.
    pub(super) fn open(&self) -> Option<OwnedFd> {
        match &self.way {
            Way::Path(path) => Some(File::open(path).ok()?.into()),
            Way::Socket(found) => {
                let pid = Pid::from_raw(i32::try_from(found.pid).ok()?)?;
                let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
                let socket =
                    pidfd_getfd(process, i32::try_from(found.fd).ok()?, PidfdGetfdFlags::empty()).ok()?;
                netns::of_socket(socket).ok()
            }
        }
    }
}

/// The doors that are known before anybody looks for more.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Namespaces with a name.
    pub(super) names: &'a BTreeMap<String, u64>,
    /// Namespaces that are mounted somewhere.
    pub(super) mounts: &'a [(u64, String)],
    /// A socket of each namespace that has one.
    pub(super) sockets: &'a BTreeMap<u64, Found>,
    /// A thread in each other namespace, where the kernel told of all.
    pub(super) threads: Option<&'a BTreeMap<u64, u32>>,
}

/// The named namespaces with their inodes.
pub(super) fn names() -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(NAMED) else { return BTreeMap::new() };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let id = fs::metadata(entry.path()).ok()?.st_ino();
        Some((entry.file_name().to_string_lossy().into_owned(), id))
    });
    named.take(NAMESPACES_MAX).collect()
}

/// A door to each namespace that a process, a mount or a socket keeps alive, but the caller's own.
///
/// A namespace whose processes show no door is a gap.
pub(super) fn find(own: u64, known: Known<'_>, pids: &Pids, gaps: &mut Gaps) -> Vec<Door> {
    let Known { names, mounts, sockets, threads } = known;
    let told = threads.map(|guides| Crowd { guides: guides.clone(), closed: Vec::new() });
    let Crowd { guides, closed } = told.unwrap_or_else(|| Crowd::of(pids.all()));
    let mut seen = HashSet::from([own]);
    let mut doors = Vec::new();
    let named =
        names.iter().map(|(name, &id)| (id, Some(name.clone()), Way::Path(format!("{NAMED}/{name}"))));
    let held = guides.iter().map(|(&id, pid)| (id, None, Way::Path(format!("/proc/{pid}/ns/net"))));
    let mounted = mounts.iter().map(|(id, place)| (*id, None, Way::Path(place.clone())));
    let socket = sockets.iter().map(|(&id, &found)| (id, None, Way::Socket(found)));
    for (id, name, way) in named.chain(held).chain(mounted).chain(socket) {
        if seen.insert(id) {
            doors.push(Door { id, name, way });
        }
    }
    // A named one that shows no process may be where the processes are that show no door: the least there are is told.
    let named_alone = doors.iter().filter(|door| !guides.contains_key(&door.id)).count();
    let behind = behind_closed_doors(&closed, guides.values().copied()).saturating_sub(named_alone);
    gaps.add(GapKind::ForeignNamespaces, u32::try_from(behind).unwrap_or(u32::MAX));
    gaps.too_many("namespaces", doors.len().saturating_sub(NAMESPACES_MAX));
    doors.truncate(NAMESPACES_MAX);
    doors
}

/// Processes by the namespaces that they are in.
#[derive(Default)]
struct Crowd {
    /// One of each namespace.
    guides: BTreeMap<u64, u32>,
    /// Those that do not say where they are.
    closed: Vec<u32>,
}

impl Crowd {
    fn of(pids: &[u32]) -> Self {
        let mut whole = Self::default();
        for part in share(pids, Self::default, Self::add) {
            whole.guides.extend(part.guides);
            whole.closed.extend(part.closed);
        }
        whole
    }

    fn add(&mut self, &pid: &u32) -> usize {
        match namespace_of(pid) {
            Some(id) => drop(self.guides.insert(id, pid)),
            None => self.closed.push(pid),
        }
        1
    }
}

/// The namespace of a process, where it may be told: not of another user's (ptrace(2), PTRACE_MODE_READ_FSCREDS).
fn namespace_of(pid: u32) -> Option<u64> {
    let link = proc::read_link(format!("/proc/{pid}/ns/net"))?;
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

/// In how many namespaces the `closed` processes are, beside those of the `guides` and the caller's own.
///
/// Most of them are in the caller's own, so their mere number would say nothing.
fn behind_closed_doors(closed: &[u32], guides: impl Iterator<Item = u32>) -> usize {
    let known: HashSet<u64> = guides.map(mark).chain([mark("thread-self")]).flatten().collect();
    let met: HashSet<u64> = closed.iter().filter_map(|&pid| mark(pid)).collect();
    met.difference(&known).count()
}

/// What tells a process' namespace from others without leading into it.
///
/// Each namespace has files of its own below /proc/PID/net, and anybody may look at them (fs/proc/proc_net.c,
/// `get_proc_task_net`; fs/proc/generic.c, `proc_alloc_inum`).
fn mark(process: impl Display) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{process}/net/dev")).ok()?.st_ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_our_own_namespace_is_in_none_beside_it() {
        let own = std::process::id();
        assert!(mark(own).is_some(), "needs /proc/PID/net");
        assert_eq!(behind_closed_doors(&[own, own], [own].into_iter()), 0);
        assert_eq!(behind_closed_doors(&[own], std::iter::empty()), 0);
        assert_eq!(behind_closed_doors(&[u32::MAX], std::iter::empty()), 0, "a process that is gone");
    }
}
