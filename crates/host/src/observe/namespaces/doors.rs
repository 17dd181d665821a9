//! The ways into other network namespaces, and how many show none (ip-netns(8), A5).

use std::{
    collections::{BTreeMap, HashSet},
    fmt::Display,
    fs, io,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use portreeve_core::facts::GapKind;
use rustix::{
    fs::{Mode, OFlags, open, statfs},
    io::Errno,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use super::super::{
    Gaps,
    holders::{Found, threads},
    pids::Pids,
    share::share,
};
use crate::{
    network::NAMED,
    proc::{self, mounts},
    sys::netns,
};

/// The file system of namespaces (include/uapi/linux/magic.h).
const NSFS_MAGIC: i64 = 0x6e73_6673;
/// Far above what any host runs; further ones become a gap.
const NAMESPACES_MAX: usize = 4096;
/// So many threads are asked beside the first ones of their processes, which takes some 30 ms; further ones become a gap.
const THREADS_MAX: usize = 10_000;

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
    /// A thread that is in it.
    Thread(u32),
    /// A socket of it that a process has: nothing else may keep it.
    Socket(Found),
}

impl Door {
    /// A descriptor of the namespace.
    ///
    /// # Errors
    ///
    /// What is a gap then: whoever led there has ended, or has let go of it; or it cannot be opened, such as a mount that
    /// another one hides.
    pub(super) fn open(&self) -> Result<OwnedFd, GapKind> {
        let opened = match &self.way {
            Way::Path(path) => return read_only(path).map_err(|_| GapKind::ForeignNamespaces),
            Way::Thread(thread) => read_only(&format!("/proc/{thread}/ns/net")),
            Way::Socket(found) => namespace_of_socket(*found),
        };
        opened.map_err(|error| match error {
            Errno::NOENT | Errno::SRCH | Errno::BADF => GapKind::VanishedProcesses,
            _ => GapKind::ForeignNamespaces,
        })
    }

    /// Whether it was a mount that is there no more; one that another hides still is.
    pub(super) fn has_gone(&self) -> bool {
        let Way::Path(path) = &self.way else { return false };
        if fs::metadata(path).is_ok_and(|file| file.st_ino() == self.id) {
            return false;
        }
        let Ok(table) = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX) else { return false };
        !is_mounted(self.id, path, &mounts::read(&table).network_namespaces)
    }
}

/// Whether one of `mounts` is this namespace by this name; the folder may be reached by another path.
fn is_mounted(id: u64, path: &str, mounts: &[(u64, String)]) -> bool {
    let name = Path::new(path).file_name();
    mounts.iter().any(|(mounted, place)| *mounted == id && Path::new(place).file_name() == name)
}

/// Never waits: what has the name of a namespace by now may be a pipe.
fn read_only(path: &str) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())
}

fn namespace_of_socket(found: Found) -> rustix::io::Result<OwnedFd> {
    let number = |number: u32| i32::try_from(number).map_err(|_| Errno::SRCH);
    let pid = Pid::from_raw(number(found.pid)?).ok_or(Errno::SRCH)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    netns::of_socket(pidfd_getfd(process, number(found.fd)?, PidfdGetfdFlags::empty())?)
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

/// The named namespaces with their inodes. A file that is no mount any more, or is one in another mount namespace, is none.
pub(super) fn names() -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(NAMED) else { return BTreeMap::new() };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        if statfs(entry.path()).ok()?.f_type != NSFS_MAGIC {
            return None;
        }
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
    let told = threads.map(|guides| Crowd { guides: guides.clone(), ..Crowd::default() });
    let Crowd { guides, closed, unasked } = told.unwrap_or_else(|| Crowd::of(pids.all()));
    gaps.too_many("threads", unasked);
    let mut seen = HashSet::from([own]);
    let mut doors = Vec::new();
    let named =
        names.iter().map(|(name, &id)| (id, Some(name.clone()), Way::Path(format!("{NAMED}/{name}"))));
    let held = guides.iter().map(|(&id, &thread)| (id, None, Way::Thread(thread)));
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

/// Processes and their threads by the namespaces that they are in.
#[derive(Default)]
struct Crowd {
    /// One of each namespace.
    guides: BTreeMap<u64, u32>,
    /// Those that do not say where they are.
    closed: Vec<u32>,
    /// How many threads were not asked any more.
    unasked: usize,
}

impl Crowd {
    fn of(pids: &[u32]) -> Self {
        let mut whole = Self::default();
        let asked = AtomicUsize::new(0);
        for part in share(pids, Self::default, |crowd, &pid| crowd.add(pid, &asked)) {
            whole.guides.extend(part.guides);
            whole.closed.extend(part.closed);
            whole.unasked += part.unasked;
        }
        whole
    }

    /// Adds a process with its threads, each of which may be elsewhere (setns(2)); how many steps that took.
    fn add(&mut self, pid: u32, asked: &AtomicUsize) -> usize {
        let first = namespace_of(pid);
        // Whose first thread does not say where it is, none of them does; one that has ended is nowhere.
        if first.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
            self.closed.push(pid);
            return 1;
        }
        let threads = threads::others(pid);
        let room = THREADS_MAX.saturating_sub(asked.fetch_add(threads.len(), Ordering::Relaxed));
        self.unasked += threads.len().saturating_sub(room);
        let asked = threads.iter().take(room).map(|&thread| (thread, namespace_of(thread)));
        let told =
            asked.chain([(pid, first)]).filter_map(|(thread, namespace)| Some((namespace.ok()?, thread)));
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            self.closed.push(pid);
        }
        self.guides.extend(told);
        1 + threads.len()
    }
}

/// The namespace of a process or thread, where it may be told: not of another user's (ptrace(2), PTRACE_MODE_READ_FSCREDS).
fn namespace_of(pid: u32) -> io::Result<u64> {
    let link = fs::read_link(format!("/proc/{pid}/ns/net"))?;
    let id = link.to_str().and_then(|link| link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok());
    id.ok_or_else(|| io::ErrorKind::InvalidData.into())
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
    fn a_mount_that_another_hides_is_there_still() {
        let mounts = [(7, "/var/run/netns/shop".to_owned()), (8, "/run/netns/mail".to_owned())];
        assert!(is_mounted(7, "/run/netns/shop", &mounts), "by another path");
        assert!(!is_mounted(7, "/run/netns/mail", &mounts), "another namespace has the name now");
        assert!(!is_mounted(9, "/run/netns/gone", &mounts));
    }

    #[test]
    fn who_is_in_our_own_namespace_is_in_none_beside_it() {
        let own = std::process::id();
        assert!(mark(own).is_some(), "needs /proc/PID/net");
        assert_eq!(behind_closed_doors(&[own, own], [own].into_iter()), 0);
        assert_eq!(behind_closed_doors(&[own], std::iter::empty()), 0);
        assert_eq!(behind_closed_doors(&[u32::MAX], std::iter::empty()), 0, "a process that is gone");
    }
}
