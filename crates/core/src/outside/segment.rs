//! The packet that asks whether somebody listens: the first one of a connection, byte by byte (RFC 9293, RFC 1071).

use core::net::IpAddr;

/// A header of TCP and the one option that every host sends (RFC 9293 §3.7.1); some filters drop a SYN without it.
pub const SYN_BYTES: usize = 24;

pub(super) const SYN: u8 = 0x02;
const PROTOCOL: u8 = 6;
const WINDOW: u16 = 64_240;
/// Six words of four bytes.
const HEADER_WORDS: u8 = 6 << 4;
const SEGMENT_OPTION: [u8; 2] = [2, 4];
/// What an Ethernet leaves of 1,500 bytes.
const SEGMENT_BYTES_MAX: u16 = 1_460;
const CHECKSUM_AT: usize = 16;

/// Who asks whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// An address of this host, the one by which packets to the target leave.
    pub source: IpAddr,
    /// The port that is kept for the answers.
    pub source_port: u16,
    /// Whose ports are asked.
    pub target: IpAddr,
}

/// The segment that asks `port`; the kernel puts the header of IP before it, so that its source is this host's own.
#[must_use]
pub fn syn(ends: &Ends, port: u16, sequence: u32) -> [u8; SYN_BYTES] {
    let mut segment = [0; SYN_BYTES];
    let source_port = ends.source_port.to_be_bytes();
    let (acknowledged, urgent) = ([0; 4], [0; 2]);
    let fields: [&[u8]; 9] = [
        &source_port,
        &port.to_be_bytes(),
        &sequence.to_be_bytes(),
        &acknowledged,
        &[HEADER_WORDS, SYN],
        &WINDOW.to_be_bytes(),
        // The checksum is of a segment in which it is 0.
        &[0, 0],
        &urgent,
        &SEGMENT_OPTION,
    ];
    let bytes = fields.into_iter().flatten().copied().chain(SEGMENT_BYTES_MAX.to_be_bytes());
    segment.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    let sum = checksum(ends, &segment).to_be_bytes();
    segment.iter_mut().skip(CHECKSUM_AT).zip(sum).for_each(|(place, byte)| *place = byte);
    segment
}

/// Over the segment and what a header of IP says of it (RFC 9293 §3.1, RFC 8200 §8.1): the order of words does not matter.
fn checksum(ends: &Ends, segment: &[u8]) -> u16 {
    let length = u32::try_from(segment.len()).unwrap_or(0);
    let beside = words(ends.source).wrapping_add(words(ends.target)).wrapping_add(u32::from(PROTOCOL));
    let mut sum = beside.wrapping_add(length).wrapping_add(sum(segment));
    while sum > u32::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn words(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    }
}

/// The sum of words of 16 bits; of a hundred bytes it is far from the highest number.
fn sum(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    };
    bytes.chunks(2).map(word).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(source: &str, target: &str) -> Ends {
        Ends { source: source.parse().unwrap(), source_port: 40_000, target: target.parse().unwrap() }
    }

    /// By hand: the sum over it and its pseudo-header, checksum included, is all ones.
    #[test]
    fn the_checksum_makes_all_words_add_up_to_ones() {
        for (source, target) in [("192.0.2.1", "203.0.113.7"), ("2001:db8::1", "2001:db8::ffff:7")] {
            let ends = ends(source, target);
            for (port, sequence) in [(443, 0x0102_0304), (65_535, u32::MAX), (1, 0)] {
                assert_eq!(checksum(&ends, &syn(&ends, port, sequence)), 0, "{source} {port}");
            }
        }
    }

    /// 0xc000 + 0x0201 + 0xcb00 + 0x7107 + 6 + 24 and the words below are 0x1fe21 + …, folded and inverted by hand.
    #[test]
    fn a_syn_is_what_rfc_9293_draws() {
        let segment = syn(&ends("192.0.2.1", "203.0.113.7"), 443, 0x0102_0304);
        assert_eq!(segment[..4], [0x9c, 0x40, 0x01, 0xbb]);
        assert_eq!(segment[4..12], [1, 2, 3, 4, 0, 0, 0, 0]);
        assert_eq!(segment[12..16], [0x60, 0x02, 0xfa, 0xf0]);
        assert_eq!(segment[18..], [0, 0, 2, 4, 0x05, 0xb4]);
    }
}
