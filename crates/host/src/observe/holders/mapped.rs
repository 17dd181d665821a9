//! Sockets that a process keeps as a mapping of its memory: a closed descriptor does not close those (mmap(2), A12).

use std::sync::atomic::{AtomicUsize, Ordering};

use portreeve_core::facts::Hold;

use super::{
    found::Found,
    link::{number, socket_inode},
    order::Inodes,
    sweep::{Sweep, settle},
};
use crate::{observe::share::share, proc};

/// A process has 65,530 mappings at most, unless its host allows more (proc_sys_vm(5), `max_map_count`).
const MAPS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// So much is read over all processes, which takes about a second; nobody is asked any more then.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Looks through the mappings of `pids` for sockets with these inodes.
pub(super) fn sweep(pids: &[u32], inodes: &Inodes) -> Sweep {
    let bytes = AtomicUsize::new(0);
    let visit = |sweep: &mut Sweep, &pid: &u32| {
        if bytes.load(Ordering::Relaxed) >= BYTES_MAX {
            sweep.unasked += 1;
            return 1;
        }
        let maps = maps(pid);
        bytes.fetch_add(maps.len(), Ordering::Relaxed);
        let mapped = sockets(&maps).filter(|&inode| inodes.contains(inode));
        let found = |inode| Found { pid, thread: pid, fd: Hold::MAPPED, inode, started: 0 };
        sweep.found.extend(mapped.map(found));
        settle(&mut sweep.found);
        4
    };
    let mut whole = Sweep::default();
    share(pids, Sweep::default, visit).into_iter().for_each(|part| whole.merge(part));
    whole
}

/// Whether the process has a mapping of the socket.
pub(super) fn has(pid: u32, inode: u64) -> bool {
    sockets(&maps(pid)).any(|mapped| mapped == inode)
}

fn maps(pid: u32) -> Vec<u8> {
    // Whoever does not show them, or has ended, has none to look at.
    proc::read(format!("/proc/{pid}/maps"), MAPS_BYTES_MAX).unwrap_or_default()
}

/// The sockets among the mappings (proc_pid_maps(5)): `7f00-7f10 r--s 00000000 00:08 4711    socket:[4711]`.
fn sockets(maps: &[u8]) -> impl Iterator<Item = u64> {
    maps.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(6, |&byte| byte == b' ');
        let inode = number(fields.nth(4)?)?;
        // A file of that name has a path, which begins with a slash.
        (socket_inode(fields.next()?.trim_ascii()) == Some(inode)).then_some(inode)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mapping_of_a_socket_counts() {
        let maps = b"\
7f00-7f10 r--s 00000000 00:08 4711                       socket:[4711]\n\
7f10-7f20 r--s 00000000 00:08 4712                       /tmp/socket:[4712]\n\
7f20-7f30 rw-p 00000000 00:00 0                          [anon:socket:[4713]]\n\
7f30-7f40 rw-p 00000000 00:00 0 \n\
7f40-7f50 r--s 00000000 00:08 4714                       socket:[4715]\n\
cut";
        assert_eq!(sockets(maps).collect::<Vec<_>>(), [4711]);
    }

    #[test]
    fn who_has_no_socket_mapped_is_not_found() {
        let own = std::process::id();
        assert!(sweep(&[own, u32::MAX], &[4711].into_iter().collect()).found.is_empty());
        assert!(!has(own, 4711) && !maps(own).is_empty());
    }
}
