//! Cuts a CSV file into rows, strictly (RFC 4180), so that damage is noticed where it is.
//!
//! Readers that forgive an unclosed quote would swallow the rest of the file as one cell and report nothing.

use alloc::{string::String, vec::Vec};

use super::{Mistake, Reason};

const CELLS_MAX: usize = 64;
const CELL_BYTES_MAX: usize = 64 << 10;

/// A row and the line on which it begins, from 1.
pub(super) struct Row {
    pub(super) line: u32,
    pub(super) cells: Vec<String>,
}

/// The rows of a file; empty lines are none. Nothing comes after a mistake.
pub(super) struct Rows<'a> {
    rest: &'a [u8],
    line: u32,
}

/// What stands behind a cell.
enum End {
    Cell,
    Row,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, line: 1 }
    }

    fn row(&mut self) -> Result<Row, Mistake> {
        let mut row = Row { line: self.line, cells: Vec::new() };
        loop {
            let (cell, end) = self.cell()?;
            row.cells.push(cell);
            match end {
                End::Row => return Ok(row),
                End::Cell if row.cells.len() == CELLS_MAX => return Err(Reason::TooManyCells.at(row.line)),
                End::Cell => {}
            }
        }
    }

    fn cell(&mut self) -> Result<(String, End), Mistake> {
        let line = self.line;
        let bytes = if self.take(b"\"") { self.quoted(line)? } else { self.plain()? };
        let cell = String::from_utf8(bytes).map_err(|_| Reason::NotUtf8.at(line))?;
        if self.take(b",") {
            Ok((cell, End::Cell))
        } else if self.ends_row() {
            Ok((cell, End::Row))
        } else {
            Err(Reason::BehindQuote.at(self.line))
        }
    }

    /// The rest of a quoted cell: quotes are doubled in it, and lines may end in it in any way.
    fn quoted(&mut self, line: u32) -> Result<Vec<u8>, Mistake> {
        let mut cell = Vec::new();
        loop {
            let length = self.rest.iter().position(|&byte| byte == b'"').ok_or(Reason::OpenQuote.at(line))?;
            self.move_to(&mut cell, length)?;
            self.take(b"\"");
            if !self.take(b"\"") {
                return Ok(cell);
            }
            cell.push(b'"');
        }
    }

    fn plain(&mut self) -> Result<Vec<u8>, Mistake> {
        let mut cell = Vec::new();
        let ends = |byte: &u8| matches!(byte, b',' | b'\r' | b'\n' | b'"');
        let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        self.move_to(&mut cell, length)?;
        match self.rest {
            [b'"', ..] => Err(Reason::StrayQuote.at(self.line)),
            [b'\r', b'\n', ..] => Ok(cell),
            [b'\r', ..] => Err(Reason::StrayReturn.at(self.line)),
            _ => Ok(cell),
        }
    }

    fn move_to(&mut self, cell: &mut Vec<u8>, length: usize) -> Result<(), Mistake> {
        let (bytes, rest) = self.rest.split_at(length);
        if cell.len() + length > CELL_BYTES_MAX {
            return Err(Reason::LongCell.at(self.line));
        }
        self.line += bytes.iter().map(|&byte| u32::from(byte == b'\n')).sum::<u32>();
        self.rest = rest;
        cell.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether a row ends here; its line end is taken.
    fn ends_row(&mut self) -> bool {
        let ended = self.take(b"\r\n") || self.take(b"\n");
        self.line += u32::from(ended);
        ended || self.rest.is_empty()
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(bytes);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, Mistake>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() && self.ends_row() {}
        if self.rest.is_empty() {
            return None;
        }
        let row = self.row();
        if row.is_err() {
            self.rest = &[];
        }
        Some(row)
    }
}
