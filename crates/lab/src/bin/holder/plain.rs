//! Sockets in the states that one process can put them in.

use std::{
    io,
    net::{SocketAddr, TcpStream, UdpSocket},
    os::fd::OwnedFd,
};

use rustix::net::{self, AddressFamily, SocketFlags, SocketType, sockopt};

use crate::{Outcome, hold};

/// How many may wait for a server that accepts nobody.
pub(crate) const BACKLOG: i32 = 128;

/// The smallest queue that the kernel keeps (listen(2)).
const BACKLOG_MIN: i32 = 1;

pub(crate) fn listen(addresses: &[SocketAddr]) -> Outcome {
    let listeners: Vec<_> = addresses.iter().map(|address| listener(*address)).collect::<io::Result<_>>()?;
    hold(listeners)
}

pub(crate) fn reuseport(address: SocketAddr) -> Outcome {
    let socket = stream(address)?;
    sockopt::set_socket_reuseport(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    hold(socket)
}

pub(crate) fn v6only(address: SocketAddr) -> Outcome {
    let socket = stream(address)?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    hold(socket)
}

pub(crate) fn udp(addresses: &[SocketAddr]) -> Outcome {
    let sockets: Vec<_> = addresses.iter().map(UdpSocket::bind).collect::<io::Result<_>>()?;
    hold(sockets)
}

pub(crate) fn connected(address: SocketAddr, peer: SocketAddr) -> Outcome {
    let socket = UdpSocket::bind(address)?;
    socket.connect(peer)?;
    hold(socket)
}

pub(crate) fn bound(address: SocketAddr) -> Outcome {
    hold(bound_stream(address)?)
}

/// A TCP socket that has a number and neither listens nor is connected.
pub(crate) fn bound_stream(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = stream(address)?;
    net::bind(&socket, &address)?;
    Ok(socket)
}

/// The kernel takes one more than the limit into the queue (tcp_v4_syn_recv_sock, `sk_acceptq_is_full`).
pub(crate) fn full(address: SocketAddr) -> Outcome {
    let socket = stream(address)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG_MIN)?;
    let waiting: Vec<_> =
        (0..=BACKLOG_MIN).map(|_| TcpStream::connect(address)).collect::<io::Result<_>>()?;
    hold((socket, waiting))
}

/// A TCP socket that accepts nobody.
pub(crate) fn listener(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = stream(address)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

pub(crate) fn stream(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}
