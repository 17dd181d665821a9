//! Logs in files, followed while they are written, rotated, emptied and taken away (inotify(7), logrotate(8)).

mod between;
mod changes;
pub(super) mod lines;
mod log;
mod opened;
mod tail;

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::fs::inotify::{CreateFlags, init, remove_watch};

use self::{
    changes::Changes,
    log::{Log, Read},
    tail::Until,
};
pub use self::{opened::Refused, tail::Position};

/// Logs that are followed at once; of more, the first ones are.
pub const LOGS_MAX: usize = 64;
/// What is read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// What no event tells of is seen within this time: a directory that was not there, a file system that tells nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Something that became known of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told<'t> {
    /// A line, without its end.
    Line {
        /// Its log, by its place among those that are followed.
        log: usize,
        /// It, 8 KiB at most.
        text: &'t [u8],
        /// Whether more of it was cut off.
        is_cut: bool,
        /// Whether it was written before anybody followed the log.
        is_old: bool,
    },
    /// Nobody will read some of it.
    Lost {
        /// The log.
        log: usize,
        /// How many bytes, as far as that is known.
        bytes: Option<u64>,
    },
}

/// Whether all was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// All was.
    Nothing,
    /// There may be more.
    More,
}

/// Logs, and one descriptor that tells of them.
#[derive(Debug)]
pub struct Files {
    inotify: OwnedFd,
    logs: Vec<Log>,
    buffer: Vec<u8>,
    looked: Instant,
}

impl Files {
    /// Follows none yet.
    ///
    /// # Errors
    ///
    /// What `inotify_init1(2)` answers: this user follows too many files already.
    pub fn open() -> io::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { inotify, logs: Vec::new(), buffer: vec![0; BUFFER_BYTES], looked: Instant::now() })
    }

    /// Follows these from now on, by absolute path, and no others. One that is followed already goes on; another begins where it was
    /// read before, as `kept` has it, else at its end. One that is not there is waited for.
    pub fn follow(&mut self, paths: &[PathBuf], kept: &BTreeMap<PathBuf, Position>) {
        let now = Instant::now();
        let mut before = std::mem::take(&mut self.logs);
        for path in paths.iter().take(LOGS_MAX) {
            let known = before.iter().position(|log| log.path == *path);
            self.logs.push(match known {
                Some(at) => before.swap_remove(at),
                None => Log::open(path, kept.get(path), &self.inotify, now),
            });
        }
        for mut log in before {
            log.close(&self.inotify);
            let directory = log.directory_watch();
            if directory.is_some() && self.logs.iter().all(|other| other.directory_watch() != directory) {
                let _ = directory.map(|watch| remove_watch(&self.inotify, watch));
            }
        }
    }

    /// Gives what is new to `each`; what is too much for once comes with the next call.
    pub fn read(&mut self, mut each: impl FnMut(Told<'_>)) -> Left {
        let now = Instant::now();
        let changes = Changes::read(&self.inotify);
        let is_time = now.saturating_duration_since(self.looked) >= LOOK_AGAIN;
        for log in &mut self.logs {
            log.hear(&changes, &self.inotify, now);
            if is_time || changes.is_partial {
                log.look(&self.inotify, now);
            }
        }
        if is_time {
            self.looked = now;
        }
        let mut left = if changes.is_partial { Left::More } else { Left::Nothing };
        for (number, log) in self.logs.iter_mut().enumerate().filter(|(_, log)| log.is_due) {
            let until = log.read(&mut self.buffer, now, |read| {
                each(match read {
                    Read::Line { text, is_cut, is_old } => Told::Line { log: number, text, is_cut, is_old },
                    Read::Lost(bytes) => Told::Lost { log: number, bytes },
                });
            });
            if until == Until::Budget {
                left = Left::More;
            }
            log.retire(&self.inotify, now);
        }
        left
    }

    /// Why each is not read now; `None` of those that are.
    pub fn refused(&self) -> impl Iterator<Item = (&Path, Option<Refused>)> {
        self.logs.iter().map(|log| (log.path.as_path(), log.refused()))
    }

    /// Where reading would go on after a restart.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<PathBuf, Position> {
        self.logs.iter().filter_map(|log| Some((log.path.clone(), log.position()?))).collect()
    }
}

impl AsFd for Files {
    /// Readable when something happened to a log.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests;
