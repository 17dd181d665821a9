//! Whether somebody on a link answers for an address, as the kernel knows by now (rtnetlink(7), RTM_GETNEIGH; arp(7)).

use std::net::IpAddr;

use crate::sys::netlink::{Family, Netlink, attribute};

const GET_NEIGHBOR: u16 = 30;
/// struct ndmsg (include/uapi/linux/neighbour.h), and the places of its interface and state.
const HEADER_BYTES: usize = 12;
const INTERFACE_AT: usize = 4;
const STATE_AT: usize = 8;
/// NDA_DST.
const ADDRESS: u16 = 1;
/// NUD_INCOMPLETE, NUD_FAILED: it asks, or has asked in vain.
const UNANSWERED: u8 = 0x01 | 0x20;

/// Whether the kernel asked who has `address` on the link of the interface with this index, and nobody said so; false where it
/// knows nothing of it, or is older than Linux 5.0 and tells of no single one.
pub(super) fn is_unanswered(address: IpAddr, interface: u32) -> bool {
    let mut state = 0;
    let asked = Netlink::open(Family::Route).and_then(|mut netlink| {
        netlink.ask(GET_NEIGHBOR, &request(address, interface), |bytes| state = state_of(bytes))
    });
    asked.is_ok() && state & UNANSWERED != 0
}

fn request(address: IpAddr, interface: u32) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    };
    let mut request = vec![0; HEADER_BYTES];
    request[0] = u8::try_from(family).expect("it is 2 or 10");
    request[INTERFACE_AT..STATE_AT].copy_from_slice(&interface.to_ne_bytes());
    request.extend(attribute(ADDRESS, &octets));
    request
}

fn state_of(bytes: &[u8]) -> u8 {
    bytes.get(STATE_AT).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_the_interface() {
        let mut bytes = request([192, 0, 2, 7].into(), 3);
        assert_eq!((bytes.len(), state_of(&bytes)), (HEADER_BYTES + 8, 0));
        bytes[STATE_AT] = 0x20;
        assert_eq!(state_of(&bytes) & UNANSWERED, 0x20);
        assert_eq!(state_of(&bytes[..STATE_AT]), 0);
    }

    #[test]
    fn nobody_is_asked_for_on_the_loopback() {
        assert!(!is_unanswered([127, 0, 0, 1].into(), 1));
    }
}
