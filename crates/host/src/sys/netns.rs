//! Which network namespace a socket is of, whoever holds it, and a new one for a thread (namespaces(7)).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix has this ioctl and this option, and rustix leaves unshare to whoever calls it"
)]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::{
    io::Errno,
    thread::{UnshareFlags, unshare_unsafe},
};

/// SIOCGSKNS (include/uapi/linux/sockios.h, Linux 4.9).
const SOCKET_NAMESPACE: libc::Ioctl = 0x894c;

/// SO_NETNS_COOKIE (include/uapi/asm-generic/socket.h, Linux 5.14).
const NAMESPACE_COOKIE: libc::c_int = 71;

/// A descriptor of the network namespace that a socket was made in.
///
/// # Errors
///
/// EPERM without CAP_NET_ADMIN over it, ENOTTY of what is no socket.
pub fn of_socket(socket: impl AsFd) -> Result<OwnedFd, Errno> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the call takes no further argument and writes to no memory of ours.
    let answer = unsafe { libc::ioctl(fd, SOCKET_NAMESPACE) };
    if answer < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL));
    }
    // SAFETY: the kernel made this descriptor for the call, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(answer) })
}

/// The cookie of the network namespace that a socket was made in: no other one has it until the next boot.
///
/// # Errors
///
/// ENOPROTOOPT before Linux 5.14.
pub fn cookie(socket: impl AsFd) -> Result<u64, Errno> {
    let mut cookie = 0_u64;
    let mut length = libc::socklen_t::try_from(size_of::<u64>()).unwrap_or_default();
    let fd = socket.as_fd().as_raw_fd();
    let into = (&raw mut cookie).cast();
    // SAFETY: the kernel writes at most `length` bytes to `into`, which has as many, and the new length to `length`.
    let answer = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, NAMESPACE_COOKIE, into, &raw mut length) };
    if answer < 0 {
        let error = std::io::Error::last_os_error();
        return Err(Errno::from_io_error(&error).unwrap_or(Errno::INVAL));
    }
    Ok(cookie)
}

/// Puts the calling thread, and whatever it starts from now on, into a network namespace of its own, which goes with them.
///
/// # Errors
///
/// EPERM without CAP_SYS_ADMIN or where a sandbox forbids it, ENOSPC where there are too many, EINVAL without CONFIG_NET_NS.
pub fn leave() -> Result<(), Errno> {
    // SAFETY: with this flag alone the table of descriptors stays shared: every descriptor is what it was.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}
