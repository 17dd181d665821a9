//! The lines of a log that is saved, each with the moment at which it was written.

use std::io::{self, BufRead, Read as _};

use jiff::Timestamp;
use portreeve_core::logs::{Form, LINE_BYTES_MAX, header};

/// A line of a log, as far as it is read.
#[derive(Debug)]
pub(super) struct Line {
    /// When it was written, where it says so.
    pub(super) at: Option<Timestamp>,
    /// It, without its end where that is too far.
    pub(super) text: String,
    /// Whether something was cut off.
    pub(super) is_cut: bool,
    /// Whether it is of the form of the lines before it.
    pub(super) is_own: bool,
}

/// A log, its next line read already.
pub(super) struct Log {
    reader: Box<dyn BufRead>,
    now: Timestamp,
    /// What the last line says that says when.
    last: Timestamp,
    form: Form,
    lines: u64,
    understood: u64,
    next: Option<Line>,
}

impl Log {
    /// What was written without a year was so before `now`.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn open(reader: Box<dyn BufRead>, now: Timestamp) -> io::Result<Self> {
        let mut log = Self {
            reader,
            now,
            last: Timestamp::MIN,
            form: Form::default(),
            lines: 0,
            understood: 0,
            next: None,
        };
        log.next = log.read()?;
        Ok(log)
    }

    /// When its next line was written, which is read at once where it does not say; `None` where there is none.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.next.as_ref().map(|_| self.last)
    }

    /// Whether it has lines, and none of those that were read is of a program that is known.
    pub(super) const fn is_foreign(&self) -> bool {
        self.lines > 0 && self.understood == 0
    }

    /// Its next line.
    ///
    /// # Errors
    ///
    /// What follows it cannot be read.
    pub(super) fn take(&mut self) -> io::Result<Option<Line>> {
        let next = self.read()?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let Some((text, is_cut)) = line(&mut self.reader)? else { return Ok(None) };
        let header = header::split(&text);
        self.lines += 1;
        self.understood += u64::from(header.is_some());
        let is_own = header.is_none_or(|header| self.form.admits(header.program));
        let stamp = header.and_then(|header| header.stamp);
        let at = stamp.and_then(|stamp| stamp.moment(self.now));
        self.last = at.unwrap_or(self.last);
        Ok(Some(Line { at, text, is_cut, is_own }))
    }
}

/// A line, and whether it was longer than a log's are; `None` at the end.
fn line(reader: &mut impl BufRead) -> io::Result<Option<(String, bool)>> {
    let mut bytes = Vec::new();
    let most = LINE_BYTES_MAX as u64 + 1;
    if reader.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let is_cut = bytes.len() > LINE_BYTES_MAX && bytes.last() != Some(&b'\n');
    if is_cut {
        skip_line(reader)?;
        bytes.truncate(LINE_BYTES_MAX);
    }
    Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), is_cut)))
}

/// Passes over what is left of a line.
fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let rest = reader.fill_buf()?;
        let end = rest.iter().position(|byte| *byte == b'\n');
        let (count, is_over) = (end.map_or(rest.len(), |end| end + 1), end.is_some() || rest.is_empty());
        reader.consume(count);
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn lines(bytes: &[u8]) -> Vec<(usize, bool)> {
        let mut reader = BufReader::with_capacity(16, bytes);
        std::iter::from_fn(|| line(&mut reader).expect("it is in memory"))
            .map(|(text, is_cut)| (text.trim_end().len(), is_cut))
            .collect()
    }

    #[test]
    fn a_line_is_as_long_as_it_is_or_cut() {
        let long = "x".repeat(3 * LINE_BYTES_MAX);
        let text = format!("a\n\n{long}\nbc\n{}\nno end", "y".repeat(LINE_BYTES_MAX));
        let expected =
            [(1, false), (0, false), (LINE_BYTES_MAX, true), (2, false), (LINE_BYTES_MAX, false), (6, false)];
        assert_eq!(lines(text.as_bytes()), expected);
        assert_eq!(lines(b"a\0\xff\n"), [(5, false)], "an odd byte is told as such");
        assert_eq!(lines(b""), []);
    }
}
