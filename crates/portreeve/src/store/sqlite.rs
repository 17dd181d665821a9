//! A ledger in one file of a host (SQLite, <https://www.sqlite.org/>).

mod layout;
mod marker;
mod rows;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use portreeve_core::ledger::{Book, Change};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use self::{layout::Identity, marker::Marker};
use super::{Store, StoreError, Swap};

/// As long as somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until somebody who watches looks again.
const PAUSE: Duration = Duration::from_millis(200);
/// Its owner and its group write it, and nobody else reads it.
const MODE: u32 = 0o660;

/// The ledger of a host.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    connection: Connection,
}

impl Sqlite {
    /// Opens the ledger at `path`, and makes a new one where there never was any.
    ///
    /// # Errors
    ///
    /// There was one and it is gone, damaged, another one or a newer one; or the system refuses.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let marker = Marker::beside(path);
        let known = marker.read()?;
        let is_there = fs::metadata(path).is_ok_and(|file| file.len() > 0);
        match (known, is_there) {
            (Some(_), false) => Err(StoreError::Missing { path: path.into() }),
            (known, true) => {
                let store = Self::connect(path)?;
                let found = layout::check(&store.connection).map_err(|error| store.told(error))?;
                store.expect(found, known.as_ref(), &marker)?;
                Ok(store)
            }
            (None, false) => Self::create(path, &marker),
        }
    }

    fn create(path: &Path, marker: &Marker) -> Result<Self, StoreError> {
        let mut store = Self::connect(path)?;
        let identity = layout::create(&mut store.connection).map_err(|error| store.told(error.into()))?;
        let mode = fs::Permissions::from_mode(MODE);
        fs::set_permissions(path, mode).map_err(|source| StoreError::Beside { path: path.into(), source })?;
        marker.write(&identity)?;
        Ok(store)
    }

    fn connect(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connect = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            // What is acknowledged lasts, also where the power fails (https://www.sqlite.org/pragma.html#pragma_synchronous).
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            Ok(connection)
        };
        let connection = connect().map_err(|error| told(path, error))?;
        Ok(Self { path: path.into(), connection })
    }

    /// The file must be the one that was made here.
    fn expect(&self, found: Identity, known: Option<&Identity>, marker: &Marker) -> Result<(), StoreError> {
        match known {
            Some(known) if *known != found => Err(StoreError::Another { path: self.path.clone() }),
            Some(_) => Ok(()),
            // Whoever made it ended before he could say so.
            None => marker.write(&found),
        }
    }

    fn told(&self, error: layout::LayoutError) -> StoreError {
        let path = self.path.clone();
        match error {
            layout::LayoutError::Newer { found, known } => StoreError::Newer { path, found, known },
            layout::LayoutError::Foreign(_) => StoreError::Damaged { path, source: error.into() },
            layout::LayoutError::Sqlite(error) => told(&self.path, error),
        }
    }
}

impl Store for Sqlite {
    fn load(&mut self) -> Result<Book, StoreError> {
        rows::book(&self.connection).map_err(|error| told(&self.path, error))
    }

    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        let swapped = swap(&mut self.connection, expected, changes);
        match swapped.map_err(|error| told(&self.path, error))? {
            true => Ok(Swap::Swapped),
            false => self.load().map(Swap::Moved),
        }
    }

    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError> {
        let end = Instant::now() + patience;
        loop {
            let revision = rows::revision(&self.connection).map_err(|error| told(&self.path, error))?;
            if revision != known {
                return self.load().map(Some);
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            // SQLite tells nobody what another process wrote.
            thread::sleep(PAUSE);
        }
    }
}

/// Whether the changes are made: not where somebody else has made some.
fn swap(connection: &mut Connection, expected: u64, changes: &[Change]) -> rusqlite::Result<bool> {
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    if rows::revision(&transaction)? != expected {
        return Ok(false);
    }
    for change in changes {
        rows::write(&transaction, change)?;
    }
    rows::advance(&transaction, expected + 1)?;
    transaction.commit()?;
    Ok(true)
}

fn told(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.into();
    let source = Box::from(error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::TypeMismatch) => {
            StoreError::Damaged { path, source }
        }
        Some(_) => StoreError::Failed { path, source },
        // A row that is none of a ledger's.
        None => StoreError::Damaged { path, source },
    }
}
