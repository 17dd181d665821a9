//! One socket as the programs in the kernel write it (struct record in bpf/sight.bpf.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bpf::part as at;

/// The size of one.
pub const RECORD_BYTES: usize = 112;

/// AF_INET and AF_INET6.
const IPV4: u16 = 2;
const IPV6: u16 = 10;
/// SOCK_RAW.
const RAW: u8 = 3;
/// AF_PACKET.
pub(super) const PACKET: u16 = 17;

/// FLAG_… of the programs.
const FLAG_V6ONLY: u8 = 1;
const FLAG_CHOSEN: u8 = 2;
const FLAG_KERNEL: u8 = 4;
const FLAG_MPTCP: u8 = 8;
const FLAG_QUEUED: u8 = 16;

/// A socket, or a descriptor of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its inode; 0 once no process has it.
    pub inode: u64,
    /// The kernel's number for it.
    pub cookie: u64,
    /// The cgroup it was created in, by id; 0 where it has none.
    pub cgroup: u64,
    /// When the process started that has the descriptor, in nanoseconds since the boot.
    pub started: u64,
    /// The network namespace, by inode.
    pub netns: u32,
    /// The process that has the descriptor; 0 in a list of sockets.
    pub pid: u32,
    /// The thread of it whose table has the descriptor.
    pub thread: u32,
    /// The descriptor.
    pub fd: u32,
    /// The user that created it.
    pub uid: u32,
    /// The interface it is tied to, by index; 0 for none.
    pub interface: u32,
    /// Of a listening socket, how many connections wait to be accepted.
    pub queue_used: u32,
    /// Of a listening socket, how many may wait.
    pub queue_limit: u32,
    /// Where it is bound.
    pub local: IpAddr,
    /// Whom it is connected to.
    pub peer: IpAddr,
    /// The port it is bound to.
    pub local_port: u16,
    /// The port it is connected to.
    pub peer_port: u16,
    /// The address family (AF_…).
    pub family: u16,
    /// The protocol (IPPROTO_…).
    pub protocol: u16,
    /// The state, as include/net/tcp_states.h numbers it.
    pub state: u8,
    /// The type (SOCK_…).
    pub kind: u8,
    /// Whether an IPv6 socket refuses IPv4.
    pub v6only: bool,
    /// Whether a person chose the port, and not the kernel.
    pub chosen: bool,
    /// Whether it never had a file: the kernel made it for itself.
    pub kernels: bool,
    /// Whether it is of Multipath TCP.
    pub mptcp: bool,
    /// Whether it is on its way to the process, in the queue of a Unix socket.
    pub queued: bool,
    /// Of a packet socket its Ethernet type, of a vsock socket its port.
    pub number: u32,
}

impl Record {
    /// Understands the bytes of one.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_BYTES] = bytes.first_chunk()?;
        let family = u16::from_ne_bytes(at(bytes, 100));
        Some(Self {
            inode: u64::from_ne_bytes(at(bytes, 0)),
            cookie: u64::from_ne_bytes(at(bytes, 8)),
            cgroup: u64::from_ne_bytes(at(bytes, 16)),
            started: u64::from_ne_bytes(at(bytes, 24)),
            netns: u32::from_ne_bytes(at(bytes, 32)),
            pid: u32::from_ne_bytes(at(bytes, 36)),
            thread: u32::from_ne_bytes(at(bytes, 40)),
            fd: u32::from_ne_bytes(at(bytes, 44)),
            uid: u32::from_ne_bytes(at(bytes, 48)),
            interface: u32::from_ne_bytes(at(bytes, 52)),
            queue_used: u32::from_ne_bytes(at(bytes, 56)),
            queue_limit: u32::from_ne_bytes(at(bytes, 60)),
            local: address(family, at(bytes, 64)),
            peer: address(family, at(bytes, 80)),
            local_port: u16::from_ne_bytes(at(bytes, 96)),
            peer_port: u16::from_be_bytes(at(bytes, 98)),
            family,
            protocol: u16::from_ne_bytes(at(bytes, 102)),
            state: bytes[104],
            kind: bytes[105],
            v6only: bytes[106] & FLAG_V6ONLY != 0,
            chosen: bytes[106] & FLAG_CHOSEN != 0,
            kernels: bytes[106] & FLAG_KERNEL != 0,
            mptcp: bytes[106] & FLAG_MPTCP != 0,
            queued: bytes[106] & FLAG_QUEUED != 0,
            number: u32::from_ne_bytes(at(bytes, 108)),
        })
    }

    /// Whether it is a socket of a protocol without ports (raw(7)).
    #[must_use]
    pub const fn is_raw(&self) -> bool {
        self.kind == RAW
    }

    /// Whether it is a raw or a packet socket, which no port keeps apart (raw(7), packet(7)).
    #[must_use]
    pub const fn hears_every_port(&self) -> bool {
        self.family == PACKET || self.is_internet() && self.is_raw()
    }

    /// Whether it is a socket of the Internet protocols.
    #[must_use]
    pub const fn is_internet(&self) -> bool {
        matches!(self.family, IPV4 | IPV6)
    }
}

fn address(family: u16, bytes: [u8; 16]) -> IpAddr {
    match family {
        IPV4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        _ => Ipv6Addr::from(bytes).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that count on.
    fn from<const N: usize>(first: u8) -> [u8; N] {
        std::array::from_fn(|place| first + u8::try_from(place).unwrap())
    }

    /// Each byte is its own place, but for the family and the flags.
    fn bytes(family: u16, flags: u8) -> [u8; RECORD_BYTES] {
        let mut bytes: [u8; RECORD_BYTES] = from(0);
        bytes[100..102].copy_from_slice(&family.to_ne_bytes());
        bytes[106] = flags;
        bytes
    }

    /// As the kernel's C has them: struct record in bpf/sight.bpf.c, whose fields are aligned to their size.
    #[test]
    fn each_field_stands_at_its_place() {
        let record = Record::read(&bytes(IPV4, 0)).unwrap();
        let long = |first: u8| u64::from_ne_bytes(from(first));
        let word = |first: u8| u32::from_ne_bytes(from(first));
        let longs = [record.inode, record.cookie, record.cgroup, record.started];
        assert_eq!(longs, [0, 8, 16, 24].map(long));
        let words = [
            record.netns,
            record.pid,
            record.thread,
            record.fd,
            record.uid,
            record.interface,
            record.queue_used,
            record.queue_limit,
        ];
        assert_eq!(words, [32, 36, 40, 44, 48, 52, 56, 60].map(word));
        assert_eq!(record.local, IpAddr::from([64, 65, 66, 67]), "in network order, the first 4 of 16");
        assert_eq!(record.peer, IpAddr::from([80, 81, 82, 83]));
        assert_eq!(record.local_port, u16::from_ne_bytes([96, 97]), "as the host has it");
        assert_eq!(record.peer_port, 98 * 256 + 99, "in network order");
        assert_eq!(record.protocol, u16::from_ne_bytes([102, 103]));
        assert_eq!((record.state, record.kind, record.number), (104, 105, word(108)));
        let ipv6 = Record::read(&bytes(IPV6, 0)).unwrap();
        assert_eq!(ipv6.local, IpAddr::from(from::<16>(64)));
    }

    #[test]
    fn each_flag_is_its_own() {
        for (bit, expected) in ["v6only", "chosen", "kernels", "mptcp", "queued"].into_iter().enumerate() {
            let Record { v6only, chosen, kernels, mptcp, queued, .. } =
                Record::read(&bytes(IPV6, 1 << bit)).unwrap();
            let flags = [v6only, chosen, kernels, mptcp, queued];
            assert!(flags.iter().enumerate().all(|(place, flag)| *flag == (place == bit)), "{expected}");
        }
    }

    #[test]
    fn what_is_too_short_is_no_record_and_what_follows_is_the_next() {
        let mut long = bytes(IPV4, 0).to_vec();
        long.push(7);
        assert_eq!(Record::read(&long), Record::read(&long[..RECORD_BYTES]));
        for length in 0..RECORD_BYTES {
            assert_eq!(Record::read(&long[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn only_the_internets_families_are_the_internets() {
        let is_internet = |family| Record::read(&bytes(family, 0)).unwrap().is_internet();
        assert!(is_internet(2) && is_internet(10));
        assert!(![0, 1, 17, 40, 0x0200, 0x0a00].into_iter().any(is_internet));
    }
}
