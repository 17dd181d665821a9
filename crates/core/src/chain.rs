//! Through which chain of processes a port is held: service manager, main process, workers (A12).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::facts::{Listener, Process, Snapshot};

/// A process and its number.
pub type Link<'a> = (u32, &'a Process);

/// The processes through which a port is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Those above the main process, the first of all in front, as far as they were seen.
    pub above: Vec<Link<'a>>,
    /// The main process.
    pub main: Option<Link<'a>>,
    /// The holders below the main process, its workers: first those with no other holder between, then those with one.
    pub workers: Vec<Vec<Link<'a>>>,
    /// The other holders: neither above nor below it.
    pub others: Vec<Link<'a>>,
}

/// The chain through which `main` and the other holders of `listeners` hold them.
#[must_use]
pub fn chain<'a>(snapshot: &'a Snapshot, listeners: &[&'a Listener], main: Option<Link<'a>>) -> Chain<'a> {
    let Some((main_pid, _)) = main else { return Chain::default() };
    let mut above: Vec<_> = snapshot.ancestors(main_pid).collect();
    above.reverse();
    let mut known: BTreeSet<u32> = above.iter().map(|(pid, _)| *pid).collect();
    known.insert(main_pid);
    let holders = listeners.iter().flat_map(|listener| snapshot.holders(listener));
    let holders = holders.map(|(hold, process)| (hold.pid, process));
    let (workers, others): (Vec<_>, Vec<_>) = holders
        .filter(|(pid, _)| known.insert(*pid))
        .partition(|(pid, _)| snapshot.ancestors(*pid).any(|(above, _)| above == main_pid));
    Chain { above, main, workers: levels(snapshot, &workers), others }
}

/// The workers by how many of them stand above each: those of one level are siblings, not a chain.
fn levels<'a>(snapshot: &'a Snapshot, workers: &[Link<'a>]) -> Vec<Vec<Link<'a>>> {
    let pids: BTreeSet<u32> = workers.iter().map(|(pid, _)| *pid).collect();
    let mut levels: BTreeMap<usize, Vec<Link<'a>>> = BTreeMap::new();
    for &(pid, process) in workers {
        let above = snapshot.ancestors(pid).filter(|(above, _)| pids.contains(above)).count();
        levels.entry(above).or_default().push((pid, process));
    }
    levels.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Origins, Parent},
        rules::testing::scene,
    };

    fn pids(links: &[Link<'_>]) -> Vec<u32> {
        links.iter().map(|(pid, _)| *pid).collect()
    }

    #[test]
    fn a_service_is_held_through_its_manager_its_main_process_and_its_workers() {
        let mut host = scene().listens("nginx.service", "0.0.0.0:80/tcp").worker("www-data");
        let holders: Vec<u32> = host.snapshot.listeners[0].holders.iter().map(|hold| hold.pid).collect();
        let manager = Process { name: "systemd".into(), ..Process::default() };
        let ancestors = [(1, manager)].into();
        host.snapshot.origins = Some(Origins { ancestors, ..Origins::default() });
        let master = host.snapshot.processes.get_mut(&holders[0]).unwrap();
        master.parent = Some(Parent { pid: 1, name: "systemd".into() });

        let snapshot = &host.snapshot;
        let main = Some((holders[0], &snapshot.processes[&holders[0]]));
        let both = [&snapshot.listeners[0], &snapshot.listeners[0]];
        let found = chain(snapshot, &both, main);
        assert_eq!((pids(&found.above), found.main), (alloc::vec![1], main));
        let levels: Vec<_> = found.workers.iter().map(|level| pids(level)).collect();
        assert_eq!((levels, found.others), (alloc::vec![holders[1..].to_vec()], Vec::new()));
    }

    #[test]
    fn siblings_are_of_one_level_and_their_children_of_the_next() {
        let scene = scene().listens("web.service", "0.0.0.0:80/tcp");
        let mut host = scene.worker("a").worker("b").worker("c");
        let holders: Vec<u32> = host.snapshot.listeners[0].holders.iter().map(|hold| hold.pid).collect();
        let [main, one, other, below] = holders[..] else { panic!("{holders:?}") };
        for (pid, parent) in [(one, main), (other, main), (below, other)] {
            let parent = Parent { pid: parent, name: "x".into() };
            host.snapshot.processes.get_mut(&pid).unwrap().parent = Some(parent);
        }
        let snapshot = &host.snapshot;
        let found = chain(snapshot, &[&snapshot.listeners[0]], Some((main, &snapshot.processes[&main])));
        let levels: Vec<_> = found.workers.iter().map(|level| pids(level)).collect();
        assert_eq!(levels, [alloc::vec![one, other], alloc::vec![below]]);
    }

    #[test]
    fn a_holder_beside_the_main_process_is_no_worker() {
        let mut host = scene().listens("a.service", "0.0.0.0:80/tcp").worker("dev");
        host.snapshot.processes.values_mut().for_each(|process| process.parent = None);
        let snapshot = &host.snapshot;
        let holders: Vec<u32> = snapshot.listeners[0].holders.iter().map(|hold| hold.pid).collect();
        let main = Some((holders[0], &snapshot.processes[&holders[0]]));
        let found = chain(snapshot, &[&snapshot.listeners[0]], main);
        assert_eq!((found.workers, pids(&found.others)), (Vec::new(), holders[1..].to_vec()));
        assert_eq!(chain(snapshot, &[&snapshot.listeners[0]], None), Chain::default());
    }
}
