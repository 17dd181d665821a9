//! What one or more goes over the processes found, whichever way they went (A12).

use std::{cmp::Reverse, collections::HashSet};

use super::{
    found::Found,
    order::{Inodes, abreast},
};

/// What a sweep over processes found.
#[derive(Debug, Default)]
pub(in crate::observe) struct Sweep {
    /// Who holds the wanted sockets, in order of socket and process; a process once for each, with its lowest
    /// descriptor.
    pub(super) found: Vec<Found>,
    /// The tick in which the kernel began to tell of them; 0 where it tells nothing.
    pub(super) told: u64,
    /// Sockets that wait in a queue to be received.
    pub(super) queued: HashSet<u64>,
    /// How many processes did not show their descriptors; those that are not even listed count as one.
    pub(in crate::observe) hidden: u32,
    /// How many threads were not asked any more.
    pub(super) unasked: usize,
    /// How many did not show them to an ordinary user, whom the kernel told all that its programs see.
    pub(in crate::observe) reserved: u32,
}

impl Sweep {
    /// Who was seen to hold the socket with this inode.
    pub(super) fn of(&self, inode: u64) -> &[Found] {
        of(&self.found, inode)
    }

    /// Those of `inodes` that nobody was seen to hold.
    pub(super) fn lacks(&self, inodes: &Inodes) -> impl Iterator<Item = u64> {
        let mut is_held = abreast(self.found.iter().map(|found| found.inode));
        inodes.iter().filter(move |&inode| !is_held(inode))
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.hidden += other.hidden;
        self.unasked += other.unasked;
        self.queued.extend(other.queued);
        self.found.extend(other.found);
        settle(&mut self.found);
    }
}

/// Those in a list in order of inode that have this one.
pub(super) fn of(found: &[Found], inode: u64) -> &[Found] {
    let first = found.partition_point(|found| found.inode < inode);
    let count = found[first..].partition_point(|found| found.inode == inode);
    &found[first..first + count]
}

/// Puts what was found in order, each process once for a socket.
pub(in crate::observe) fn settle(found: &mut Vec<Found>) {
    found.sort_unstable_by_key(|found| (found.inode, found.pid, Reverse(found.started), found.fd));
    found.dedup_by_key(|found| (found.inode, found.pid));
}
