//! The names of the lab's things, which say which process made them.

use std::{
    fmt, fs, process,
    sync::atomic::{AtomicU32, Ordering},
};

/// What the name of everything that the lab makes begins with.
pub const PREFIX: &str = "portreeve-lab-";

/// A process that runs the lab; its start time tells it from a later process with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runner {
    pid: u32,
    started_ticks: u64,
}

impl Runner {
    /// This process.
    ///
    /// # Panics
    ///
    /// Without a mounted /proc, where there can be no lab.
    #[must_use]
    pub fn current() -> Self {
        let pid = process::id();
        let started_ticks = started(pid).expect("a running process stands below /proc");
        Self { pid, started_ticks }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        started(self.pid) == Some(self.started_ticks)
    }
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{}", self.pid, self.started_ticks)
    }
}

/// A name that nothing else of the lab has.
#[must_use]
pub fn fresh() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", Runner::current(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Who made the thing of this name; `None` where it is none of the lab's.
#[must_use]
pub fn runner_of(name: &str) -> Option<Runner> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let pid = parts.next()?.parse().ok()?;
    let started_ticks = parts.next()?.parse().ok()?;
    parts.next()?.parse::<u32>().ok()?;
    parts.next().is_none().then_some(Runner { pid, started_ticks })
}

/// When a process started, in clock ticks since boot (proc_pid_stat(5), field 22); `None` of one that has ended.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_comm) = stat.rsplit_once(") ")?;
    let mut fields = after_comm.split(' ');
    let has_ended = matches!(fields.next()?, "Z" | "X");
    (!has_ended).then(|| fields.nth(18)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_name_is_this_runners() {
        let (one, other) = (fresh(), fresh());
        assert_ne!(one, other);
        assert_eq!(runner_of(&one), Some(Runner::current()));
        assert!(Runner::current().is_alive());
    }

    #[test]
    fn a_reused_number_is_another_runner() {
        let current = Runner::current();
        let before = Runner { started_ticks: current.started_ticks - 1, ..current };
        assert!(!before.is_alive());
    }

    #[test]
    fn other_peoples_names_have_no_runner() {
        for name in
            ["system.slice", "portreeve-lab-", "portreeve-lab-1", "portreeve-lab-1-2", "portreeve-lab-1-2-x"]
        {
            assert_eq!(runner_of(name), None, "{name}");
        }
        assert_eq!(runner_of("portreeve-lab-1-2-3-4"), None);
    }
}
