//! Sockets of connections, as the kernel lists them and tells of those that end (sock_diag(7), include/uapi/linux/sock_diag.h).

use std::net::IpAddr;

use portreeve_core::{
    port::Protocol,
    watch::{Known, Tracked, proves},
};
use rustix::io::Errno;

use crate::{
    observe::sockets::diag,
    sys::netlink::{Message, Netlink, NetlinkError},
};

/// SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, the first group and the third.
pub(super) const ENDED: u32 = 1 << 0 | 1 << 2;
/// SOCK_DIAG_BY_FAMILY.
const BY_FAMILY: u16 = 20;
const TCP: u8 = 6;
/// AF_INET and AF_INET6.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
const ANY_STATE: u32 = u32::MAX;

/// Who was at the other end of a socket that has ended, where he came for a port that is served: before a handshake is finished there
/// is no such socket (net/ipv4/tcp_minisocks.c, `tcp_check_req`).
///
/// By a port that clients get too, this host may have asked in vain somebody who is not there.
pub(super) fn ended(message: &Message<'_>, known: &Known) -> Option<IpAddr> {
    let socket = diag::read((message.kind == BY_FAMILY).then_some(message.payload)?, Protocol::Tcp)?;
    let port = socket.local.port;
    let is_clients = known.client_range.is_some_and(|range| range.contains(port));
    let is_guest = socket.peer.port != 0 && known.has(Protocol::Tcp, port) && !is_clients;
    is_guest.then(|| socket.peer.ip.to_canonical())
}

/// Whether the connection has a socket that proves who opened it.
pub(super) fn is_there(netlink: &mut Netlink, tracked: &Tracked) -> Result<bool, NetlinkError> {
    let mut is_proof = false;
    let answer = netlink.ask(BY_FAMILY, &request(tracked), |bytes| {
        // Where there is none the kernel may answer with the one that listens.
        let socket = diag::read(bytes, Protocol::Tcp);
        is_proof = socket.is_some_and(|socket| socket.peer.port == tracked.from.1 && proves(socket.state));
    });
    match answer {
        Err(NetlinkError::Refused(Errno::NOENT)) => Ok(false),
        answer => answer.map(|()| is_proof),
    }
}

/// Builds a struct `inet_diag_req_v2` of the very connection, with INET_DIAG_NOCOOKIE.
fn request(tracked: &Tracked) -> Vec<u8> {
    let family = if tracked.to.0.is_ipv4() { IPV4 } else { IPV6 };
    let mut request = vec![family, TCP, 0, 0];
    request.extend(ANY_STATE.to_ne_bytes());
    request.extend(tracked.to.1.to_be_bytes());
    request.extend(tracked.from.1.to_be_bytes());
    request.extend(words(tracked.to.0));
    request.extend(words(tracked.from.0));
    // Any interface.
    request.extend(0_u32.to_ne_bytes());
    request.extend([0xff; 8]);
    request
}

/// Four words of 32 bits, of which IPv4 takes one.
fn words(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut words = [0; 16];
            words[..4].copy_from_slice(&address.octets());
            words
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{SocketAddr, TcpListener, TcpStream},
        thread,
        time::Duration,
    };

    use portreeve_core::port::PortRange;

    use super::*;
    use crate::sys::netlink::Family;

    fn tracked(from: SocketAddr, to: SocketAddr) -> Tracked {
        Tracked { from: (from.ip(), from.port()), to: (to.ip(), to.port()), state: 3, status: 0 }
    }

    #[test]
    fn a_connection_is_there_where_both_ends_agree() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let to = listener.local_addr().unwrap();
            let stranger = TcpStream::connect(to).unwrap();
            let from = stranger.local_addr().unwrap();
            let mut netlink = Netlink::open(Family::SockDiag).unwrap();
            assert!(is_there(&mut netlink, &tracked(from, to)).unwrap(), "{address}");
            let nobody = SocketAddr::new(from.ip(), from.port() ^ 1);
            assert!(!is_there(&mut netlink, &tracked(nobody, to)).unwrap(), "only somebody listens");
            assert!(!is_there(&mut netlink, &tracked(to, nobody)).unwrap());
        }
    }

    /// A socket of IPv6 that listens to both is found by the addresses of IPv4.
    #[test]
    fn a_guest_by_ipv4_of_a_socket_of_ipv6_is_there() {
        let listener = TcpListener::bind("[::]:0").unwrap();
        let stranger = TcpStream::connect(("127.0.0.1", listener.local_addr().unwrap().port())).unwrap();
        let (from, to) = (stranger.local_addr().unwrap(), stranger.peer_addr().unwrap());
        assert!(is_there(&mut Netlink::open(Family::SockDiag).unwrap(), &tracked(from, to)).unwrap());
    }

    #[test]
    fn one_that_ends_is_told_with_its_peer() {
        let mut netlink = Netlink::hearing(Family::SockDiag, ENDED).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stranger = TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop((listener.accept().unwrap(), stranger));
        let known = Known { served: [(Protocol::Tcp, port)].into(), ..Known::default() };
        let clients = Known { client_range: Some(PortRange::EVERY), ..known.clone() };
        let mut from = None;
        for _ in 0..50 {
            netlink
                .hear(|message| {
                    assert_eq!(ended(message, &clients), None);
                    from = from.or(ended(message, &known));
                })
                .unwrap();
            if from.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(from, Some([127, 0, 0, 1].into()));
    }
}
