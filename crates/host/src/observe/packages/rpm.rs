//! Reads the database that rpm keeps since 4.16, through a descriptor that somebody else opened (A18).
//!
//! It goes by way of the descriptor alone: whatever path leads to a file of a container, SQLite would follow by its text, and so come
//! to the host's own.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use portreeve_core::packages::{
    Owners, Paths,
    rpm::{DatabaseError, owners},
};

/// What is longer is no database of packages: a host of five thousand has half of it.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Why it is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RpmError {
    /// It is no file, or too long for one of rpm's.
    #[error("the database of rpm is no file, or one of more than {} MiB", FILE_BYTES_MAX >> 20)]
    NoFile,
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
/// It is no file of rpm's, or what is asked of it is broken.
pub(super) fn read(database: &File, wanted: &Paths) -> Result<Owners, RpmError> {
    let about = database.metadata().map_err(|error| RpmError::Database(DatabaseError::Read(error)))?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(RpmError::NoFile);
    }
    let read_at = |offset, piece: &mut [u8]| database.read_exact_at(piece, offset);
    owners(about.len(), read_at, wanted).map_err(RpmError::Database)
}

#[cfg(test)]
mod tests;
