//! One log by its name: the file that has it now, and those that had it before and may still be written to.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{
        Dir, fstat,
        inotify::{WatchFlags, add_watch, remove_watch},
        openat,
    },
    fs::{Mode, OFlags},
};

use super::{
    between::{between, is_older},
    changes::{Changes, bearers},
    opened::{self, Identity, Opened, Refused},
    tail::{Piece, Position, Tail, Until},
};

/// Files of one log that are read at once.
const TAILS_MAX: usize = 8;
/// A program that was told of a rotation writes to the old file no longer than this.
const LEAVING: Duration = Duration::from_secs(10);
/// Names of a directory that are looked through after a restart.
const NAMES_MAX: usize = 4_096;
/// What is read of one log before the others have their turn.
const TURN_BYTES: usize = 256 << 10;

/// A log.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) path: PathBuf,
    name: OsString,
    directory: Option<Directory>,
    /// The oldest first.
    tails: VecDeque<Tail>,
    /// Why what has the name now is not read.
    refused: Option<Refused>,
    /// How many bytes nobody will read, to be told; `None` of some is not known.
    lost: Option<Option<u64>>,
    /// Whether it is to be read.
    pub(super) is_due: bool,
}

#[derive(Debug)]
struct Directory {
    fd: OwnedFd,
    identity: Identity,
    watch: Option<i32>,
}

impl Log {
    /// The log that is called `path`; from where it was read before, or from its end.
    pub(super) fn open(path: &Path, kept: Option<&Position>, inotify: &OwnedFd, now: Instant) -> Self {
        let mut log = Self {
            path: path.to_owned(),
            name: path.file_name().unwrap_or_default().to_owned(),
            directory: None,
            tails: VecDeque::new(),
            refused: None,
            lost: None,
            is_due: true,
        };
        log.enter(inotify);
        match (log.find(&log.name), kept) {
            (found, Some(kept)) => log.resume(found, kept, now),
            (Ok(opened), None) => match Tail::end(opened, now) {
                Ok(tail) => log.tails.push_back(tail),
                Err(error) => log.refused = Some(Refused::Unreadable(error.kind())),
            },
            (Err(refused), None) => log.refused = Some(refused),
        }
        log.watch_tails(inotify);
        log
    }

    /// Why it is not read now; `None` where it is.
    pub(super) const fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Where reading would go on.
    pub(super) fn position(&self) -> Option<Position> {
        let unread = self.tails.iter().find(|tail| !tail.is_at_end);
        match unread.or(self.tails.back()) {
            Some(tail) => tail.position().ok(),
            None => Some(Position::NOWHERE),
        }
    }

    /// Takes in what was told of its directory and its files.
    pub(super) fn hear(&mut self, changes: &Changes, inotify: &OwnedFd, now: Instant) {
        let is_told =
            |watch: Option<i32>| watch.is_some_and(|own| changes.watches.binary_search(&own).is_ok());
        self.is_due |= changes.is_partial || self.tails.iter().any(|tail| is_told(tail.watch));
        let Some(watch) = self.directory.as_ref().and_then(|directory| directory.watch) else { return };
        if is_told(Some(watch)) {
            for bearer in bearers(&self.name, changes.of(watch)) {
                if let Ok(opened) = self.find(&bearer) {
                    self.follow(opened, now);
                }
            }
            self.look(inotify, now);
        }
    }

    /// Looks whether its directory and its file are still those that are read.
    pub(super) fn look(&mut self, inotify: &OwnedFd, now: Instant) {
        self.enter(inotify);
        match self.find(&self.name) {
            Ok(opened) => {
                self.refused = None;
                self.follow(opened, now);
            }
            Err(refused) => self.refused = Some(refused),
        }
        self.watch_tails(inotify);
        self.is_due = true;
    }

    /// Reads what is new, the oldest file to its end before the next; says whether there may be more.
    pub(super) fn read(&mut self, buffer: &mut [u8], now: Instant, mut each: impl FnMut(Read<'_>)) -> Until {
        if let Some(bytes) = self.lost.take() {
            each(Read::Lost(bytes));
        }
        let mut until = Until::End;
        for tail in &mut self.tails {
            let read = tail.read(buffer, TURN_BYTES, now, &mut |piece| match piece {
                Piece::Line { text, is_cut, is_old } => each(Read::Line { text, is_cut, is_old }),
                Piece::Skipped(bytes) => each(Read::Lost(Some(bytes))),
            });
            match read {
                Ok(Until::End) => {}
                Ok(Until::Budget) => {
                    until = Until::Budget;
                    break;
                }
                Err(error) => self.refused = Some(Refused::Unreadable(error.kind())),
            }
        }
        self.is_due = until == Until::Budget;
        until
    }

    /// Leaves files alone that nobody writes to any more.
    pub(super) fn retire(&mut self, inotify: &OwnedFd, now: Instant) {
        while let [first, _, ..] = self.tails.make_contiguous() {
            let is_quiet = first.is_at_end && now.saturating_duration_since(first.grew) > LEAVING;
            if !is_quiet {
                return;
            }
            self.leave_first(inotify);
        }
    }

    /// Lets go of everything.
    pub(super) fn close(&mut self, inotify: &OwnedFd) {
        while !self.tails.is_empty() {
            self.leave_first(inotify);
        }
    }

    /// The watch of its directory.
    pub(super) fn directory_watch(&self) -> Option<i32> {
        self.directory.as_ref()?.watch
    }

    fn leave_first(&mut self, inotify: &OwnedFd) {
        if let Some(watch) = self.tails.pop_front().and_then(|tail| tail.watch) {
            // It is gone with its file where that is gone.
            let _ = remove_watch(inotify, watch);
        }
    }

    /// Opens its directory, where another one has that name by now.
    fn enter(&mut self, inotify: &OwnedFd) {
        let path = self.path.parent().unwrap_or(Path::new("/"));
        let opened = opened::directory(path).and_then(|fd| {
            let identity = fstat(&fd).map(|stat| Identity::of(&stat));
            identity.map(|identity| (fd, identity)).map_err(|_| Refused::Missing)
        });
        let Ok((fd, identity)) = opened else {
            self.directory = None;
            return;
        };
        if self.directory.as_ref().is_some_and(|own| own.identity == identity && own.watch.is_some()) {
            return;
        }
        let names = WatchFlags::CREATE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let watch = add_watch(inotify, opened::by_descriptor(&fd), names).ok();
        self.directory = Some(Directory { fd, identity, watch });
    }

    fn find(&self, name: &OsStr) -> Result<Opened, Refused> {
        let directory = self.directory.as_ref().ok_or(Refused::Missing)?;
        opened::file(&directory.fd, name)
    }

    /// Reads another file too, unless it is read already.
    fn follow(&mut self, opened: Opened, now: Instant) {
        if self.tails.iter().any(|tail| tail.identity == opened.identity) {
            return;
        }
        self.tails.push_back(Tail::begin(opened, false, now));
        self.is_due = true;
    }

    fn watch_tails(&mut self, inotify: &OwnedFd) {
        while self.tails.len() > TAILS_MAX {
            let is_read = self.tails.front().is_some_and(|tail| tail.is_at_end);
            if !is_read {
                self.lost = Some(None);
            }
            self.leave_first(inotify);
        }
        for tail in self.tails.iter_mut().filter(|tail| tail.watch.is_none()) {
            // Without it, what is written is read within a second.
            tail.watch = add_watch(inotify, opened::by_descriptor(tail.file()), WatchFlags::MODIFY).ok();
        }
    }

    /// Goes on where it was read before, in whatever that file is called now, and then in those that came after it.
    fn resume(&mut self, found: Result<Opened, Refused>, kept: &Position, now: Instant) {
        let is_here = found.as_ref().is_ok_and(|opened| opened.identity.inode == kept.inode);
        if !is_here && kept.inode != 0 {
            self.resume_rotated(kept, now);
        }
        match found {
            Ok(opened) if is_here => self.tails.push_back(Tail::resume(opened, kept, now)),
            Ok(opened) => self.tails.push_back(Tail::begin(opened, true, now)),
            Err(refused) => self.refused = Some(refused),
        }
    }

    fn resume_rotated(&mut self, kept: &Position, now: Instant) {
        let names = self.older();
        let found = names.iter().find_map(|name| {
            let opened = self.find(name).ok()?;
            Tail::is_at(&opened, kept).then_some((name, opened))
        });
        let Some((name, opened)) = found else {
            self.lost = Some(None);
            return;
        };
        self.tails.push_back(Tail::resume(opened, kept, now));
        for later in between(&self.name, name, &names).iter().take(TAILS_MAX) {
            if let Ok(opened) = self.find(later) {
                self.tails.push_back(Tail::begin(opened, true, now));
            }
        }
    }

    /// What else in its directory is called as an older file of it.
    fn older(&self) -> Vec<OsString> {
        use std::os::unix::ffi::OsStrExt as _;
        let names = || -> io::Result<Vec<OsString>> {
            let Some(directory) = &self.directory else { return Ok(Vec::new()) };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let entries = Dir::new(openat(&directory.fd, ".", flags, Mode::empty())?)?;
            let names = entries.take(NAMES_MAX).flatten();
            let names = names.map(|entry| OsStr::from_bytes(entry.file_name().to_bytes()).to_owned());
            Ok(names.filter(|name| is_older(&self.name, name)).collect())
        };
        // What cannot be listed is not found, and said to be lost.
        names().unwrap_or_default()
    }
}

/// Something that is read of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read<'t> {
    Line {
        text: &'t [u8],
        is_cut: bool,
        is_old: bool,
    },
    /// So many bytes, as far as that is known.
    Lost(Option<u64>),
}
