//! JSON in which everything that is not printable is escaped, also in a pipe.

use std::io::{self, Write};

use portreeve_core::visible::is_hidden;
use serde::Serialize;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Indented, for a person who looks at it.
    Indented,
    /// On one line.
    Line,
}

/// Writes `value` and a newline.
///
/// # Errors
///
/// What the writer answers.
pub(crate) fn write<T: Serialize>(writer: &mut dyn Write, value: &T, layout: Layout) -> io::Result<()> {
    let mut escaping = Escaping(writer);
    match layout {
        Layout::Indented => serde_json::to_writer_pretty(&mut escaping, value)?,
        Layout::Line => serde_json::to_writer(&mut escaping, value)?,
    }
    writer.write_all(b"\n")
}

/// Escapes what serde_json leaves as it is; such characters can only stand inside strings.
struct Escaping<'a>(&'a mut dyn Write);

impl Write for Escaping<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.iter().all(|byte| matches!(byte, 0..0x7f)) {
            self.0.write_all(bytes)?;
        } else {
            // serde_json hands over whole fragments of strings, never half a character.
            let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
            self.0.write_all(escaped(text).as_bytes())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if character >= '\x7f' && is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                escaped += &format!("\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        let mut bytes = Vec::new();
        write(&mut bytes, &text, Layout::Line).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn everything_unprintable_is_escaped_and_reads_back() {
        let hostile = "\x1b[2J\u{9b}x\u{7f}\u{202e}\u{200b}\u{e0041}日本";
        let written = line(hostile);
        assert_eq!(written, "\"\\u001b[2J\\u009bx\\u007f\\u202e\\u200b\\udb40\\udc41日本\"\n");
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), hostile);
    }
}
