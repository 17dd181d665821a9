//! Who has a lock, as the kernel tells it.

use std::{fs::File, os::unix::fs::MetadataExt as _};

use rustix::fs::{major, minor};

use crate::proc;

/// More locks than a host has; further ones are not read.
const LOCKS_BYTES_MAX: usize = 4 << 20;
/// More of a command line nobody reads in a sentence.
const COMMAND_BYTES_MAX: usize = 200;

/// A process that has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its command line, its beginning at least; written by itself.
    pub command: String,
    /// Whether it goes on.
    pub goes: Goes,
}

/// Whether a process goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// It does.
    On,
    /// It is stopped, as by Ctrl-Z (proc_pid_stat(5), state `T` or `t`).
    Stopped,
}

impl Holder {
    /// Who has locked `file` by flock(2); `None` where the kernel does not tell, or he has ended.
    pub(super) fn of(file: &File) -> Option<Self> {
        let about = file.metadata().ok()?;
        let locks = proc::read("/proc/locks", LOCKS_BYTES_MAX).ok()?;
        let device = format!("{:02x}:{:02x}", major(about.dev()), minor(about.dev()));
        Self::at(holder(&proc::text(&locks), &format!("{device}:{}", about.ino()))?)
    }

    fn at(pid: u32) -> Option<Self> {
        let stat = proc::stat::of(pid)?;
        let words = proc::read(format!("/proc/{pid}/cmdline"), COMMAND_BYTES_MAX).ok()?;
        let words: Vec<_> = words.split(|byte| *byte == 0).map(proc::text).collect();
        let goes = if matches!(stat.state, 'T' | 't') { Goes::Stopped } else { Goes::On };
        Some(Self { pid, command: words.join(" ").trim_end().to_owned(), goes })
    }
}

/// Who has locked the file of this device and inode, of the lines of /proc/locks (proc_locks(5)).
fn holder(locks: &str, file: &str) -> Option<u32> {
    // Of whoever waits the second word is an arrow.
    let lines = locks.lines().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let pids = lines.filter_map(|words| match words.as_slice() {
        [_, "FLOCK", _, _, pid, place, ..] if *place == file => pid.parse().ok(),
        _ => None,
    });
    // 0 is somebody whom this /proc does not show.
    pids.into_iter().find(|pid| *pid != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_a_lock_does_not_have_it() {
        let locks = "\
1: POSIX  ADVISORY  WRITE 12 00:19:7 0 EOF
2: FLOCK  ADVISORY  WRITE 13 00:19:8 0 EOF
2: -> FLOCK  ADVISORY  WRITE 14 00:19:8 0 EOF
3: FLOCK  ADVISORY  WRITE 0 00:19:9 0 EOF
4: FLOCK  ADVISORY
";
        assert_eq!(holder(locks, "00:19:8"), Some(13));
        assert_eq!(holder(locks, "00:19:7"), None);
        assert_eq!(holder(locks, "00:19:9"), None);
        assert_eq!(holder(locks, ""), None);
    }
}
