//! A file beside the ledger that says which one was made there: where the ledger is gone, no new one takes its place.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::{StoreError, access, layout::Identity};

/// An identity has 32 digits.
const BYTES_MAX: u64 = 256;

/// The file.
#[derive(Debug)]
pub(super) struct Marker {
    path: PathBuf,
}

impl Marker {
    /// That of the ledger at `path`.
    pub(super) fn beside(path: &Path) -> Self {
        Self { path: access::beside(path, ".made") }
    }

    /// Whether one was made.
    pub(super) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Which ledger was made, where one was.
    pub(super) fn read(&self) -> Result<Option<Identity>, StoreError> {
        let mut text = String::new();
        let read = fs::File::open(&self.path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(Some(Identity(text.trim().into()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Beside { path: self.path.clone(), source }),
        }
    }

    /// Says that `identity` was made, whole or not at all. Whoever may write beside the ledger is trusted as its owner is.
    pub(super) fn write(&self, identity: &Identity) -> Result<(), StoreError> {
        self.prepare(identity).and_then(|fresh| self.put(&fresh))
    }

    /// Writes the same to a file that says so from [`Self::put`] on.
    pub(super) fn prepare(&self, identity: &Identity) -> Result<PathBuf, StoreError> {
        let fresh = access::fresh(&self.path);
        let write = || {
            fs::File::create(&fresh)?.write_all(format!("{identity}\n").as_bytes())?;
            access::lend(&fresh)
        };
        let written = write().map_err(|source| {
            // Half a word is none.
            let _ = fs::remove_file(&fresh);
            StoreError::Beside { path: self.path.clone(), source }
        });
        written.map(|()| fresh)
    }

    /// Puts it in its place.
    pub(super) fn put(&self, fresh: &Path) -> Result<(), StoreError> {
        let put = access::put(fresh, &self.path);
        put.map_err(|source| StoreError::Beside { path: self.path.clone(), source })
    }
}
