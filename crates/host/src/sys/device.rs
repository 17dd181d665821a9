//! Sockets that are tied to an interface, or to what it reaches by itself (socket(7), `SO_BINDTODEVICE`, `SO_DONTROUTE`).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix ties a socket to an interface or a link"
)]

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

/// Has what `socket` sends leave by the interface of this name alone, whatever routes and rules say, and has it hear nothing
/// that came in by another one.
///
/// # Errors
///
/// There is no such interface, or before Linux 5.7 whoever asks has not CAP_NET_RAW.
pub fn tie(socket: impl AsFd, interface: &str) -> io::Result<()> {
    let size = libc::socklen_t::try_from(interface.len()).map_err(io::Error::other)?;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `size` bytes of the name, which need not end in a zero, for the call only.
    let answer = unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, interface.as_ptr().cast(), size)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Has what `socket` sends go to no router, whatever routes say; IPv6 has no such thing.
///
/// # Errors
///
/// It is no socket.
pub fn keep_on_link(socket: impl AsFd) -> io::Result<()> {
    let (fd, on) = (socket.as_fd().as_raw_fd(), libc::c_int::from(true));
    let size = libc::socklen_t::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    // SAFETY: the kernel reads an int of `size` bytes for the call only.
    let answer =
        unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_DONTROUTE, (&raw const on).cast(), size) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn what_is_tied_to_an_interface_hears_by_no_other() {
        let [here, there] = [0; 2].map(|port| UdpSocket::bind(("127.0.0.1", port)).unwrap());
        tie(&here, "lo").unwrap();
        there.send_to(b"a", here.local_addr().unwrap()).unwrap();
        assert_eq!(here.recv(&mut [0; 2]).unwrap(), 1);
        let error = tie(&there, "no-such-thing").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENODEV));
    }
}
