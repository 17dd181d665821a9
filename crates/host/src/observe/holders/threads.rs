//! Threads that have a table of descriptors of their own, or outlive the first thread (clone(2), CLONE_FILES).

use std::{
    collections::HashSet,
    fs,
    hash::{DefaultHasher, Hasher},
    mem::MaybeUninit,
    os::unix::fs::MetadataExt,
};

use rustix::fs::RawDir;

use super::{
    order::Inodes,
    sweep::Sweep,
    walk::{open_descriptors, visit_descriptors},
};
use crate::proc;

/// So many descriptors are listed over all threads, which takes about a second; nobody is asked any more then.
const DESCRIPTORS_MAX: usize = 2_000_000;

/// Looks for `inodes` in the tables of the threads of `pids`, each different table of a process once; those of a process
/// that hides its descriptors hide theirs too.
pub(super) fn sweep(pids: &[u32], inodes: &Inodes) -> Sweep {
    let mut sweep = Sweep::default();
    let mut listed = 0;
    for &pid in pids {
        let threads = others(pid);
        if !threads.is_empty() && !proc::hides_descriptors(pid) {
            visit(pid, &threads, inodes, &mut sweep, &mut listed);
        }
    }
    sweep
}

/// The threads of a process but the first.
pub(in crate::observe) fn others(pid: u32) -> Vec<u32> {
    let tasks = format!("/proc/{pid}/task");
    // The directory has a link for each thread besides its own two (proc_task_getattr, fs/proc/base.c).
    if fs::metadata(&tasks).is_ok_and(|directory| directory.nlink() <= 3) {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(tasks) else { return Vec::new() };
    let threads = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    threads.filter(|&thread| thread != pid).collect()
}

fn visit(pid: u32, threads: &[u32], inodes: &Inodes, sweep: &mut Sweep, listed: &mut usize) {
    let mut seen = HashSet::from([numbers_in_use(pid, listed).unwrap_or_default()]);
    for &thread in threads {
        if *listed >= DESCRIPTORS_MAX {
            sweep.unasked += 1;
            continue;
        }
        // Threads nearly always share one table: equal numbers are taken for the same one.
        if numbers_in_use(thread, listed).is_some_and(|numbers| seen.insert(numbers))
            && let Ok(directory) = open_descriptors(thread)
        {
            *listed += visit_descriptors(pid, thread, &directory, inodes, sweep);
        }
    }
}

/// A digest of the descriptor numbers in use, without looking where they lead; `listed` is raised by how many there are.
fn numbers_in_use(thread: u32, listed: &mut usize) -> Option<u64> {
    let directory = open_descriptors(thread).ok()?;
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(&directory, &mut buffer);
    let mut digest = DefaultHasher::new();
    while let Some(Ok(entry)) = entries.next() {
        *listed += 1;
        digest.write(entry.file_name().to_bytes_with_nul());
    }
    Some(digest.finish())
}
