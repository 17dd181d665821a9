//! A netlink socket that asks the kernel for a list and reads the answer (netlink(7)).

mod hearing;
mod message;

pub use hearing::Overrun;
pub use message::{Attributes, Message, Messages, attribute, attributes, bytes_at, messages};

use std::{ops::ControlFlow, os::fd::OwnedFd, time::Duration};

use rustix::{
    buffer::spare_capacity,
    io::Errno,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketAddrAny, SocketFlags, SocketType, bind, connect,
        netlink::{NETFILTER, SOCK_DIAG, SocketAddrNetlink},
        recvfrom, send, socket_with,
        sockopt::{Timeout, set_socket_timeout},
    },
};

/// NLM_F_REQUEST | NLM_F_DUMP (include/uapi/linux/netlink.h).
const REQUEST_DUMP: u16 = 0x301;
/// NLM_F_REQUEST | NLM_F_ACK: an answer that is no list ends with an error of 0.
const REQUEST_ONE: u16 = 0x5;
/// The same with NLM_F_CREATE | NLM_F_EXCL: what is there already is an error.
const REQUEST_NEW: u16 = 0x605;
const HEADER_BYTES: usize = 16;
/// The kernel fills at most 32 KiB a message (net/netlink/af_netlink.c, `max_recvmsg_len`).
const BUFFER_BYTES: usize = 64 * 1024;

/// What is only asked and answered.
const NO_GROUPS: u32 = 0;
/// The kernel's own address; no process has port 0 (netlink(7)).
const KERNEL_PORT: u32 = 0;
/// The kernel answers while it is asked; a wait this long is one for nobody.
const WAIT: Duration = Duration::from_secs(10);
/// Pieces of one answer; at a hundred sockets a piece, far more than a host can have.
const PIECES_MAX: u32 = 1_000_000;

/// The netlink families that portreeve speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Sockets (sock_diag(7)).
    SockDiag,
    /// Links, addresses and routes (rtnetlink(7)).
    Route,
    /// The packet filter (include/uapi/linux/netfilter/nfnetlink.h).
    Netfilter,
}

impl Family {
    const fn protocol(self) -> Option<Protocol> {
        match self {
            Self::SockDiag => Some(SOCK_DIAG),
            Self::Route => None,
            Self::Netfilter => Some(NETFILTER),
        }
    }
}

/// Why the kernel gave no list.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// A system call failed.
    #[error("cannot {0} a netlink socket")]
    Call(&'static str, #[source] Errno),
    /// The kernel refused the request.
    #[error("the kernel refused the list")]
    Refused(#[source] Errno),
    /// The list changed while the kernel wrote it; asking again may give a whole one.
    #[error("the list changed while it was written")]
    Interrupted,
    /// Somebody else than the kernel answered.
    #[error("somebody else than the kernel answered")]
    Stranger,
    /// The answer stopped short.
    #[error("the kernel's answer stopped short")]
    Short,
}

impl NetlinkError {
    /// What the kernel said, as it says it elsewhere too.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Call(_, errno) | Self::Refused(errno) => *errno,
            Self::Interrupted => Errno::AGAIN,
            Self::Stranger | Self::Short => Errno::IO,
        }
    }
}

/// A socket to one netlink family of the network namespace it was opened in.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in the network namespace of the calling thread; whoever is root there could else answer for the
    /// kernel (net/netlink/af_netlink.c, `netlink_getsockbyportid`).
    ///
    /// # Errors
    ///
    /// Where the kernel or a sandbox refuses the family.
    pub fn open(family: Family) -> Result<Self, NetlinkError> {
        Self::open_in(family, NO_GROUPS)
    }

    /// The same, of which the kernel tells by itself what it tells these multicast groups, a bit each.
    fn open_in(family: Family, groups: u32) -> Result<Self, NetlinkError> {
        let socket =
            socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, family.protocol())
                .map_err(|error| NetlinkError::Call("open", error))?;
        if groups != NO_GROUPS {
            bind(&socket, &SocketAddrNetlink::new(KERNEL_PORT, groups))
                .map_err(|error| NetlinkError::Call("join groups with", error))?;
        }
        connect(&socket, &SocketAddrNetlink::new(KERNEL_PORT, 0))
            .and_then(|()| set_socket_timeout(&socket, Timeout::Recv, Some(WAIT)))
            .map_err(|error| NetlinkError::Call("set up", error))?;
        Ok(Self { socket, buffer: Vec::with_capacity(BUFFER_BYTES), sequence: 0 })
    }

    /// Asks for a list with a request of `kind` and gives the payload of every answer to `each`.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses or the answer breaks off; what came before has been given to `each`.
    pub fn dump(&mut self, kind: u16, body: &[u8], each: impl FnMut(&[u8])) -> Result<(), NetlinkError> {
        self.request(kind, REQUEST_DUMP, body, each)
    }

    /// The same until `each` has enough: the rest is not read, and the kernel writes no more of it as this socket is closed.
    ///
    /// # Errors
    ///
    /// As of [`Self::dump`].
    pub fn dump_until(
        mut self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), NetlinkError> {
        self.send(kind, REQUEST_DUMP, body)?;
        let mut flow = ControlFlow::Continue(());
        for _ in 0..PIECES_MAX {
            self.receive()?;
            let progress = take(&self.buffer, self.sequence, &mut |bytes| flow = each(bytes))?;
            if progress == Progress::Done || flow.is_break() {
                return Ok(());
            }
        }
        Err(NetlinkError::Short)
    }

    /// Asks for one thing with a request of `kind` and gives the payload of the answer to `each`.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses or the answer breaks off.
    pub fn ask(&mut self, kind: u16, body: &[u8], each: impl FnMut(&[u8])) -> Result<(), NetlinkError> {
        self.request(kind, REQUEST_ONE, body, each)
    }

    /// Asks for a thing to be made with a request of `kind`; one that is there already is refused with EEXIST.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses.
    pub fn make(&mut self, kind: u16, body: &[u8]) -> Result<(), NetlinkError> {
        self.request(kind, REQUEST_NEW, body, |_| {})
    }

    fn request(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), NetlinkError> {
        self.send(kind, flags, body)?;
        let mut interrupted = false;
        for _ in 0..PIECES_MAX {
            self.receive()?;
            interrupted |= messages(&self.buffer).any(|message| message.interrupted);
            if take(&self.buffer, self.sequence, &mut each)? == Progress::Done {
                return if interrupted { Err(NetlinkError::Interrupted) } else { Ok(()) };
            }
        }
        Err(NetlinkError::Short)
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> Result<(), NetlinkError> {
        self.sequence += 1;
        let request = frame(kind, flags, self.sequence, body);
        let sent = send(&self.socket, &request, SendFlags::empty());
        sent.map(drop).map_err(|error| NetlinkError::Call("write to", error))
    }

    /// Puts the next datagram into the buffer, whole.
    fn receive(&mut self) -> Result<(), NetlinkError> {
        self.buffer.clear();
        loop {
            match recvfrom(&self.socket, spare_capacity(&mut self.buffer), RecvFlags::TRUNC) {
                Ok((_, _, sender)) if !is_kernel(sender.as_ref()) => return Err(NetlinkError::Stranger),
                Ok((_, length, _)) if length > self.buffer.len() || length == 0 => {
                    return Err(NetlinkError::Short);
                }
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(NetlinkError::Call("read from", error)),
            }
        }
    }
}

#[derive(PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// Gives the payloads of one datagram to `each`.
fn take(datagram: &[u8], sequence: u32, each: &mut impl FnMut(&[u8])) -> Result<Progress, NetlinkError> {
    for message in messages(datagram) {
        if message.sequence != sequence {
            continue;
        }
        match message.kind {
            Message::ERROR if message.acknowledges() => return Ok(Progress::Done),
            Message::ERROR => return Err(message.error().map_or(NetlinkError::Short, NetlinkError::Refused)),
            Message::DONE => {
                return message.error().map_or(Ok(Progress::Done), |error| Err(NetlinkError::Refused(error)));
            }
            _ => each(message.payload),
        }
    }
    Ok(Progress::More)
}

fn is_kernel(sender: Option<&SocketAddrAny>) -> bool {
    let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender.clone()).ok());
    sender.is_some_and(|sender| sender.pid() == KERNEL_PORT)
}

fn frame(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER_BYTES + body.len()).expect("requests are a few hundred bytes");
    let mut request = Vec::with_capacity(HEADER_BYTES + body.len());
    request.extend_from_slice(&length.to_ne_bytes());
    request.extend_from_slice(&kind.to_ne_bytes());
    request.extend_from_slice(&flags.to_ne_bytes());
    request.extend_from_slice(&sequence.to_ne_bytes());
    request.extend_from_slice(&0u32.to_ne_bytes());
    request.extend_from_slice(body);
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{getsockname, sendto};

    #[test]
    fn nobody_but_the_kernel_reaches_the_socket() {
        for family in [Family::SockDiag, Family::Route, Family::Netfilter] {
            let netlink = Netlink::open(family).unwrap();
            let own = SocketAddrNetlink::try_from(getsockname(&netlink.socket).unwrap()).unwrap();
            let stranger =
                socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, family.protocol())
                    .unwrap();
            let done = frame(Message::DONE, REQUEST_DUMP, 1, &[0; 4]);
            let refused = sendto(&stranger, &done, SendFlags::empty(), &own).unwrap_err();
            // An ordinary user may write to nobody, and root not to this one.
            assert!([Errno::PERM, Errno::CONNREFUSED].contains(&refused), "{family:?}: {refused}");
        }
    }

    #[test]
    fn only_port_0_is_the_kernel() {
        let is_kernel = |port| is_kernel(Some(&SocketAddrNetlink::new(port, 0).into()));
        assert!(is_kernel(0) && !is_kernel(4711));
        assert!(!super::is_kernel(None));
    }
}
