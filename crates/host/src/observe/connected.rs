//! Sockets with a peer, facts from the first moment on: a busy host has too many to have each twice (A4, A12).

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use portreeve_core::{
    cgroup,
    facts::{Connection, Peer, Pids, TcpState},
};

use super::{
    cgroups::Cgroups,
    holders::Search,
    links::{self, Link},
    sockets::Socket,
};

/// Those of one network namespace, without what is found out later: who holds each, and of which unit it is.
#[derive(Debug, Default)]
pub(super) struct Connected {
    connections: Vec<Connection>,
    /// The cgroup that each was created in, by id; 0 where the source does not tell.
    cgroups: Vec<u64>,
    /// The inodes of those that the kernel made for itself; hardly any host has one.
    kernels: HashSet<u64>,
}

impl Connected {
    /// Adds a socket of the namespace `netns`, which has these `links`; none in a state that connections do not have.
    pub(super) fn push(&mut self, socket: &Socket, netns: u64, links: &[Link]) {
        let Some(state) = tcp_state(socket.state) else { return };
        let address = |ip| links::tied(ip, socket.interface, links);
        self.connections.push(Connection {
            protocol: socket.protocol,
            family: socket.family,
            address: address(socket.local.ip),
            port: socket.local.port,
            peer: Peer { address: address(socket.peer.ip), port: socket.peer.port },
            state,
            netns,
            inode: socket.inode,
            cookie: socket.cookie,
            pids: Pids::default(),
            socket_unit: None,
        });
        self.cgroups.push(socket.cgroup.unwrap_or_default());
        if socket.kernels == Some(true) {
            self.kernels.insert(socket.inode);
        }
    }

    /// The inode of each that a process can hold.
    pub(super) fn inodes(&self) -> impl Iterator<Item = u64> {
        let inodes = self.connections.iter().map(|connection| connection.inode);
        inodes.filter(|inode| !self.kernels.contains(inode))
    }

    /// The cgroups that they were created in; one that many share may come more than once.
    pub(super) fn cgroups(&self) -> impl Iterator<Item = u64> {
        self.cgroups.chunk_by(|one, next| one == next).map(|same| same[0]).filter(|&id| id != 0)
    }

    /// All of them, with what was found out since.
    pub(super) fn complete(self, search: &Search, cgroups: &Cgroups) -> Vec<Connection> {
        let Self { mut connections, cgroups: ids, .. } = self;
        let mut units: BTreeMap<u64, Option<Arc<str>>> = BTreeMap::new();
        for (connection, id) in connections.iter_mut().zip(ids) {
            let unit = || cgroup::read(cgroups.path(id)?).unit.map(Arc::from);
            connection.socket_unit = units.entry(id).or_insert_with(unit).clone();
            connection.pids = search.pids(connection.inode).collect();
        }
        connections
    }
}

/// The state by its number in include/net/tcp_states.h.
const fn tcp_state(number: u8) -> Option<TcpState> {
    Some(match number {
        1 => TcpState::Established,
        2 => TcpState::SynSent,
        3 => TcpState::SynRecv,
        4 => TcpState::FinWait1,
        5 => TcpState::FinWait2,
        6 => TcpState::TimeWait,
        7 => TcpState::Close,
        8 => TcpState::CloseWait,
        9 => TcpState::LastAck,
        11 => TcpState::Closing,
        12 => TcpState::NewSynRecv,
        13 => TcpState::BoundInactive,
        _ => return None,
    })
}
