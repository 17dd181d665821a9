//! The connections of those who are here from another network namespace of this machine: a container that manages its
//! host, a session that was begun in one (A15).

use std::{collections::BTreeSet, fs};

use portreeve_core::{
    address::{Address, Family},
    facts::{Foothold, Snapshot},
    port::Protocol,
};

use super::{Namespace, who};
use crate::{
    observe::sockets::{ESTABLISHED, LISTEN, Socket, tables},
    proc,
};

/// A table of half a million sockets.
const TABLE_BYTES_MAX: usize = 64 << 20;
/// No process may open more unless it is told so (fs.nr_open).
const DESCRIPTORS_MAX: usize = 1 << 20;

const TABLES: [(&str, Family); 2] = [("tcp", Family::Ipv4), ("tcp6", Family::Ipv6)];

/// Connections that somebody made to one of `pids` that is in another network namespace than this program.
pub(super) fn footholds(snapshot: &Snapshot, pids: &BTreeSet<u32>) -> Vec<Foothold> {
    let Some(own) = snapshot.own_namespace() else { return Vec::new() };
    let abroad = pids.iter().copied().filter(|pid| is_abroad(*pid));
    abroad.flat_map(|pid| of(pid, own, snapshot)).collect()
}

fn is_abroad(pid: u32) -> bool {
    let namespace = |of: &str| proc::read_link(format!("/proc/{of}/ns/net"));
    let its = namespace(&pid.to_string());
    its.is_some() && its != namespace("thread-self")
}

fn of(pid: u32, own: &Namespace, snapshot: &Snapshot) -> Vec<Foothold> {
    let sockets: Vec<Socket> =
        TABLES.into_iter().flat_map(|(name, family)| table(pid, name, family)).collect();
    let held = held(pid);
    let listens = |port: u16| sockets.iter().any(|it| it.state == LISTEN && it.local.port == port);
    let is_meant = |socket: &&Socket| {
        let is_inward = || listens(socket.local.port) || !own.hands_out(socket.local.port);
        socket.state == ESTABLISHED && held.contains(&socket.inode) && is_inward()
    };
    let address = |ip| Address { ip, interface: None };
    let foothold = |socket: &Socket| Foothold {
        protocol: Protocol::Tcp,
        peer: address(socket.peer.ip),
        local: address(socket.local.ip),
        port: socket.local.port,
        interface: None,
        who: who(snapshot, pid),
    };
    sockets.iter().filter(is_meant).map(foothold).collect()
}

/// The connections and listeners of the namespace of a process (proc_net(5)).
fn table(pid: u32, name: &str, family: Family) -> Vec<Socket> {
    let text = proc::read(format!("/proc/{pid}/net/{name}"), TABLE_BYTES_MAX).unwrap_or_default();
    let lines = std::str::from_utf8(&text).unwrap_or_default().lines();
    lines.filter_map(|line| tables::read_line(line, Protocol::Tcp, family)).collect()
}

/// The inodes of the sockets that a process has open (proc_pid_fd(5)).
fn held(pid: u32) -> BTreeSet<u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let inode = |entry: fs::DirEntry| {
        let link = proc::read_link(entry.path())?;
        link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    entries.take(DESCRIPTORS_MAX).filter_map(inode).collect()
}
