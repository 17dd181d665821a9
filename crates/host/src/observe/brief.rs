//! What is known of sockets that were gone before anybody could look: what the kernel told when they opened (A12, A17).

use std::collections::{BTreeMap, HashMap};

use portreeve_core::{
    cgroup,
    facts::{Backlog, Hold, HolderGap, Listener, Process, Snapshot, SocketState},
};

use super::{
    Files, Gaps,
    cgroups::Cgroups,
    clock::WallClock,
    containers,
    holders::Holder,
    links, processes,
    sockets::{ESTABLISHED, LISTEN},
    users::Users,
};
use crate::{
    events::listening::{Doer, Event},
    proc::{self, mounts},
};

/// A socket that opened, and the end of it where that was told too.
#[derive(Clone, Copy, Debug)]
pub struct Brief<'c> {
    /// What was told when it opened.
    pub opened: &'c Event,
    /// What was told when it closed.
    pub closed: Option<&'c Event>,
}

impl Brief<'_> {
    /// The port; 0 where nobody ever told it.
    fn port(&self) -> u16 {
        let ports = [Some(self.opened), self.closed].into_iter().flatten();
        ports.map(|event| event.socket.local.port).find(|&port| port != 0).unwrap_or(0)
    }

    /// Whether it waited for strangers, and did not merely get a number before it was connected: of a UDP socket only its
    /// end tells, and while that is to come, a look that does not see it.
    fn waited(&self) -> bool {
        let waited = match self.closed {
            Some(closed) => closed.socket.state != ESTABLISHED,
            None => self.opened.socket.state == LISTEN,
        };
        waited && self.port() != 0
    }
}

/// The listeners that these sockets were, each with the process that opened it, in the namespaces of `look`.
#[must_use]
pub fn brief(sockets: &[Brief<'_>], look: &Snapshot) -> Snapshot {
    let sockets: Vec<_> = sockets.iter().filter(|socket| socket.waited()).collect();
    let mut told = Snapshot {
        version: look.version,
        namespaces: look.namespaces.clone(),
        host: look.host.clone(),
        steer: look.steer.clone(),
        ..Snapshot::bare(look.taken)
    };
    if sockets.is_empty() {
        return told;
    }
    let mut scribe = Scribe::new(sockets.iter().map(|socket| socket.opened));
    told.processes = scribe.processes(sockets.iter().map(|socket| socket.opened));
    told.listeners = sockets.iter().map(|socket| scribe.listener(socket, look)).collect();
    told
}

/// What telling of several sockets has in common.
struct Scribe {
    cgroups: Cgroups,
    clock: WallClock,
    users: Users,
    /// When each process started that a listener may name: of two with one number, only one can be told of.
    started: BTreeMap<u32, u64>,
    interfaces: HashMap<u32, String>,
}

impl Scribe {
    fn new<'c>(events: impl Iterator<Item = &'c Event> + Clone) -> Self {
        let mountinfo = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default();
        let mut cgroups = Cgroups::of(&mounts::read(&mountinfo));
        // What is not found is not told; a gap of a moment that is over helps nobody.
        cgroups.find(
            events.clone().flat_map(|event| event.socket.cgroup.into_iter().chain([event.process.cgroup])),
        );
        let has_interface = events.map(|event| event.socket.interface).any(|index| index != 0);
        let links = if has_interface { links::list().unwrap_or_default() } else { Vec::new() };
        Self {
            cgroups,
            clock: WallClock::now(),
            users: Users::read(),
            started: BTreeMap::new(),
            interfaces: links.into_iter().map(|link| (link.index, link.name)).collect(),
        }
    }

    /// The processes as they are, where they are still there, else as they were.
    fn processes<'c>(&mut self, events: impl Iterator<Item = &'c Event>) -> BTreeMap<u32, Process> {
        let mut first: BTreeMap<u32, &Event> = BTreeMap::new();
        for event in events.filter(|event| event.process.pid != 0) {
            first.entry(event.process.pid).or_insert(event);
        }
        self.started = first.iter().map(|(&pid, event)| (pid, event.process.started)).collect();
        let holder = |(&pid, event): (&u32, &&Event)| {
            Holder::that_started(pid, event.process.started, event.since_boot)
        };
        let holders: Vec<_> = first.iter().map(holder).collect();
        let (mut processes, _) = processes::read_all(Files::Executable, &holders, &mut Gaps::default());
        for (pid, event) in first {
            processes.entry(pid).or_insert_with(|| self.process(&event.process));
        }
        containers::label(&mut processes);
        processes
    }

    /// What the kernel told of a process that is gone.
    fn process(&self, doer: &Doer) -> Process {
        let cgroup = self.cgroups.path(doer.cgroup).map(str::to_owned);
        let place = cgroup.as_deref().map(cgroup::read).unwrap_or_default();
        Process {
            name: doer.name.clone(),
            user: Some(self.users.name(doer.uid)),
            uid: Some(doer.uid),
            unit: place.unit,
            user_unit: place.user_unit,
            container: place.container,
            cgroup,
            started: Some(self.clock.at(doer.started)),
            ..Process::default()
        }
    }

    fn listener(&self, brief: &Brief<'_>, look: &Snapshot) -> Listener {
        let Event { netns, socket, process, .. } = brief.opened;
        let path = socket.cgroup.and_then(|id| self.cgroups.path(id));
        let socket_cgroup = socket.cgroup.and_then(|id| self.cgroups.path_in_proc(id));
        let is_known = self.started.get(&process.pid) == Some(&process.started);
        let interface = (socket.interface != 0).then(|| self.interface(*netns, socket.interface, look));
        let address = match &interface {
            Some(name) => links::scoped(socket.local.ip, name),
            None => socket.local.ip.into(),
        };
        let hands_out = || look.namespace(*netns).is_some_and(|netns| netns.hands_out(brief.port()));
        let chosen = brief.closed.and_then(|closed| closed.socket.chosen).or(socket.chosen);
        let is_tcp = socket.state == LISTEN;
        Listener {
            protocol: socket.protocol,
            mptcp: socket.mptcp,
            family: socket.family,
            device: interface.filter(|_| address.interface.is_none()),
            address,
            port: brief.port(),
            v6only: socket.v6only.unwrap_or(false),
            state: if is_tcp { SocketState::Listen } else { SocketState::Unconnected },
            ephemeral: !is_tcp && chosen.map_or_else(hands_out, |chosen| !chosen),
            netns: *netns,
            // Which descriptor it was is not told.
            holders: is_known.then_some(Hold { pid: process.pid, fd: 0 }).into_iter().collect(),
            holders_complete: false,
            uid: Some(socket.uid),
            socket_unit: path.and_then(|path| cgroup::read(path).unit),
            socket_cgroup: socket_cgroup.map(str::to_owned),
            socket_cgroup_removed: socket.cgroup.is_some_and(|id| self.cgroups.is_removed(id)),
            socket_cgroup_apart: false,
            inode: socket.inode,
            cookie: socket.cookie,
            backlog: socket.queue_limit.map(|limit| Backlog { used: 0, limit }),
            gap: match (is_known, process.pid) {
                (true, _) => None,
                (false, 0) => Some(HolderGap::OutOfSight),
                (false, _) => Some(HolderGap::Vanished),
            },
            seen_by: socket.seen_by,
            opening: None,
        }
    }

    /// The name of an interface of our own namespace; the number as text of one elsewhere.
    fn interface(&self, netns: u64, index: u32, look: &Snapshot) -> String {
        let is_own = look.namespace(netns).is_some_and(|namespace| namespace.own);
        let name = self.interfaces.get(&index).filter(|_| is_own);
        name.cloned().unwrap_or_else(|| index.to_string())
    }
}
