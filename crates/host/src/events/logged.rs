//! Packets that rules of the packet filter hand to a log group (NFLOG), for where the kernel runs no programs of ours (A14, A16, A19).

mod holder;
mod packet;

use std::os::fd::{AsFd, BorrowedFd};

use jiff::Timestamp;
use portreeve_core::watch::{Event, Happening};
use rustix::io::Errno;

pub use self::{holder::Holder, packet::Logged as LoggedPacket};
use crate::sys::netlink::{Family, Netlink, NetlinkError, Overrun, attribute};

/// NFNL_SUBSYS_ULOG, in the upper byte of a message's kind (include/uapi/linux/netfilter/nfnetlink.h).
const ULOG: u16 = 4 << 8;
/// NFULNL_MSG_PACKET and NFULNL_MSG_CONFIG (include/uapi/linux/netfilter/nfnetlink_log.h).
const PACKET: u16 = ULOG;
const CONFIG: u16 = ULOG | 1;
/// NFULA_CFG_CMD with NFULNL_CFG_CMD_BIND.
const COMMAND: u16 = 1;
const BIND: u8 = 1;
/// NFULA_CFG_MODE with NFULNL_COPY_PACKET.
const MODE: u16 = 2;
const COPY_PACKET: u8 = 2;
/// NFULA_CFG_TIMEOUT: so many hundredths of a second the kernel gathers packets for one datagram.
const TIMEOUT: u16 = 4;
const TIMEOUT_HUNDREDTHS: u32 = 5;
/// NFULA_CFG_FLAGS with NFULNL_CFG_F_SEQ: packets are numbered, so that it is known how many found no room.
const FLAGS: u16 = 6;
const NUMBERED: u16 = 1;
/// So much of a packet is handed over: as far as the ports behind some headers of IPv6. A rule may say less.
const PACKET_BYTES: u32 = 128;

/// Why nobody here is told.
#[derive(Debug, thiserror::Error)]
pub enum LoggedError {
    /// Another program reads the group: the kernel has one reader for each.
    #[error("another program reads it")]
    Taken(Option<Holder>),
    /// The kernel does not take it.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// A log group of this network namespace, which nobody else reads for as long as this value is.
#[derive(Debug)]
pub struct Logged {
    netlink: Netlink,
    /// The number of the next packet.
    next: u32,
}

impl Logged {
    /// Begins to read `group`.
    ///
    /// # Errors
    ///
    /// Somebody reads it, or the kernel does not let this process.
    pub fn open(group: u16) -> Result<Self, LoggedError> {
        let mut netlink = Netlink::hearing(Family::Netfilter, 0)?;
        match netlink.ask(CONFIG, &bind(group), |_| {}) {
            Ok(()) => Ok(Self { netlink, next: 0 }),
            // `nfulnl_recv_config` and, of an instance that is there, `instance_create`.
            Err(NetlinkError::Refused(Errno::BUSY | Errno::PERM)) if Holder::is_there(group) => {
                Err(LoggedError::Taken(Holder::of(group)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Gives each packet of TCP or UDP that was handed over until `now` to `each`, as a touch; tells how many more there were, at
    /// least, for which there was no room.
    ///
    /// # Errors
    ///
    /// Where the group cannot be read any more.
    pub fn read(
        &mut self,
        now: Timestamp,
        mut each: impl FnMut(Event<'static>),
    ) -> Result<u64, NetlinkError> {
        let mut lost = 0;
        let next = &mut self.next;
        let overrun = self.netlink.hear(|message| {
            let Some(told) = (message.kind == PACKET).then(|| LoggedPacket::read(message.payload)).flatten()
            else {
                return;
            };
            lost += told.number.map_or(0, |number| missed(next, number));
            // Whatever the clock of a packet says, it came before it was heard of.
            let at = told.at.filter(|at| *at <= now).unwrap_or(now);
            if let Some(touch) = told.touch {
                each(Event { at, what: Happening::Touch(touch) });
            }
        })?;
        Ok(if overrun == Overrun::Some { lost.max(1) } else { lost })
    }
}

impl AsFd for Logged {
    /// Readable when a packet was handed over.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}

/// How many numbers were passed over before this one.
fn missed(next: &mut u32, number: u32) -> u64 {
    let missed = number.wrapping_sub(*next);
    *next = number.wrapping_add(1);
    missed.into()
}

/// What binds this socket to the group: struct nfgenmsg of no family, with the group, and the attributes.
fn bind(group: u16) -> Vec<u8> {
    let mut body = vec![0, 0];
    body.extend(group.to_be_bytes());
    body.extend(attribute(COMMAND, &[BIND]));
    let mut mode = PACKET_BYTES.to_be_bytes().to_vec();
    mode.extend([COPY_PACKET, 0]);
    body.extend(attribute(MODE, &mode));
    body.extend(attribute(TIMEOUT, &TIMEOUT_HUNDREDTHS.to_be_bytes()));
    body.extend(attribute(FLAGS, &NUMBERED.to_be_bytes()));
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_over_is_counted() {
        let mut next = 0;
        let told = [0, 1, 5, 6, u32::MAX - 1].map(|number| missed(&mut next, number));
        assert_eq!(told, [0, 0, 3, 0, u64::from(u32::MAX) - 8]);
        assert_eq!([missed(&mut next, u32::MAX), missed(&mut next, 1)], [0, 1], "it begins anew");
    }

    #[test]
    fn a_group_is_asked_for_as_networks_write_numbers() {
        let body = bind(0x1234);
        assert_eq!(body[..4], [0, 0, 0x12, 0x34]);
        assert_eq!(body.len() % 4, 0);
        let kinds: Vec<_> = crate::sys::netlink::attributes(&body[4..]).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [COMMAND, MODE, TIMEOUT, FLAGS]);
    }
}
