//! What a record of the kernel's lists is as a socket.

use portreeve_core::{
    address::Family,
    facts::{OtherSocket, SeenBy},
    port::Protocol,
};

use super::{Record, record::PACKET};
use crate::observe::sockets::{BOUND_INACTIVE, CLOSE, End, LISTEN, Socket};

/// AF_INET6 and AF_VSOCK.
const IPV6: u16 = 10;
const VSOCK: u16 = 40;
const IPPROTO_MPTCP: u16 = 262;

/// The socket of a protocol with ports; `None` of any other.
#[must_use]
pub(in crate::observe) fn ported(record: &Record, seen_by: SeenBy) -> Option<Socket> {
    let protocol = protocol(record).filter(|_| record.local_port != 0)?;
    // What neither listens nor has a peer is bound: the kernel's lists number it so from Linux 6.8 on.
    let state =
        if protocol == Protocol::Tcp && record.state == CLOSE { BOUND_INACTIVE } else { record.state };
    Some(Socket {
        protocol,
        mptcp: record.mptcp || record.protocol == IPPROTO_MPTCP,
        family: if record.family == IPV6 { Family::Ipv6 } else { Family::Ipv4 },
        state,
        local: End { ip: record.local, port: record.local_port },
        peer: End { ip: record.peer, port: record.peer_port },
        interface: record.interface,
        queue_used: record.queue_used,
        queue_limit: (state == LISTEN).then_some(record.queue_limit),
        uid: record.uid,
        inode: record.inode,
        cookie: record.cookie,
        cgroup: Some(record.cgroup).filter(|&id| id != 0),
        v6only: (record.family == IPV6).then_some(record.v6only),
        chosen: Some(record.chosen),
        kernels: Some(record.kernels),
        seen_by,
    })
}

fn protocol(record: &Record) -> Option<Protocol> {
    if !record.is_internet() || record.is_raw() {
        return None;
    }
    Some(match record.protocol {
        6 | IPPROTO_MPTCP => Protocol::Tcp,
        17 => Protocol::Udp,
        33 => Protocol::Dccp,
        132 => Protocol::Sctp,
        136 => Protocol::Udplite,
        _ => return None,
    })
}

/// The socket of a family without ports, or a raw one.
#[must_use]
pub(in crate::observe) fn other(record: &Record) -> Option<OtherSocket> {
    let (kind, number) = match record.family {
        PACKET => ("packet", u32::from(u16::from_be(u16::try_from(record.number).ok()?))),
        VSOCK => ("vsock", record.number),
        _ if record.is_internet() && record.is_raw() => ("raw", record.local_port.into()),
        _ => return None,
    };
    Some(OtherSocket {
        kind: kind.into(),
        number,
        netns: record.netns.into(),
        inode: record.inode,
        pids: Vec::new(),
    })
}
