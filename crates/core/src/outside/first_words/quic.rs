//! QUIC: which versions are spoken, asked with one that nobody speaks (RFC 8999 §5.1 and §6, RFC 9000 §6 and §15).

use alloc::vec::Vec;

use super::Speech;

pub(super) const SPEECH: Speech = Speech {
    ports: &[443],
    names: &["quic", "http3", "h3", "https"],
    first: Some(|ask| long_packet(ask.number)),
};

/// A long header, of the form that version 1 gives its first packet.
const LONG: u8 = 0xc0;
/// Reserved so that servers say which ones they speak.
const VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];
/// Of a shorter one servers take no notice (RFC 9000 §14.1).
const PACKET_BYTES: usize = 1_200;

/// The number names both ends of the connection that is never made.
fn long_packet(number: u64) -> Vec<u8> {
    let name = number.to_be_bytes();
    let length = [8];
    let mut packet = [&[LONG][..], &VERSION, &length, &name, &length, &name].concat();
    packet.resize(PACKET_BYTES, 0);
    packet
}

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn a_version_that_nobody_speaks_is_asked_for_in_a_packet_that_is_long_enough() {
        let packet = first_words(443, None, &asked(0x0102_0304_0506_0708)).unwrap();
        assert_eq!(packet.len(), 1_200);
        // Both bits of a long header; a version of the pattern 0x?a?a?a?a.
        assert_eq!(packet[0] & 0xc0, 0xc0);
        assert!(packet[1..5].iter().all(|byte| byte & 0x0f == 0x0a));
        let name = [8, 1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!((&packet[5..14], &packet[14..23]), (&name[..], &name[..]));
    }
}
