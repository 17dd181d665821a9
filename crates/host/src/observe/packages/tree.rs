//! Reads the files of a root, which may be a stranger's: bounded, never out of it, and nothing but files (openat2(2), A18).

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::Path,
};

use portreeve_core::facts::{Flaw, GapKind};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat2, statx},
    io::Errno,
};

use crate::observe::processes::view::View;

/// More files than any directory of a package database has.
const NAMES_MAX: usize = 200_000;

/// Why a file that is there was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    /// It is longer than any such file is.
    #[error("{0} is too large")]
    TooLarge(String),
    /// It is a pipe, a device or a directory.
    #[error("{0} is no file")]
    NoFile(String),
    /// It was written while it was read.
    #[error("{0} kept changing")]
    Unsteady(String),
    /// It cannot be understood.
    #[error("{0} cannot be understood")]
    Strange(String),
    /// It tells of no package.
    #[error("{0} tells of no package")]
    Empty(String),
    /// It is cut off, or leaves out a package that is known otherwise.
    #[error("{0} is not whole")]
    Incomplete(String),
    /// It is not there, or nothing is in it.
    #[error("{0} is missing or empty")]
    Missing(String),
    /// It holds what is not in the database yet.
    #[error("{0} is not in the database yet")]
    Unwritten(String),
    /// The system refused.
    #[error("cannot read {path}")]
    Refused {
        /// Its path.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

impl Unread {
    /// What it is about.
    pub(super) fn path(&self) -> &str {
        match self {
            Self::TooLarge(path)
            | Self::NoFile(path)
            | Self::Unsteady(path)
            | Self::Strange(path)
            | Self::Empty(path)
            | Self::Incomplete(path)
            | Self::Missing(path)
            | Self::Unwritten(path)
            | Self::Refused { path, .. } => path,
        }
    }

    /// What is wrong with it; `None` where it is but refused.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        match self {
            Self::TooLarge(_) => Some(Flaw::TooLarge),
            Self::NoFile(_) => Some(Flaw::NoFile),
            Self::Unsteady(_) => Some(Flaw::Unsteady),
            Self::Strange(_) => Some(Flaw::Strange),
            Self::Empty(_) => Some(Flaw::Empty),
            Self::Incomplete(_) => Some(Flaw::Incomplete),
            Self::Missing(_) => Some(Flaw::Missing),
            Self::Unwritten(_) => Some(Flaw::Unwritten),
            Self::Refused { source, .. } => {
                (Errno::from_io_error(source) == Some(Errno::LOOP)).then_some(Flaw::Link)
            }
        }
    }

    /// What kind of gap it is: whoever may not read it can become root, which is nothing to do about what is `broken`.
    pub(super) fn gap(&self, broken: GapKind) -> GapKind {
        match self {
            Self::Refused { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                GapKind::HiddenPackages
            }
            _ => broken,
        }
    }
}

/// A regular file that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) stat: Statx,
    pub(super) path: String,
}

impl Opened {
    fn new(found: &OwnedFd, path: String, limit: u64) -> Result<Self, Unread> {
        let refused = |source: Errno| Unread::Refused { path: path.clone(), source: source.into() };
        let stat = stat(found).map_err(refused)?;
        if FileType::from_raw_mode(stat.stx_mode.into()) != FileType::RegularFile {
            return Err(Unread::NoFile(path));
        }
        if stat.stx_size > limit {
            return Err(Unread::TooLarge(path));
        }
        // What was found is opened itself, whatever has its name by now.
        match File::open(format!("/proc/self/fd/{}", found.as_raw_fd())) {
            Ok(file) => Ok(Self { file, stat, path }),
            Err(source) => Err(Unread::Refused { path, source }),
        }
    }

    /// Its bytes, as many as there were when it was opened.
    pub(super) fn read(mut self) -> Result<Vec<u8>, Unread> {
        let size = self.stat.stx_size;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let read = (&mut self.file).take(size).read_to_end(&mut bytes);
        read.map_err(|source| Unread::Refused { path: self.path.clone(), source })?;
        self.settle()?;
        Ok(bytes)
    }

    /// Refuses what was written since it was opened.
    pub(super) fn settle(self) -> Result<(), Unread> {
        let now = stat(&self.file).ok().map(|now| stamp(&now));
        if now == Some(stamp(&self.stat)) { Ok(()) } else { Err(Unread::Unsteady(self.path)) }
    }
}

fn stat(file: impl std::os::fd::AsFd) -> rustix::io::Result<Statx> {
    statx(file, "", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::BASIC_STATS)
}

/// What tells one state of a file from another: size, and when it was written.
pub(super) fn stamp(stat: &Statx) -> (u64, u64, [(i64, u32); 2]) {
    // Whoever writes a file anew may set the time back that tells so, but not the other one.
    let times = [stat.stx_mtime, stat.stx_ctime].map(|time| (time.tv_sec, time.tv_nsec));
    (stat.stx_ino, stat.stx_size, times)
}

/// The files of a root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree<'v>(pub(super) &'v View);

impl Tree<'_> {
    /// The file at `path`, of at most `limit` bytes; `None` where none stands.
    pub(super) fn open(self, path: &str, limit: u64) -> Result<Option<Opened>, Unread> {
        match self.0.open(path) {
            Ok((found, _)) => Opened::new(&found, path.to_owned(), limit).map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(Unread::Refused { path: path.to_owned(), source }),
        }
    }

    /// The content of the file at `path`; `None` where none stands.
    pub(super) fn read(self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Unread> {
        self.open(path, limit)?.map(Opened::read).transpose()
    }

    /// What is told of whatever stands at `path`.
    pub(super) fn stat(self, path: &str) -> Option<Statx> {
        stat(self.0.open(path).ok()?.0).ok()
    }

    /// The directory at `path`; `None` where none stands.
    pub(super) fn folder(self, path: &str) -> Result<Option<Folder>, Unread> {
        match self.0.open(path) {
            Ok((found, stat)) if FileType::from_raw_mode(stat.stx_mode.into()) == FileType::Directory => {
                Ok(Some(Folder { found, stat, path: path.to_owned() }))
            }
            Ok(_) => Err(Unread::NoFile(path.to_owned())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(Unread::Refused { path: path.to_owned(), source }),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::NOTDIR))
}

/// A directory of a root.
#[derive(Debug)]
pub(super) struct Folder {
    found: OwnedFd,
    pub(super) stat: Statx,
    path: String,
}

impl Folder {
    /// The names in it, in their order.
    pub(super) fn names(&self) -> Result<Vec<String>, Unread> {
        let refused = |source: Errno| Unread::Refused { path: self.path.clone(), source: source.into() };
        let path = format!("/proc/self/fd/{}", self.found.as_raw_fd());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listing = rustix::fs::open(path, flags, Mode::empty()).and_then(Dir::new).map_err(refused)?;
        let names = listing.filter_map(|entry| entry.ok()?.file_name().to_str().ok().map(str::to_owned));
        let mut names: Vec<_> = names.take(NAMES_MAX).filter(|name| name != "." && name != "..").collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The file of that name in it, of at most `limit` bytes; `None` where none stands.
    ///
    /// A link is no file: nothing that packages keep here is one.
    pub(super) fn open(&self, name: &str, limit: u64) -> Result<Option<Opened>, Unread> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_XDEV | ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
        let path = format!("{}/{name}", self.path);
        match openat2(self.found.as_fd(), name, flags, Mode::empty(), resolve) {
            Ok(found) => Opened::new(&found, path, limit).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(source) => Err(Unread::Refused { path, source: source.into() }),
        }
    }

    /// The content of the file of that name; `None` where none stands.
    pub(super) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Unread> {
        self.open(name, limit)?.map(Opened::read).transpose()
    }
}

/// Where a file below `/` is, whatever it is called there.
pub(super) fn join(folder: &str, name: &str) -> String {
    Path::new(folder).join(name).to_string_lossy().into_owned()
}
