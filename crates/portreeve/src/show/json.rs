//! JSON in which everything that is not printable is escaped, also in a pipe.

mod layout;

use std::io::{self, Write};

use portreeve_core::visible::is_hidden;
use serde::Serialize;
use serde_json::Serializer;

use self::layout::Lines;
pub(crate) use self::layout::Written;

/// How a document is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Indented, for a person who looks at it.
    Indented,
    /// Indented as far as its lists, whose rows have a line each: there may be a hundred thousand.
    Rows,
    /// On one line.
    Line,
}

/// Writes `value` and a newline.
///
/// # Errors
///
/// What the writer answers.
pub(crate) fn write<T: Serialize>(writer: &mut dyn Write, value: &T, layout: Layout) -> io::Result<()> {
    let mut escaping = Escaping { writer, block: Vec::with_capacity(BLOCK_BYTES) };
    value.serialize(&mut Serializer::with_formatter(&mut escaping, Lines::of(layout)))?;
    escaping.write_all(b"\n")?;
    escaping.hand_over()
}

const BLOCK_BYTES: usize = 128 * 1024;
/// So many bytes are looked at in one go; a processor compares them several at a time.
const STRIDE_BYTES: usize = 64;

/// Escapes what serde_json leaves as it is; such characters can only stand inside strings.
///
/// serde_json hands over a few bytes at a time, but never half a character: so neither is a block that is made of what
/// it hands over, and looking through that once costs next to nothing.
struct Escaping<'a> {
    writer: &'a mut dyn Write,
    block: Vec<u8>,
}

impl Escaping<'_> {
    fn hand_over(&mut self) -> io::Result<()> {
        if is_plain(&self.block) {
            self.writer.write_all(&self.block)?;
        } else {
            let text = std::str::from_utf8(&self.block).map_err(io::Error::other)?;
            self.writer.write_all(escaped(text).as_bytes())?;
        }
        self.block.clear();
        Ok(())
    }
}

impl Write for Escaping<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline(always)]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.block.len() + bytes.len() > BLOCK_BYTES {
            self.hand_over()?;
        }
        self.block.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.writer.flush()
    }
}

/// Whether these are all of ASCII and none is DEL; other controls cannot be, as serde_json escapes them in strings.
fn is_plain(bytes: &[u8]) -> bool {
    let most = |stride: &[u8]| stride.iter().fold(0, |most, &byte| byte.max(most));
    let (strides, rest) = bytes.as_chunks::<STRIDE_BYTES>();
    strides.iter().all(|stride| most(stride) < 0x7f) && most(rest) < 0x7f
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
