//! Multicast DNS: which kinds of services there are, of one host alone (RFC 6762 §5.5 and §6.7, RFC 6763 §9).

use super::{Speech, dns::question};

/// As it comes from another port than 5353, the answer comes straight back.
pub(super) const SPEECH: Speech = Speech {
    ports: &[5_353],
    names: &["mdns"],
    first: Some(|number| question(number, &["_services", "_dns-sd", "_udp", "local"], PTR)),
};

const PTR: u16 = 12;

#[cfg(test)]
mod tests {
    use super::super::first_words;

    #[test]
    fn it_asks_for_all_kinds_of_services() {
        let message = first_words(5_353, None, 0x0102).unwrap();
        assert_eq!(message[..12], [1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[12..], *b"\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01");
    }
}
