//! A reader of JSON that ends where its text grows beyond what any snapshot needs.

use std::io::{self, Read};

/// A snapshot nests six deep.
const DEPTH_MAX: u32 = 32;
/// Items of all arrays together, a few for each of 100,000 connections: an empty text takes three bytes here and
/// twenty-four in memory.
const ITEMS_MAX: u32 = 1 << 20;
/// Members of all objects together, thirteen for each of 100,000 connections: a process of few bytes here takes five
/// times as many in memory.
const MEMBERS_MAX: u32 = 3 << 19;
/// Linux bounds a command line at 128 KiB an argument, and a path at 4 KiB.
const STRING_BYTES_MAX: u32 = 1024 * 1024;

/// Passes bytes on while they stay within bounds.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    reader: R,
    left: u64,
    depth: u32,
    /// Of what is open, the innermost in the lowest bit: whether it is an array.
    arrays: u64,
    items: u32,
    members: u32,
    string: Option<u32>,
    escaped: bool,
}

impl<R: Read> Bounded<R> {
    /// `reader`, of at most `bytes`.
    pub(super) const fn new(reader: R, bytes: u64) -> Self {
        Self { reader, left: bytes, depth: 0, arrays: 0, items: 0, members: 0, string: None, escaped: false }
    }

    /// One byte further; whether it stays within bounds.
    fn accepts(&mut self, byte: u8) -> bool {
        match (self.string, byte) {
            (Some(_), _) if self.escaped => self.escaped = false,
            (Some(_), b'\\') => self.escaped = true,
            (Some(_), b'"') => self.string = None,
            (Some(length), _) => self.string = Some(length + 1),
            (None, b'"') => self.string = Some(0),
            (None, b'{' | b'[') => self.open(byte == b'['),
            (None, b'}' | b']') => self.close(),
            (None, b',') => self.items += u32::from(self.arrays & 1 == 1),
            (None, b':') => self.members += 1,
            (None, _) => {}
        }
        self.depth <= DEPTH_MAX
            && self.items <= ITEMS_MAX
            && self.members <= MEMBERS_MAX
            && self.string.is_none_or(|length| length <= STRING_BYTES_MAX)
    }

    fn open(&mut self, array: bool) {
        self.depth += 1;
        self.arrays = self.arrays << 1 | u64::from(array);
        self.items += u32::from(array);
    }

    const fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.arrays >>= 1;
    }
}

impl<R: Read> Read for Bounded<R> {
    /// Answers `FileTooLarge` beyond the bytes, `InvalidInput` beyond depth length of a string, or number of items or members.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left =
            self.left.checked_sub(count as u64).ok_or(io::Error::from(io::ErrorKind::FileTooLarge))?;
        let within = buffer.iter().take(count).all(|&byte| self.accepts(byte));
        if within { Ok(count) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], bytes: u64) -> Result<u64, io::ErrorKind> {
        let mut reader = Bounded::new(text, bytes);
        io::copy(&mut reader, &mut io::sink()).map_err(|error| error.kind())
    }

    #[test]
    fn every_bound_holds() {
        assert_eq!(read(b"{\"a\":[1,2]}", 11), Ok(11));
        assert_eq!(read(b"{\"a\":[1,2]}", 10), Err(io::ErrorKind::FileTooLarge));
        assert_eq!(read(&b"[".repeat(32), 100), Ok(32));
        assert_eq!(read(&b"[".repeat(33), 100), Err(io::ErrorKind::InvalidInput));
        // The bracket counts as the first item.
        let items = |commas: usize| [b"{\"a\":[".to_vec(), b"1,".repeat(commas)].concat();
        assert_eq!(read(&items((1 << 20) - 1), u64::MAX), Ok(6 + 2 * ((1 << 20) - 1)));
        assert_eq!(read(&items(1 << 20), u64::MAX), Err(io::ErrorKind::InvalidInput));
        let members = |count: usize| [b"{".to_vec(), b"\"a\":0,".repeat(count)].concat();
        assert_eq!(read(&members(3 << 19), u64::MAX), Ok(1 + 6 * (3 << 19)));
        assert_eq!(read(&members((3 << 19) + 1), u64::MAX), Err(io::ErrorKind::InvalidInput));
        let long = [b"\"".to_vec(), b"a".repeat(1024 * 1024 + 1)].concat();
        assert_eq!(read(&long, u64::MAX), Err(io::ErrorKind::InvalidInput));
    }

    #[test]
    fn brackets_within_strings_and_escaped_quotes_do_not_count() {
        let text = [b"\"\\\"".to_vec(), b"[".repeat(100), b"\"".to_vec()].concat();
        assert_eq!(read(&text, 1_000), Ok(text.len() as u64));
    }
}
