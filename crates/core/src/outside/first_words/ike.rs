//! IKE: a version that is yet to come, which is answered by the one that is spoken and leaves nothing behind (RFC 7296 §2.5 and §3.1).

use alloc::vec::Vec;

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[500], names: &["ike", "isakmp", "ipsec"], first: Some(|ask| header(ask.number)) };

/// The same where ESP comes by the same port: what begins with zeros is of IKE (RFC 3948 §2.2).
pub(super) const BEHIND_NAT: Speech = Speech {
    ports: &[4_500],
    names: &["ipsec-nat-t", "ipsec-msft"],
    first: Some(|ask| [&NOT_OF_ESP[..], &header(ask.number)].concat()),
};

const NOT_OF_ESP: [u8; 4] = [0; 4];
/// Major 3, minor 0.
const VERSION: u8 = 3 << 4;
const NO_NEXT_PAYLOAD: u8 = 0;
const IKE_SA_INIT: u8 = 34;
const INITIATOR: u8 = 1 << 3;
const HEADER_BYTES: u32 = 28;
const FIRST_MESSAGE: [u8; 4] = [0; 4];
/// The responder has not named himself yet.
const NOBODY: [u8; 8] = [0; 8];

/// A header and no payload.
fn header(number: u64) -> Vec<u8> {
    // The initiator's name is never 0.
    let initiator = (number | 1).to_be_bytes();
    let fixed = [NO_NEXT_PAYLOAD, VERSION, IKE_SA_INIT, INITIATOR];
    [&initiator[..], &NOBODY, &fixed, &FIRST_MESSAGE, &HEADER_BYTES.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn a_header_of_a_version_to_come_is_what_rfc_7296_draws() {
        let message = first_words(500, None, &asked(0x0102_0304_0506_0708)).unwrap();
        assert_eq!(message[..8], [1, 2, 3, 4, 5, 6, 7, 9]);
        assert_eq!(message[8..16], [0; 8]);
        assert_eq!(message[16..20], [0, 0x30, 34, 8]);
        assert_eq!(message[20..], [0, 0, 0, 0, 0, 0, 0, 28]);
    }

    #[test]
    fn behind_nat_it_is_told_from_esp() {
        let plain = first_words(500, None, &asked(7)).unwrap();
        assert_eq!(first_words(4_500, None, &asked(7)).unwrap(), [&[0; 4], &plain[..]].concat());
    }
}
