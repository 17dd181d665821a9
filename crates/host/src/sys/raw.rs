//! Packets as a protocol has them, many at a time, and a filter that keeps others away (raw(7), recvmmsg(2), socket(7)).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix takes many packets by one call, or filters what a socket gets"
)]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    ptr,
};

/// As many packets are taken by one call.
const PACKETS: usize = 64;
/// The longest headers of IP and of ICMP, and as much of what it quotes.
const PACKET_BYTES: usize = 192;

/// What the bytes of a packet must say for a socket to get it, as far as the kernel looks itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// The destination port of TCP or UDP.
    Port(u16),
    /// The type of a message of ICMP.
    Kind(u8),
}

/// Whether packets stand behind the header of IP: to a socket of IPv4 they do, to one of IPv6 not (raw(7), ipv6(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// They do.
    Ipv4,
    /// They do not.
    Nothing,
}

/// Has the kernel keep all other packets from `socket` (Documentation/networking/filter.rst); those that are there already stay.
///
/// # Errors
///
/// Where no memory is left, or the filter of the socket is locked.
pub fn keep_out(socket: impl AsFd, header: Header, only: Only) -> io::Result<()> {
    let mut program = filter(header, only);
    let length = libc::c_ushort::try_from(program.len()).expect("it is five steps at most");
    let program = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).expect("it is some bytes");
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `size` bytes of `program` and `len` steps where it points, for the call only.
    let answer = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, (&raw const program).cast(), size)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Loads the field, and takes the packet where it is the one that is wanted.
fn filter(header: Header, only: Only) -> Vec<libc::sock_filter> {
    let step = |code: u32, jf, k| libc::sock_filter {
        code: u16::try_from(code).expect("codes are of 16 bits"),
        jt: 0,
        jf,
        k,
    };
    let (width, at, value) = match only {
        Only::Port(port) => (libc::BPF_H, 2, u32::from(port)),
        Only::Kind(kind) => (libc::BPF_B, 0, u32::from(kind)),
    };
    let load = match header {
        // How long the header is stands in its first byte.
        Header::Ipv4 => vec![
            step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0),
            step(libc::BPF_LD | width | libc::BPF_IND, 0, at),
        ],
        Header::Nothing => vec![step(libc::BPF_LD | width | libc::BPF_ABS, 0, at)],
    };
    let decide = [
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, value),
        step(libc::BPF_RET | libc::BPF_K, 0, u32::MAX),
        step(libc::BPF_RET | libc::BPF_K, 0, 0),
    ];
    load.into_iter().chain(decide).collect()
}

/// Room for packets that come in; who holds it takes them.
pub struct Inbox {
    bytes: Box<[[u8; PACKET_BYTES]]>,
    names: Box<[libc::sockaddr_storage]>,
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self { bytes: vec![[0; PACKET_BYTES]; PACKETS].into(), names: vec![nobody(); PACKETS].into() }
    }
}

impl Inbox {
    /// Gives the packets that wait at `socket`, as far as there is room, to `each` with their sender: how many these were.
    /// Of a longer packet the first 192 bytes are given.
    ///
    /// # Errors
    ///
    /// Whatever recvmsg(2) says; that none waits is none.
    pub fn take(&mut self, socket: impl AsFd, mut each: impl FnMut(&[u8], IpAddr)) -> io::Result<usize> {
        let Self { bytes, names } = self;
        let mut places: Vec<libc::iovec> = bytes
            .iter_mut()
            .map(|room| libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: PACKET_BYTES })
            .collect();
        let mut headers: Vec<libc::mmsghdr> =
            places.iter_mut().zip(names.iter_mut()).map(|(place, name)| header(place, name)).collect();
        let count = libc::c_uint::try_from(headers.len()).expect("there are 64");
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: each header points to room of ours of the lengths that it names, which outlives the call, and nobody else has it.
        let got =
            unsafe { libc::recvmmsg(fd, headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, ptr::null_mut()) };
        let Ok(got) = usize::try_from(got) else {
            let error = io::Error::last_os_error();
            return if is_nothing(&error) { Ok(0) } else { Err(error) };
        };
        let lengths: Vec<usize> = headers.iter().take(got).map(|it| it.msg_len as usize).collect();
        for ((length, packet), name) in lengths.iter().zip(bytes.iter()).zip(names.iter()) {
            if let (Some(packet), Some(sender)) = (packet.get(..*length), address(name)) {
                each(packet, sender.ip());
            }
        }
        Ok(got)
    }

    /// Whether one call may have left some.
    #[must_use]
    pub const fn is_full(count: usize) -> bool {
        count >= PACKETS
    }
}

fn header(place: &mut libc::iovec, name: &mut libc::sockaddr_storage) -> libc::mmsghdr {
    // SAFETY: null pointers and lengths of 0 are what a header without anything has; musl keeps fields to itself.
    let mut header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    header.msg_hdr.msg_iov = place;
    header.msg_hdr.msg_iovlen = 1;
    header.msg_hdr.msg_namelen =
        libc::socklen_t::try_from(size_of_val(name)).expect("an address is some bytes");
    header.msg_hdr.msg_name = ptr::from_mut(name).cast();
    header
}

/// A queue that is empty, or a signal; an error that ICMP left at the socket is told by the next call for it alone.
fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Room for an address, which is of nobody yet.
pub(super) fn nobody() -> libc::sockaddr_storage {
    // SAFETY: an address of the family 0, which is none, is all zeros.
    unsafe { std::mem::zeroed() }
}

/// The address that the kernel wrote there, with its port where it has one.
pub(super) fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let place = ptr::from_ref(name);
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that this is what the kernel wrote, and there is room and alignment for any address.
            let name = unsafe { &*place.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
            Some((ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let name = unsafe { &*place.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            Some((ip, u16::from_be(name.sin6_port)).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// What the kernel says of datagrams it says of raw packets too; those of IPv6 begin with the header of UDP in a filter.
    #[test]
    fn many_packets_come_by_one_call_with_their_senders() {
        let (here, there) = (UdpSocket::bind("[::1]:0").unwrap(), UdpSocket::bind("[::1]:0").unwrap());
        let to = here.local_addr().unwrap();
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(&here, |_, _| panic!("nothing was sent")).unwrap(), 0);
        (0..70_u8).for_each(|nth| _ = there.send_to(&[nth; 300], to).unwrap());
        let mut seen: Vec<_> = Vec::new();
        let mut take =
            || inbox.take(&here, |packet, sender| seen.push((packet[0], packet.len(), sender))).unwrap();
        let counts = [take(), take(), take()];
        assert_eq!(counts, [64, 6, 0]);
        assert!(Inbox::is_full(counts[0]) && !Inbox::is_full(counts[1]));
        assert_eq!(seen[69], (69, PACKET_BYTES, to.ip()));
    }

    #[test]
    fn a_filter_keeps_other_ports_away() {
        let (here, there) =
            (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = here.local_addr().unwrap();
        // A socket of UDP shows its filter no header of IP.
        keep_out(&here, Header::Nothing, Only::Port(to.port())).unwrap();
        there.send_to(b"a", to).unwrap();
        keep_out(&here, Header::Nothing, Only::Port(to.port() ^ 1)).unwrap();
        there.send_to(b"b", to).unwrap();
        let mut seen: Vec<u8> = Vec::new();
        Inbox::default().take(&here, |packet, _| seen.extend(packet)).unwrap();
        assert_eq!(seen, b"a");
    }

    #[test]
    fn the_length_of_a_header_of_ipv4_is_read_from_it() {
        assert_eq!(filter(Header::Ipv4, Only::Port(1)).len(), 5);
        assert_eq!(filter(Header::Nothing, Only::Kind(3)).len(), 4);
    }
}
