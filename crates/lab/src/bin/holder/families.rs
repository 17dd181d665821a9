//! Sockets of families that most tools take for others, or leave out.

use std::net::SocketAddr;

use rustix::{
    io::Errno,
    net::{self, AddressFamily, Protocol, RawProtocol, SocketFlags, SocketType, ipproto},
};

use crate::{Outcome, hold, lacks, plain::BACKLOG};

/// TCP over several paths (RFC 8684).
pub(crate) fn mptcp(address: SocketAddr) -> Outcome {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, Some(ipproto::MPTCP));
    let socket = match socket {
        Err(Errno::PROTONOSUPPORT | Errno::NOPROTOOPT) => lacks("Multipath TCP"),
        other => other?,
    };
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    hold(socket)
}

/// Frames of an Ethernet type on every interface (packet(7)).
pub(crate) fn packet(ethernet_type: u16) -> Outcome {
    let number = RawProtocol::new(u32::from(ethernet_type.to_be())).map(Protocol::from_raw);
    let socket = net::socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, number);
    match socket {
        Err(Errno::AFNOSUPPORT) => lacks("AF_PACKET"),
        other => hold(other?),
    }
}
