//! Frames that leave by one interface as they are (packet(7)).

#![expect(unsafe_code, reason = "neither the standard library nor rustix has addresses of interfaces")]

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice::name_to_index, socket_with};

/// A way to send by one interface; it hears nothing.
#[derive(Debug)]
pub struct Wire {
    socket: OwnedFd,
    to: libc::sockaddr_ll,
}

impl Wire {
    /// One to the interface of this name in the network namespace of the calling thread.
    ///
    /// # Errors
    ///
    /// Without CAP_NET_RAW there, or where there is no such interface.
    pub fn open(interface: &str) -> io::Result<Self> {
        // Of protocol 0 nothing is received.
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        let index = name_to_index(&socket, interface)?;
        let to = libc::sockaddr_ll {
            sll_family: u16::try_from(libc::AF_PACKET).expect("it is 17"),
            sll_protocol: 0,
            sll_ifindex: index.cast_signed(),
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        Ok(Self { socket, to })
    }

    /// Sends one frame, with its Ethernet header.
    ///
    /// # Errors
    ///
    /// It was not sent.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        let to: *const libc::sockaddr_ll = &raw const self.to;
        let length = libc::socklen_t::try_from(size_of_val(&self.to)).expect("it is 20");
        // SAFETY: `frame` and `to` are valid for reads of the lengths given for the whole call, which keeps neither.
        let sent = unsafe {
            libc::sendto(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0, to.cast(), length)
        };
        if usize::try_from(sent) == Ok(frame.len()) { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
