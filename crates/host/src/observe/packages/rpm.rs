//! Reads the database that rpm keeps since 4.16, through a descriptor that somebody else opened (A18).
//!
//! It goes by way of the descriptor alone: whatever path leads to a file of a container, SQLite would follow by its text, and so come
//! to the host's own.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
};

use portreeve_core::packages::{
    Owners, Paths,
    rpm::{DatabaseError, owners},
};

/// What is longer is no database of packages: at 60 kB for each, there is room for nine thousand.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Why it is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpmError {
    /// It is no file, or too long for one of rpm's.
    #[error("the database of rpm is no file, or one of more than {} MiB", FILE_BYTES_MAX >> 20)]
    NoFile,
    /// Somebody wrote while it was read: what was told may be of two moments.
    #[error("the database of rpm changed while it was read")]
    Changed,
    /// What is in it.
    #[error("the database of rpm cannot be read")]
    Database(#[source] DatabaseError<io::Error>),
}

/// The packages of the wanted paths, by the file `rpmdb.sqlite`, in which nothing is changed or locked.
///
/// What rpm wrote and did not put there yet, but beside it in a file that ends in `-wal`, is not seen.
///
/// # Errors
///
/// It is no file of rpm's, what is asked of it is broken, or it changed meanwhile.
pub(super) fn read(database: &File, wanted: &Paths) -> Result<Owners, RpmError> {
    let before = about(database)?;
    if !before.is_file() || before.len() > FILE_BYTES_MAX {
        return Err(RpmError::NoFile);
    }
    let read_at = |offset, piece: &mut [u8]| database.read_exact_at(piece, offset);
    let owners = owners(before.len(), read_at, wanted).map_err(RpmError::Database);
    if is_same(&before, &about(database)?) { owners } else { Err(RpmError::Changed) }
}

fn about(database: &File) -> Result<Metadata, RpmError> {
    database.metadata().map_err(|error| RpmError::Database(DatabaseError::Read(error)))
}

/// Whether nobody wrote between two moments.
fn is_same(before: &Metadata, after: &Metadata) -> bool {
    let written = |about: &Metadata| (about.len(), about.mtime(), about.mtime_nsec());
    written(before) == written(after)
}

#[cfg(test)]
mod tests;
