//! Room on the disk for what is written after a change, so that no half of one is made where the disk is full in the middle of it.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, OFlags, fallocate},
    io::Errno,
};

use super::{Door, DoorError};
use crate::keep::{self, KeepError};

/// The file that takes it meanwhile; one that a killed process left is taken over by the next.
const FILE: &str = "headroom";
/// Files for which there has to be room: two receipts, and one that takes the place of another.
const FILES: [&str; 2] = ["headroom-1", "headroom-2"];
/// No link leads elsewhere.
const NOFOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Room that nobody else can take, until it is dropped.
#[derive(Debug)]
pub struct Headroom(PathBuf);

impl Headroom {
    /// Takes so many bytes in `folder` (fallocate(2)); of a file system that cannot tell nothing is promised.
    ///
    /// # Errors
    ///
    /// There is no room, or nothing can be written.
    pub(super) fn take(folder: &Path, bytes: u64) -> Result<Self, KeepError> {
        keep::prepare(folder)?;
        let path = folder.join(FILE);
        let fail = |source| KeepError::Write { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).custom_flags(NOFOLLOW);
        let file = options.open(&path).map_err(fail)?;
        let headroom = Self(path.clone());
        let others: Vec<Self> = FILES.iter().map(|name| Self(folder.join(name))).collect();
        others.iter().try_for_each(|Self(other)| options.open(other).map(drop)).map_err(fail)?;
        drop(others);
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(headroom),
            Err(errno) => Err(fail(io::Error::from(errno))),
        }
    }
}

impl Door {
    /// Room on the disk for so many bytes more than the next change writes, for what is to follow it.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn headroom(&self, bytes: u64) -> Result<Headroom, DoorError> {
        self.receipts.headroom(bytes).map_err(DoorError::NoUndo)
    }
}

impl Drop for Headroom {
    /// A file that stays is only untidy.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_until_it_is_dropped() {
        let folder = std::env::temp_dir().join(format!("portreeve-headroom-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let headroom = Headroom::take(&folder, 1 << 20).unwrap();
        assert_eq!(fs::metadata(folder.join(FILE)).unwrap().len(), 1 << 20);
        drop(headroom);
        assert!(!folder.join(FILE).exists());
        // More than any disk has.
        let error = Headroom::take(&folder, 1 << 60).unwrap_err();
        assert!(matches!(error, KeepError::Write { .. }) && !folder.join(FILE).exists(), "{error:?}");
        fs::remove_dir(&folder).unwrap();
    }
}
