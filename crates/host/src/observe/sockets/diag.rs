//! Sockets as sock_diag lists them: no root needed, with the cgroup of each (sock_diag(7), include/uapi/linux/inet_diag.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{address::Family, facts::SeenBy, port::Protocol};
use rustix::io::Errno;

use super::{BOUND_INACTIVE, CLOSE, End, LISTEN, Side, Socket, Steadiness, in_use::InUse};
use crate::sys::netlink::{self, Netlink, NetlinkError, attributes, bytes_at};

/// SOCK_DIAG_BY_FAMILY.
const BY_FAMILY: u16 = 20;
/// TCPDIAG_GETSOCK: the older request, which alone lists both families in one walk (net/ipv4/inet_diag.c,
/// `inet_diag_rcv_msg_compat`).
const TCP_OF_EVERY_FAMILY: u16 = 18;
/// INET_DIAG_REQ_PROTOCOL: the protocol number where it does not fit in a byte.
const REQUEST_PROTOCOL: u16 = 3;
/// INET_DIAG_SKV6ONLY.
const V6ONLY: u16 = 11;
/// INET_DIAG_CGROUP_ID (Linux 5.8).
const CGROUP_ID: u16 = 21;
/// The size of struct inet_diag_msg.
const FIXED_BYTES: usize = 72;
const IPPROTO_MPTCP: u32 = 262;

/// Gives every socket of `side` and `protocols` in the network namespace of the calling thread to `each`, Multipath TCP
/// marked.
///
/// With `port`, the kernel leaves out those that are bound to another.
///
/// # Errors
///
/// Where the kernel does not list TCP over IPv4: then it lists nothing. A protocol it does not know has no sockets.
pub fn list(
    side: Side,
    port: Option<u16>,
    protocols: &[Protocol],
    each: &mut impl FnMut(Socket),
) -> Result<Steadiness, NetlinkError> {
    let mut netlink = Netlink::open(netlink::Family::SockDiag)?;
    let in_use = InUse::read();
    let mptcp = match side {
        Side::Listening => mptcp_inodes(&mut netlink, &in_use, port).unwrap_or_default(),
        Side::Connected => Vec::new(),
    };
    let mut steadiness = Steadiness::Steady;
    for &protocol in protocols {
        for family in [Family::Ipv4, Family::Ipv6] {
            // Asked in any case: the answer tells whether this way is open.
            let first = (protocol, family) == (Protocol::Tcp, Family::Ipv4);
            if !first && side == Side::Listening && !in_use.may_have(protocol, family) {
                continue;
            }
            let request = request(family, ip_protocol(protocol), side.states(protocol), port);
            let answer = netlink.dump(BY_FAMILY, &request, |bytes| {
                if let Some(socket) = read(bytes, protocol) {
                    let inode = socket.inode;
                    let mptcp = protocol == Protocol::Tcp && inode != 0 && mptcp.contains(&inode);
                    each(Socket { mptcp, ..socket });
                }
            });
            match answer {
                Err(NetlinkError::Interrupted) => steadiness = Steadiness::Unsteady,
                answer if first => answer?,
                answer => unless_unknown(answer)?,
            }
        }
    }
    Ok(steadiness)
}

/// Every TCP socket that is bound and idle in the network namespace of the calling thread; before Linux 6.8 none.
///
/// # Errors
///
/// Where the kernel does not list TCP over IPv4.
pub fn bound(port: Option<u16>) -> Result<(Vec<Socket>, Steadiness), NetlinkError> {
    let mut netlink = Netlink::open(netlink::Family::SockDiag)?;
    let mut sockets = Vec::new();
    let request = request_of_every_family(1 << BOUND_INACTIVE, port);
    match netlink.dump(TCP_OF_EVERY_FAMILY, &request, |bytes| sockets.extend(read(bytes, Protocol::Tcp))) {
        Ok(()) => Ok((sockets, Steadiness::Steady)),
        Err(NetlinkError::Interrupted) => Ok((sockets, Steadiness::Unsteady)),
        Err(error) => Err(error),
    }
}

/// The inodes of the Multipath TCP sockets in listen; their TCP half is listed under the same inode.
fn mptcp_inodes(netlink: &mut Netlink, in_use: &InUse, port: Option<u16>) -> Result<Vec<u64>, NetlinkError> {
    let mut inodes = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6].into_iter().filter(|&family| in_use.may_have_mptcp(family)) {
        let request = request(family, IPPROTO_MPTCP, 1 << LISTEN, port);
        unless_unknown(netlink.dump(BY_FAMILY, &request, |bytes| {
            inodes.extend(read(bytes, Protocol::Tcp).map(|socket| socket.inode));
        }))?;
    }
    Ok(inodes)
}

/// A protocol or family that the kernel was built without is answered ENOENT or EINVAL, not with an empty list.
fn unless_unknown(answer: Result<(), NetlinkError>) -> Result<(), NetlinkError> {
    match answer {
        Err(NetlinkError::Refused(Errno::NOENT | Errno::INVAL | Errno::PROTONOSUPPORT)) => Ok(()),
        other => other,
    }
}

const fn ip_protocol(protocol: Protocol) -> u32 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Dccp => 33,
        Protocol::Sctp => 132,
        Protocol::Udplite => 136,
    }
}

/// struct inet_diag_req_v2, and the wide protocol number where it is needed.
fn request(family: Family, protocol: u32, states: u32, port: Option<u16>) -> Vec<u8> {
    let mut request = Vec::with_capacity(64);
    let narrow = u8::try_from(protocol);
    request.extend([address_family(family), narrow.unwrap_or(0), 0, 0]);
    request.extend(states.to_ne_bytes());
    request.extend(socket_id(port));
    if narrow.is_err() {
        request.extend(8u16.to_ne_bytes());
        request.extend(REQUEST_PROTOCOL.to_ne_bytes());
        request.extend(protocol.to_ne_bytes());
    }
    request
}

/// Builds a struct `inet_diag_req`, the older one, with the fields that the newer one has and in another order.
fn request_of_every_family(states: u32, port: Option<u16>) -> Vec<u8> {
    let mut request = vec![0; 4];
    request.extend(socket_id(port));
    request.extend(states.to_ne_bytes());
    // No tables are chosen.
    request.extend([0; 4]);
    request
}

/// A struct `inet_diag_sockid` of a port alone: no destination, addresses, interface; INET_DIAG_NOCOOKIE.
fn socket_id(port: Option<u16>) -> [u8; 48] {
    let mut id = [0; 48];
    id[..2].copy_from_slice(&port.unwrap_or(0).to_be_bytes());
    id[40..].fill(0xff);
    id
}

const fn address_family(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// Reads a struct inet_diag_msg with its attributes.
#[must_use]
pub fn read(bytes: &[u8], protocol: Protocol) -> Option<Socket> {
    let family = match *bytes.first()? {
        2 => Family::Ipv4,
        10 => Family::Ipv6,
        _ => return None,
    };
    // A TCP socket that is closed and still listed is one that is bound (net/ipv4/inet_diag.c, Linux 6.8).
    let state = match *bytes.get(1)? {
        CLOSE if protocol == Protocol::Tcp => BOUND_INACTIVE,
        state => state,
    };
    let fixed: &[u8; FIXED_BYTES] = bytes.first_chunk()?;
    let mut socket = Socket {
        protocol,
        mptcp: false,
        family,
        state,
        local: End { ip: address(fixed, family, 8)?, port: u16::from_be_bytes(bytes_at(fixed, 4)?) },
        peer: End { ip: address(fixed, family, 24)?, port: u16::from_be_bytes(bytes_at(fixed, 6)?) },
        interface: number(fixed, 40)?,
        queue_used: number(fixed, 56)?,
        queue_limit: (state == LISTEN).then_some(number(fixed, 60)?),
        uid: number(fixed, 64)?,
        inode: u64::from(number(fixed, 68)?),
        cookie: u64::from(number(fixed, 44)?) | u64::from(number(fixed, 48)?) << 32,
        cgroup: None,
        v6only: None,
        chosen: None,
        kernels: None,
        seen_by: SeenBy::SockDiag,
    };
    for (kind, value) in attributes(&bytes[FIXED_BYTES..]) {
        match kind {
            V6ONLY => socket.v6only = value.first().map(|&flag| flag != 0),
            CGROUP_ID => socket.cgroup = bytes_at(value, 0).map(u64::from_ne_bytes),
            _ => {}
        }
    }
    Some(socket)
}

fn number(fixed: &[u8], offset: usize) -> Option<u32> {
    bytes_at(fixed, offset).map(u32::from_ne_bytes)
}

fn address(fixed: &[u8], family: Family, offset: usize) -> Option<IpAddr> {
    match family {
        Family::Ipv4 => Some(Ipv4Addr::from(bytes_at::<4>(fixed, offset)?).into()),
        Family::Ipv6 => Some(Ipv6Addr::from(bytes_at::<16>(fixed, offset)?).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct inet_diag_msg field by field.
    fn message(family: u8, port: u16, address: &[u8]) -> Vec<u8> {
        let mut bytes = vec![family, LISTEN, 0, 0];
        bytes.extend(port.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(address);
        bytes.resize(40, 0);
        for word in [3u32, 0x11, 0x22, 0, 5, 128, 33, 4711] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn a_request_has_the_size_that_the_kernel_expects() {
        assert_eq!(request(Family::Ipv4, 6, 1 << LISTEN, Some(443)).len(), 56);
        assert_eq!(request(Family::Ipv6, IPPROTO_MPTCP, 1 << LISTEN, None).len(), 64);
    }

    #[test]
    fn a_socket_is_read_with_its_cgroup() {
        let mut bytes = message(10, 443, &Ipv6Addr::LOCALHOST.octets());
        bytes.extend([5, 0, 11, 0, 1, 0, 0, 0]);
        bytes.extend([12, 0, 21, 0]);
        bytes.extend(99u64.to_ne_bytes());
        let socket = read(&bytes, Protocol::Tcp).unwrap();
        assert_eq!(socket.local, End { ip: Ipv6Addr::LOCALHOST.into(), port: 443 });
        assert_eq!((socket.queue_used, socket.queue_limit), (5, Some(128)));
        assert_eq!((socket.uid, socket.inode, socket.interface), (33, 4711, 3));
        assert_eq!(socket.cookie, 0x22_0000_0011);
        assert_eq!((socket.cgroup, socket.v6only), (Some(99), Some(true)));
    }

    #[test]
    fn half_a_message_is_no_socket() {
        let bytes = message(2, 80, &[127, 0, 0, 1]);
        assert!(read(&bytes, Protocol::Tcp).is_some());
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length], Protocol::Tcp), None, "{length}");
        }
        assert_eq!(read(&message(1, 80, &[]), Protocol::Tcp), None);
    }
}
