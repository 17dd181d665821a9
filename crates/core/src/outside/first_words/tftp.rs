//! TFTP: a file is asked for that nobody has, which is answered by an error (RFC 1350 §2, §4 and §5).

use alloc::{format, vec::Vec};

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[69], names: &["tftp"], first: Some(|ask| read_request(ask.number)) };

const READ_REQUEST: [u8; 2] = [0, 1];
const ERROR: [u8; 2] = [0, 5];
/// The highest that is assigned (RFC 2347).
const ERROR_CODE_MAX: u16 = 8;
/// An error that is longer than a block of data is none.
const ERROR_BYTES_MAX: usize = 516;

fn read_request(number: u64) -> Vec<u8> {
    [&READ_REQUEST[..], format!("no-such-file-{number:016x}").as_bytes(), b"\0octet\0"].concat()
}

/// Whether it is an error, which comes from a port that the server chooses for the transfer (RFC 1350 §4).
pub(in crate::outside) fn is_from_elsewhere(words: &[u8]) -> bool {
    let code = words.get(2..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_be_bytes);
    words.starts_with(&ERROR)
        && words.len() <= ERROR_BYTES_MAX
        && code.is_some_and(|code| code <= ERROR_CODE_MAX)
        && words.get(4..).is_some_and(|text| text.last() == Some(&0))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{first_words, testing::asked},
        *,
    };

    #[test]
    fn a_file_is_asked_for_that_nobody_has() {
        let packet = first_words(69, None, &asked(0xab)).unwrap();
        assert_eq!(packet, *b"\0\x01no-such-file-00000000000000ab\0octet\0");
    }

    #[test]
    fn an_error_is_one_of_those_that_are_assigned_with_its_text() {
        assert!(is_from_elsewhere(b"\0\x05\0\x01File not found\0") && is_from_elsewhere(b"\0\x05\0\0\0"));
        for other in [
            &b""[..],
            b"\0\x05",
            b"\0\x05\0\x01",
            b"\0\x05\0\x01no end",
            b"\0\x05\0\x09x\0",
            b"\0\x03\0\x01x\0",
            &[&[0, 5, 0, 1][..], &[0; 600]].concat(),
        ] {
            assert!(!is_from_elsewhere(other), "{other:?}");
        }
    }
}
