//! Finds which processes hold which sockets, by the kernel's pass or by a walk through /proc (A12).

mod found;
mod link;
mod mapped;
mod order;
mod pass;
mod recorded;
mod sweep;
pub(super) mod threads;
mod walk;

pub(super) use self::{
    found::{Found, Holder},
    recorded::Opened,
    sweep::settle,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::linux::fs::MetadataExt,
};

use portreeve_core::facts::Hold;

use self::{
    found::PROOFS_MAX,
    order::{Inodes, Places},
    sweep::Sweep,
};
use super::{
    Holders, Wanted, cgroups::Cgroups, descriptors::Descriptors, namespaces::Look, openings::Openings,
    pids::Pids,
};

/// Initial pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// How far the holders were looked for, and what came of it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) sweep: Sweep,
    /// Where in it each socket stands.
    places: Places,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Nowhere,
    SomeProcesses,
    EveryProcess,
}

impl Search {
    fn new(sweep: Sweep, extent: Extent) -> Self {
        let places = Places::of(sweep.found.iter().map(|found| found.inode));
        Self { sweep, places, extent }
    }

    /// Everybody who holds a wanted socket.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let mut holders: BTreeMap<u32, Vec<Found>> = BTreeMap::new();
        for found in &self.sweep.found {
            let proofs = holders.entry(found.pid).or_default();
            if proofs.len() < PROOFS_MAX {
                proofs.push(*found);
            }
        }
        let told = self.sweep.told;
        holders.into_iter().map(|(pid, proofs)| Holder { pid, proofs, told }).collect()
    }

    /// The holds of a socket.
    pub(super) fn holds(&self, inode: u64) -> impl Iterator<Item = Hold> {
        let (from, to) = self.places.near(inode);
        sweep::of(&self.sweep.found[from..to], inode)
            .iter()
            .map(|found| Hold { pid: found.pid, fd: found.fd })
    }

    /// The processes that hold a socket.
    pub(super) fn pids(&self, inode: u64) -> impl Iterator<Item = u32> {
        self.holds(inode).map(|hold| hold.pid)
    }

    /// Whether every process that exists was asked and answered.
    pub(super) fn is_complete(&self) -> bool {
        self.extent == Extent::EveryProcess && self.sweep.hidden == 0 && self.sweep.unasked == 0
    }

    /// Whether it waits in the queue of a Unix socket to be received.
    pub(super) fn is_queued(&self, inode: u64) -> bool {
        self.sweep.queued.contains(&inode)
    }

    /// Whether the kernel told of every descriptor.
    pub(super) const fn was_told(&self) -> bool {
        self.sweep.told > 0
    }

    pub(super) fn was_skipped(&self) -> bool {
        self.extent == Extent::Nowhere
    }

    /// Whether no process of the machine is outside this /proc.
    pub(super) fn sees_every_process(&self) -> bool {
        let namespace = fs::metadata("/proc/self/ns/pid").map(|file| file.st_ino());
        self.is_complete() && namespace.is_ok_and(|inode| inode == FIRST_PID_NAMESPACE)
    }
}

/// Every process that is none of `holders`.
pub(super) fn others(pids: &Pids, holders: &[Holder]) -> Vec<Holder> {
    let known: BTreeSet<u32> = holders.iter().map(|holder| holder.pid).collect();
    let others = pids.all().iter().filter(|pid| !known.contains(pid));
    others.filter_map(|&pid| Holder::that_runs(pid)).collect()
}

/// Looks for the holders of sockets of which it is known who opened them; `None` where that does not tell all of them.
pub(super) fn find_recorded(openings: &Openings, looks: &[Look], cgroups: &mut Cgroups) -> Option<Search> {
    let opened: Vec<Vec<Opened>> = looks.iter().map(|look| openings.opened(look)).collect::<Option<_>>()?;
    cgroups.find(looks.iter().flat_map(Look::cgroups));
    let members = |id| cgroups.path(id).map(|path| cgroups.members(path)).unwrap_or_default();
    recorded::search(&opened.concat(), members).map(|sweep| Search::new(sweep, Extent::SomeProcesses))
}

/// Looks for the holders of every socket of `looks` as far as is wanted; `descriptors` is what the kernel told before
/// the sockets were listed.
pub(super) fn find(
    wanted: &Wanted,
    pids: &Pids,
    looks: &[Look],
    descriptors: Option<Descriptors>,
    cgroups: &mut Cgroups,
) -> Search {
    let inodes: Inodes = looks.iter().flat_map(Look::inodes).filter(|&inode| inode != 0).collect();
    match wanted.holders {
        Holders::Skip => Search::new(Sweep::default(), Extent::Nowhere),
        Holders::Quick if descriptors.is_none() => find_nearby(wanted, pids, looks, &inodes, cgroups),
        Holders::Quick | Holders::Recorded | Holders::All => everywhere(wanted, pids, &inodes, descriptors),
    }
}

/// Asks the processes of the sockets' own cgroups; everybody else only where that leaves a socket without a holder.
fn find_nearby(
    wanted: &Wanted,
    pids: &Pids,
    looks: &[Look],
    inodes: &Inodes,
    cgroups: &mut Cgroups,
) -> Search {
    cgroups.find(looks.iter().flat_map(Look::cgroups));
    let paths: BTreeSet<_> = looks.iter().flat_map(Look::cgroups).filter_map(|id| cgroups.path(id)).collect();
    let members: Vec<u32> = paths.into_iter().flat_map(|path| cgroups.members(path)).collect();
    if walk::is_long(&members)
        && let Some(descriptors) = Descriptors::see(wanted)
    {
        return everywhere(wanted, pids, inodes, Some(descriptors));
    }
    let near = walk::over(&members, inodes);
    // The service manager keeps a socket for somebody else, who may be anywhere.
    let has_holder = |inode: u64| near.of(inode).iter().any(|found| found.pid != 1);
    if inodes.iter().all(has_holder) {
        return Search::new(near, Extent::SomeProcesses);
    }
    everywhere(wanted, pids, inodes, Descriptors::see(wanted))
}

fn everywhere(wanted: &Wanted, pids: &Pids, inodes: &Inodes, descriptors: Option<Descriptors>) -> Search {
    let told = descriptors.map(|descriptors| pass::ask(wanted, pids, inodes, descriptors));
    let mut sweep = told.unwrap_or_else(|| walk::everybody(pids.all(), inodes));
    // Where somebody hides what he holds, the socket is most likely there.
    if sweep.hidden == 0 && sweep.reserved == 0 {
        let unclaimed: Inodes = sweep.lacks(inodes).filter(|inode| !sweep.queued.contains(inode)).collect();
        if !unclaimed.is_empty() {
            sweep.merge(mapped::sweep(pids.all(), &unclaimed));
        }
    }
    Search::new(sweep, Extent::EveryProcess)
}
