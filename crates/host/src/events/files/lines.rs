//! Whole lines out of the bytes of a log, however these come, and never more of a line than is read of it.

use portreeve_core::logs::LINE_BYTES_MAX;

/// What was read of a line that has not ended yet.
#[derive(Debug)]
pub(in crate::events) struct Lines {
    most: usize,
    begun: Vec<u8>,
    rest: Rest,
}

impl Default for Lines {
    fn default() -> Self {
        Self::of(LINE_BYTES_MAX)
    }
}

/// What becomes of the bytes up to the next end of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Rest {
    /// They belong to the line.
    #[default]
    Wanted,
    /// The line is longer than a log's are: it is told without them.
    Cut,
    /// Nobody saw where the line begins, so it is not told: a stranger may have written what stands there.
    Headless,
}

impl Lines {
    /// Of lines of so many bytes at most; more is cut off.
    pub(in crate::events) const fn of(most: usize) -> Self {
        Self { most, begun: Vec::new(), rest: Rest::Wanted }
    }

    /// From within a line: what is left of it is passed over.
    pub(super) fn within() -> Self {
        Self { rest: Rest::Headless, ..Self::of(LINE_BYTES_MAX) }
    }

    /// Gives each line that ends within `bytes` to `each`, without its end, and whether something of it was cut off.
    pub(in crate::events) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8], bool)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let is_whole = piece.last() == Some(&b'\n');
            self.keep(piece.strip_suffix(b"\n").unwrap_or(piece));
            if is_whole {
                self.end(&mut each);
            }
        }
    }

    /// How many bytes before the end of what was read the unfinished line begins.
    pub(super) const fn begun_bytes(&self) -> usize {
        self.begun.len()
    }

    /// Whether the end of what was read is within a line whose beginning would not be told of again.
    pub(super) fn is_within(&self) -> bool {
        self.rest != Rest::Wanted
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.rest != Rest::Wanted {
            return;
        }
        let piece = if self.begun.is_empty() { without_hole(piece) } else { piece };
        let room = self.most - self.begun.len();
        self.begun.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            self.rest = Rest::Cut;
        }
    }

    fn end(&mut self, each: &mut impl FnMut(&[u8], bool)) {
        match self.rest {
            Rest::Wanted => each(&self.begun, false),
            Rest::Cut => each(&self.begun, true),
            Rest::Headless => {}
        }
        self.begun.clear();
        self.rest = Rest::Wanted;
    }
}

/// A program that does not append goes on where it was in a file that was emptied: what was there before reads as zeros.
fn without_hole(piece: &[u8]) -> &[u8] {
    let hole = piece.iter().take_while(|byte| **byte == 0).count();
    &piece[hole..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(mut lines: Lines, pieces: &[&[u8]]) -> Vec<(usize, bool)> {
        let mut told = Vec::new();
        for piece in pieces {
            lines.take(piece, |line, is_cut| told.push((line.len(), is_cut)));
        }
        told
    }

    #[test]
    fn a_line_is_whole_however_its_bytes_come() {
        let whole = [(1, false), (0, false), (2, false)];
        assert_eq!(lines(Lines::default(), &[b"a\n\nbc\nno end"]), whole);
        assert_eq!(lines(Lines::default(), &[b"a", b"\n", b"\nb", b"", b"c\n"]), whole);
    }

    #[test]
    fn what_is_too_long_is_cut_and_told_once() {
        let long = vec![b'x'; 3 * LINE_BYTES_MAX];
        let just = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(Lines::default(), &[&long, &long, b"\nab\n"]), [(LINE_BYTES_MAX, true), (2, false)]);
        assert_eq!(lines(Lines::default(), &[&just, b"\n"]), [(LINE_BYTES_MAX, false)]);
        assert_eq!(lines(Lines::default(), &[&just, b"x\n"]), [(LINE_BYTES_MAX, true)]);
        let mut endless = Lines::default();
        for _ in 0..100 {
            endless.take(&long, |_, _| panic!("no line ends"));
        }
        assert!(endless.is_within() && endless.begun.capacity() <= 2 * LINE_BYTES_MAX);
    }

    #[test]
    fn a_line_whose_beginning_nobody_saw_is_not_told() {
        assert_eq!(lines(Lines::within(), &[b"from 192.0.2.1\n", b"abc\n"]), [(3, false)]);
        assert_eq!(lines(Lines::within(), &[b"\na\n"]), [(1, false)]);
    }

    #[test]
    fn zeros_before_a_line_are_a_hole_and_within_it_are_what_was_written() {
        assert_eq!(lines(Lines::default(), &[&[0; 70], &[0; 70], b"ab\0c\n"]), [(4, false)]);
    }
}
