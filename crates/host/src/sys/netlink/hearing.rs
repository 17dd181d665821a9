//! A netlink socket to which the kernel tells by itself what happens, for as long as it is open.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::{
    buffer::spare_capacity,
    io::Errno,
    net::{
        RecvFlags, recvfrom,
        sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force},
    },
};

use super::{Family, Message, Netlink, NetlinkError, is_kernel, messages};

/// What may wait for whoever reads: of messages of 200 bytes some seconds of a flood.
const WAITING_BYTES: usize = 4 << 20;
/// So many datagrams are read before the caller has his turn again; the socket stays readable.
const DATAGRAMS_MAX: usize = 1_024;

/// Whether there was room for all that the kernel told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overrun {
    /// There was.
    None,
    /// Some of it was dropped: before, among or after what was read (ENOBUFS, netlink(7)).
    Some,
}

impl Netlink {
    /// Opens a socket to which the kernel tells what it tells these multicast groups, a bit each; 0 where it is to be asked for
    /// something else.
    ///
    /// # Errors
    ///
    /// Where the kernel or a sandbox refuses the family, or only root may join.
    pub fn hearing(family: Family, groups: u32) -> Result<Self, NetlinkError> {
        let netlink = Self::open_in(family, groups)?;
        // Only root of the host may have more than net.core.rmem_max; with less, more is lost, which is told.
        let _ = set_socket_recv_buffer_size_force(&netlink.socket, WAITING_BYTES)
            .or_else(|_| set_socket_recv_buffer_size(&netlink.socket, WAITING_BYTES));
        Ok(netlink)
    }

    /// Gives each message that was told until now to `each`, and does not wait for more.
    ///
    /// # Errors
    ///
    /// Where the socket cannot be read any more.
    pub fn hear(&mut self, mut each: impl FnMut(&Message<'_>)) -> Result<Overrun, NetlinkError> {
        let mut overrun = Overrun::None;
        for _ in 0..DATAGRAMS_MAX {
            self.buffer.clear();
            let flags = RecvFlags::TRUNC | RecvFlags::DONTWAIT;
            match recvfrom(&self.socket, spare_capacity(&mut self.buffer), flags) {
                Ok((_, length, sender)) => {
                    let is_whole = length <= self.buffer.len() && is_kernel(sender.as_ref());
                    if !is_whole {
                        overrun = Overrun::Some;
                    } else {
                        messages(&self.buffer).for_each(|message| each(&message));
                    }
                }
                Err(Errno::NOBUFS) => overrun = Overrun::Some,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(NetlinkError::Call("read from", error)),
            }
        }
        Ok(overrun)
    }
}

impl AsFd for Netlink {
    /// Readable when something was told.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
