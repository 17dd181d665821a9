//! Who holds which socket as a walk through /proc/PID/fd, process by process, finds it (proc_pid_fd(5), A12).

use std::{
    fs,
    io::Write,
    mem::MaybeUninit,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw},
    io::Errno,
};

use super::{
    found::Found,
    link::{number, socket_inode},
    order::Inodes,
    sweep::{Sweep, settle},
    threads,
};
use crate::{observe::share::share, proc};

/// So many descriptors are looked through in about the time in which a program of ours is loaded and run.
const STEPS_MAX: usize = 3_000;
/// What it takes to begin with a process, in descriptors.
const PROCESS_STEPS: usize = 4;

/// Every process, and where that leaves a socket without a holder, those that are there by then, and every thread
/// with a table of its own.
///
/// Where a process hides its descriptors the socket is most likely there, and nobody is asked again but the threads of
/// those that hide nothing.
pub(super) fn everybody(pids: &[u32], inodes: &Inodes) -> Sweep {
    let mut whole = over(pids, inodes);
    if whole.lacks(inodes).next().is_none() {
        return whole;
    }
    // It may have been handed on to a process that was not there yet, or that was asked before it had it.
    let now = proc::pids().unwrap_or_default();
    if whole.hidden == 0 {
        whole.merge(over(&now, &whole.lacks(inodes).collect()));
    }
    let unclaimed: Inodes = whole.lacks(inodes).collect();
    if !unclaimed.is_empty() {
        whole.merge(threads::sweep(&now, &unclaimed));
    }
    whole
}

/// Whether the kernel goes through the descriptors of everybody sooner than /proc shows those of `pids`.
///
/// The directory tells how many it has since Linux 6.2 (fs/proc/fd.c, `proc_fd_getattr`); before, they are not counted.
pub(super) fn is_long(pids: &[u32]) -> bool {
    let mut left = STEPS_MAX;
    !pids.iter().all(|pid| {
        let count = fs::metadata(format!("/proc/{pid}/fd")).map_or(0, |directory| directory.st_size());
        let steps = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(PROCESS_STEPS);
        left = left.saturating_sub(steps);
        left > 0
    })
}

/// Looks through the descriptors of `pids` for sockets with these inodes.
pub(super) fn over(pids: &[u32], inodes: &Inodes) -> Sweep {
    let mut whole = Sweep::default();
    if inodes.is_empty() {
        return whole;
    }
    for part in share(pids, Sweep::default, |sweep, &pid| visit(pid, inodes, sweep)) {
        whole.hidden += part.hidden;
        whole.found.extend(part.found);
    }
    settle(&mut whole.found);
    whole
}

/// Looks through one process; how many steps it took.
fn visit(pid: u32, inodes: &Inodes, sweep: &mut Sweep) -> usize {
    match open_descriptors(pid) {
        Ok(directory) => return 1 + visit_descriptors(pid, pid, &directory, inodes, sweep),
        // ENOENT and ESRCH: it ended meanwhile, and its sockets with it.
        Err(Errno::ACCESS | Errno::PERM) => sweep.hidden += 1,
        Err(_) => {}
    }
    1
}

pub(super) fn open_descriptors(pid: u32) -> rustix::io::Result<OwnedFd> {
    let mut path = [0; 24];
    let mut rest = path.as_mut_slice();
    write!(rest, "/proc/{pid}/fd").expect("a path of at most 19 bytes fits");
    let length = 24 - rest.len();
    openat(CWD, &path[..length], OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Looks where each descriptor leads; how many there are.
///
/// Nothing is allocated for a descriptor: its name and its link stay in buffers on the stack.
pub(super) fn visit_descriptors(
    pid: u32,
    thread: u32,
    directory: &OwnedFd,
    inodes: &Inodes,
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
        let Some(inode) = socket_inode(&link[..length]).filter(|&inode| inodes.contains(inode)) else {
            continue;
        };
        sweep.found.push(Found { pid, thread, fd, inode, started: 0 });
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, net::TcpListener, os::fd::AsRawFd, os::linux::fs::MetadataExt};

    #[test]
    fn many_descriptors_are_counted_before_they_are_looked_through() {
        let own = std::process::id();
        assert!(!is_long(&[own]));
        assert!(is_long(&vec![own; STEPS_MAX]), "a process is worth some steps whatever it has open");
        let held: Vec<_> = (0..STEPS_MAX / 8).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // Linux 6.1 does not tell how many there are.
        let counts = fs::metadata("/proc/self/fd").unwrap().st_size() > 0;
        assert_eq!(is_long(&[own; 9]), counts);
        drop(held);
    }

    #[test]
    fn our_own_socket_is_found_with_its_lowest_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let twin = listener.try_clone().unwrap();
        let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
        let inode = fs::metadata(path).unwrap().st_ino();
        let own = std::process::id();
        let sweep = over(&[own], &[inode].into_iter().collect());
        // Other tests open and close theirs meanwhile, so either may be the lower.
        let fd = u32::try_from(listener.as_raw_fd().min(twin.as_raw_fd())).unwrap();
        assert_eq!(sweep.of(inode), [Found { pid: own, thread: own, fd, inode, started: 0 }]);
    }
}
