//! Threads that have a table of descriptors of their own, or outlive the first thread (clone(2), CLONE_FILES).

use std::{
    collections::HashSet,
    fs,
    hash::{DefaultHasher, Hasher},
    io,
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

/// The thread of a process by which its root and its files are seen: a first one that has ended before the others has none
/// (proc_pid_root(5)).
pub(in crate::observe) fn with_files(pid: u32) -> u32 {
    let root = |thread: u32| fs::read_link(format!("/proc/{thread}/root"));
    match root(pid) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            others(pid).into_iter().find(|&thread| root(thread).is_ok()).unwrap_or(pid)
        }
        _ => pid,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::{process::Command, time::Duration};

    /// Ends its first thread alone (pthread_exit(3)).
    const HEADLESS: &str = "import ctypes, threading, time
threading.Thread(target=time.sleep, args=(30,)).start()
ctypes.CDLL(None).pthread_exit(None)";

    #[test]
    fn a_process_is_seen_by_another_thread_once_its_first_one_has_ended() {
        let own = std::process::id();
        assert_eq!(with_files(own), own);
        let python = Command::new("python3").args(["-c", HEADLESS]).spawn();
        let mut child = python.expect("this test needs python3: apt-get install python3");
        let pid = child.id();
        for _ in 0..500 {
            if with_files(pid) != pid {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let thread = with_files(pid);
        let has_root = fs::read_link(format!("/proc/{thread}/root")).is_ok();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(thread != pid && has_root, "{thread} of {pid}");
    }
}
