//! Finds which processes hold which sockets by their descriptors (proc_pid_fd(5), A12).

mod threads;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    io::Write,
    mem::MaybeUninit,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use portreeve_core::facts::Hold;
use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw},
    io::Errno,
};

use super::{Holders, Wanted, cgroups::Cgroups, namespaces::Look, share::share};
use crate::proc;

/// Initial pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// How far the holders were looked for, and what came of it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) sweep: Sweep,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Nowhere,
    SomeProcesses,
    EveryProcess,
}

/// A descriptor that referred to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The process, and the thread of it whose table has the descriptor.
    pub(super) pid: u32,
    thread: u32,
    fd: u32,
    inode: u64,
}

impl Found {
    /// Whether it still does: a pid may be another process' by now.
    fn still_stands(self) -> bool {
        let Self { thread, fd, inode, .. } = self;
        let link = proc::read_link(format!("/proc/{thread}/fd/{fd}"));
        link.is_some_and(|link| socket_inode(link.as_bytes()) == Some(inode))
    }
}

/// A process that holds wanted sockets.
pub(super) struct Holder {
    pub(super) pid: u32,
    /// The descriptors that prove it, those that were opened first in front.
    proofs: Vec<Found>,
}

impl Holder {
    /// Whether it holds one of them still: it may have closed another meanwhile and be the same.
    pub(super) fn still_stands(&self) -> bool {
        self.proofs.iter().any(|proof| proof.still_stands())
    }
}

impl Search {
    /// Everybody who holds a wanted socket.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let mut holders: BTreeMap<u32, Vec<Found>> = BTreeMap::new();
        for found in self.sweep.found.values().flatten() {
            holders.entry(found.pid).or_default().push(*found);
        }
        let holder = |(pid, mut proofs): (u32, Vec<Found>)| {
            proofs.sort_unstable_by_key(|proof| proof.fd);
            Holder { pid, proofs }
        };
        holders.into_iter().map(holder).collect()
    }

    /// The holds of a socket.
    pub(super) fn holds(&self, inode: u64) -> impl Iterator<Item = Hold> {
        let found = self.sweep.found.get(&inode).into_iter().flatten();
        found.map(|found| Hold { pid: found.pid, fd: found.fd })
    }

    /// The processes that hold a socket.
    pub(super) fn pids(&self, inode: u64) -> impl Iterator<Item = u32> {
        self.holds(inode).map(|hold| hold.pid)
    }

    /// Whether every process that exists was asked and answered.
    pub(super) fn is_complete(&self) -> bool {
        self.extent == Extent::EveryProcess && self.sweep.hidden == 0
    }

    pub(super) fn was_skipped(&self) -> bool {
        self.extent == Extent::Nowhere
    }

    /// Whether no process of the machine is outside this /proc.
    pub(super) fn sees_every_process(&self) -> bool {
        let namespace = fs::metadata("/proc/self/ns/pid").map(|file| file.st_ino());
        self.is_complete() && namespace.is_ok_and(|inode| inode == FIRST_PID_NAMESPACE)
    }
}

/// Looks for the holders of every socket of `looks` as far as is wanted.
pub(super) fn find(wanted: &Wanted, pids: &[u32], looks: &[Look], cgroups: &mut Cgroups) -> Search {
    let inodes = looks.iter().flat_map(Look::inodes).filter(|&inode| inode != 0).collect();
    match wanted.holders {
        Holders::Skip => Search { sweep: Sweep::default(), extent: Extent::Nowhere },
        Holders::Quick => find_nearby(pids, looks, &inodes, cgroups),
        Holders::All => Search { sweep: sweep_all(pids, &inodes), extent: Extent::EveryProcess },
    }
}

/// Asks the processes of the sockets' own cgroups; everybody else only where that leaves a socket without a holder.
fn find_nearby(pids: &[u32], looks: &[Look], inodes: &HashSet<u64>, cgroups: &mut Cgroups) -> Search {
    cgroups.find(looks.iter().flat_map(Look::cgroups));
    let paths: BTreeSet<_> = looks.iter().flat_map(Look::cgroups).filter_map(|id| cgroups.path(id)).collect();
    let members: Vec<u32> = paths.into_iter().flat_map(|path| cgroups.members(path)).collect();
    let near = sweep(&members, inodes);
    // The service manager keeps a socket for somebody else, who may be anywhere.
    let has_holder =
        |inode| near.found.get(inode).is_some_and(|found| found.iter().any(|found| found.pid != 1));
    if inodes.iter().all(has_holder) {
        return Search { sweep: near, extent: Extent::SomeProcesses };
    }
    Search { sweep: sweep_all(pids, inodes), extent: Extent::EveryProcess }
}

/// Every process, and where that leaves a socket without a holder, those that are there by then, and every thread
/// with a table of its own.
///
/// Where a process hides its descriptors the socket is most likely there, and nobody is asked again.
fn sweep_all(pids: &[u32], inodes: &HashSet<u64>) -> Sweep {
    let mut whole = sweep(pids, inodes);
    if whole.hidden == 0 && whole.lacks(inodes).next().is_some() {
        // It may have been handed on to a process that was not there yet, or that was asked before it had it.
        let now = proc::pids().unwrap_or_default();
        let again = sweep(&now, &whole.lacks(inodes).collect());
        whole.merge(again);
        let unclaimed: HashSet<u64> = whole.lacks(inodes).collect();
        if !unclaimed.is_empty() {
            now.iter().for_each(|&pid| threads::visit(pid, &unclaimed, &mut whole));
        }
    }
    whole
}

/// What a sweep over processes found.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Who holds each wanted inode, a process once with its lowest descriptor.
    pub(super) found: HashMap<u64, Vec<Found>>,
    /// How many processes did not show their descriptors; those that are not even listed count as one.
    pub(super) hidden: u32,
}

impl Sweep {
    /// Those of `inodes` that nobody was seen to hold.
    fn lacks(&self, inodes: &HashSet<u64>) -> impl Iterator<Item = u64> {
        inodes.iter().copied().filter(|inode| !self.found.contains_key(inode))
    }

    fn merge(&mut self, other: Self) {
        self.hidden += other.hidden;
        for (inode, found) in other.found {
            self.found.entry(inode).or_default().extend(found);
        }
    }
}

/// Looks through the descriptors of `pids` for sockets with these inodes.
pub(super) fn sweep(pids: &[u32], inodes: &HashSet<u64>) -> Sweep {
    if inodes.is_empty() {
        return Sweep::default();
    }
    let mut whole = Sweep::default();
    for part in share(pids, Sweep::default, |sweep, &pid| visit(pid, inodes, sweep)) {
        whole.merge(part);
    }
    whole
}

/// Looks through one process; how many steps it took.
fn visit(pid: u32, inodes: &HashSet<u64>, sweep: &mut Sweep) -> usize {
    match open_descriptors(pid) {
        Ok(directory) => return 1 + visit_descriptors(pid, pid, &directory, inodes, sweep),
        // ENOENT and ESRCH: it ended meanwhile, and its sockets with it.
        Err(Errno::ACCESS | Errno::PERM) => sweep.hidden += 1,
        Err(_) => {}
    }
    1
}

fn open_descriptors(pid: u32) -> rustix::io::Result<OwnedFd> {
    let mut path = [0; 24];
    let mut rest = path.as_mut_slice();
    write!(rest, "/proc/{pid}/fd").expect("a path of at most 19 bytes fits");
    let length = 24 - rest.len();
    openat(CWD, &path[..length], OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Looks where each descriptor leads; how many there are.
///
/// Nothing is allocated for a descriptor: its name and its link stay in buffers on the stack.
fn visit_descriptors(
    pid: u32,
    thread: u32,
    directory: &OwnedFd,
    inodes: &HashSet<u64>,
    sweep: &mut Sweep,
) -> usize {
    let mut count = 0;
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut link = [0; 32];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(fd) = number(entry.file_name().to_bytes()) else { continue };
        count += 1;
        let length = match readlinkat_raw(directory, entry.file_name(), &mut link) {
            Ok(length) => length,
            // A process may list its descriptors and still not show where they lead.
            Err(Errno::ACCESS | Errno::PERM) => {
                sweep.hidden += 1;
                return count;
            }
            Err(_) => continue,
        };
        let Some(inode) = socket_inode(&link[..length]).filter(|inode| inodes.contains(inode)) else {
            continue;
        };
        let found = sweep.found.entry(inode).or_default();
        if found.last().is_none_or(|last| last.pid != pid) {
            found.push(Found { pid, thread, fd, inode });
        }
    }
    count
}

/// `socket:[4711]`.
fn socket_inode(link: &[u8]) -> Option<u64> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, net::TcpListener, os::fd::AsRawFd, os::linux::fs::MetadataExt};

    #[test]
    fn our_own_socket_is_found_with_its_lowest_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _twin = listener.try_clone().unwrap();
        let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
        let inode = fs::metadata(path).unwrap().st_ino();
        let own = std::process::id();
        let sweep = sweep(&[own], &HashSet::from([inode]));
        let fd = u32::try_from(listener.as_raw_fd()).unwrap();
        assert_eq!(sweep.found[&inode], [Found { pid: own, thread: own, fd, inode }]);
    }

    #[test]
    fn only_a_socket_link_has_an_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        assert_eq!(socket_inode(b"pipe:[4711]"), None);
        assert_eq!(socket_inode(b"socket:[471"), None);
    }
}
