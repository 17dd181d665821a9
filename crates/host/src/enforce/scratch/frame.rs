//! The first packet of a connection, byte by byte (RFC 9293, RFC 768, RFC 791, RFC 8200).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{plan::Probe, port::Protocol};

/// Whoever sends: one of the Ethernet addresses that everybody may give (IEEE 802-2014 §8.4).
pub(super) const FAR_ADDRESS: [u8; 6] = [0x02, 0x70, 0x72, 0, 1, 0];

/// EtherTypes (IEEE 802 Numbers, IANA).
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const HOPS: u8 = 64;
const SYN: u8 = 0x02;
const WINDOW: u16 = 64_240;

/// A frame with `probe` in it, from one Ethernet address to another.
pub(super) fn frame(probe: &Probe, to: [u8; 6], from: [u8; 6]) -> Vec<u8> {
    let segment = segment(probe);
    let mut frame = [to, from].concat();
    match (probe.source, probe.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame.extend(IPV4);
            frame.extend(ipv4(source, destination, probe.protocol, segment.len()));
        }
        (source, destination) => {
            frame.extend(IPV6);
            let [source, destination] = [source, destination].map(six);
            frame.extend(ipv6(source, destination, probe.protocol, segment.len()));
        }
    }
    frame.extend(segment);
    frame
}

fn six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol, length: usize) -> [u8; 20] {
    let mut header = [0; 20];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&short(20 + length));
    header[8] = HOPS;
    header[9] = protocol.number();
    header[12..16].copy_from_slice(&source.octets());
    header[16..].copy_from_slice(&destination.octets());
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    header
}

fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, protocol: Protocol, length: usize) -> [u8; 40] {
    let mut header = [0; 40];
    header[0] = 0x60;
    header[4..6].copy_from_slice(&short(length));
    header[6] = protocol.number();
    header[7] = HOPS;
    header[8..24].copy_from_slice(&source.octets());
    header[24..].copy_from_slice(&destination.octets());
    header
}

/// A SYN, or a datagram with nothing in it; its checksum is over addresses, protocol and length too (RFC 9293 §3.1).
fn segment(probe: &Probe) -> Vec<u8> {
    let mut segment = [probe.source_port.to_be_bytes(), probe.port.to_be_bytes()].concat();
    let at = if probe.protocol == Protocol::Udp {
        segment.extend([0, 8, 0, 0]);
        6
    } else {
        segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, SYN]);
        segment.extend(WINDOW.to_be_bytes());
        segment.extend([0; 4]);
        16
    };
    let mut summed = octets(probe.source);
    summed.extend(octets(probe.destination));
    summed.extend([0, probe.protocol.number()]);
    summed.extend(short(segment.len()));
    summed.extend(&segment);
    let sum = match checksum(&summed) {
        // 0 says that there is none (RFC 768).
        [0, 0] if probe.protocol == Protocol::Udp => [0xff, 0xff],
        sum => sum,
    };
    segment[at..at + 2].copy_from_slice(&sum);
    segment
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// The sum of the internet (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let mut sum: u32 = words.map(u32::from).sum();
    while sum > u32::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(!sum & 0xffff).unwrap_or_default().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::plan::{Fate, Hook};

    fn probe(source: &str, destination: &str, protocol: Protocol) -> Probe {
        Probe {
            link: 0,
            source: source.parse().unwrap(),
            source_port: 20_000,
            destination: destination.parse().unwrap(),
            protocol,
            port: 443,
            hook: Hook::Input,
            wanted: Fate::LetIn,
        }
    }

    #[test]
    fn the_sum_is_that_of_the_example() {
        // RFC 1071 §3: 0001 f203 f4f5 f6f7 is ddf2, whose complement is 220d.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), [0x22, 0x0d]);
        assert_eq!(checksum(&[0xff]), [0x00, 0xff]);
    }

    #[test]
    fn a_header_with_its_sum_sums_up_to_nothing() {
        let bytes = frame(&probe("198.51.100.9", "203.0.113.1", Protocol::Tcp), [2; 6], FAR_ADDRESS);
        assert_eq!(bytes.len(), 14 + 20 + 20);
        assert_eq!((&bytes[..6], &bytes[12..15]), (&[2; 6][..], &[8, 0, 0x45][..]));
        assert_eq!(checksum(&bytes[14..34]), [0, 0]);
        assert_eq!(&bytes[34..38], &[0x4e, 0x20, 0x01, 0xbb]);
        assert_eq!(bytes[47], SYN);
        let mut summed = bytes[26..34].to_vec();
        summed.extend([0, 6, 0, 20]);
        summed.extend(&bytes[34..]);
        assert_eq!(checksum(&summed), [0, 0]);
    }

    #[test]
    fn a_datagram_of_ipv6_has_nothing_in_it() {
        let bytes = frame(&probe("2001:db8:9::9", "2001:db8::1", Protocol::Udp), [2; 6], FAR_ADDRESS);
        assert_eq!(bytes.len(), 14 + 40 + 8);
        assert_eq!(&bytes[12..15], &[0x86, 0xdd, 0x60]);
        assert_eq!((&bytes[18..20], bytes[20]), (&[0, 8][..], 17));
        assert_ne!(&bytes[60..], &[0, 0], "its sum is not left out");
    }
}
