//! The connections by which people are on this host: of what stands above this command, and of everybody who logged in
//! (A15).

mod abroad;
mod logins;

use std::{collections::BTreeSet, net::IpAddr};

use portreeve_core::{
    address::Address,
    facts::{Connection, Foothold, Listener, Namespace, Snapshot, TcpState},
    port::Protocol,
};

use crate::{
    lineage::lineage,
    proc::{self, SMALL_BYTES, stat},
};

/// No process stands deeper below pid 1.
const ANCESTORS_MAX: usize = 64;

/// The connections that no change may cut, of a look at this host with its connections.
#[must_use]
pub fn footholds(snapshot: &Snapshot) -> Vec<Foothold> {
    let mut pids: BTreeSet<u32> = lineage().into_iter().map(|ancestor| ancestor.pid).collect();
    // sudo, su, tmux and screen leave whoever logged in aside, who may be the same person.
    logins::leaders().into_iter().for_each(|leader| pids.extend(above(leader)));
    let mut footholds = connected(snapshot, &pids);
    footholds.extend(abroad::footholds(snapshot, &pids));
    footholds.extend(unconnected(snapshot, &pids, ssh_connection));
    footholds
}

/// A process and those above it but pid 1.
fn above(pid: u32) -> impl Iterator<Item = u32> {
    let next = |&below: &u32| Some(stat::of(below)?.parent);
    std::iter::successors(Some(pid), next).take_while(|pid| *pid > 1).take(ANCESTORS_MAX)
}

/// Connections that somebody made to this host and that one of `pids` holds.
fn connected(snapshot: &Snapshot, pids: &BTreeSet<u32>) -> Vec<Foothold> {
    let Some(own) = snapshot.own_namespace() else { return Vec::new() };
    let is_meant = |connection: &&Connection| {
        connection.netns == own.id
            && connection.protocol == Protocol::Tcp
            && connection.state == TcpState::Established
            && is_inward(snapshot, own, connection)
    };
    let connections = snapshot.connections.iter().flatten().filter(is_meant);
    let foothold = |connection: &Connection| {
        let pid = connection.pids.iter().copied().find(|pid| pids.contains(pid))?;
        Some(Foothold {
            protocol: connection.protocol,
            peer: connection.peer.address.clone(),
            local: connection.address.clone(),
            port: connection.port,
            interface: connection.address.interface.as_deref().map(str::to_owned),
            who: who(snapshot, pid),
        })
    };
    connections.filter_map(foothold).collect()
}

/// Whether the other end made the connection: somebody listens there, or the kernel gives the number to no client.
fn is_inward(snapshot: &Snapshot, own: &Namespace, connection: &Connection) -> bool {
    let listens = |listener: &Listener| {
        listener.netns == own.id
            && listener.protocol == connection.protocol
            && listener.port == connection.port
    };
    snapshot.listeners.iter().any(listens) || !own.hands_out(connection.port)
}

/// Sockets of UDP that belong to a session begun by ssh and have no peer of their own, as those of mosh-server: whoever
/// began it sends to them.
fn unconnected(
    snapshot: &Snapshot,
    pids: &BTreeSet<u32>,
    session: impl Fn(u32) -> Option<[IpAddr; 2]>,
) -> Vec<Foothold> {
    let is_own = |listener: &&Listener| {
        let is_here = snapshot.own_namespace().is_some_and(|own| own.id == listener.netns);
        is_here && listener.protocol == Protocol::Udp
    };
    let foothold = |listener: &Listener| {
        let pid = listener.holders.iter().map(|hold| hold.pid).find(|pid| pids.contains(pid))?;
        let [peer, local] = session(pid)?;
        let bound = Some(listener.address.clone()).filter(|address| !address.ip.is_unspecified());
        Some(Foothold {
            protocol: Protocol::Udp,
            peer: Address { ip: peer, interface: None },
            local: bound.unwrap_or(Address { ip: local, interface: None }),
            port: listener.port,
            interface: None,
            who: who(snapshot, pid),
        })
    };
    snapshot.listeners.iter().filter(is_own).filter_map(foothold).collect()
}

fn who(snapshot: &Snapshot, pid: u32) -> String {
    let seen = snapshot.processes.get(&pid).map(|process| process.name.clone());
    let name = seen.or_else(|| Some(stat::of(pid)?.comm)).unwrap_or_default();
    format!("{name} (pid {pid})")
}

/// The ends of the connection of ssh by which a process was started (ssh(1), SSH_CONNECTION).
fn ssh_connection(pid: u32) -> Option<[IpAddr; 2]> {
    let environment = proc::read(format!("/proc/{pid}/environ"), SMALL_BYTES).ok()?;
    ends(&environment)
}

/// `SSH_CONNECTION=203.0.113.7 50000 192.0.2.1 22`.
fn ends(environment: &[u8]) -> Option<[IpAddr; 2]> {
    let mut variables = environment.split(|byte| *byte == 0);
    let value = variables.find_map(|variable| variable.strip_prefix(b"SSH_CONNECTION="))?;
    let mut words = std::str::from_utf8(value).ok()?.split(' ');
    let (peer, local) = (words.next()?, words.nth(1)?);
    // A zone behind an address of a link is no part of an address here.
    let address = |word: &str| word.split('%').next()?.parse::<IpAddr>().ok();
    Some([address(peer)?, address(local)?])
}

#[cfg(test)]
mod tests;
