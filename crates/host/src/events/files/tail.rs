//! One file of a log, read while it is written to, from where it was read last.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

use portreeve_core::fnv::fnv;
use rustix::fs::{SeekFrom, fstat, seek};
use serde::{Deserialize, Serialize};

use super::{
    lines::Lines,
    opened::{Identity, Opened},
};

/// So many bytes before the place are remembered: whoever writes a file anew does not write them again.
const RECENT_BYTES: usize = 64;
/// A file that grows faster than it is read is followed so far behind.
const BEHIND_MAX: Duration = Duration::from_secs(5);

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// In which file; 0 where there was none.
    pub inode: u64,
    /// At which byte.
    pub offset: u64,
    /// A digest of what stands before it.
    pub recent: u32,
    /// Whether that is within a line that is not told of.
    pub is_within: bool,
}

impl Position {
    /// There was no file: all of the one that comes is news.
    pub const NOWHERE: Self = Self { inode: 0, offset: 0, recent: 0, is_within: false };
}

/// Something that is read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Line {
        text: &'t [u8],
        is_cut: bool,
        /// Whether it was there before anybody followed it.
        is_old: bool,
    },
    /// So many bytes were passed over.
    Skipped(u64),
}

/// How far it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// To its end.
    End,
    /// There may be more.
    Budget,
}

/// A file, and how far it was read.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    pub(super) identity: Identity,
    /// Its watch; `None` where it is not told of.
    pub(super) watch: Option<i32>,
    offset: u64,
    lines: Lines,
    /// The last bytes before `offset`.
    recent: Vec<u8>,
    /// What stands before this was there before anybody followed it.
    old_until: u64,
    /// When it had so many bytes, of which some are still unread.
    behind: Option<(Instant, u64)>,
    /// When something new was read last.
    pub(super) grew: Instant,
    pub(super) is_at_end: bool,
}

impl Tail {
    /// From its beginning.
    pub(super) fn begin(opened: Opened, is_old: bool, now: Instant) -> Self {
        let old_until = if is_old { opened.size } else { 0 };
        Self {
            file: opened.file,
            identity: opened.identity,
            watch: None,
            offset: 0,
            lines: Lines::default(),
            recent: Vec::new(),
            old_until,
            behind: None,
            grew: now,
            is_at_end: false,
        }
    }

    /// From its end: what was there before is nobody's business.
    pub(super) fn end(opened: Opened, now: Instant) -> io::Result<Self> {
        let size = opened.size;
        let mut tail = Self::begin(opened, false, now);
        tail.place(size)?;
        Ok(tail)
    }

    /// From where it was read before; from its beginning, where it was emptied or written anew since.
    pub(super) fn resume(opened: Opened, kept: &Position, now: Instant) -> Self {
        let size = opened.size;
        let mut tail = Self::begin(opened, true, now);
        let is_there = kept.offset <= size && tail.place(kept.offset).is_ok();
        if is_there && digest(&tail.recent) == kept.recent {
            tail.lines = if kept.is_within { Lines::within() } else { Lines::default() };
            return tail;
        }
        tail.restart();
        tail
    }

    /// Whether this is where `opened` was read before.
    pub(super) fn is_at(opened: &Opened, kept: &Position) -> bool {
        let recent = before(&opened.file, kept.offset);
        opened.identity.inode == kept.inode
            && kept.offset <= opened.size
            && recent.is_ok_and(|recent| digest(&recent) == kept.recent)
    }

    /// Where reading would go on. A line that has begun is read again.
    pub(super) fn position(&self) -> io::Result<Position> {
        let begun = if self.lines.is_within() { 0 } else { self.lines.begun_bytes() };
        let offset = self.offset.saturating_sub(u64::try_from(begun).unwrap_or_default());
        let recent = digest(&before(&self.file, offset)?);
        Ok(Position { inode: self.identity.inode, offset, recent, is_within: self.lines.is_within() })
    }

    /// Whether a file of this name may be another one by now: nothing leads to it any more.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Reads on, `budget` bytes at most, by way of `buffer`.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        budget: usize,
        now: Instant,
        each: &mut impl FnMut(Piece<'_>),
    ) -> io::Result<Until> {
        let mut left = budget;
        self.is_at_end = false;
        while left > 0 {
            let count = match self.file.read_at(buffer, self.offset - self.recent_bytes()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            // What was read before stands there no more: it was emptied, or written anew.
            let Some(new) = buffer[..count].strip_prefix(self.recent.as_slice()) else {
                self.restart();
                continue;
            };
            self.take(new, now, each);
            left = left.saturating_sub(new.len().max(1));
            if count < buffer.len() {
                (self.behind, self.is_at_end) = (None, true);
                return Ok(Until::End);
            }
            self.pass_hole(buffer)?;
        }
        self.keep_up(now, each)?;
        Ok(Until::Budget)
    }

    fn take(&mut self, new: &[u8], now: Instant, each: &mut impl FnMut(Piece<'_>)) {
        if new.is_empty() {
            return;
        }
        let is_old = self.offset < self.old_until;
        self.lines.take(new, |text, is_cut| each(Piece::Line { text, is_cut, is_old }));
        self.offset += u64::try_from(new.len()).unwrap_or_default();
        self.recent.extend_from_slice(&new[new.len().saturating_sub(RECENT_BYTES)..]);
        self.recent.drain(..self.recent.len().saturating_sub(RECENT_BYTES));
        self.grew = now;
    }

    fn recent_bytes(&self) -> u64 {
        u64::try_from(self.recent.len()).unwrap_or_default()
    }

    fn restart(&mut self) {
        self.offset = 0;
        self.recent.clear();
        self.lines = Lines::default();
        self.behind = None;
        self.old_until = 0;
    }

    /// Goes to a byte; unless a line begins there, to the end of that line.
    fn place(&mut self, offset: u64) -> io::Result<()> {
        self.recent = before(&self.file, offset)?;
        self.offset = offset;
        let is_begin = self.recent.last().is_none_or(|byte| *byte == b'\n');
        self.lines = if is_begin { Lines::default() } else { Lines::within() };
        Ok(())
    }

    /// Zeros that take no room on the disk need not be read (lseek(2), `SEEK_DATA`).
    fn pass_hole(&mut self, read: &[u8]) -> io::Result<()> {
        if read.iter().any(|byte| *byte != 0) || self.lines.begun_bytes() > 0 {
            return Ok(());
        }
        match seek(&self.file, SeekFrom::Data(self.offset)) {
            Ok(data) if data > self.offset => {
                let lines = std::mem::take(&mut self.lines);
                self.place(data)?;
                self.lines = lines;
                Ok(())
            }
            // All that is left is a hole, or the file system does not tell.
            _ => Ok(()),
        }
    }

    /// Passes over what has waited too long.
    fn keep_up(&mut self, now: Instant, each: &mut impl FnMut(Piece<'_>)) -> io::Result<()> {
        let size = || Ok::<u64, io::Error>(u64::try_from(fstat(&self.file)?.st_size).unwrap_or_default());
        match self.behind {
            Some((since, until)) if self.offset < until => {
                let end = size()?;
                if now.saturating_duration_since(since) > BEHIND_MAX && end > self.offset {
                    each(Piece::Skipped(end - self.offset));
                    self.place(end)?;
                    self.behind = None;
                }
            }
            _ => self.behind = Some((now, size()?)),
        }
        Ok(())
    }
}

fn digest(recent: &[u8]) -> u32 {
    fnv(recent.iter().copied())
}

/// The last bytes before `offset`.
fn before(file: &File, offset: u64) -> io::Result<Vec<u8>> {
    let count = usize::try_from(offset).unwrap_or(RECENT_BYTES).min(RECENT_BYTES);
    let mut recent = vec![0; count];
    file.read_exact_at(&mut recent, offset - u64::try_from(count).unwrap_or_default())?;
    Ok(recent)
}

#[cfg(test)]
mod tests;
