//! DNS: who serves the root, without asking the server to ask others (RFC 1035 §4.1, RFC 2308 §1).

use alloc::{format, string::String, vec, vec::Vec};
use core::net::IpAddr;

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[53], names: &["dns", "domain"], first: Some(|ask| query(ask.number, &[("", NS)])) };

const NS: u16 = 2;
const IN: u16 = 1;
/// No answers, no authorities and nothing additional.
const NO_RECORDS: [u8; 6] = [0; 6];

/// A standard query without recursion: fewer than 256 questions, each of a name whose labels have less than 64 bytes, and its kind
/// (RFC 1035 §2.3.4).
pub(super) fn query(number: u64, questions: &[(&str, u16)]) -> Vec<u8> {
    let [.., high, low] = number.to_be_bytes();
    let mut message = vec![high, low, 0, 0, 0, u8::try_from(questions.len()).unwrap_or(0)];
    message.extend(NO_RECORDS);
    for (name, kind) in questions {
        for label in name.split('.').filter(|label| !label.is_empty()) {
            message.push(u8::try_from(label.len()).unwrap_or(0));
            message.extend(label.bytes());
        }
        message.push(0);
        message.extend(kind.to_be_bytes());
        message.extend(IN.to_be_bytes());
    }
    message
}

/// The name under which it is looked up what an address is called (RFC 1035 §3.5, RFC 3596 §2.5).
pub(super) fn reverse(address: IpAddr) -> String {
    match address {
        IpAddr::V4(four) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(six) => {
            let halves = |byte: &u8| format!("{:x}.{:x}.", byte & 0xf, byte >> 4);
            six.octets().iter().rev().map(halves).collect::<String>() + "ip6.arpa"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{first_words, testing::asked},
        *,
    };

    #[test]
    fn a_query_is_what_rfc_1035_draws() {
        let message = first_words(53, None, &asked(0x1234_5678)).unwrap();
        assert_eq!(message[..2], [0x56, 0x78]);
        // No response, opcode 0, no recursion; one question: the root, type NS, class IN.
        assert_eq!(message[2..12], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[12..], [0, 0, 2, 0, 1]);
    }

    #[test]
    fn an_address_is_looked_up_backwards() {
        assert_eq!(reverse([198, 51, 100, 2].into()), "2.100.51.198.in-addr.arpa");
        let six = reverse("2001:db8::567:89ab".parse().unwrap());
        // The example of RFC 3596 §2.5, of another prefix.
        assert_eq!(six, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    }
}
