//! One event as the programs in the kernel write it (struct event in bpf/follow.bpf.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{address::Family, facts::SeenBy, port::Protocol};

use crate::{
    bpf::part as at,
    observe::sockets::{CLOSE, ESTABLISHED, End, LISTEN, Socket},
    proc,
};

/// The size of one.
pub const EVENT_BYTES: usize = 120;

/// AF_INET and AF_INET6; IPPROTO_….
const IPV4: u16 = 2;
const IPV6: u16 = 10;
const IPPROTO_MPTCP: u16 = 262;
/// OPENED and CLOSED of bpf/follow.bpf.c.
const OPENED: u8 = 1;
const CLOSED: u8 = 2;

/// listen(2) announces a socket before it knows whether it may listen, and takes that back at once where it may not
/// (net/ipv4/inet_connection_sock.c, `inet_csk_listen_start`).
const REFUSAL_NANOSECONDS_MAX: u64 = 1_000_000;

/// What happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It began to wait for strangers.
    Opened,
    /// It ended to.
    Closed,
}

/// A socket that began or ended to wait for strangers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds since the boot.
    pub since_boot: u64,
    /// What happened.
    pub happening: Happening,
    /// The socket's network namespace, by inode.
    pub netns: u64,
    /// The socket; its port is 0 where the kernel had yet to choose it.
    pub socket: Socket,
    /// Whether it had been shut down, as close(2) does before all else.
    pub was_shut: bool,
    /// Who did it.
    pub process: Doer,
}

/// The process that opened or closed a socket, as it was at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doer {
    /// Its number; 0 where it has none in the reader's pid namespace.
    pub pid: u32,
    /// The number of the thread.
    pub thread: u32,
    /// When it started, in nanoseconds since the boot.
    pub started: u64,
    /// Its effective user.
    pub uid: u32,
    /// Its cgroup, by id.
    pub cgroup: u64,
    /// What the kernel calls it.
    pub name: String,
}

impl Event {
    /// Understands the bytes of one; `None` of a kind, family or protocol that is not told of.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; EVENT_BYTES] = bytes.first_chunk()?;
        let happening = match bytes[84] {
            OPENED => Happening::Opened,
            CLOSED => Happening::Closed,
            _ => return None,
        };
        Some(Self {
            since_boot: u64::from_ne_bytes(at(bytes, 0)),
            happening,
            netns: u32::from_ne_bytes(at(bytes, 48)).into(),
            socket: socket(bytes, happening)?,
            was_shut: bytes[87] != 0,
            process: doer(bytes),
        })
    }

    /// Whether listen(2) was refused: the socket never heard anything. `self` opened it.
    #[must_use]
    pub fn was_refused(&self, closed: &Self) -> bool {
        self.socket.protocol == Protocol::Tcp
            && !closed.was_shut
            && closed.process.thread == self.process.thread
            && closed.since_boot.saturating_sub(self.since_boot) < REFUSAL_NANOSECONDS_MAX
    }
}

fn socket(bytes: &[u8; EVENT_BYTES], happening: Happening) -> Option<Socket> {
    let (protocol, mptcp) = match u16::from_ne_bytes(at(bytes, 82)) {
        6 => (Protocol::Tcp, false),
        IPPROTO_MPTCP => (Protocol::Tcp, true),
        17 => (Protocol::Udp, false),
        136 => (Protocol::Udplite, false),
        _ => return None,
    };
    let (family, ip): (_, IpAddr) = match u16::from_ne_bytes(at(bytes, 80)) {
        IPV4 => (Family::Ipv4, Ipv4Addr::from(at::<4>(bytes, 88)).into()),
        IPV6 => (Family::Ipv6, Ipv6Addr::from(at::<16>(bytes, 88)).into()),
        _ => return None,
    };
    let peer_port = u16::from_be_bytes(at(bytes, 78));
    let state = match protocol {
        Protocol::Tcp => LISTEN,
        _ if peer_port != 0 => ESTABLISHED,
        _ => CLOSE,
    };
    // A UDP socket is told of before the kernel has noted who chose the port.
    let knows_chosen = state == LISTEN || happening == Happening::Closed;
    let cgroup = u64::from_ne_bytes(at(bytes, 24));
    Some(Socket {
        protocol,
        mptcp,
        family,
        state,
        local: End { ip, port: u16::from_ne_bytes(at(bytes, 76)) },
        peer: End { ip: Ipv4Addr::UNSPECIFIED.into(), port: peer_port },
        interface: u32::from_ne_bytes(at(bytes, 56)),
        queue_used: 0,
        queue_limit: (state == LISTEN).then(|| u32::from_ne_bytes(at(bytes, 60))),
        uid: u32::from_ne_bytes(at(bytes, 52)),
        inode: u64::from_ne_bytes(at(bytes, 16)),
        cookie: u64::from_ne_bytes(at(bytes, 8)),
        cgroup: Some(cgroup).filter(|&id| id != 0),
        v6only: (family == Family::Ipv6).then_some(bytes[85] != 0),
        chosen: knows_chosen.then_some(bytes[86] != 0),
        // Those are not told of.
        kernels: Some(false),
        seen_by: SeenBy::BindRecord,
    })
}

fn doer(bytes: &[u8; EVENT_BYTES]) -> Doer {
    let name: [u8; 16] = at(bytes, 104);
    Doer {
        pid: u32::from_ne_bytes(at(bytes, 64)),
        thread: u32::from_ne_bytes(at(bytes, 68)),
        started: u64::from_ne_bytes(at(bytes, 32)),
        uid: u32::from_ne_bytes(at(bytes, 72)),
        cgroup: u64::from_ne_bytes(at(bytes, 40)),
        name: proc::text(name.split(|&byte| byte == 0).next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event with these bytes at these places.
    fn bytes(parts: &[(usize, &[u8])]) -> [u8; EVENT_BYTES] {
        let mut bytes = [0; EVENT_BYTES];
        for (place, part) in parts {
            bytes[*place..*place + part.len()].copy_from_slice(part);
        }
        bytes
    }

    /// A TCP socket on 127.0.0.1:80 that a thread 7 of `sh` opened or closed.
    fn tcp(happening: u8, since_boot: u64, shut: u8) -> Event {
        let parts: [(usize, &[u8]); 9] = [
            (0, &since_boot.to_ne_bytes()),
            (68, &7_u32.to_ne_bytes()),
            (76, &80_u16.to_ne_bytes()),
            (80, &2_u16.to_ne_bytes()),
            (82, &6_u16.to_ne_bytes()),
            (84, &[happening]),
            (87, &[shut]),
            (88, &[127, 0, 0, 1]),
            (104, b"sh\0rest"),
        ];
        Event::read(&bytes(&parts)).unwrap()
    }

    #[test]
    fn a_change_is_read_from_its_bytes() {
        let event = tcp(OPENED, 5, 0);
        assert_eq!((event.happening, event.since_boot), (Happening::Opened, 5));
        assert_eq!(event.socket.local, End { ip: Ipv4Addr::LOCALHOST.into(), port: 80 });
        assert_eq!((event.socket.state, event.socket.protocol), (LISTEN, Protocol::Tcp));
        assert_eq!((event.process.name.as_str(), event.process.thread), ("sh", 7));
    }

    #[test]
    fn what_is_cut_short_or_unknown_is_none() {
        let whole = bytes(&[(80, &[2, 0]), (82, &[17, 0]), (84, &[OPENED])]);
        assert!(Event::read(&whole).is_some());
        assert_eq!(Event::read(&whole[..EVENT_BYTES - 1]), None);
        for (place, byte) in [(80, 3), (82, 1), (84, 9)] {
            let mut strange = whole;
            strange[place] = byte;
            assert_eq!(Event::read(&strange), None, "{place}");
        }
    }

    #[test]
    fn who_chose_the_port_of_a_datagram_socket_is_known_at_its_end() {
        let udp = |happening| bytes(&[(80, &[2, 0]), (82, &[17, 0]), (84, &[happening]), (86, &[1])]);
        assert_eq!(Event::read(&udp(OPENED)).unwrap().socket.chosen, None);
        assert_eq!(Event::read(&udp(CLOSED)).unwrap().socket.chosen, Some(true));
    }

    #[test]
    fn listening_that_was_refused_is_told_from_a_short_life() {
        let opened = tcp(OPENED, 1_000, 0);
        assert!(opened.was_refused(&tcp(CLOSED, 9_000, 0)));
        assert!(!opened.was_refused(&tcp(CLOSED, 9_000, 3)), "it was closed");
        assert!(!opened.was_refused(&tcp(CLOSED, 2_000_000, 0)), "it lived for longer");
    }
}
