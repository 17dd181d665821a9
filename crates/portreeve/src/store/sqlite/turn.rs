//! Who uses the file of the ledger: many at once, or one alone who puts another one in its place.

use std::{
    fs::File,
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
};

use super::{PATIENCE, PATIENCE_BRIEF, PAUSE_BRIEF, StoreError, access};

/// Who else may have a turn meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Whoever would do the same.
    Others,
    /// Nobody.
    Nobody,
}

/// A turn at the file, until it is dropped or its process dies (flock(2)).
///
/// Without it, whoever had opened the file before another one took its place would write to the old one, and be told that
/// it lasts.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held")] File);

impl Turn {
    /// One of many who read and write.
    pub(super) fn shared(path: &Path) -> Result<Self, StoreError> {
        Self::at(path, FlockOperation::NonBlockingLockShared, PATIENCE)
    }

    /// One of many who read and write, who does not wait long.
    pub(super) fn briefly(path: &Path) -> Result<Self, StoreError> {
        Self::at(path, FlockOperation::NonBlockingLockShared, PATIENCE_BRIEF)
    }

    /// Alone, once everybody else has gone.
    pub(super) fn alone(path: &Path) -> Result<Self, StoreError> {
        Self::at(path, FlockOperation::NonBlockingLockExclusive, PATIENCE)
    }

    /// At asking a ledger of the host whose usual one is at `path`, beside those who ask the same one, or else alone: what one
    /// ledger grants another knows once the kernel keeps it. Where the file of this turn cannot be made nobody has it.
    ///
    /// # Errors
    ///
    /// Others ask, and do not end.
    pub(crate) fn at_asking(path: &Path, company: Company) -> Result<Option<Self>, StoreError> {
        let lock = access::beside(path, ".asks");
        let (Ok(()), Ok(file)) = (access::prepare(path), open_lock(&lock)) else { return Ok(None) };
        let operation = match company {
            Company::Others => FlockOperation::NonBlockingLockShared,
            Company::Nobody => FlockOperation::NonBlockingLockExclusive,
        };
        let turn = Self::wait(file, operation, PATIENCE);
        let turn = turn.map_err(|source| StoreError::Beside { path: lock.clone(), source })?;
        turn.map_or(Err(StoreError::Asked { path: lock }), |turn| Ok(Some(turn)))
    }

    /// Alone among those who would do the same at `path`, where nobody does it already.
    pub(super) fn only(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| Self(file))
    }

    fn at(path: &Path, operation: FlockOperation, patience: Duration) -> Result<Self, StoreError> {
        let lock = access::beside(path, ".lock");
        let turn = open_lock(&lock).and_then(|file| Self::wait(file, operation, patience));
        let turn = turn.map_err(|source| StoreError::Beside { path: lock, source })?;
        turn.ok_or_else(|| StoreError::InUse { path: path.into() })
    }

    /// The turn, once others let it be; `None` where they do not.
    fn wait(file: File, operation: FlockOperation, patience: Duration) -> io::Result<Option<Self>> {
        let end = Instant::now() + patience;
        loop {
            match flock(&file, operation) {
                Ok(()) => return Ok(Some(Self(file))),
                Err(Errno::WOULDBLOCK | Errno::INTR) if Instant::now() < end => thread::sleep(PAUSE_BRIEF),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// Opens the file of the lock, which whoever may write the ledger may open, whoever of them makes it.
fn open_lock(lock: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match open(lock, flags | OFlags::CREATE | OFlags::EXCL, access::file_mode()) {
        Err(Errno::EXIST) => Ok(open(lock, flags, Mode::empty())?.into()),
        made => {
            let made = made?.into();
            access::lend(lock)?;
            Ok(made)
        }
    }
}
