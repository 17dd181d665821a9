//! Who holds which socket as the kernel's own pass over all descriptors tells it (A12).

use std::collections::BTreeMap;

use portreeve_core::port::PortRange;
use rustix::process::geteuid;

use super::{
    found::Found,
    order::{Inodes, abreast},
    sweep::Sweep,
};
use crate::{
    observe::{
        Wanted,
        descriptors::Descriptors,
        pids::Pids,
        share::share,
        sight::{Asked, List, Sight},
    },
    proc,
};

/// What the kernel tells of all descriptors; once more where that leaves a socket without a holder, which may have been
/// opened or handed on between the two lists.
///
/// A kernel may keep a process from its own programs too: whoever shows /proc no descriptors may then be the one. To
/// an ordinary user hardly anybody shows his, so that says little about the sockets whose holders were told.
pub(super) fn ask(wanted: &Wanted, pids: &Pids, inodes: &Inodes, descriptors: Descriptors) -> Sweep {
    let Descriptors { found, told, .. } = descriptors;
    let mut whole = Sweep { found, told, ..Sweep::default() };
    let mut passes = 1;
    if whole.lacks(inodes).next().is_some()
        && let Some(again) = Descriptors::see(wanted)
    {
        whole.merge(Sweep { found: again.found, ..Sweep::default() });
        passes += 1;
    }
    let mut is_wanted = abreast(inodes.iter());
    whole.found.retain(|found| is_wanted(found.inode));
    let unclaimed: Inodes = whole.lacks(inodes).collect();
    if !unclaimed.is_empty() {
        whole.merge(without_descriptors(&unclaimed));
        passes += 1;
    }
    // Of root's look it is told in any case: what is asked for must not decide what is said of the same socket.
    if geteuid().is_root() {
        whole.hidden = sealed(pids.all());
    } else if !unclaimed.is_empty() {
        whole.reserved = sealed(pids.all());
    }
    // A process is gone through once in a pass; a thread with a table of its own is gone through later.
    if passes > 1 || whole.found.iter().any(|found| found.thread != found.pid) {
        leave_out_the_dead(&mut whole.found);
    }
    whole
}

/// Of two processes that had the same number the later one has it now, and what the other had is no longer had by it.
fn leave_out_the_dead(found: &mut Vec<Found>) {
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for found in found.iter() {
        let started = last.entry(found.pid).or_default();
        *started = found.started.max(*started);
    }
    found.retain(|found| last.get(&found.pid) == Some(&found.started));
}

/// Who has a socket without a descriptor of it, and which are on their way to somebody.
fn without_descriptors(unclaimed: &Inodes) -> Sweep {
    let mut sweep = Sweep::default();
    let asked = Asked { ports: PortRange::EVERY, connections: true };
    let Ok(sight) = Sight::open(&[(List::Kept, asked)]) else { return sweep };
    // What cannot be learnt stays untold.
    let _ = sight.read(List::Kept, |record| {
        if record.queued && unclaimed.contains(record.inode) {
            sweep.queued.insert(record.inode);
        } else if unclaimed.contains(record.inode) {
            sweep.found.push(Found::of(&record));
        }
    });
    sweep
}

/// How many processes do not show where their descriptors lead.
fn sealed(pids: &[u32]) -> u32 {
    let count = share(
        pids,
        || 0,
        |count, &pid| {
            *count += u32::from(proc::hides_descriptors(pid));
            2
        },
    );
    count.into_iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::holders::sweep::settle;

    #[test]
    fn what_a_process_had_is_not_had_by_the_next_of_its_number() {
        let found = |pid, inode, started| Found { pid, thread: pid, fd: 3, inode, started };
        // What both had is the later one's, and what only the earlier had is nobody's.
        let mut all =
            vec![found(7, 1, 100), found(8, 1, 150), found(7, 2, 200), found(7, 1, 200), found(7, 3, 100)];
        settle(&mut all);
        leave_out_the_dead(&mut all);
        assert_eq!(all, [found(7, 1, 200), found(8, 1, 150), found(7, 2, 200)]);
    }
}
