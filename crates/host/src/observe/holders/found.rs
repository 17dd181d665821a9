//! A process that was seen to hold a socket, and whether whoever has its number now is the one (A12).

use std::fs;

use portreeve_core::facts::Hold;

use super::{link::leads_to, mapped, threads};
use crate::{
    observe::{clock, sight::Record},
    proc::stat,
};

/// A descriptor that referred to a socket, or a mapping of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Found {
    /// The process, and the thread of it whose table has the descriptor.
    pub(in crate::observe) pid: u32,
    pub(in crate::observe) thread: u32,
    pub(in crate::observe) fd: u32,
    pub(in crate::observe) inode: u64,
    /// When the process started, in nanoseconds since the boot, where the kernel told; else 0.
    pub(in crate::observe) started: u64,
}

impl Found {
    /// A descriptor as the kernel tells it.
    pub(in crate::observe) const fn of(record: &Record) -> Self {
        let &Record { pid, thread, fd, inode, started, .. } = record;
        Self { pid, thread, fd, inode, started }
    }

    /// Whether the process of this number that started then is the one that had it: a number may be another's by now.
    ///
    /// Whoever the kernel told of lived in the tick `told` or later, and nobody who has got his number since can have
    /// started before that tick.
    fn is_of(self, started_ticks: u64, told: u64) -> bool {
        let is_told = self.started > 0 && started_ticks < told && self.is_there();
        let is_same = self.started == 0 || clock::ticks(self.started) == started_ticks;
        is_same && (is_told || self.still_stands())
    }

    /// Whether its thread is one of the process still.
    fn is_there(self) -> bool {
        let Self { pid, thread, .. } = self;
        thread == pid || fs::exists(format!("/proc/{pid}/task/{thread}")).unwrap_or(false)
    }

    fn still_stands(self) -> bool {
        let Self { thread, fd, inode, .. } = self;
        if fd == Hold::MAPPED {
            return mapped::has(thread, inode);
        }
        leads_to(thread, fd) == Some(inode)
    }
}

/// A process that holds wanted sockets.
pub(in crate::observe) struct Holder {
    pub(in crate::observe) pid: u32,
    /// The descriptors that prove it, the first few of them.
    pub(super) proofs: Vec<Found>,
    /// The tick in which the kernel began to tell of them.
    pub(super) told: u64,
}

/// A process may close one of its sockets during a look, hardly so many.
pub(super) const PROOFS_MAX: usize = 16;

impl Holder {
    /// The process of this number that started so many nanoseconds after the boot, which the kernel `told` so many
    /// after it.
    pub(in crate::observe) fn that_started(pid: u32, started: u64, told: u64) -> Self {
        let proofs = vec![Found { pid, thread: pid, fd: 0, inode: 0, started }];
        Self { pid, proofs, told: clock::ticks(told) }
    }

    /// The process that has this number now; `None` where nobody has it any more.
    pub(super) fn that_runs(pid: u32) -> Option<Self> {
        let started = clock::of_ticks(stat::of(pid)?.started_ticks);
        let proofs = vec![Found { pid, thread: threads::with_files(pid), fd: 0, inode: 0, started }];
        Some(Self { pid, proofs, told: u64::MAX })
    }

    /// The thread of it that still has files to look at: its first one may have ended before the others.
    pub(in crate::observe) fn thread(&self) -> u32 {
        let is_first = |proof: &Found| proof.thread == self.pid;
        let other = self.proofs.first().filter(|_| !self.proofs.iter().any(is_first));
        other.map_or(self.pid, |proof| proof.thread)
    }

    /// Whether the process that was read, which started then, is the one that held them.
    pub(in crate::observe) fn is_the_one(&self, started_ticks: u64) -> bool {
        self.proofs.iter().any(|proof| proof.is_of(started_ticks, self.told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::TcpListener, os::fd::AsRawFd, os::linux::fs::MetadataExt};

    #[test]
    fn whoever_may_have_started_since_is_asked_for_the_descriptor_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let inode = fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino();
        let own = std::process::id();
        let started_ticks = stat::of(own).unwrap().started_ticks;
        let found =
            |thread, inode, started| Found { pid: own, thread, fd: fd.cast_unsigned(), inode, started };
        let started = started_ticks * 10_000_000;
        let of = |inode, started, told| found(own, inode, started).is_of(started_ticks, told);
        assert!(of(inode, started, 0) && of(inode, 0, 0));
        assert!(!of(inode + 1, started, started_ticks), "another could have our number, and our tick");
        assert!(!of(inode, started + 10_000_000, u64::MAX), "another has our number");
        assert!(of(inode + 1, started, started_ticks + 1), "nobody can have started before that tick since");
        assert!(!of(inode + 1, 0, u64::MAX), "nobody told when it started");
    }

    #[test]
    fn a_thread_counts_while_it_is_one_of_the_process() {
        let own = std::process::id();
        let started_ticks = stat::of(own).unwrap().started_ticks;
        let started = started_ticks * 10_000_000;
        let of = |thread| Found { pid: own, thread, fd: 0, inode: 0, started }.is_of(started_ticks, u64::MAX);
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        assert_ne!(thread, own, "a test runs in a thread of its own");
        assert!(of(thread), "it need not show its descriptors");
        assert!(!of(1), "it is another process'");
    }
}
