//! Where the lines of a document are broken.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;

use super::Layout;

/// A value that has been written as JSON already, on one line, and stands in the document as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'t>(pub(crate) &'t [u8]);

impl Serialize for Written<'_> {
    /// No document has bytes otherwise, which JSON does not know.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Breaks lines as deep as a layout wants it.
#[derive(Debug)]
pub(super) struct Lines {
    depth_max: usize,
    depth: usize,
    /// Whether anything stands in what was opened last.
    is_filled: bool,
}

impl Lines {
    /// Those of `layout`.
    pub(super) const fn of(layout: Layout) -> Self {
        let depth_max = match layout {
            Layout::Indented => usize::MAX,
            // The document itself and its lists; what is deeper stands within a row.
            Layout::Rows => 2,
            Layout::Line => 0,
        };
        Self { depth_max, depth: 0, is_filled: false }
    }

    fn open<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.is_filled = false;
        writer.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.is_filled && self.breaks_lines() {
            break_line(writer, self.depth - 1)?;
        }
        self.depth -= 1;
        writer.write_all(bracket)
    }

    fn next<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        if self.breaks_lines() { break_line(writer, self.depth) } else { Ok(()) }
    }

    const fn breaks_lines(&self) -> bool {
        self.depth <= self.depth_max
    }
}

fn break_line<W: Write + ?Sized>(writer: &mut W, depth: usize) -> io::Result<()> {
    writer.write_all(b"\n")?;
    (0..depth).try_for_each(|_| writer.write_all(b"  "))
}

impl Formatter for Lines {
    fn write_byte_array<W: Write + ?Sized>(&mut self, writer: &mut W, value: &[u8]) -> io::Result<()> {
        writer.write_all(value)
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_filled = true;
        Ok(())
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(if self.breaks_lines() { b": " } else { b":" })
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.is_filled = true;
        Ok(())
    }
}
