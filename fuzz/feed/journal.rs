//! Gives bytes to the reader of what `journalctl -o json` prints: much of a line is written by whoever likes.

use portreeve_core::logs::journal::Accounts;
use portreeve_host::events::journal::line::read;

/// Whoever is no root and no known account speaks for nobody but a web server, whose workers are whomever it says.
pub(crate) fn feed(bytes: &[u8]) {
    for text in bytes.split(|byte| *byte == b'\n') {
        let Some(line) = read(text) else { continue };
        let entry = line.entry();
        let Some(header) = entry.header(Accounts { postfix: Some(102) }) else { continue };
        assert!(entry.message.unwrap_or_default().contains(header.message));
        assert!([Some(0), Some(102)].contains(&entry.uid) || entry.identifier == Some("nginx"));
    }
}
