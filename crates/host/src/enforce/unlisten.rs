//! Takes a socket out of the hands of its process, which lives on (SOCK_DESTROY, include/uapi/linux/sock_diag.h) (A16).

use rustix::{
    io::Errno,
    net::{Shutdown, shutdown},
};

use super::{
    diag::{LISTENING, destroy, find, is_gone},
    steer::{SocketError, socket},
};
use crate::sys::netlink::{self, Netlink, NetlinkError};

/// Of sockets that share a number (SO_REUSEPORT) the kernel finds the one that would get packets of a peer, and no other
/// than the one with the cookie is closed (net/ipv4/inet_diag.c, `inet_diag_find_one_icsk`): so many peers are tried.
const PEERS_MAX: u16 = 1_024;

/// Why a socket is as it was.
#[derive(Debug, thiserror::Error)]
pub enum UnlistenError {
    /// It takes CAP_NET_ADMIN.
    #[error("only root may close the sockets of others")]
    NotPermitted,
    /// The kernel was built without CONFIG_INET_DIAG_DESTROY.
    #[error("this kernel cannot close the sockets of others")]
    Unsupported,
    /// Nobody listens there by this socket any more.
    #[error("the socket does not listen any more")]
    Gone,
    /// What comes in there is led to other sockets (sk_lookup), and the kernel looks for it among those.
    #[error("what comes in there is led to other sockets")]
    Hidden,
    /// Its process has it alone.
    #[error("the socket cannot be had of its process")]
    Held(#[source] SocketError),
    /// The kernel did not do it.
    #[error("the kernel did not close the socket")]
    Netlink(#[source] NetlinkError),
}

/// Ends the listening of one socket of TCP in this network namespace: the one with this cookie, on this port.
///
/// # Errors
///
/// Where it does not listen, or the kernel refuses.
pub fn unlisten(port: u16, cookie: u64) -> Result<(), UnlistenError> {
    let mut netlink = Netlink::open(netlink::Family::SockDiag).map_err(UnlistenError::Netlink)?;
    let id = find(&mut netlink, LISTENING, port, cookie).map_err(refused)?.ok_or(UnlistenError::Gone)?;
    for peer in 0..PEERS_MAX {
        match destroy(&mut netlink, LISTENING, &id.asked_from(peer)).map_err(refused) {
            Err(UnlistenError::Gone) => {}
            answer => return answer,
        }
    }
    Err(still(&mut netlink, port, cookie)?)
}

/// The same by descriptor `fd` of process `pid`, which has the socket: whatever the kernel leads elsewhere, it ends to listen
/// (net/ipv4/af_inet.c, `inet_shutdown`).
///
/// # Errors
///
/// The process has no such socket, or gives it to nobody.
pub fn unlisten_held(port: u16, cookie: u64, (pid, fd): (u32, u32)) -> Result<(), UnlistenError> {
    let found = socket::find(pid, fd).map_err(UnlistenError::Held)?;
    if found.cookie != cookie {
        return Err(UnlistenError::Gone);
    }
    let refused = |error| UnlistenError::Netlink(NetlinkError::Refused(error));
    shutdown(&found.socket, Shutdown::Both).map_err(refused)?;
    let mut netlink = Netlink::open(netlink::Family::SockDiag).map_err(UnlistenError::Netlink)?;
    match still(&mut netlink, port, cookie)? {
        UnlistenError::Gone => Ok(()),
        error => Err(error),
    }
}

/// Why the kernel did not find it: it is gone, or others are where it looks.
fn still(netlink: &mut Netlink, port: u16, cookie: u64) -> Result<UnlistenError, UnlistenError> {
    let found = find(netlink, LISTENING, port, cookie).map_err(refused)?;
    Ok(if found.is_some() { UnlistenError::Hidden } else { UnlistenError::Gone })
}

fn refused(error: NetlinkError) -> UnlistenError {
    match error {
        NetlinkError::Refused(Errno::PERM | Errno::ACCESS) => UnlistenError::NotPermitted,
        NetlinkError::Refused(Errno::OPNOTSUPP) => UnlistenError::Unsupported,
        error if is_gone(&error) => UnlistenError::Gone,
        error => UnlistenError::Netlink(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, os::fd::AsRawFd as _};

    use super::*;

    #[test]
    fn a_socket_ends_to_listen_by_its_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (pid, fd) = (std::process::id(), u32::try_from(listener.as_raw_fd()).unwrap());
        let cookie = socket::find(pid, fd).unwrap().cookie;
        let other = unlisten_held(port, cookie + 1, (pid, fd));
        assert!(matches!(other, Err(UnlistenError::Gone)), "{other:?}");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        unlisten_held(port, cookie, (pid, fd)).unwrap();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }

    #[test]
    fn what_does_not_listen_is_not_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(matches!(unlisten(port, u64::MAX), Err(UnlistenError::Gone)), "another one's cookie");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }
}
