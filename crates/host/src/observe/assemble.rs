//! Puts the pieces of a look together: each socket with its holders, its unit and its reasons (A5, A12).

use std::collections::BTreeMap;

use portreeve_core::{
    cgroup,
    facts::{Backlog, Connection, GapKind, Hold, HolderGap, Listener, OtherSocket, Process, SocketState},
};

use rustix::process::geteuid;

use super::{
    cgroups::Cgroups,
    connected::Connected,
    gaps::Gaps,
    holders::Search,
    kernel::KernelHolders,
    links,
    namespaces::Look,
    sockets::{CLOSE, Socket},
};

/// Everything that was found, by the ways it was found.
pub(super) struct Pieces<'a> {
    pub(super) looks: &'a [Look],
    pub(super) search: &'a Search,
    pub(super) processes: &'a BTreeMap<u32, Process>,
    pub(super) cgroups: &'a Cgroups,
    pub(super) kernel: KernelHolders<'a>,
}

impl Pieces<'_> {
    /// Every socket that waits for somebody.
    pub(super) fn listeners(&self, gaps: &mut Gaps) -> Vec<Listener> {
        let sockets =
            self.looks.iter().flat_map(|look| look.listening.iter().map(move |socket| (look, socket)));
        let listeners: Vec<_> = sockets.map(|(look, socket)| self.listener(look, socket)).collect();
        for (reason, what) in
            [(HolderGap::OtherUser, GapKind::HiddenOwners), (HolderGap::OutOfSight, GapKind::OutOfSight)]
        {
            let count = listeners.iter().filter(|listener| listener.gap == Some(reason)).count();
            gaps.add(what, u32::try_from(count).unwrap_or(u32::MAX));
        }
        listeners
    }

    /// Every socket with a peer: what `connected` has of each namespace.
    pub(super) fn connections(&self, connected: Vec<Connected>, gaps: &mut Gaps) -> Vec<Connection> {
        let complete = |connected: Connected| connected.complete(self.search, self.cgroups);
        let connections = connected.into_iter().map(complete).reduce(|mut all, more| {
            all.extend(more);
            all
        });
        let connections = connections.unwrap_or_default();
        if self.search.sweep.hidden > 0 && !geteuid().is_root() {
            let is_hidden = |connection: &&Connection| connection.inode != 0 && connection.pids.is_empty();
            let count = connections.iter().filter(is_hidden).count();
            gaps.add(GapKind::HiddenOwners, u32::try_from(count).unwrap_or(u32::MAX));
        }
        connections
    }

    /// Every socket without a port.
    pub(super) fn other(&self) -> Vec<OtherSocket> {
        let sockets = self.looks.iter().flat_map(|look| look.other.clone());
        sockets
            .map(|socket| OtherSocket { pids: self.search.pids(socket.inode).collect(), ..socket })
            .collect()
    }

    fn listener(&self, look: &Look, socket: &Socket) -> Listener {
        let holders = self.main_first(self.search.holds(socket.inode));
        let gap = holders.is_empty().then(|| self.why_nobody(look, socket)).flatten();
        let path = socket.cgroup.and_then(|id| self.cgroups.path(id));
        let socket_cgroup = socket.cgroup.and_then(|id| self.cgroups.path_in_proc(id));
        let address = links::tied(socket.local.ip, socket.interface, &look.links);
        let device =
            if address.interface.is_some() { None } else { links::name_of(socket.interface, &look.links) };
        Listener {
            protocol: socket.protocol,
            mptcp: socket.mptcp,
            family: socket.family,
            address,
            port: socket.local.port,
            device,
            v6only: socket.v6only.unwrap_or_else(|| look.has_ipv4_twin(socket)),
            state: if socket.state == CLOSE { SocketState::Unconnected } else { SocketState::Listen },
            ephemeral: socket.state == CLOSE && is_chosen_by_kernel(look, socket),
            netns: look.namespace.id,
            socket_cgroup_apart: self.is_apart(socket, &holders),
            holders,
            holders_complete: self.search.is_complete() && !gap.is_some_and(HolderGap::leaves_somebody),
            uid: Some(socket.uid),
            socket_unit: path.and_then(|path| cgroup::read(path).unit),
            socket_cgroup: socket_cgroup.map(str::to_owned),
            socket_cgroup_removed: socket.cgroup.is_some_and(|id| self.cgroups.is_removed(id)),
            inode: socket.inode,
            cookie: socket.cookie,
            backlog: socket.queue_limit.map(|limit| Backlog { used: socket.queue_used, limit }),
            gap,
            seen_by: socket.seen_by,
            opening: None,
        }
    }

    /// Whether its cgroup was removed and was below that of no holder's unit.
    fn is_apart(&self, socket: &Socket, holders: &[Hold]) -> bool {
        let removed = socket.cgroup.filter(|&id| self.cgroups.is_removed(id));
        let is_older = |removed| {
            let processes = holders.iter().filter_map(|hold| self.processes.get(&hold.pid));
            let units =
                processes.filter_map(|process| Some((process.cgroup.as_deref()?, process.unit.as_deref()?)));
            units.into_iter().all(|(path, unit)| self.cgroups.is_older_than_unit(removed, path, unit))
        };
        removed.is_some_and(is_older)
    }

    /// The holds of processes that could be read: the main process first, then by pid.
    ///
    /// The main process is the ancestor of the others, else the oldest. A service manager that keeps a socket for
    /// somebody who holds it too is never the main one.
    fn main_first(&self, holds: impl Iterator<Item = Hold>) -> Vec<Hold> {
        let mut holds: Vec<_> = holds.filter(|hold| self.processes.contains_key(&hold.pid)).collect();
        holds.sort_by_key(|hold| hold.pid);
        let main = holds.iter().copied().min_by_key(|hold| {
            let process = &self.processes[&hold.pid];
            let parent = process.parent.as_ref().map(|parent| parent.pid);
            let holds_too = |pid| holds.binary_search_by_key(&pid, |other| other.pid).is_ok();
            let descends = parent.is_some_and(|pid| pid != 1 && holds_too(pid));
            (hold.pid == 1, descends, process.started, hold.pid)
        });
        if let Some(main) = main {
            holds.sort_by_key(|hold| (hold.pid != main.pid, hold.pid));
        }
        holds
    }

    fn why_nobody(&self, look: &Look, socket: &Socket) -> Option<HolderGap> {
        if self.search.was_skipped() {
            None
        } else if self.search.holds(socket.inode).next().is_some() && !self.lists_us_nobody() {
            Some(HolderGap::Vanished)
        } else if socket.kernels == Some(true) {
            Some(HolderGap::Kernel)
        } else if self.search.is_queued(socket.inode) {
            Some(HolderGap::InFlight)
        } else if self.search.sweep.hidden > 0 {
            Some(if geteuid().is_root() { HolderGap::OutOfSight } else { HolderGap::OtherUser })
        } else if !self.search.sees_every_process() {
            Some(HolderGap::OutOfSight)
        } else if self.kernel.may_hold(socket, &look.links) {
            Some(HolderGap::Kernel)
        } else if self.search.sweep.reserved > 0 {
            Some(HolderGap::OtherUser)
        } else {
            Some(HolderGap::NoDescriptor)
        }
    }

    /// Whether /proc does not list the processes of others for us: they are there all the same.
    fn lists_us_nobody(&self) -> bool {
        self.search.sweep.hidden > 0 && !geteuid().is_root()
    }
}

/// Where the source does not tell, what the kernel may hand out now is taken for chosen by it.
fn is_chosen_by_kernel(look: &Look, socket: &Socket) -> bool {
    socket.chosen.map_or_else(|| look.namespace.hands_out(socket.local.port), |chosen| !chosen)
}
