//! Where the ledger is kept: the book is read whole, and changed only where nobody else has changed it meanwhile (A23, A25).

#[cfg(test)]
mod memory;
mod sqlite;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::memory::Memory;
pub(crate) use self::sqlite::Sqlite;

use std::{io, path::PathBuf, time::Duration};

use portreeve_core::ledger::{Book, Change};

/// What keeps a ledger.
pub(crate) trait Store {
    /// The book as it stands.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn load(&mut self) -> Result<Book, StoreError>;

    /// Changes it, whole or not at all, where it still has the revision `expected`.
    ///
    /// # Errors
    ///
    /// It cannot be changed; then it was not.
    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError>;

    /// Waits until the book has another revision than `known`: the book as it stands then, or `None` where `patience` ends
    /// before.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError>;
}

/// What came of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Swap {
    /// It is made, and lasts.
    Swapped,
    /// It was not made: this is the book by now.
    Moved(Book),
    /// Nobody knows whether it was made.
    #[expect(dead_code, reason = "a file always tells; a store that is asked over a network cannot")]
    Undetermined,
}

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There was a ledger, and its file is gone or empty.
    #[error("{} is gone, and there was a ledger", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is no ledger, or a part of it cannot be read.
    #[error("{} is damaged, or no ledger", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is another ledger than the one that was here.
    #[error("{} is another ledger than the one that was here", path.display())]
    Another {
        /// The file.
        path: PathBuf,
    },
    /// A newer portreeve wrote it.
    #[error("{} has layout {found}, and this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The disk is full, it may not be written, or the system failed: what was there is as it was.
    #[error("cannot use {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file beside it cannot be used.
    #[error("cannot use {}", path.display())]
    Beside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
