//! What somebody is about to claim is kept back before it is, and nobody who claims beside him takes it for a leftover (A24).

use std::{fs::File, io, os::unix::fs::FileExt as _};

use portreeve_core::plan::Reservation;
use rustix::fs::{FlockOperation, flock};

use super::{Reason, Reserved, ReservedError, Wanted};
use crate::lock::Lock;

/// What is kept back for claims that may not stand yet, until this is dropped.
#[derive(Debug)]
pub struct Pledges {
    lock: Lock,
    /// How often anybody had pledged anything, as far as nobody was about to when this began.
    known: Option<u64>,
}

impl Pledges {
    /// Begins, before the ledger of `reason` is read.
    ///
    /// # Errors
    ///
    /// Where this is not root, or the kernel refuses.
    pub fn begin(reason: &Reason) -> Result<Self, ReservedError> {
        if !rustix::process::geteuid().is_root() {
            return Err(ReservedError::NotRoot);
        }
        let (lock, known) = Lock::share(&reason.lock(), count)?;
        Ok(Self { lock, known })
    }

    /// Carries out `change` in what is `reserved`, after which `wanted` is kept back for `reason`, also for claims that do not stand yet.
    ///
    /// # Errors
    ///
    /// As of [`Reserved::apply`].
    pub fn keep(
        &mut self,
        reserved: Reserved,
        reason: &Reason,
        wanted: &Wanted,
        change: &Reservation,
    ) -> Result<(), ReservedError> {
        let count = count(self.lock.file()).map_err(ReservedError::Record)?;
        // Whoever claims beside us has to see it first.
        let next = count.wrapping_add(1);
        self.lock.file().write_all_at(&next.to_le_bytes(), 0).map_err(ReservedError::Record)?;
        self.known = self.known.filter(|known| *known == count).map(|_| next);
        reserved.apply(reason, wanted, change)
    }

    /// Begins again, where nobody else is about to pledge anything: whether that is so. What was pledged is in the ledger by now,
    /// or never will be.
    pub fn begin_again(&mut self) -> bool {
        // Where somebody is, the lock is gone (flock(2)), and needed no more.
        if flock(self.lock.file(), FlockOperation::NonBlockingLockExclusive).is_err() {
            return false;
        }
        self.known = count(self.lock.file()).ok();
        flock(self.lock.file(), FlockOperation::NonBlockingLockShared).is_ok()
    }

    /// Whether nobody else has pledged anything since this began, nor was about to: then what is in no book that was read since
    /// is a leftover, as long as it is `reserved` by us alone.
    #[must_use]
    pub fn are_all(&self, _reserved: &Reserved) -> bool {
        let count = count(self.lock.file()).ok();
        count.is_some() && count == self.known
    }
}

/// How often anybody has pledged anything since the boot.
fn count(file: &File) -> io::Result<u64> {
    let mut count = [0; size_of::<u64>()];
    // Whoever was first has written nothing yet.
    if file.metadata()?.len() >= count.len() as u64 {
        file.read_exact_at(&mut count, 0)?;
    }
    Ok(u64::from_le_bytes(count))
}
