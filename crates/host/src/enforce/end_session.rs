//! Ends a connection of somebody who has no business here (SOCK_DESTROY, include/uapi/linux/sock_diag.h) (A19).

use crate::{
    enforce::diag::{CONNECTED, destroy, find, is_gone},
    sys::netlink::{Family, Netlink, NetlinkError},
};

/// Ends the connection of TCP with this cookie, on this port of the host's own: both ends are told by a reset, and its process by
/// ECONNABORTED (net/ipv4/tcp.c, `tcp_abort`). Whether it was there still.
///
/// # Errors
///
/// The kernel refuses: it takes CAP_NET_ADMIN and CONFIG_INET_DIAG_DESTROY.
pub fn end_session(port: u16, cookie: u64) -> Result<bool, NetlinkError> {
    let mut netlink = Netlink::open(Family::SockDiag)?;
    let Some(id) = find(&mut netlink, CONNECTED, port, cookie)? else { return Ok(false) };
    match destroy(&mut netlink, CONNECTED, &id) {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{ErrorKind, Read as _},
        net::{TcpListener, TcpStream},
    };

    use rustix::net::sockopt::socket_cookie;

    use super::*;

    #[test]
    fn the_other_end_is_told_by_a_reset() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (own, _) = listener.accept().unwrap();
        let cookie = socket_cookie(&own).unwrap();
        assert!(matches!(end_session(port, cookie + 1), Ok(false)), "another one's cookie");
        assert!(matches!(end_session(port, cookie), Ok(true)));
        assert_eq!(peer.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(matches!(end_session(port, cookie), Ok(false)), "it is over");
    }
}
