//! SSDP: the search for the root of a device, sent to one host alone (UPnP Device Architecture 2.0 §1.3.2 and §1.3.3).

use super::Speech;

pub(super) const SPEECH: Speech =
    Speech { ports: &[1_900], names: &["ssdp", "upnp"], first: Some(|_| SEARCH.into()) };

/// Older devices answer only where it says how long they may take, though it is nobody's but theirs.
const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\
                        MX: 1\r\nST: upnp:rootdevice\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::super::{first_words, testing::asked};

    #[test]
    fn a_search_has_the_lines_that_it_takes() {
        let packet = first_words(1_900, None, &asked(7)).unwrap();
        let text = core::str::from_utf8(&packet).unwrap();
        let lines: alloc::vec::Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "M-SEARCH * HTTP/1.1");
        assert!(lines.contains(&"MAN: \"ssdp:discover\"") && lines.contains(&"ST: upnp:rootdevice"));
        assert_eq!(lines[lines.len() - 2..], ["", ""]);
    }
}
