//! The sockets of one network namespace, from sock_diag or, where that is closed, from /proc/net (A5).

pub mod diag;
mod in_use;
pub mod tables;

use std::net::IpAddr;

use portreeve_core::{address::Family, facts::SeenBy, port::Protocol};

use super::{Gaps, ObserveError, Wanted, ways::Way};

/// A socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Socket {
    /// The protocol.
    pub protocol: Protocol,
    /// Whether it is a Multipath TCP socket.
    pub mptcp: bool,
    /// The family of the socket.
    pub family: Family,
    /// The state, as include/net/tcp_states.h numbers it.
    pub state: u8,
    /// Where it is bound.
    pub local: End,
    /// Whom it is connected to.
    pub peer: End,
    /// The interface it is tied to, by index; 0 for none.
    pub interface: u32,
    /// Of a listening TCP socket, how many connections wait to be accepted.
    pub queue_used: u32,
    /// Of a listening TCP socket, how many may wait, where the source tells.
    pub queue_limit: Option<u32>,
    /// The user that created it.
    pub uid: u32,
    /// Its inode; 0 once no process has it.
    pub inode: u64,
    /// The kernel's number for it; 0 where the source does not tell.
    pub cookie: u64,
    /// The cgroup it was created in, by id, where the source tells.
    pub cgroup: Option<u64>,
    /// Whether an IPv6 socket refuses IPv4, where the source tells.
    pub v6only: Option<bool>,
}

/// One end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The address.
    pub ip: IpAddr,
    /// The port.
    pub port: u16,
}

/// TCP_ESTABLISHED; a UDP socket with a peer too.
pub const ESTABLISHED: u8 = 1;
/// TCP_CLOSE; a UDP socket without a peer.
pub const CLOSE: u8 = 7;
/// TCP_LISTEN.
pub const LISTEN: u8 = 10;
/// TCP_BOUND_INACTIVE: bound, neither listening nor connected (Linux 6.8).
pub const BOUND_INACTIVE: u8 = 13;

/// Which sockets of a protocol are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those that wait for anybody.
    Listening,
    /// Those with a peer, and TCP sockets that are bound and idle.
    Connected,
}

impl Side {
    /// The states of this side, a bit each.
    #[must_use]
    pub const fn states(self, protocol: Protocol) -> u32 {
        match (self, protocol) {
            (Self::Listening, Protocol::Udp | Protocol::Udplite) => 1 << CLOSE,
            (Self::Listening, _) => 1 << LISTEN,
            (Self::Connected, Protocol::Udp | Protocol::Udplite) => 1 << ESTABLISHED,
            (Self::Connected, _) => 0x3ffe & !(1 << LISTEN) & !(1 << CLOSE),
        }
    }
}

/// The protocols whose sockets Linux lists.
pub const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Udplite, Protocol::Sctp];

/// The sockets of `side` in the network namespace of the calling thread, by the best way that is open.
///
/// # Errors
///
/// Where no way is open.
pub(super) fn list(
    wanted: &Wanted,
    side: Side,
    gaps: &mut Gaps,
) -> Result<(Vec<Socket>, SeenBy), ObserveError> {
    let port = wanted.ports.filter(|range| range.is_one()).map(|range| range.first);
    let is_wanted = |socket: &Socket| wanted.ports.is_none_or(|range| range.contains(socket.local.port));
    for (way, seen_by) in [(Way::SockDiag, SeenBy::SockDiag), (Way::Proc, SeenBy::Proc)] {
        if !wanted.ways.allow(way) {
            continue;
        }
        let mut sockets = Vec::new();
        let mut keep = |socket: Socket| sockets.extend(Some(socket).filter(is_wanted));
        let complete = match way {
            Way::SockDiag => diag::list(side, port, &mut keep).is_ok(),
            Way::Proc => tables::list(side, port, &mut keep).is_ok(),
        };
        if complete {
            return Ok((sockets, seen_by));
        }
        gaps.missing(way.name());
    }
    Err(ObserveError::NoSource)
}

/// The sockets that wait for anybody, each once, in order of protocol, port and address.
///
/// # Errors
///
/// Where no way is open.
pub(super) fn listening(wanted: &Wanted, gaps: &mut Gaps) -> Result<(Vec<Socket>, SeenBy), ObserveError> {
    let (mut sockets, seen_by) = list(wanted, Side::Listening, gaps)?;
    // The kernel's list is not a consistent read: under churn an entry may come twice.
    sockets.sort_by_key(|socket| (socket.protocol, socket.local.port, socket.local.ip, socket.inode));
    sockets.dedup_by_key(|socket| (socket.protocol, socket.local, socket.inode, socket.cookie));
    Ok((sockets, seen_by))
}
