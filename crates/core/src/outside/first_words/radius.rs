//! RADIUS: whether the server is there, which is no request of any user's (RFC 5997 §2 and §3, RFC 2865 §3).
//!
//! Without the secret that it shares with its clients nobody can sign it, and a server that looks says nothing.

use alloc::vec::Vec;

use super::Speech;

pub(super) const SPEECH: Speech = Speech {
    ports: &[1_812, 1_813],
    names: &["radius", "radius-acct"],
    first: Some(|ask| status_server(ask.number)),
};

const STATUS_SERVER: u8 = 12;
/// Header, authenticator, and the one attribute that has to be there (RFC 3579 §3.2).
const PACKET_BYTES: u16 = 20 + 18;
const MESSAGE_AUTHENTICATOR: [u8; 2] = [80, 18];

fn status_server(number: u64) -> Vec<u8> {
    let number = number.to_be_bytes();
    let [.., identifier] = number;
    let unsigned = [0; 16];
    let head = [STATUS_SERVER, identifier];
    [&head[..], &PACKET_BYTES.to_be_bytes(), &number, &number, &MESSAGE_AUTHENTICATOR, &unsigned].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn the_status_is_asked_with_the_attribute_that_it_takes() {
        let packet = first_words(1_812, None, &asked(0x0102_0304_0506_0708)).unwrap();
        assert_eq!(packet[..4], [12, 8, 0, 38]);
        assert_eq!(packet[4..20], [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(packet[20..22], [80, 18]);
        assert_eq!(packet.len(), 38);
        assert_eq!(first_words(1_813, None, &asked(1)).map(|packet| packet[0]), Some(12));
    }
}
