//! The processes above others, each proven to be its child's parent (proc_pid_stat(5), ppid).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::facts::{ANCESTORS_MAX, Process};

use super::{Files, Reader};
use crate::{observe::holders::threads, proc::stat};

/// Everybody above `pids` who is not `known` already, by number; the known and those found are the children.
pub(in crate::observe) fn read_above(
    pids: &BTreeSet<u32>,
    known: &BTreeMap<u32, Process>,
) -> BTreeMap<u32, Process> {
    let mut reader = Reader::new(Files::Executable);
    let mut above = BTreeMap::new();
    for &pid in pids {
        climb(pid, known, &mut above, &mut reader);
    }
    above
}

fn climb(pid: u32, known: &BTreeMap<u32, Process>, above: &mut BTreeMap<u32, Process>, reader: &mut Reader) {
    let mut child = pid;
    for _ in 0..ANCESTORS_MAX {
        let parent = known.get(&child).or_else(|| above.get(&child)).and_then(|below| below.parent.as_ref());
        let Some(parent) = parent.map(|parent| parent.pid) else { return };
        if above.contains_key(&parent) {
            return;
        }
        if !known.contains_key(&parent) {
            let read = reader.read(parent, threads::with_files(parent));
            // Whoever loses its parent is given another at once: the number was the parent's while it was read.
            let Some(known) = read.filter(|_| is_still_parent(parent, child)) else { return };
            above.insert(parent, known.process);
        }
        child = parent;
    }
}

fn is_still_parent(parent: u32, child: u32) -> bool {
    stat::of(child).is_some_and(|child| child.parent == parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_above_this_process_are_read_up_to_the_first() {
        let own = std::process::id();
        let process = Reader::new(Files::Executable).read(own, own).unwrap().process;
        let above = read_above(&[own].into(), &[(own, process)].into());
        let parent = std::os::unix::process::parent_id();
        assert!(above.contains_key(&parent), "{:?}", above.keys());
        assert!(above.contains_key(&1) && !above.contains_key(&own));
    }

    #[test]
    fn nobody_is_above_a_process_that_is_not_known() {
        assert!(read_above(&[1].into(), &BTreeMap::new()).is_empty());
    }
}
