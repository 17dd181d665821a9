//! One event as the programs in the kernel write it (struct event in bpf/watch.bpf.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{
    port::Protocol,
    watch::{Happening, Touch},
};

use crate::bpf::part as at;

/// The size of one.
pub const EVENT_BYTES: usize = 64;

/// AF_INET and AF_INET6.
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;
/// TOUCHED and SHAKEN of bpf/watch.bpf.c.
const TOUCHED: u8 = 1;
const SHAKEN: u8 = 2;
/// What the first packet of a connection has: of a port that was touched before no more is known than that it is evidence.
pub(super) const SYN: u8 = 0x02;

/// Understands the bytes of one: when it was, in nanoseconds since the boot, and what happened, the port that was touched before
/// first; `None` of a kind, family or protocol that is not told of.
pub(super) fn read(bytes: &[u8]) -> Option<(u64, [Option<Happening<'static>>; 2])> {
    let bytes: &[u8; EVENT_BYTES] = bytes.first_chunk()?;
    let since_boot = u64::from_ne_bytes(at(bytes, 0));
    let family = bytes[27];
    let from = address(family, at(bytes, 32))?;
    match bytes[26] {
        SHAKEN => Some((since_boot, [Some(Happening::Handshake { from }), None])),
        TOUCHED => {
            let port = |place| u16::from_be_bytes(at(bytes, place));
            let touch = Touch {
                from,
                to: address(family, at(bytes, 48))?,
                protocol: protocol(bytes[28])?,
                from_port: port(22),
                port: port(20),
                flags: bytes[30],
            };
            let before =
                Touch { protocol: protocol(bytes[29])?, port: port(24), from_port: 0, flags: SYN, ..touch };
            let before = (before.port != 0).then_some(Happening::Touch(before));
            Some((since_boot, [before, Some(Happening::Touch(touch))]))
        }
        _ => None,
    }
}

/// The key of what is kept of a source (struct source there): the first bytes of its address, and its family.
pub(super) fn source(address: IpAddr) -> [u8; 16] {
    let mut key = [0; 16];
    let family = match address.to_canonical() {
        IpAddr::V4(address) => {
            key[..4].copy_from_slice(&address.octets());
            IPV4
        }
        IpAddr::V6(address) => {
            key[..8].copy_from_slice(&address.octets()[..8]);
            IPV6
        }
    };
    key[8..].copy_from_slice(&u64::from(family).to_ne_bytes());
    key
}

fn protocol(number: u8) -> Option<Protocol> {
    [Protocol::Tcp, Protocol::Udp].into_iter().find(|protocol| protocol.number() == number)
}

fn address(family: u8, bytes: [u8; 16]) -> Option<IpAddr> {
    match family {
        IPV4 => Some(Ipv4Addr::from(at::<4>(&bytes, 0)).into()),
        IPV6 => Some(Ipv6Addr::from(bytes).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Port 6379 by TCP of 192.0.2.1, touched by 203.0.113.7 after 23.
    fn event() -> [u8; EVENT_BYTES] {
        let mut bytes = [0; EVENT_BYTES];
        bytes[..8].copy_from_slice(&77_u64.to_ne_bytes());
        bytes[20..22].copy_from_slice(&6_379_u16.to_be_bytes());
        bytes[22..24].copy_from_slice(&40_000_u16.to_be_bytes());
        bytes[24..26].copy_from_slice(&23_u16.to_be_bytes());
        bytes[26..31].copy_from_slice(&[TOUCHED, IPV4, 6, 6, 0x01]);
        bytes[32..36].copy_from_slice(&[203, 0, 113, 7]);
        bytes[48..52].copy_from_slice(&[192, 0, 2, 1]);
        bytes
    }

    #[test]
    fn a_touch_is_read_with_the_one_before() {
        let touch = Touch {
            from: [203, 0, 113, 7].into(),
            to: [192, 0, 2, 1].into(),
            protocol: Protocol::Tcp,
            from_port: 40_000,
            port: 6_379,
            flags: 0x01,
        };
        let before = Touch { port: 23, from_port: 0, flags: SYN, ..touch };
        let both = [Some(Happening::Touch(before)), Some(Happening::Touch(touch))];
        assert_eq!(read(&event()), Some((77, both)));
        let mut alone = event();
        alone[24..26].fill(0);
        assert_eq!(read(&alone), Some((77, [None, both[1]])));
    }

    #[test]
    fn a_handshake_is_read() {
        let mut bytes = event();
        bytes[26] = SHAKEN;
        let handshake = Happening::Handshake { from: [203, 0, 113, 7].into() };
        assert_eq!(read(&bytes), Some((77, [Some(handshake), None])));
    }

    #[test]
    fn what_is_kept_of_a_source_is_found_by_its_network() {
        let key = |address: &str| source(address.parse().unwrap());
        let number = |family: u8| u64::from(family).to_ne_bytes();
        assert_eq!(key("203.0.113.7"), key("::ffff:203.0.113.7"));
        assert_eq!(
            (&key("203.0.113.7")[..5], &key("203.0.113.7")[8..]),
            (&[203, 0, 113, 7, 0][..], &number(2)[..])
        );
        assert_eq!(key("2001:db8:7::1"), key("2001:db8:7:0:ffff::9"));
        assert_eq!(
            (&key("2001:db8:7::1")[..6], &key("::1")[8..]),
            (&[0x20, 1, 0xd, 0xb8, 0, 7][..], &number(10)[..])
        );
    }

    #[test]
    fn what_is_not_understood_is_none() {
        for (place, value) in [(26, 9), (27, 3), (28, 1), (29, 1)] {
            let mut bytes = event();
            bytes[place] = value;
            assert_eq!(read(&bytes), None, "byte {place}");
        }
        assert_eq!(read(&event()[..EVENT_BYTES - 1]), None);
    }
}
