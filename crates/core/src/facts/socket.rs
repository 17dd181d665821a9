//! A socket that waits for somebody, and one that talks to somebody (A4, A12).

use alloc::{string::String, sync::Arc, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Opening, Pids};
use crate::{
    address::{Address, Breadth, Family},
    port::{PortRange, PortSpec, Protocol},
    text,
    words::Text,
};

/// A socket on which something can arrive from a stranger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listener {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it accepts Multipath TCP (RFC 8684).
    #[serde(default)]
    pub mptcp: bool,
    /// The family of the socket, not of its address: `::ffff:…` is IPv6 here.
    pub family: Family,
    /// Where it is bound.
    pub address: Address,
    /// The number.
    pub port: u16,
    /// The interface it is tied to (SO_BINDTODEVICE, socket(7)).
    pub device: Option<String>,
    /// Whether an IPv6 socket refuses IPv4 (IPV6_V6ONLY, ipv6(7)).
    pub v6only: bool,
    /// What it is doing.
    pub state: SocketState,
    /// Whether the kernel chose the number for a client rather than a person for a service.
    pub ephemeral: bool,
    /// The network namespace, by inode.
    pub netns: u64,
    /// Who can accept on it, the main process first.
    pub holders: Vec<Hold>,
    /// Whether every process was asked, and the answer leaves nobody to be found; a thread with a table of its own is
    /// asked where nobody else was seen to hold it.
    pub holders_complete: bool,
    /// The user id of the socket: whose process created it.
    pub uid: Option<u32>,
    /// The cgroup in which it was created, by path, where a process there would have the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_cgroup: Option<String>,
    /// Whether that cgroup was removed since: whoever created it has gone or moved, and nobody is in it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub socket_cgroup_removed: bool,
    /// Whether it was removed and is older than the cgroup of each holder's unit, so that it was below none of those.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub socket_cgroup_apart: bool,
    /// The host manager's unit of that cgroup.
    pub socket_unit: Option<String>,
    /// Its inode.
    pub inode: u64,
    /// The kernel's number for it, never used twice in one boot; 0 where it is not known.
    pub cookie: u64,
    /// The accept queue, of a listening TCP socket.
    pub backlog: Option<Backlog>,
    /// Why no holder is known.
    pub gap: Option<HolderGap>,
    /// Which way of looking found it.
    pub seen_by: SeenBy,
    /// Who asked for its number, where the guard kept it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
}

impl Listener {
    /// Its number and protocol.
    #[must_use]
    pub const fn spec(&self) -> PortSpec {
        PortSpec { range: PortRange::one(self.port), protocol: self.protocol }
    }

    /// How far it can be heard, as its address and device alone tell.
    #[must_use]
    pub fn breadth(&self) -> Breadth {
        if self.device.as_deref() == Some("lo") { Breadth::Loopback } else { self.address.breadth() }
    }

    /// Whether something sent over IPv4 can arrive on it.
    #[must_use]
    pub fn hears_ipv4(&self) -> bool {
        match self.address.ip {
            core::net::IpAddr::V4(_) => true,
            core::net::IpAddr::V6(ip) => {
                ip.to_ipv4_mapped().is_some() || (ip.is_unspecified() && !self.v6only)
            }
        }
    }

    /// Whether something sent over IPv6 can arrive on it.
    #[must_use]
    pub fn hears_ipv6(&self) -> bool {
        matches!(self.address.ip, core::net::IpAddr::V6(ip) if ip.to_ipv4_mapped().is_none())
    }

    /// Whether somebody holds it who could not be seen, and nobody else does.
    #[must_use]
    pub fn hides_every_holder(&self) -> bool {
        let hidden = [HolderGap::OtherUser, HolderGap::OutOfSight, HolderGap::Vanished];
        self.holders.is_empty() && self.gap.is_some_and(|gap| hidden.contains(&gap))
    }

    /// Whether somebody may hold it who was not seen, be it beside others who were.
    #[must_use]
    pub fn may_hide_holder(&self) -> bool {
        let hidden = matches!(self.gap, Some(HolderGap::OtherUser | HolderGap::OutOfSight));
        hidden || !self.holders_complete || (self.holders.is_empty() && self.gap.is_none())
    }

    /// Whether something can arrive on it: a socket that is merely bound takes the number and hears nothing.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.state != SocketState::Bound
    }
}

/// What a socket without a peer is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SocketState {
    /// It accepts connections.
    Listen,
    /// It takes datagrams from anybody.
    Unconnected,
    /// It has a number but does not listen yet.
    Bound,
}

impl SocketState {
    /// The token of machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Unconnected => "unconnected",
            Self::Bound => "bound",
        }
    }
}

/// How a process refers to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// The process.
    pub pid: u32,
    /// Its descriptor, or [`Hold::MAPPED`].
    pub fd: u32,
}

impl Hold {
    /// The process has no descriptor of it, but has mapped it (mmap(2)); a descriptor is never so high.
    pub const MAPPED: u32 = u32::MAX;

    /// Its descriptor, where it has one.
    #[must_use]
    pub fn descriptor(self) -> Option<u32> {
        Some(self.fd).filter(|&fd| fd != Self::MAPPED)
    }
}

/// Connections that wait to be accepted (listen(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backlog {
    /// How many wait now.
    pub used: u32,
    /// How many may wait.
    pub limit: u32,
}

impl Backlog {
    /// Whether it is at its limit, or beyond: the kernel drops beyond it only (sk_acceptq_is_full, include/net/sock.h), and at the limit
    /// is about to.
    ///
    /// An empty queue is not full, whatever its limit: listen(fd, 0) still lets one wait.
    #[must_use]
    pub const fn is_full(self) -> bool {
        self.used > 0 && self.used >= self.limit
    }
}

/// Why no process is named beside a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HolderGap {
    /// Its process belongs to another user.
    OtherUser,
    /// The kernel itself holds it (NFS, WireGuard and the like).
    Kernel,
    /// No process that can be seen from here has it: it is another's, in flight, or kept in a way that is not followed.
    OutOfSight,
    /// No process holds a descriptor of it: in flight between processes, or held by something that is not a descriptor.
    NoDescriptor,
    /// No process has it: it waits in the queue of a Unix socket to be received.
    InFlight,
    /// The process ended during the look.
    Vanished,
}

impl HolderGap {
    /// Whether no process has a descriptor of the socket, on its way to one or not.
    #[must_use]
    pub const fn is_adrift(self) -> bool {
        matches!(self, Self::NoDescriptor | Self::InFlight)
    }

    /// Whether somebody holds the socket all the same, who was not found.
    #[must_use]
    pub const fn leaves_somebody(self) -> bool {
        matches!(self, Self::OtherUser | Self::OutOfSight | Self::NoDescriptor | Self::Vanished)
    }

    /// The reason as a sentence.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::OtherUser => text!(
                "the process belongs to another user; run as root to see it",
                "プロセスはほかのユーザーのものです。root で実行すると見えます"
            ),
            Self::Kernel => text!(
                "held by the kernel itself, by no process",
                "プロセスではなく、カーネル自身が保持しています"
            ),
            Self::OutOfSight => {
                text!(
                    "nobody who can be seen from here has it (held from outside, in flight, or kept in a way that is not followed)",
                    "ここから見えるプロセスは保持していません(外側のプロセスが保持しているか、受け渡し中か、追跡できない形で保持されています)"
                )
            }
            Self::NoDescriptor => text!(
                "no process has a descriptor of it (in flight between processes, or kept by the kernel)",
                "このソケットのファイルディスクリプタを持つプロセスがありません(プロセス間で受け渡し中か、カーネルが保持しています)"
            ),
            Self::InFlight => text!(
                "no process has it yet: it waits in the queue of a Unix socket",
                "どのプロセスもまだ受け取っていません(Unix ソケットの受信キューにあります)"
            ),
            Self::Vanished => {
                text!("its process ended during the look", "調査中にプロセスが終了しました")
            }
        }
    }
}

/// The ways of looking at sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeenBy {
    /// A BPF iterator over the descriptors of all tasks.
    TaskFile,
    /// A BPF iterator over the socket tables.
    SockIter,
    /// sock_diag(7).
    SockDiag,
    /// /proc/net/* (proc(5)).
    Proc,
    /// What was recorded when it was bound.
    BindRecord,
}

/// A socket with a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connection {
    /// The protocol.
    pub protocol: Protocol,
    /// The family of the socket.
    pub family: Family,
    /// Its own address.
    pub address: Address,
    /// Its own port.
    pub port: u16,
    /// The other end.
    pub peer: Peer,
    /// The state of the connection.
    pub state: TcpState,
    /// The network namespace, by inode.
    pub netns: u64,
    /// Its inode; 0 once no process has it.
    pub inode: u64,
    /// The kernel's number for it.
    pub cookie: u64,
    /// The processes that hold it.
    #[schemars(with = "Vec<u32>")]
    pub pids: Pids,
    /// The unit in whose cgroup it was created; many share one.
    pub socket_unit: Option<Arc<str>>,
}

impl Connection {
    /// Its own number and protocol.
    #[must_use]
    pub const fn spec(&self) -> PortSpec {
        PortSpec { range: PortRange::one(self.port), protocol: self.protocol }
    }

    /// Whether it keeps its number from whoever wants to listen there (inet_csk_bind_conflict, net/ipv4/inet_connection_sock.c).
    ///
    /// Only where it and the newcomer both set SO_REUSEADDR does it not, and the kernel does not tell that of others'
    /// sockets. What is left of a connection for a minute after its end is mostly a server's, and those set it.
    #[must_use]
    pub const fn keeps_port(&self) -> bool {
        !matches!(self.state, TcpState::TimeWait | TcpState::NewSynRecv)
    }
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Its address.
    pub address: Address,
    /// Its port.
    pub port: u16,
}

/// The state of a connection, as include/net/tcp_states.h numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "RFC 9293 §3.3.2 describes each")]
pub enum TcpState {
    Established,
    SynSent,
    SynRecv,
    #[serde(rename = "fin-wait-1")]
    FinWait1,
    #[serde(rename = "fin-wait-2")]
    FinWait2,
    TimeWait,
    Close,
    CloseWait,
    LastAck,
    Closing,
    NewSynRecv,
    /// It has a number, and neither listens nor has a peer.
    #[serde(rename = "bound")]
    BoundInactive,
}

impl TcpState {
    /// The token of machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynRecv => "syn-recv",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Close => "close",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Closing => "closing",
            Self::NewSynRecv => "new-syn-recv",
            Self::BoundInactive => "bound",
        }
    }
}

/// A socket that has no port: listed for completeness, outside the judgement of ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherSocket {
    /// `raw` or `packet`.
    pub kind: String,
    /// The IP protocol or Ethernet type it listens to.
    pub number: u32,
    /// The network namespace, by inode.
    pub netns: u64,
    /// Its inode.
    pub inode: u64,
    /// The processes that hold it.
    pub pids: Vec<u32>,
}
