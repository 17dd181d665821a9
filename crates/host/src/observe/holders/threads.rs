//! Threads that have a table of descriptors of their own, or outlive the first thread (clone(2), CLONE_FILES).

use std::{
    collections::HashSet,
    fs,
    hash::{DefaultHasher, Hasher},
    mem::MaybeUninit,
    os::unix::fs::MetadataExt,
};

use rustix::fs::RawDir;

use super::{Inodes, Sweep, open_descriptors, visit_descriptors};

/// A process with more threads than this has its first ones asked.
const THREADS_MAX: usize = 10_000;

/// Looks for `inodes` in the tables of a process' threads, each different table once.
pub(super) fn visit(pid: u32, inodes: &Inodes, sweep: &mut Sweep) {
    let tasks = format!("/proc/{pid}/task");
    // The directory has a link for each thread besides its own two (proc_task_getattr, fs/proc/base.c).
    if fs::metadata(&tasks).is_ok_and(|directory| directory.nlink() <= 3) {
        return;
    }
    let Ok(entries) = fs::read_dir(tasks) else { return };
    let threads = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut seen = HashSet::from([numbers_in_use(pid).unwrap_or_default()]);
    for thread in threads.filter(|&thread: &u32| thread != pid).take(THREADS_MAX) {
        // Threads nearly always share one table: equal numbers are taken for the same one.
        if numbers_in_use(thread).is_some_and(|numbers| seen.insert(numbers))
            && let Ok(directory) = open_descriptors(thread)
        {
            visit_descriptors(pid, thread, &directory, inodes, sweep);
        }
    }
}

/// A digest of the descriptor numbers in use, without looking where they lead.
fn numbers_in_use(thread: u32) -> Option<u64> {
    let directory = open_descriptors(thread).ok()?;
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut entries = RawDir::new(&directory, &mut buffer);
    let mut digest = DefaultHasher::new();
    while let Some(Ok(entry)) = entries.next() {
        digest.write(entry.file_name().to_bytes_with_nul());
    }
    Some(digest.finish())
}
