//! What the maps of a watch before this one tell of it (bpf/watch.bpf.c, struct source, struct prober and `known`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{
    port::Protocol,
    watch::{Happening, Touch},
};

use super::event::{IPV4, IPV6, SYN};
use crate::bpf::part as at;

const SOURCE_BYTES: usize = 16;
/// Of one who has done nothing yet all are 0.
pub(super) const PROBER_BYTES: usize = 112;
/// Of each port that was told: as `asked` numbers it.
const PORTS_TOLD: usize = 8;
const IS_UDP: u32 = 1 << 16;

/// The handshake that is remembered of a source: when it was, in nanoseconds since the boot, and what it was.
pub(super) fn handshake((source, value): &(Vec<u8>, Vec<u8>)) -> Option<(u64, Happening<'static>)> {
    let since_boot = u64::from_ne_bytes(*value.first_chunk()?);
    Some((since_boot, Happening::Handshake { from: address(source)? }))
}

/// The first ports that were told of a source: when the first one was, and the others when the last one was.
pub(super) fn touches(
    (source, value): &(Vec<u8>, Vec<u8>),
) -> impl Iterator<Item = (u64, Happening<'static>)> {
    let known = address(source).zip(value.first_chunk::<PROBER_BYTES>());
    known.into_iter().flat_map(|(from, prober)| {
        let [first, last] = [40, 48].map(|place| u64::from_ne_bytes(at(prober, place)));
        let to = match from {
            IpAddr::V4(_) => Ipv4Addr::from(at::<4>(prober, 96)).into(),
            IpAddr::V6(_) => Ipv6Addr::from(at::<16>(prober, 96)).into(),
        };
        let told = (0..PORTS_TOLD).map(|nth| u32::from_ne_bytes(at(prober, 64 + 4 * nth)));
        let told = std::iter::once(first).chain(std::iter::repeat(last)).zip(told);
        told.filter(|(_, asked)| *asked != 0)
            .map(move |(since_boot, asked)| (since_boot, Happening::Touch(touch(from, to, asked))))
    })
}

fn touch(from: IpAddr, to: IpAddr, asked: u32) -> Touch {
    let protocol = if asked & IS_UDP == 0 { Protocol::Tcp } else { Protocol::Udp };
    #[expect(clippy::cast_possible_truncation, reason = "the bit above is the protocol's")]
    let port = u16::from_be(asked as u16);
    Touch { from, to, protocol, from_port: 0, port, flags: SYN }
}

/// One of those that a source has: of IPv6 its network is known alone.
fn address(source: &[u8]) -> Option<IpAddr> {
    let source: &[u8; SOURCE_BYTES] = source.first_chunk()?;
    match u64::from_ne_bytes(at(source, 8)) {
        family if family == u64::from(IPV4) => Some(Ipv4Addr::from(at::<4>(source, 0)).into()),
        family if family == u64::from(IPV6) => {
            let mut address = [0; 16];
            address[..8].copy_from_slice(&source[..8]);
            Some(Ipv6Addr::from(address).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::event::source, *};

    fn entry(address: &str, value: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
        (source(address.parse().unwrap()).to_vec(), value)
    }

    /// Told of 23/tcp and 161/udp at 192.0.2.1, 77 ns after the boot and 99.
    fn prober() -> Vec<u8> {
        let mut bytes = vec![0; PROBER_BYTES];
        bytes[40..48].copy_from_slice(&77_u64.to_ne_bytes());
        bytes[48..56].copy_from_slice(&99_u64.to_ne_bytes());
        bytes[64..68].copy_from_slice(&u32::from(23_u16.to_be()).to_ne_bytes());
        bytes[68..72].copy_from_slice(&(u32::from(161_u16.to_be()) | IS_UDP).to_ne_bytes());
        bytes[96..100].copy_from_slice(&[192, 0, 2, 1]);
        bytes
    }

    #[test]
    fn the_ports_that_were_told_are_touched_again() {
        let touch = |since_boot: u64, protocol, port| {
            let (from, to) = ([203, 0, 113, 7].into(), [192, 0, 2, 1].into());
            (since_boot, Happening::Touch(Touch { from, to, protocol, from_port: 0, port, flags: SYN }))
        };
        let told: Vec<_> = touches(&entry("203.0.113.7", prober())).collect();
        assert_eq!(told, [touch(77, Protocol::Tcp, 23), touch(99, Protocol::Udp, 161)]);
    }

    #[test]
    fn of_ipv6_the_network_is_known() {
        let from = "2001:db8:7::".parse().unwrap();
        let entry = entry("2001:db8:7::1", 5_u64.to_ne_bytes().to_vec());
        assert_eq!(handshake(&entry), Some((5, Happening::Handshake { from })));
    }

    #[test]
    fn what_is_too_short_or_of_no_family_is_nothing() {
        let short = entry("203.0.113.7", prober()[..PROBER_BYTES - 1].to_vec());
        assert_eq!(touches(&short).count(), 0);
        assert_eq!(handshake(&entry("203.0.113.7", vec![0; 7])), None);
        let strange = (vec![0; SOURCE_BYTES], prober());
        assert_eq!((touches(&strange).count(), handshake(&strange)), (0, None));
    }
}
