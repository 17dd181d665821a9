//! Which network namespace a socket is of, whoever holds it, and a new one for a thread (namespaces(7)).

#![expect(
    unsafe_code,
    reason = "neither the standard library nor rustix has this ioctl, and rustix leaves unshare to whoever calls it"
)]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::{
    io::Errno,
    thread::{UnshareFlags, unshare_unsafe},
};

/// SIOCGSKNS (include/uapi/linux/sockios.h, Linux 4.9).
const SOCKET_NAMESPACE: libc::Ioctl = 0x894c;

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

/// Puts the calling thread, and whatever it starts from now on, into a network namespace of its own, which goes with them.
///
/// # Errors
///
/// EPERM without CAP_SYS_ADMIN or where a sandbox forbids it, ENOSPC where there are too many, EINVAL without CONFIG_NET_NS.
pub fn leave() -> Result<(), Errno> {
    // SAFETY: with this flag alone the table of descriptors stays shared: every descriptor is what it was.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}
