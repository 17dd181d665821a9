//! DNS: who serves the root, without asking the server to ask others (RFC 1035 §4.1, RFC 2308 §1).

use alloc::vec::Vec;

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[53], names: &["dns", "domain"], first: Some(|number| question(number, &[], NS)) };

const NS: u16 = 2;
const IN: u16 = 1;
/// Two bytes that name it come before these: a standard query without recursion, of one question and nothing else.
const HEADER: [u8; 10] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0];

/// A query of `kind` for the name of these labels, each of less than 64 bytes (RFC 1035 §2.3.4).
pub(super) fn question(number: u64, labels: &[&str], kind: u16) -> Vec<u8> {
    let [.., high, low] = number.to_be_bytes();
    let mut message: Vec<u8> = [high, low].into_iter().chain(HEADER).collect();
    for label in labels {
        message.push(u8::try_from(label.len()).unwrap_or(0));
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(kind.to_be_bytes());
    message.extend(IN.to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::super::first_words;

    #[test]
    fn a_query_is_what_rfc_1035_draws() {
        let message = first_words(53, None, 0x1234_5678).unwrap();
        assert_eq!(message[..2], [0x56, 0x78]);
        // No response, opcode 0, no recursion; one question: the root, type NS, class IN.
        assert_eq!(message[2..12], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(message[12..], [0, 0, 2, 0, 1]);
    }
}
