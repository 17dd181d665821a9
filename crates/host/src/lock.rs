//! One portreeve at a time changes what is of a kind: pins, or the gate.

mod holder;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::{Errno, FdFlags, fcntl_setfd},
};

pub use self::holder::{Goes, Holder};
use crate::pins::{RUN, stranger::Stranger};

/// As long as a change takes on a slow host, and as somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until it is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Held until it is dropped, and by nobody any more when its process dies.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    file: File,
}

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Its folder is not portreeve's.
    #[error("{} is not portreeve's", .0.path)]
    Foreign(Stranger),
    /// Somebody has it, and goes on having it.
    #[error("somebody holds it")]
    Busy(#[source] Busy),
    /// The kernel refused.
    #[error("cannot lock {RUN}")]
    Closed(#[from] io::Error),
}

/// A lock that somebody else has.
#[derive(Debug, thiserror::Error)]
#[error("{path} is locked")]
pub struct Busy {
    /// The lock's file.
    pub path: PathBuf,
    /// How long it was waited for.
    pub waited: Duration,
    /// Who has it; `None` where the kernel does not tell here, or he has ended and a program of his has it still.
    pub holder: Option<Holder>,
}

/// Whether the lock's file stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    File,
    Nothing,
}

impl Lock {
    /// Waits for the one that is called `file`, some seconds at most. Only root can open its file, so nobody else can make
    /// root wait.
    ///
    /// # Errors
    ///
    /// Where its folder is not root's alone, somebody does not give it back, or the kernel refuses.
    pub(crate) fn take(file: &'static str) -> Result<Self, LockError> {
        Self::take_within(PATIENCE, file)
    }

    /// The same, for as long as `patience`.
    ///
    /// # Errors
    ///
    /// As of [`Self::take`].
    pub(crate) fn take_within(patience: Duration, file: &'static str) -> Result<Self, LockError> {
        Self::take_in(folder()?, file, FlockOperation::NonBlockingLockExclusive, patience)
    }

    /// Shares the one that is called `file` with whoever shares it too; where nobody did, with what `first` found in its file
    /// a moment before.
    ///
    /// # Errors
    ///
    /// As of [`Self::take`], or of `first`.
    pub(crate) fn share<T>(
        file: &str,
        first: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<(Self, Option<T>), LockError> {
        let folder = folder()?;
        let found =
            match Self::take_in(folder, file, FlockOperation::NonBlockingLockExclusive, Duration::ZERO) {
                Ok(alone) => Some(first(&alone.file)?),
                Err(LockError::Busy(_)) => None,
                Err(error) => return Err(error),
            };
        let shared = Self::take_in(folder, file, FlockOperation::NonBlockingLockShared, PATIENCE)?;
        Ok((shared, found))
    }

    /// The one that is called `file` in a folder of ours, where nobody has it.
    ///
    /// # Errors
    ///
    /// Somebody has it, or the kernel refuses.
    pub(crate) fn take_at_once(folder: &Path, file: &str) -> Result<Self, LockError> {
        Self::take_in(folder, file, FlockOperation::NonBlockingLockExclusive, Duration::ZERO)
    }

    /// What may be written in its file.
    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    fn take_in(
        folder: &Path,
        file: &str,
        operation: FlockOperation,
        patience: Duration,
    ) -> Result<Self, LockError> {
        let path = folder.join(file);
        let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
        let start = Instant::now();
        loop {
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(nofollow);
            let file = options.open(&path)?;
            match flock(&file, operation) {
                Ok(()) if is_at(&file, &path) => return Ok(Self { path, file }),
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) if start.elapsed() < patience => thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => {
                    let holder = Holder::of(&file);
                    return Err(LockError::Busy(Busy { path, waited: patience, holder }));
                }
                Err(error) => return Err(io::Error::from(error).into()),
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

/// Who has the lock at `path`, which is neither made nor waited for.
///
/// # Errors
///
/// The kernel does not tell, or nobody ever had it.
pub(crate) fn held(path: &Path) -> io::Result<Held> {
    let nofollow = OFlags::NOFOLLOW.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nofollow).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(Held::ByNobody),
        Err(Errno::WOULDBLOCK) => Ok(Held::By(Holder::of(&file))),
        Err(error) => Err(error.into()),
    }
}

/// Whether anybody has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    ByNobody,
    /// He, where the kernel tells who that is.
    By(Option<Holder>),
}

/// The folder of all of them, which is root's alone.
fn folder() -> Result<&'static Path, LockError> {
    let folder = Path::new(RUN);
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    match Stranger::at(folder) {
        Some(stranger) if !stranger.is_missing() => return Err(LockError::Foreign(stranger)),
        _ => made?,
    }
    Ok(folder)
}

/// Whoever had a lock may have taken its file away: then it locks nothing any more.
fn is_at(file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| {
        file.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (about.dev(), about.ino()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_in_vain_is_told_for_whom() {
        let folder = std::env::temp_dir().join(format!("portreeve-lock-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let alone = FlockOperation::NonBlockingLockExclusive;
        let take = |patience| Lock::take_in(&folder, "test.lock", alone, Duration::from_millis(patience));
        let first = take(0).unwrap();
        let start = Instant::now();
        let Err(LockError::Busy(busy)) = take(50) else { panic!("it is taken") };
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!((busy.path, busy.waited), (folder.join("test.lock"), Duration::from_millis(50)));
        let holder = busy.holder.expect("the kernel tells who has it");
        assert_eq!((holder.pid, holder.goes), (std::process::id(), Goes::On));
        assert!(!holder.command.is_empty());
        let path = folder.join("test.lock");
        assert!(matches!(held(&path).unwrap(), Held::By(Some(by)) if by == holder));
        thread::scope(|scope| {
            let second = scope.spawn(|| take(10_000).map(|lock| lock.release(Leave::Nothing)));
            thread::sleep(Duration::from_millis(30));
            first.release(Leave::File);
            second.join().unwrap().unwrap();
        });
        assert!(held(&path).is_err() && !path.exists(), "whoever asks makes none");
        drop(take(0).unwrap());
        assert_eq!(held(&path).unwrap(), Held::ByNobody);
        fs::remove_dir_all(folder).unwrap();
    }
}
