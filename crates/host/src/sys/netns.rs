//! Which network namespace a socket is of, whoever holds it (namespaces(7)).

#![expect(unsafe_code, reason = "neither the standard library nor rustix has this ioctl")]

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::io::Errno;

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
