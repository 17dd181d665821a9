//! Takes a descriptor of another process's socket, and tells what it would take (pidfd_getfd(2)).

use std::{io, os::fd::OwnedFd};

use portreeve_core::{address::Family, port::Protocol};
use rustix::{
    io::Errno,
    net::{
        AddressFamily,
        sockopt::{ipv6_v6only, socket_acceptconn, socket_cookie, socket_domain, socket_protocol},
    },
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use crate::{network::cookie, sys::netns};

/// The numbers of IANA's registry of protocols (RFC 5237), and that of MPTCP (include/uapi/linux/in.h).
const TCP: u32 = 6;
const UDP: u32 = 17;
const MPTCP: u32 = 262;

/// Why a socket takes nothing that is led.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// There is no such process.
    #[error("there is no process {0}")]
    NoProcess(u32),
    /// It has no such descriptor.
    #[error("process {pid} has no descriptor {fd}")]
    NoDescriptor {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
    /// Whoever asks may not have it.
    #[error("descriptor {fd} of process {pid} cannot be taken")]
    Closed {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no socket of TCP or UDP.
    #[error("descriptor {fd} of process {pid} is no socket of TCP or UDP")]
    NoSocket {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
    /// It is one of MPTCP, which the kernel does not lead to.
    #[error("descriptor {fd} of process {pid} is a socket of MPTCP")]
    Mptcp {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
    /// It is of TCP, and does not listen.
    #[error("descriptor {fd} of process {pid} does not listen")]
    Silent {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
    /// It is of another network namespace.
    #[error("descriptor {fd} of process {pid} is of another network namespace")]
    Elsewhere {
        /// The process.
        pid: u32,
        /// The descriptor.
        fd: u32,
    },
}

/// A socket that packets can be led to.
#[derive(Debug)]
pub struct Found {
    /// It.
    pub socket: OwnedFd,
    /// Its protocol.
    pub protocol: Protocol,
    /// The families whose packets it takes, its own first.
    pub families: &'static [Family],
    /// Its number in the kernel.
    pub cookie: u64,
}

/// Whether there is such a process, as far as whoever asks may know.
#[must_use]
pub fn is_process(pid: u32) -> bool {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let opened = number.map(|number| pidfd_open(number, PidfdFlags::empty()));
    !matches!(opened, None | Some(Err(Errno::SRCH | Errno::INVAL)))
}

/// The socket that is open as `fd` in process `pid`.
///
/// # Errors
///
/// There is none, it takes nothing that is led, or whoever asks may not have it.
pub fn find(pid: u32, fd: u32) -> Result<Found, SocketError> {
    let closed = |error: Errno| SocketError::Closed { pid, fd, source: error.into() };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(SocketError::NoProcess(pid))?;
    let process = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
        // EINVAL is what a thread that is no process gets.
        Errno::SRCH | Errno::INVAL => SocketError::NoProcess(pid),
        error => closed(error),
    })?;
    let descriptor = i32::try_from(fd).map_err(|_| SocketError::NoDescriptor { pid, fd })?;
    let taken = pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty());
    let socket = taken.map_err(|error| match error {
        Errno::BADF => SocketError::NoDescriptor { pid, fd },
        Errno::SRCH => SocketError::NoProcess(pid),
        error => closed(error),
    })?;
    let no_socket = |_| SocketError::NoSocket { pid, fd };
    let protocol = match number_of(&socket).map_err(no_socket)? {
        TCP => Protocol::Tcp,
        UDP => Protocol::Udp,
        MPTCP => return Err(SocketError::Mptcp { pid, fd }),
        _ => return Err(SocketError::NoSocket { pid, fd }),
    };
    let families = families(&socket).map_err(no_socket)?.ok_or(SocketError::NoSocket { pid, fd })?;
    if protocol == Protocol::Tcp && !socket_acceptconn(&socket).map_err(no_socket)? {
        return Err(SocketError::Silent { pid, fd });
    }
    let is_here = cookie().ok().zip(netns::cookie(&socket).ok()).is_some_and(|(own, its)| own == its);
    if !is_here {
        return Err(SocketError::Elsewhere { pid, fd });
    }
    let cookie = socket_cookie(&socket).map_err(no_socket)?;
    Ok(Found { socket, protocol, families, cookie })
}

fn number_of(socket: &OwnedFd) -> Result<u32, Errno> {
    Ok(socket_protocol(socket)?.map_or(0, |protocol| protocol.as_raw().get()))
}

/// Those whose packets it takes; `None` of one that is of neither.
fn families(socket: &OwnedFd) -> Result<Option<&'static [Family]>, Errno> {
    Ok(match socket_domain(socket)? {
        AddressFamily::INET => Some(&[Family::Ipv4]),
        AddressFamily::INET6 if ipv6_v6only(socket)? => Some(&[Family::Ipv6]),
        AddressFamily::INET6 => Some(&[Family::Ipv6, Family::Ipv4]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, TcpStream, UdpSocket},
        os::fd::AsRawFd,
        process,
    };

    use super::*;

    fn of(socket: &impl AsRawFd) -> Result<Found, SocketError> {
        find(process::id(), socket.as_raw_fd().cast_unsigned())
    }

    #[test]
    fn a_socket_takes_its_protocol_and_families() {
        let four = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = of(&four).unwrap();
        assert_eq!((found.protocol, found.families), (Protocol::Tcp, &[Family::Ipv4][..]));
        let both = UdpSocket::bind("[::]:0").unwrap();
        let found = of(&both).unwrap();
        assert_eq!((found.protocol, found.families), (Protocol::Udp, &[Family::Ipv6, Family::Ipv4][..]));
        assert_ne!(found.cookie, of(&four).unwrap().cookie);
    }

    #[test]
    fn what_takes_nothing_is_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(matches!(of(&client), Err(SocketError::Silent { .. })));
        let (unix, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(matches!(of(&unix), Err(SocketError::NoSocket { .. })));
        assert!(matches!(of(&std::fs::File::open("/dev/null").unwrap()), Err(SocketError::NoSocket { .. })));
        assert!(matches!(find(process::id(), 1 << 20), Err(SocketError::NoDescriptor { .. })));
        assert!(matches!(find(u32::MAX, 0), Err(SocketError::NoProcess(_))));
    }
}
