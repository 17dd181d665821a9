//! Who holds the sockets of which it is written down who opened them: he, or who went on in his place, by one of his lowest
//! descriptors, and who descends from him by the same (A12, A24).

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
};

use super::{
    found::Found,
    link::leads_to,
    sweep::{Sweep, settle},
};
use crate::proc::{self, stat};

/// What listens is opened before what is connected, and the kernel gives the lowest number that is free.
const DESCRIPTORS_MAX: u32 = 256;
/// So many processes are asked whose child they are, and so many descriptors where they lead.
const PROCESSES_MAX: usize = 1_000;
const CHECKS_MAX: usize = 3_000;
/// So many are tried in the place of an opener.
const DAEMONS_MAX: usize = 8;
/// No chain of parents is longer.
const GENERATIONS_MAX: usize = 64;

/// A socket, who opened it, and in which cgroup.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Opened {
    pub(in crate::observe) inode: u64,
    pub(in crate::observe) opener: u32,
    pub(in crate::observe) cgroup: u64,
}

/// The holders of `sockets` among their openers and whoever descends from these in the cgroup, whose processes `members` tells;
/// `None` where nobody has them there, or too much would have to be asked.
pub(super) fn search(sockets: &[Opened], members: impl Fn(u64) -> Vec<u32>) -> Option<Sweep> {
    let mut by_place: BTreeMap<(u64, u32), BTreeSet<u64>> = BTreeMap::new();
    for &Opened { inode, opener, cgroup } in sockets {
        by_place.entry((cgroup, opener)).or_default().insert(inode);
    }
    let mut sweep = Sweep::default();
    let mut families: BTreeMap<u64, BTreeMap<u32, u32>> = BTreeMap::new();
    let (mut processes_left, mut checks_left) = (PROCESSES_MAX, CHECKS_MAX);
    for ((cgroup, opener), inodes) in &by_place {
        if !families.contains_key(cgroup) {
            let members = members(*cgroup);
            processes_left = processes_left.checked_sub(members.len())?;
            families.insert(*cgroup, parents(&members));
        }
        let own = first_holder(*opener, &families[cgroup], inodes)?;
        for pid in descendants(own.first()?.pid, &families[cgroup]) {
            checks_left = checks_left.checked_sub(own.len())?;
            let same = own.iter().map(|found| Found { pid, thread: pid, ..*found });
            sweep.found.extend(same.filter(|found| leads_to(pid, found.fd) == Some(found.inode)));
        }
        sweep.found.extend(own);
    }
    settle(&mut sweep.found);
    Some(sweep)
}

/// What leads to all of `inodes`, of their opener; or of the first one beside him, who went on as a daemon when he ended.
fn first_holder(opener: u32, family: &BTreeMap<u32, u32>, inodes: &BTreeSet<u64>) -> Option<Vec<Found>> {
    let daemons = family.keys().copied().filter(|pid| *pid != opener).take(DAEMONS_MAX);
    // One that is gone has no descriptors, and each would be asked for.
    let opener = Some(opener).filter(|pid| proc::exists(*pid));
    let mut held = opener.into_iter().chain(daemons).map(|pid| lowest(pid, inodes));
    held.find(|held| held.len() == inodes.len())
}

/// The descriptors of a process that lead to `inodes`, each once, among its lowest.
fn lowest(pid: u32, inodes: &BTreeSet<u64>) -> Vec<Found> {
    let mut left = inodes.clone();
    let mut found = Vec::new();
    for fd in 0..DESCRIPTORS_MAX {
        if left.is_empty() {
            break;
        }
        if let Some(inode) = leads_to(pid, fd).filter(|inode| left.remove(inode)) {
            found.push(Found { pid, thread: pid, fd, inode, started: 0 });
        }
    }
    found
}

/// Whose child each is.
fn parents(pids: &[u32]) -> BTreeMap<u32, u32> {
    pids.iter().filter_map(|&pid| Some((pid, stat::of(pid)?.parent))).collect()
}

/// Who descends from `ancestor`, by those who live.
fn descendants(ancestor: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let descends = |pid: &&u32| {
        let line = iter::successors(parents.get(*pid), |parent| parents.get(*parent));
        line.take(GENERATIONS_MAX).any(|parent| *parent == ancestor)
    };
    parents.keys().filter(descends).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        os::{fd::AsRawFd as _, linux::fs::MetadataExt as _},
        process::{self, Command},
    };

    use super::*;

    fn inode(listener: &TcpListener) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap().st_ino()
    }

    #[test]
    fn an_opener_is_found_and_whoever_has_it_no_more_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut child = Command::new("sleep").arg("20").spawn().unwrap();
        let (own, fd) = (process::id(), listener.as_raw_fd().cast_unsigned());
        let holders = |opener, members: &[u32]| {
            let opened = Opened { inode: inode(&listener), opener, cgroup: 1 };
            let sweep = search(&[opened], |_| members.to_vec())?;
            Some(sweep.found.iter().map(|found| (found.pid, found.fd)).collect::<Vec<_>>())
        };
        let both = [own, child.id()];
        assert_eq!(holders(own, &both), Some(vec![(own, fd)]), "its child closed it");
        assert_eq!(holders(child.id(), &both), Some(vec![(own, fd)]), "it went on in its place");
        assert_eq!(holders(child.id(), &[child.id()]), None);
        assert_eq!(holders(own, &[own; PROCESSES_MAX + 1]), None);
        child.kill().and_then(|()| child.wait()).unwrap();
    }

    #[test]
    fn who_descends_is_told_from_who_does_not() {
        let parents = [(10, 1), (11, 10), (12, 11), (13, 1), (14, 15), (15, 14)].into();
        assert_eq!(descendants(10, &parents), [11, 12]);
        assert_eq!(descendants(13, &parents), [0; 0]);
    }
}
