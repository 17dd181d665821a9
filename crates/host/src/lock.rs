//! One portreeve at a time changes what is of a kind: pins, or the gate.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::{FdFlags, fcntl_setfd},
};

use crate::pins::{RUN, stranger::Stranger};

/// Held until it is dropped, and by nobody any more when its process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Its folder is not portreeve's.
    #[error("{} is not portreeve's", .0.path)]
    Foreign(Stranger),
    /// The kernel refused.
    #[error("cannot lock {RUN}")]
    Closed(#[from] io::Error),
}

/// Whether the lock's file stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    File,
    Nothing,
}

impl Lock {
    /// Waits for the one that is called `file`. Only root can open its file, so nobody else can make root wait.
    ///
    /// # Errors
    ///
    /// Where its folder is not root's alone, or the kernel refuses.
    pub(crate) fn take(file: &'static str) -> Result<Self, LockError> {
        let folder = Path::new(RUN);
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        match Stranger::at(folder) {
            Some(stranger) if !stranger.is_missing() => return Err(LockError::Foreign(stranger)),
            _ => made?,
        }
        Ok(Self::take_in(folder, file)?)
    }

    fn take_in(folder: &Path, file: &str) -> io::Result<Self> {
        let path = folder.join(file);
        let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
        loop {
            let mut options = File::options();
            options.write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow);
            let file = options.open(&path)?;
            flock(&file, FlockOperation::LockExclusive)?;
            // Whoever had it may have taken the file away: then it locks nothing any more.
            let is_there = fs::symlink_metadata(&path).is_ok_and(|about| {
                file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (about.dev(), about.ino()))
            });
            if is_there {
                return Ok(Self { path, file });
            }
        }
    }

    /// Does `work`, whose programs hold it too, each until it ends: one that goes on after this process was killed is
    /// still waited for (flock(2), execve(2)).
    ///
    /// # Errors
    ///
    /// Where the kernel refuses; nothing was done then.
    pub(crate) fn lend<T>(&self, work: impl FnOnce() -> T) -> io::Result<T> {
        fcntl_setfd(&self.file, FdFlags::empty())?;
        let done = work();
        // Where this fails whatever is started later holds it longer than it should, and no change is lost.
        let _ = fcntl_setfd(&self.file, FdFlags::CLOEXEC);
        Ok(done)
    }

    /// Gives it back.
    pub(crate) fn release(self, leave: Leave) {
        if leave == Leave::Nothing {
            // What stays locks nobody out.
            let _ = fs::remove_file(&self.path);
        }
        drop(self.file);
    }
}
