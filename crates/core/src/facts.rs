//! What is true on the host right now, including what could not be seen (A4, A5, A12, A13).

mod code;
pub mod consent;
mod firewall;
mod foothold;
mod gap;
mod left_gate;
mod left_guard;
mod left_steer;
mod left_watch;
mod lifelines;
mod opening;
mod origin;
mod pids;
mod process;
mod socket;
mod socket_denial;
mod steering_program;
#[cfg(test)]
pub(crate) mod testing;
mod watched;

pub use code::{
    Build, Code, CodeFile, CodeRoot, Database, InstalledKernel, KernelStanding, Kernels, ListsLack, Offer,
    Package,
};
pub use consent::Consent;
pub use firewall::{Firewall, Listing};
pub use foothold::Foothold;
pub use gap::{Flaw, Gap, GapKind};
pub use left_gate::{AtBoot, KeptGate, LeftGate};
pub use left_guard::{GuardStands, LeftGuard};
pub use left_steer::{Led, LeftSteer};
pub use left_watch::LeftWatch;
pub use lifelines::Lifelines;
pub use opening::Opening;
pub use origin::{ANCESTORS_MAX, Line, Origins, Session, UnitOrigin};
pub use pids::Pids;
pub use process::{Container, ExeState, Parent, Privilege, Process, Published};
pub use socket::{
    Backlog, Connection, Hold, HolderGap, Listener, OtherSocket, Peer, SeenBy, SocketState, TcpState,
};
pub use socket_denial::SocketDenial;
pub use steering_program::SteeringProgram;
pub use watched::{Suspected, Watched};

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{address::Address, port::PortRange, port::Protocol};

/// The newest snapshot layout that this program writes and reads.
pub const SNAPSHOT_VERSION: u32 = 1;

/// One look at a host: a value that can be saved, sent and judged elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The layout of this document: 1.
    pub version: u32,
    /// When the look was taken, UTC.
    #[schemars(with = "String")]
    pub taken: Timestamp,
    /// The host.
    pub host: HostFacts,
    /// The network namespaces that were seen, the observer's own first.
    pub namespaces: Vec<Namespace>,
    /// Sockets that wait for somebody: TCP in listen, UDP without a peer, and the like.
    pub listeners: Vec<Listener>,
    /// Every connection, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<Vec<Connection>>,
    /// Sockets without ports (raw, packet), where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<OtherSocket>,
    /// The processes that hold them, by pid.
    pub processes: BTreeMap<u32, Process>,
    /// How they came to run, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origins: Option<Origins>,
    /// What code its processes run, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The packet filter of the observer's own namespace, where it was asked for and could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Firewall>,
    /// The gate that was confirmed on it, where the packet filter was asked for and root looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<LeftGate>,
    /// The guard that was confirmed on it, where one was and root looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<LeftGuard>,
    /// The steering that was confirmed on it, where one was and root looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steer: Option<LeftSteer>,
    /// The programs that lead packets of the observer's own namespace to sockets of their choice, and are not portreeve's, where root
    /// looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_steering: Vec<SteeringProgram>,
    /// What units that it tells of are not to bind, as their files say, where root looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub socket_denials: Vec<SocketDenial>,
    /// What the watch on it has found lately, where anybody watched and root looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched: Option<Watched>,
    /// Whether anybody watches it, and ought to, where root looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<LeftWatch>,
    /// That its own portreeve answers whoever asks to scan it, where root looked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<Consent>,
    /// Whether the guard keeps who opened sockets, and whoever looked may not know it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub hides_openings: bool,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What names a host and its boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostFacts {
    /// The node name (uname(2)).
    pub name: String,
    /// /proc/sys/kernel/random/boot_id: differs after each boot.
    pub boot_id: String,
    /// The kernel release (uname(2)).
    pub kernel: String,
}

/// A network namespace: its addresses and how its kernel hands out ports (A9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// The inode of the namespace (namespaces(7)).
    pub id: u64,
    /// Its name below /run/netns, if it has one.
    pub name: Option<String>,
    /// Whether the observer runs in it.
    pub own: bool,
    /// The interfaces with their addresses.
    pub interfaces: Vec<Interface>,
    /// `net.ipv4.ip_local_port_range`: what the kernel hands out to clients. 0 to 0 where the namespace could not be
    /// entered: then no interface and no other setting of it is known either.
    pub client_range: PortRange,
    /// `net.ipv4.ip_local_reserved_ports`: what it keeps back from them.
    pub reserved: Vec<PortRange>,
    /// `net.ipv4.ip_unprivileged_port_start`: from here on anybody may bind.
    pub unprivileged_port_start: u32,
    /// How many connections each local port has, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections_by_port: Vec<PortCount>,
    /// How many connections go from each local address to each destination, the busiest first, where it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections_by_destination: Vec<DestinationCount>,
}

impl Namespace {
    /// Whether the observer was in it; else it is known only by sockets that processes hold.
    #[must_use]
    pub fn was_entered(&self) -> bool {
        self.client_range != PortRange::UNTOLD
    }

    /// Whether this kernel may hand `port` to a client now (A9).
    #[must_use]
    pub fn hands_out(&self, port: u16) -> bool {
        self.client_range.contains(port) && !self.reserved.iter().any(|range| range.contains(port))
    }
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<Address>,
}

/// Connections that share a local port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortCount {
    /// The protocol.
    pub protocol: Protocol,
    /// The local port.
    pub port: u16,
    /// How many.
    pub count: u32,
}

/// Connections that share a destination and the address that they leave from: each such pair has all client ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DestinationCount {
    /// The protocol.
    pub protocol: Protocol,
    /// The local address, where it was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Address>,
    /// The remote address.
    pub address: Address,
    /// The remote port.
    pub port: u16,
    /// How many of this host's connections to it left from the client range.
    pub count: u32,
}

impl Snapshot {
    /// A look that was taken then and shows nothing.
    #[must_use]
    pub fn bare(taken: Timestamp) -> Self {
        Self {
            version: SNAPSHOT_VERSION,
            taken,
            host: HostFacts::default(),
            namespaces: Vec::new(),
            listeners: Vec::new(),
            connections: None,
            other: Vec::new(),
            processes: BTreeMap::new(),
            origins: None,
            code: None,
            firewall: None,
            gate: None,
            guard: None,
            steer: None,
            foreign_steering: Vec::new(),
            socket_denials: Vec::new(),
            watched: None,
            watch: None,
            consents: Vec::new(),
            hides_openings: false,
            gaps: Vec::new(),
        }
    }

    /// The namespace of the observer; `None` in a snapshot that somebody cut.
    #[must_use]
    pub fn own_namespace(&self) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.own)
    }

    /// The namespace with this inode, if it was seen.
    #[must_use]
    pub fn namespace(&self, id: u64) -> Option<&Namespace> {
        self.namespaces.iter().find(|namespace| namespace.id == id)
    }

    /// The processes that hold `listener`, main process first; empty when none could be seen.
    pub fn holders<'a>(&'a self, listener: &'a Listener) -> impl Iterator<Item = (Hold, &'a Process)> {
        listener.holders.iter().filter_map(|hold| Some((*hold, self.processes.get(&hold.pid)?)))
    }
}
