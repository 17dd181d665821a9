//! What ICMP said of datagrams that a socket sent: who said it, and of which port (ip(7) and ipv6(7), `IP_RECVERR`).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix reads the queue of errors of a socket"
)]

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::{AsFd, AsRawFd, RawFd},
    slice,
};

use super::raw::{address, nobody};

/// `struct sock_extended_err` and an address, behind their header, and as much again.
const BESIDE_BYTES: usize = 128;
/// Where these stand in it (linux/errqueue.h): who made the error, its type, its code, and the address of whoever sent it.
const ORIGIN_AT: usize = 4;
const KIND_AT: usize = 5;
const CODE_AT: usize = 6;
const SENDER_AT: usize = 16;
const FAMILY_BYTES: usize = 2;
/// In `sockaddr_in` and `sockaddr_in6`.
const IPV4_AT: usize = 4;
const IPV6_AT: usize = 8;

/// An error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// To whom the datagram was sent.
    pub to: IpAddr,
    /// To which port.
    pub port: u16,
    /// What ICMP calls it, and why; `None` where this host's kernel found it by itself.
    pub said: Option<Said>,
}

/// A message of ICMP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its type.
    pub kind: u8,
    /// Its code.
    pub code: u8,
    /// Who sent it.
    pub sender: IpAddr,
}

/// Room that is aligned as headers of control messages are.
#[repr(C)]
union Beside {
    bytes: [u8; BESIDE_BYTES],
    header: libc::cmsghdr,
}

/// Has the kernel keep errors for `socket`, a socket of UDP, which [`take`] takes.
///
/// # Errors
///
/// Whatever setsockopt(2) says.
pub fn keep(socket: impl AsFd, is_ipv6: bool) -> io::Result<()> {
    let (level, option) =
        if is_ipv6 { (libc::SOL_IPV6, libc::IPV6_RECVERR) } else { (libc::SOL_IP, libc::IP_RECVERR) };
    let on: libc::c_int = 1;
    let size = libc::socklen_t::try_from(size_of_val(&on)).expect("it is some bytes");
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `size` bytes of `on`, for the call only.
    let answer = unsafe { libc::setsockopt(fd, level, option, (&raw const on).cast(), size) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The next error that waits at `socket`, if any does.
///
/// # Errors
///
/// Whatever recvmsg(2) says.
pub fn take(socket: impl AsFd) -> io::Result<Option<Report>> {
    match receive(socket.as_fd().as_raw_fd()) {
        Ok(report) => Ok(report),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn receive(fd: RawFd) -> io::Result<Option<Report>> {
    let mut name = nobody();
    let mut beside = Beside { bytes: [0; BESIDE_BYTES] };
    // SAFETY: null pointers and lengths of 0 are what a header without anything has; musl keeps fields to itself.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = libc::socklen_t::try_from(size_of_val(&name)).expect("an address is some bytes");
    header.msg_control = (&raw mut beside).cast();
    header.msg_controllen = size_of::<Beside>() as _;
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: the header points to room of ours of the lengths that it names, which outlives the call, and to no other.
    let answer = unsafe { libc::recvmsg(fd, &raw mut header, flags) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(address(&name).map(|to| Report { to: to.ip(), port: to.port(), said: said(&header) }))
}

/// Reads the one control message that tells of an error.
fn said(header: &libc::msghdr) -> Option<Said> {
    let mut message = first(header);
    while !message.is_null() {
        // SAFETY: the macros of cmsg(3) give a header that lies in the room, or null.
        let own = unsafe { *message };
        if matches!(
            (own.cmsg_level, own.cmsg_type),
            (libc::SOL_IP, libc::IP_RECVERR) | (libc::SOL_IPV6, libc::IPV6_RECVERR)
        ) {
            return read(bytes(message, count(own.cmsg_len)));
        }
        // SAFETY: as above; `message` came from there.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    None
}

/// How long the kernel says it is: by a number that is wider with glibc than with musl.
fn count(length: impl TryInto<usize>) -> usize {
    length.try_into().unwrap_or(0)
}

fn first(header: &libc::msghdr) -> *const libc::cmsghdr {
    // SAFETY: the kernel says in the header how much of the room it filled.
    unsafe { libc::CMSG_FIRSTHDR(header) }
}

fn bytes<'a>(message: *const libc::cmsghdr, length: usize) -> &'a [u8] {
    // SAFETY: it only counts.
    let before = unsafe { libc::CMSG_LEN(0) } as usize;
    // SAFETY: the kernel wrote `length` bytes from `message` on, which `before` are of its header, into room that outlives
    // the only caller's use of them.
    unsafe { slice::from_raw_parts(libc::CMSG_DATA(message).cast_const(), length.saturating_sub(before)) }
}

/// What `struct sock_extended_err` says, where a router or a host sent it.
fn read(error: &[u8]) -> Option<Said> {
    let origin = *error.get(ORIGIN_AT)?;
    let is_icmp = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&origin);
    let (kind, code) = (*error.get(KIND_AT)?, *error.get(CODE_AT)?);
    let name = error.get(SENDER_AT..)?;
    let family: [u8; FAMILY_BYTES] = *name.first_chunk()?;
    let sender = match i32::from(u16::from_ne_bytes(family)) {
        libc::AF_INET => Ipv4Addr::from(*name.get(IPV4_AT..)?.first_chunk::<4>()?).into(),
        libc::AF_INET6 => Ipv6Addr::from(*name.get(IPV6_AT..)?.first_chunk::<16>()?).into(),
        _ => return None,
    };
    is_icmp.then_some(Said { kind, code, sender })
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, thread, time::Duration};

    use super::*;

    fn error(host: &str) -> Option<Report> {
        let (here, gone) = (UdpSocket::bind((host, 0)).unwrap(), UdpSocket::bind((host, 0)).unwrap());
        let to = gone.local_addr().unwrap();
        drop(gone);
        keep(&here, to.is_ipv6()).unwrap();
        assert_eq!(take(&here).unwrap(), None);
        here.send_to(b"a", to).unwrap();
        let mut report = None;
        for _ in 0..100 {
            report = take(&here).unwrap();
            if report.is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert!(report.is_none_or(|report| report.port == to.port()));
        report
    }

    /// Port unreachable is 3/3 (RFC 792), and 1/4 of IPv6 (RFC 4443 §3.1).
    #[test]
    fn a_port_of_nobody_is_told_with_whoever_says_so() {
        for (host, kind, code) in [("127.0.0.1", 3, 3), ("::1", 1, 4)] {
            let sender: IpAddr = host.parse().unwrap();
            let report = error(host).expect("the loopback limits no errors (net/ipv4/icmp.c)");
            assert_eq!((report.to, report.said), (sender, Some(Said { kind, code, sender })));
        }
    }

    #[test]
    fn what_the_kernel_found_by_itself_and_what_is_cut_off_nobody_said() {
        let local = [&[0; 4][..], &[1, 0, 0, 0], &[0; 8], &2_u16.to_ne_bytes(), &[0; 14]].concat();
        assert_eq!(read(&local), None);
        let mut told = local;
        told[4] = 2;
        assert_eq!(read(&told), Some(Said { kind: 0, code: 0, sender: [0, 0, 0, 0].into() }));
        (0..24).for_each(|length| assert_eq!(read(&told[..length]), None));
    }
}
