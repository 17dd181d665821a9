//! Facts in a line each, for the tests of whatever looks at them.

use alloc::{string::ToString, vec, vec::Vec};

use jiff::Timestamp;

use super::{Interface, Listener, Namespace, SeenBy, Snapshot, SocketState};
use crate::{
    address::{Address, Family},
    port::{PortRange, PortSpec, Protocol},
};

/// A host on which nothing listens, with its own namespace alone.
pub(crate) fn snapshot(taken: Timestamp) -> Snapshot {
    Snapshot { namespaces: vec![namespace()], ..Snapshot::bare(taken) }
}

/// The observer's own namespace, with the kernel's defaults.
pub(crate) fn namespace() -> Namespace {
    Namespace {
        id: 1,
        name: None,
        own: true,
        interfaces: Vec::new(),
        client_range: PortRange { first: 32768, last: 60999 },
        reserved: Vec::new(),
        unprivileged_port_start: 1024,
        connections_by_port: Vec::new(),
        connections_by_destination: Vec::new(),
    }
}

/// An interface with addresses.
pub(crate) fn interface(name: &str, addresses: &[&str]) -> Interface {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Interface { name: name.to_string(), addresses }
}

/// A socket at `address:port/protocol`, IPv6 in brackets, held by nobody.
pub(crate) fn listener(spot: &str) -> Listener {
    let (address, spec) = spot.rsplit_once(':').unwrap();
    let spec: PortSpec = spec.parse().unwrap();
    listener_at(address.trim_matches(['[', ']']), spec.range.first, spec.protocol)
}

/// The same of an address and a number, which need not be one that a person could write.
pub(crate) fn listener_at(address: &str, port: u16, protocol: Protocol) -> Listener {
    let address: Address = address.parse().unwrap();
    Listener {
        protocol,
        mptcp: false,
        family: if address.ip.is_ipv6() { Family::Ipv6 } else { Family::Ipv4 },
        address,
        port,
        device: None,
        v6only: false,
        state: if protocol == Protocol::Tcp { SocketState::Listen } else { SocketState::Unconnected },
        ephemeral: false,
        netns: 1,
        holders: Vec::new(),
        holders_complete: true,
        uid: Some(0),
        socket_cgroup: None,
        socket_cgroup_removed: false,
        socket_cgroup_apart: false,
        socket_unit: None,
        inode: 0,
        cookie: 0,
        backlog: None,
        gap: None,
        seen_by: SeenBy::SockDiag,
        opening: None,
    }
}
