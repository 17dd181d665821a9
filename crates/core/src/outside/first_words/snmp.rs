//! SNMP: which engine answers there, as version 3 finds it out before anybody names himself (RFC 3412 §6, RFC 3414 §4).

use alloc::vec::Vec;

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[161], names: &["snmp"], first: Some(|ask| discovery(ask.number)) };

/// How BER writes types (ITU-T X.690 §8): INTEGER, OCTET STRING, SEQUENCE, and the request of RFC 3416 §3.
const INTEGER: u8 = 0x02;
const STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const GET_REQUEST: u8 = 0xa0;
/// Whoever cannot do as he is asked is to say so; nothing is signed or hidden.
const REPORTABLE: [u8; 1] = [4];
/// The model that names users.
const USERS: [u8; 1] = [3];
/// 65,507, the most that a datagram takes.
const SIZE_MAX: [u8; 3] = [0, 0xff, 0xe3];
const VERSION: [u8; 1] = [3];
const ZERO: [u8; 1] = [0];

fn discovery(number: u64) -> Vec<u8> {
    let name = value(INTEGER, &name(number));
    let (zero, nothing) = (value(INTEGER, &ZERO), value(STRING, &[]));
    let head = [&name[..], &value(INTEGER, &SIZE_MAX), &value(STRING, &REPORTABLE), &value(INTEGER, &USERS)];
    // No engine, its boots and its time, no user, no signature, no key.
    let user = [&nothing, &zero, &zero, &nothing, &nothing, &nothing].map(Vec::as_slice).concat();
    let request = [&name[..], &zero, &zero, &value(SEQUENCE, &[])].concat();
    let scoped = [&nothing[..], &nothing, &value(GET_REQUEST, &request)].concat();
    let message = [
        value(INTEGER, &VERSION),
        value(SEQUENCE, &head.concat()),
        value(STRING, &value(SEQUENCE, &user)),
        value(SEQUENCE, &scoped),
    ];
    value(SEQUENCE, &message.concat())
}

/// Four bytes, the fewest that BER writes it with, and no sign.
fn name(number: u64) -> [u8; 4] {
    let [.., first, second, third, fourth] = number.to_be_bytes();
    [first & 0x3f | 0x40, second, third, fourth]
}

/// A value of less than 128 bytes, behind its type and its length.
fn value(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(bytes.len()).unwrap_or(0)], bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    /// Written down by hand from the definitions of RFC 3412 §6, RFC 3414 §2.4 and RFC 3416 §3.
    #[test]
    fn an_engine_is_discovered_by_an_empty_request() {
        let expected = [
            // Of 62 bytes: version 3.
            &[0x30, 62, 2, 1, 3][..],
            // The name, 65,507 bytes at most, reportable, the model of users.
            &[0x30, 17, 2, 4, 0x45, 6, 7, 8, 2, 3, 0, 0xff, 0xe3, 4, 1, 4, 2, 1, 3],
            // Nobody.
            &[4, 16, 0x30, 14, 4, 0, 2, 1, 0, 2, 1, 0, 4, 0, 4, 0, 4, 0],
            // Of no context, a request for nothing.
            &[0x30, 20, 4, 0, 4, 0, 0xa0, 14, 2, 4, 0x45, 6, 7, 8, 2, 1, 0, 2, 1, 0, 0x30, 0],
        ];
        assert_eq!(first_words(161, None, &asked(0x0102_0304_0506_0708)).unwrap(), expected.concat());
    }

    #[test]
    fn whichever_the_number_no_byte_of_its_name_is_too_much() {
        for number in [0, u64::MAX, 0x8000_0000] {
            let first = first_words(161, None, &asked(number)).unwrap()[9];
            assert!((0x40..0x80).contains(&first), "{first:x}");
        }
    }
}
