//! Sockets of TCP by their cookies, found and closed by the kernel's list of them (sock_diag(7), include/uapi/linux/inet_diag.h).

use rustix::io::Errno;

use crate::sys::netlink::{Netlink, NetlinkError, bytes_at};

/// SOCK_DIAG_BY_FAMILY.
const LIST: u16 = 20;
/// SOCK_DESTROY.
const DESTROY: u16 = 21;
const TCP: u8 = 6;
/// AF_INET and AF_INET6.
const FAMILIES: [u8; 2] = [2, 10];
/// The size of struct inet_diag_sockid, which follows the first word of struct inet_diag_msg.
const ID_BYTES: usize = 48;

/// `1 << TCP_LISTEN` (include/net/tcp_states.h).
pub(super) const LISTENING: u32 = 1 << 10;
/// Every state but that, those of no use to anybody any more (TIME_WAIT, CLOSE) and what has no process yet (NEW_SYN_RECV).
pub(super) const CONNECTED: u32 = 0xfff & !(LISTENING | 1 << 6 | 1 << 7);

/// A socket as the kernel tells it from others: its family, and its struct inet_diag_sockid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    family: u8,
    bytes: [u8; ID_BYTES],
}

impl Id {
    /// The same as a peer with this port would ask for it.
    pub(super) fn asked_from(mut self, port: u16) -> Self {
        self.bytes[2..4].copy_from_slice(&port.to_be_bytes());
        self
    }

    /// Its two halves, the low one first.
    fn cookie(&self) -> Option<u64> {
        let half = |at| bytes_at(&self.bytes, at).map(u32::from_ne_bytes).map(u64::from);
        Some(half(40)? | half(44)? << 32)
    }
}

/// The socket in one of `states` on `port` that has this cookie, as the kernel has it now.
///
/// # Errors
///
/// The kernel does not list them.
pub(super) fn find(
    netlink: &mut Netlink,
    states: u32,
    port: u16,
    cookie: u64,
) -> Result<Option<Id>, NetlinkError> {
    let mut found = None;
    for family in FAMILIES {
        let mut any = Id { family, bytes: [0; ID_BYTES] };
        any.bytes[..2].copy_from_slice(&port.to_be_bytes());
        any.bytes[40..].fill(0xff);
        let listed = netlink.dump(LIST, &request(states, &any), |message| {
            let bytes: Option<[u8; ID_BYTES]> = bytes_at(message, 4);
            let is_it = |id: &Id| id.cookie() == Some(cookie) && message.first() == Some(&family);
            found = found.or(bytes.map(|bytes| Id { family, bytes }).filter(is_it));
        });
        match listed {
            Ok(()) | Err(NetlinkError::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Closes it in the hands of its process, which lives on.
///
/// # Errors
///
/// The kernel refuses, or finds it no more by what `id` says.
pub(super) fn destroy(netlink: &mut Netlink, states: u32, id: &Id) -> Result<(), NetlinkError> {
    netlink.ask(DESTROY, &request(states, id), |_| {})
}

/// Whether the kernel said that there is none.
pub(super) const fn is_gone(error: &NetlinkError) -> bool {
    matches!(error, NetlinkError::Refused(Errno::NOENT | Errno::STALE))
}

/// Builds a struct `inet_diag_req_v2`.
fn request(states: u32, id: &Id) -> Vec<u8> {
    let mut request = vec![id.family, TCP, 0, 0];
    request.extend(states.to_ne_bytes());
    request.extend(id.bytes);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_in_two_halves() {
        let mut id = Id { family: 2, bytes: [0; ID_BYTES] };
        id.bytes[40..44].copy_from_slice(&7_u32.to_ne_bytes());
        id.bytes[44..].copy_from_slice(&9_u32.to_ne_bytes());
        assert_eq!(id.cookie(), Some(9 << 32 | 7));
        assert_eq!(request(LISTENING, &id).len(), 56);
    }

    /// 6, 7 and 10 are TIME_WAIT, CLOSE and LISTEN (include/net/tcp_states.h).
    #[test]
    fn what_is_connected_is_in_no_state_of_another_kind() {
        assert!([6, 7, 10].iter().all(|state| CONNECTED & 1 << state == 0));
        assert!([1, 2, 3, 4, 5, 8, 9, 11].iter().all(|state| CONNECTED & 1 << state != 0));
    }
}
