//! Multicast DNS: which kinds of services there are, and what the host's address is called, of one host alone (RFC 6762 §4, §5.5
//! and §6.7, RFC 6763 §9).

use super::{
    Speech,
    dns::{query, reverse},
};

/// As it comes from another port than 5353, the answer comes straight back. Who offers no service has a name all the same, and who
/// does not say what it is may have services.
pub(super) const SPEECH: Speech = Speech {
    ports: &[5_353],
    names: &["mdns"],
    first: Some(|ask| query(ask.number, &[(KINDS, PTR), (&reverse(ask.target), PTR)])),
};

const KINDS: &str = "_services._dns-sd._udp.local";
const PTR: u16 = 12;

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn it_asks_for_all_kinds_of_services_and_for_the_name_of_the_host() {
        let message = first_words(5_353, None, &asked(0x0102)).unwrap();
        assert_eq!(message[..12], [1, 2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]);
        let kinds = *b"\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0c\0\x01";
        assert_eq!(message[12..12 + kinds.len()], kinds);
        // The target of these tests is 192.0.2.1.
        assert_eq!(message[12 + kinds.len()..], *b"\x011\x012\x010\x03192\x07in-addr\x04arpa\0\0\x0c\0\x01");
    }
}
