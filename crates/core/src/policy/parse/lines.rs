//! Where a byte of a policy file stands: line, column and width in characters.

use alloc::{sync::Arc, vec::Vec};

use crate::policy::Place;

/// Characters are counted once for each block of this many bytes, so that one long line costs no more than many.
const BLOCK_BYTES: usize = 256;

/// A stretch of bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    /// The file, by its number in the order they were given.
    pub(super) file: u32,
    /// The first byte.
    pub(super) start: u32,
    /// The byte after the last.
    pub(super) end: u32,
}

/// A file's text with what is needed to find places in it.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    name: Arc<str>,
    text: &'a str,
    starts: Vec<u32>,
    characters: Vec<u32>,
}

/// A length or offset of a file: the limit on a file's size keeps it far below 2³².
pub(super) fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl<'a> Lines<'a> {
    pub(super) fn new(name: Arc<str>, text: &'a str) -> Self {
        let mut starts = alloc::vec![0];
        // Lines are short: comparing each byte is quicker than searching anew behind each line.
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'\n' {
                starts.push(narrow(at + 1));
            }
        }
        let mut seen = 0;
        let characters = text
            .as_bytes()
            .chunks(BLOCK_BYTES)
            .map(|block| {
                let before = seen;
                seen += count_characters(block);
                before
            })
            .collect();
        Self { name, text, starts, characters }
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> u32 {
        narrow(self.starts.partition_point(|&start| start as usize <= at))
    }

    /// The text of a line, from 1, without its end.
    fn line_text(&self, line: u32) -> &'a str {
        let start = self.start(line);
        let end = self.starts.get(line as usize).map_or(self.text.len(), |&at| at as usize - 1);
        self.text.get(start..end).unwrap_or("").trim_end_matches('\r')
    }

    /// The first byte of a line, from 1.
    fn start(&self, line: u32) -> usize {
        self.starts.get(line.saturating_sub(1) as usize).map_or(self.text.len(), |&at| at as usize)
    }

    /// The place of a stretch, and how many characters of its first line it covers: one at least.
    pub(super) fn place(&self, start: usize, end: usize) -> (Place, u32) {
        let start = self.onto_text(start);
        let line = self.line(start);
        let line_start = self.start(line);
        let line_end = line_start + self.line_text(line).len();
        let width = self.characters_between(start, end.clamp(start, line_end.max(start)));
        let column = self.characters_between(line_start, start) + 1;
        (Place { file: self.name.clone(), line, column }, width.max(1))
    }

    /// What is wrong with a file's end is shown after its last visible character.
    fn onto_text(&self, at: usize) -> usize {
        if at < self.text.len() { at } else { self.text.trim_end().len() }
    }

    fn characters_between(&self, start: usize, end: usize) -> u32 {
        if end - start <= BLOCK_BYTES {
            return count_characters(&self.text.as_bytes()[start..end]);
        }
        self.characters_before(end) - self.characters_before(start)
    }

    fn characters_before(&self, at: usize) -> u32 {
        let block = at / BLOCK_BYTES;
        match self.characters.get(block) {
            Some(before) => before + count_characters(&self.text.as_bytes()[block * BLOCK_BYTES..at]),
            None => self.characters.last().map_or(0, |before| {
                before + count_characters(&self.text.as_bytes()[(self.characters.len() - 1) * BLOCK_BYTES..])
            }),
        }
    }
}

fn count_characters(bytes: &[u8]) -> u32 {
    if bytes.is_ascii() {
        return narrow(bytes.len());
    }
    narrow(bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};

    fn at(text: &str, start: usize, end: usize) -> (u32, u32, u32) {
        let (place, width) = Lines::new("f".into(), text).place(start, end);
        (place.line, place.column, width)
    }

    #[test]
    fn columns_count_characters_from_one() {
        assert_eq!(at("a = 1\nb = 22\n", 10, 12), (2, 5, 2));
        assert_eq!(at("あい = \"う\"", 9, 14), (1, 6, 3));
    }

    #[test]
    fn a_stretch_over_several_lines_ends_with_its_first() {
        assert_eq!(at("x = [\r\n1,\r\n]", 4, 12), (1, 5, 1));
    }

    #[test]
    fn the_end_of_a_file_is_after_its_last_visible_character() {
        assert_eq!(at("x = [\n\n", 7, 7), (1, 6, 1));
        assert_eq!(at("", 0, 0), (1, 1, 1));
    }

    #[test]
    fn every_place_is_what_counting_from_the_start_gives() {
        let text: String = (0..400).map(|n| format!("行{n} é\n{}", "ж".repeat(n % 7))).collect();
        let lines = Lines::new("f".into(), &text);
        for (offset, _) in text.char_indices() {
            let before = &text[..offset];
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            let (place, _) = lines.place(offset, offset + 1);
            if offset < text.trim_end().len() {
                assert_eq!(place.line as usize, before.matches('\n').count() + 1);
                assert_eq!(Some(lines.line_text(place.line)), text.lines().nth(place.line as usize - 1));
                assert_eq!(place.column as usize, before[line_start..].chars().count() + 1);
            }
        }
    }
}
