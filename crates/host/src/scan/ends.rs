//! From where a scan asks: an address of this host, and a port that is kept for the answers (ip(7)).

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, OwnedFd},
};

use portreeve_core::outside::Ends;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketFlags, SocketType, bind, connect, getsockname, socket_with,
        sockopt::set_ipv6_v6only,
    },
};

use super::{ScanError, Wanted};
use crate::sys::device;

/// Any: no packet is sent to it.
const DISCARD: u16 = 9;

/// The ends of a scan, of which ours is nobody else's until this is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) ends: Ends,
    /// It is bound and does not listen: what comes for its port meets no service, and the kernel resets what is accepted there.
    _port: OwnedFd,
}

pub(super) fn family(ip: IpAddr) -> AddressFamily {
    if ip.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

/// The address by which packets leave: to connect a socket of UDP sends nothing (connect(2)).
pub(super) fn source(wanted: &Wanted<'_>) -> Result<IpAddr, ScanError> {
    if let Some(own) = wanted.warrant.source() {
        return Ok(own);
    }
    let no_route = |error| ScanError::NoRoute(wanted.target, error);
    let socket = socket_with(family(wanted.target), SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(|error| ScanError::Call("open a socket", error.into()))?;
    tie(&socket, wanted).map_err(no_route)?;
    connect(&socket, &wanted.at(DISCARD)).map_err(no_route)?;
    let own = getsockname(&socket).and_then(SocketAddr::try_from).map_err(no_route)?;
    Ok(own.ip())
}

/// Keeps what `socket` sends on the way that is proven, which has no router: a route may lead elsewhere the next moment.
pub(super) fn tie(socket: impl AsFd, wanted: &Wanted<'_>) -> Result<(), Errno> {
    let Some(proven) = wanted.warrant.proven() else { return Ok(()) };
    let on_link = device::keep_on_link(&socket);
    let tied = on_link.and_then(|()| proven.by().map_or(Ok(()), |interface| device::tie(&socket, interface)));
    tied.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Whether the kernel says by this error that a packet has no way out: no route, no interface that is up, or not the address
/// any more that it is to come from (net/ipv4/route.c, `ip_route_output_key_hash_rcu`).
pub(super) const fn has_no_way(error: Errno) -> bool {
    matches!(
        error,
        Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NODEV
            | Errno::NXIO
            | Errno::INVAL
            | Errno::ADDRNOTAVAIL
    )
}

/// Where a scan of `target` was not under way when this `error` ended it, there is nothing else to tell.
pub(super) fn end(was_under_way: bool, error: Errno, target: IpAddr) -> Result<(), ScanError> {
    if was_under_way { Ok(()) } else { Err(ScanError::NoRoute(target, error)) }
}

/// Keeps a port of that address.
pub(super) fn keep(wanted: &Wanted<'_>) -> Result<Kept, ScanError> {
    let source = source(wanted)?;
    let bound = || -> Result<_, Errno> {
        let socket = socket_with(family(source), SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        if source.is_ipv6() {
            set_ipv6_v6only(&socket, true)?;
        }
        tie(&socket, wanted)?;
        bind(&socket, &Wanted { target: source, ..*wanted }.at(0))?;
        let own = SocketAddr::try_from(getsockname(&socket)?)?;
        Ok((socket, own.port()))
    };
    let (port, source_port) = bound().map_err(ScanError::NoPort)?;
    Ok(Kept { ends: Ends { source, source_port, target: wanted.target }, _port: port })
}
