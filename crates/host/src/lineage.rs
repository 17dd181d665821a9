//! The processes above this one: whoever looks stands on them.

use std::collections::BTreeSet;

use crate::proc::{self, stat};

/// No shell stands deeper below pid 1.
const ANCESTORS_MAX: usize = 64;

/// A process, as far as it matters to those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// Its number.
    pub pid: u32,
    /// Its path in the cgroup2 hierarchy, where it could be read.
    pub cgroup: Option<String>,
}

/// This process and everybody above it but pid 1, the nearest first (proc_pid_stat(5), ppid).
///
/// It ends where /proc shows no more.
#[must_use]
pub fn lineage() -> Vec<Ancestor> {
    let mut known = BTreeSet::new();
    let next = |&below: &u32| Some(stat::of(below)?.parent);
    let pids = std::iter::successors(Some(std::process::id()), next);
    pids.take_while(|pid| *pid > 1 && known.insert(*pid))
        .take(ANCESTORS_MAX)
        .map(|pid| Ancestor { pid, cgroup: proc::cgroup(pid) })
        .collect()
}

/// Whether the numbers of processes here are those by which whoever types would end one: /proc may be that of another pid
/// namespace (pid_namespaces(7)).
#[must_use]
pub fn has_own_numbers() -> bool {
    let own = std::fs::read_link("/proc/self");
    own.is_ok_and(|own| own.to_str() == Some(std::process::id().to_string().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_comes_first_and_its_parent_second() {
        let pids: Vec<u32> = lineage().iter().map(|ancestor| ancestor.pid).collect();
        assert_eq!(pids.first(), Some(&std::process::id()));
        let above = std::os::unix::process::parent_id();
        assert!(pids.get(1) == Some(&above) || above <= 1, "{pids:?} without {above}");
        assert!(!pids.contains(&1), "{pids:?}");
    }
}
