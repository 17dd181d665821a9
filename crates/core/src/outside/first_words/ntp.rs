//! NTP: the time, as any client asks for it (RFC 5905 §7.3).

use super::Speech;

/// A server gives the number back as the time at which it was asked.
pub(super) const SPEECH: Speech = Speech {
    ports: &[123],
    names: &["ntp"],
    first: Some(|ask| {
        let head = [CLIENT].into_iter().chain([0; 39]);
        head.chain(ask.number.to_be_bytes()).collect()
    }),
};

/// No warning, version 4, mode 3.
const CLIENT: u8 = 4 << 3 | 3;

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn a_client_asks_with_its_own_time_alone() {
        let packet = first_words(123, None, &asked(0x0102_0304_0506_0708)).unwrap();
        assert_eq!((packet.len(), packet[0]), (48, 0x23));
        assert!(packet[1..40].iter().all(|byte| *byte == 0));
        assert_eq!(packet[40..], [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
