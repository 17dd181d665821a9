//! Which watch writes down what it finds: of several one, and its end is known at once, whatever ended it (A19, A20).

use std::{io, path::Path};

use crate::{
    keep::{KeepError, prepare},
    lock::{Busy, Held, Lock, LockError, held},
};

/// In the folder of what is written down.
const FILE: &str = "watch.lock";

/// While it lives no other watch writes there.
#[derive(Debug)]
pub struct Writer(#[expect(dead_code, reason = "it is held")] Lock);

/// Why another does, or may.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// Another watch does: the number of its process, where the kernel tells it.
    #[error("another watch writes there")]
    Another(Option<u32>),
    /// Nobody can tell.
    #[error("cannot lock it")]
    Lock(#[source] LockError),
    /// It cannot be written to.
    #[error(transparent)]
    Folder(#[from] KeepError),
}

/// Whether a watch writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// None does.
    Nobody,
    /// One does: the number of its process, where the kernel tells it.
    Somebody(Option<u32>),
    /// Nobody can tell: none ever locked this folder, or it cannot be read.
    Unknown,
}

impl Writer {
    /// Writes in `folder` from now on.
    ///
    /// # Errors
    ///
    /// Another does, or it cannot be locked.
    pub fn take(folder: &Path) -> Result<Self, WriterError> {
        prepare(folder)?;
        Lock::take_at_once(folder, FILE).map(Self).map_err(|error| match error {
            LockError::Busy(Busy { holder, .. }) => WriterError::Another(holder.map(|holder| holder.pid)),
            error => WriterError::Lock(error),
        })
    }
}

/// Who writes in `folder` now.
#[must_use]
pub fn writes(folder: &Path) -> Writes {
    of(held(&folder.join(FILE)))
}

fn of(held: io::Result<Held>) -> Writes {
    match held {
        Ok(Held::ByNobody) => Writes::Nobody,
        Ok(Held::By(holder)) => Writes::Somebody(holder.map(|holder| holder.pid)),
        Err(_) => Writes::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_writes_and_whoever_asks_hears_who() {
        let folder = std::env::temp_dir().join(format!("portreeve-writer-{}", std::process::id()));
        assert_eq!(writes(&folder), Writes::Unknown);
        let own = Some(std::process::id());
        let writer = Writer::take(&folder).unwrap();
        assert_eq!(writes(&folder), Writes::Somebody(own));
        assert!(matches!(Writer::take(&folder), Err(WriterError::Another(pid)) if pid == own));
        drop(writer);
        assert_eq!(writes(&folder), Writes::Nobody);
        assert!(Writer::take(&folder).is_ok());
        fs::remove_dir_all(folder).unwrap();
    }
}
