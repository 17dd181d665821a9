//! A ledger in one file of a host (SQLite, <https://www.sqlite.org/>).

mod access;
mod check;
mod copies;
mod history;
mod layout;
mod marker;
mod mend;
mod reading;
mod rows;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use self::{
    access::{GROUP, is_member},
    check::{FAULTS_MAX, Fault, check},
    copies::{DayCopy, copies},
    history::{CHANGED, CLAIMED, REMOVED},
    mend::{Anew, Restored, begin_anew, read_copy, restore},
    turn::{Company, Turn},
};

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use jiff::civil::Date;
use portreeve_core::ledger::{Book, Change, ClaimId, Name};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use self::{layout::LayoutError, marker::Marker};
use super::{Store, StoreError, Swap, Wrong};

/// As long as somebody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// As long as whoever would only like to know.
const PATIENCE_BRIEF: Duration = Duration::from_secs(1);
/// Until somebody who watches looks again.
const PAUSE: Duration = Duration::from_millis(200);
/// Until it is tried again.
const PAUSE_BRIEF: Duration = Duration::from_millis(5);

/// The ledger of a host.
#[derive(Debug)]
pub(crate) struct Sqlite {
    path: PathBuf,
    connection: Connection,
    /// The day of which there is a copy, as far as that could be seen to.
    copied: Option<Date>,
    /// Why there is none.
    uncopied: Option<StoreError>,
    /// Why it is only read; `None` where it is written too.
    unwritable: Option<rusqlite::Error>,
    /// Nobody puts another file in its place meanwhile.
    _turn: Turn,
}

impl Sqlite {
    /// Opens the ledger at `path`, and makes a new one where there never was any. Where nothing can be written it is read.
    ///
    /// # Errors
    ///
    /// There was one and it is gone, damaged, another one or a newer one; or the system refuses.
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        access::prepare(path)?;
        // Beside somebody else's file nothing is made.
        check::refuse_foreign(path)?;
        let (marker, turn) = (Marker::beside(path), Turn::shared(path)?);
        access::refuse_other_names(path)?;
        // Whoever makes it says so once it is there.
        match marker.read()? {
            Some(_) if !check::is_there(path) => Err(StoreError::Missing { path: path.into() }),
            Some(known) => {
                let store = Self::connect(path, turn)?;
                let found = layout::check(&store.connection).map_err(|error| store.told(error))?;
                if known == found { Ok(store) } else { Err(StoreError::Another { path: path.into() }) }
            }
            // Whoever makes it at the same time, or ended before he could say so, made the same one.
            None => Self::create(path, &marker, turn),
        }
    }

    /// What the ledger at `path` says, for whoever would only like to know: he does not wait long, and writes nothing; nothing
    /// where there is none.
    ///
    /// # Errors
    ///
    /// As of [`Self::open`].
    pub(crate) fn look(path: &Path) -> Result<Option<Book>, StoreError> {
        // Where he may not even look nobody obeys it whom he asks; whoever makes it has not yet said so.
        let marker = Marker::beside(path);
        let known = if marker.exists() { marker.read()? } else { None };
        let Some(known) = known else { return Ok(None) };
        if !check::is_there(path) {
            return Err(StoreError::Missing { path: path.into() });
        }
        access::refuse_other_names(path)?;
        let _turn = Turn::briefly(path)?;
        let fail = |error: rusqlite::Error| told(path, &error);
        let connection = reading::read_only(path, PATIENCE_BRIEF)?;
        let found = layout::identify(&connection).map_err(|error| error.told(path))?;
        if known != found {
            return Err(StoreError::Another { path: path.into() });
        }
        rows::book(&connection).map(Some).map_err(fail)
    }

    /// What tells the ledger at `path` from every other one, and what tells its file from every copy of it.
    pub(crate) fn identity(path: &Path) -> Option<(String, String)> {
        let ledger = Marker::beside(path).read().ok()??.to_string();
        let inode = fs::metadata(path).ok()?.ino();
        Some((ledger.clone(), format!("{ledger}-{inode}")))
    }

    /// Which ledger was made at `path`, also where it is gone.
    pub(crate) fn made(path: &Path) -> Option<String> {
        Some(Marker::beside(path).read().ok()??.to_string())
    }

    /// Whether there is, or was, a ledger at `path`.
    pub(crate) fn was_made(path: &Path) -> bool {
        // Where somebody may not even look there may be one.
        !is_missing(path) || Marker::beside(path).exists()
    }

    /// What was done to the claims, the oldest first: to those called `name`, where one is given.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn history(&self, name: Option<&Name>) -> Result<Vec<history::Happened>, StoreError> {
        history::of(&self.connection, name).map_err(|error| told(&self.path, &error))
    }

    /// The copy of a day that fails is told, and no reason to refuse what was asked; it is tried once by each process.
    fn keep_copy(&mut self) {
        let today = copies::today();
        if self.copied != Some(today) {
            self.copied = Some(today);
            self.uncopied = copies::keep(&self.connection, &self.path, today).err();
        }
    }

    fn create(path: &Path, marker: &Marker, turn: Turn) -> Result<Self, StoreError> {
        access::begin(path)?;
        let mut store = Self::connect(path, turn)?;
        let identity = layout::create(&mut store.connection).map_err(|error| store.told(error))?;
        access::share(path)?;
        marker.write(&identity)?;
        Ok(store)
    }

    fn connect(path: &Path, turn: Turn) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connect = || {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(PATIENCE)?;
            // Another program's file is left as it is.
            layout::claim(&connection)?;
            harden(&connection)?;
            Ok(connection)
        };
        let (connection, unwritable) = match connect() {
            Ok(connection) => (connection, None),
            Err(LayoutError::Sqlite(error)) if reading::lacks_room(&error) && check::is_there(path) => {
                (reading::read_only(path, PATIENCE)?, Some(error))
            }
            Err(error) => return Err(error.told(path)),
        };
        Ok(Self { path: path.into(), connection, copied: None, uncopied: None, unwritable, _turn: turn })
    }

    fn told(&self, error: LayoutError) -> StoreError {
        error.told(&self.path)
    }
}

/// What is acknowledged lasts, also where the power fails (<https://www.sqlite.org/pragma.html#pragma_synchronous>).
fn harden(connection: &Connection) -> rusqlite::Result<()> {
    let is_wal = |connection: &Connection| {
        connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0))
    };
    let end = Instant::now() + PATIENCE;
    // Of those who change the mode at once SQLite has none wait (https://www.sqlite.org/wal.html#sometimes_queries_return_sqlite_busy_in_wal_mode).
    while let Err(error) = is_wal(connection) {
        let is_busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if !is_busy || Instant::now() >= end {
            return Err(error);
        }
        thread::sleep(PAUSE_BRIEF);
    }
    connection.pragma_update(None, "synchronous", "full")
}

impl Store for Sqlite {
    fn uncopied(&mut self) -> Option<StoreError> {
        self.uncopied.take()
    }

    fn load(&mut self) -> Result<Book, StoreError> {
        rows::book(&self.connection).map_err(|error| told(&self.path, &error))
    }

    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        if let Some(error) = &self.unwritable {
            return Err(told(&self.path, error));
        }
        let swapped = swap(&mut self.connection, expected, changes);
        match swapped.map_err(|error| told(&self.path, &error))? {
            true => {
                self.keep_copy();
                Ok(Swap::Swapped)
            }
            false => self.load().map(Swap::Moved),
        }
    }

    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError> {
        let end = Instant::now() + patience;
        loop {
            let revision = rows::revision(&self.connection).map_err(|error| told(&self.path, &error))?;
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
    write(&transaction, changes, expected + 1)?;
    rows::advance(&transaction, expected + 1)?;
    transaction.commit()?;
    Ok(true)
}

/// Writes `changes` as `revision`; only where one may be of a claim that is there, the claims are looked through.
fn write(transaction: &Transaction<'_>, changes: &[Change], revision: u64) -> rusqlite::Result<()> {
    let last = Change::last(changes);
    let (changed, removed): (Vec<ClaimId>, Vec<ClaimId>) = known(changes).partition(|id| last[id].is_some());
    for (ids, what) in [(changed, CHANGED), (removed, REMOVED)].iter().filter(|(ids, _)| !ids.is_empty()) {
        history::record(transaction, ids, what, revision)?;
        rows::remove(transaction, ids)?;
        history::forget(transaction)?;
    }
    last.into_values().flatten().try_for_each(|claim| rows::add(transaction, claim))
}

/// Those of whom a claim may be there before `changes`.
fn known(changes: &[Change]) -> impl Iterator<Item = ClaimId> {
    let known = changes.iter().filter(|change| !matches!(change, Change::Add(_)));
    known.map(Change::id).collect::<BTreeSet<_>>().into_iter()
}

fn is_missing(path: &Path) -> bool {
    matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

fn told(path: &Path, error: &rusqlite::Error) -> StoreError {
    let path = path.into();
    match error.sqlite_error_code() {
        // A table or column that is not there is an error without a name of its own (SQLITE_ERROR).
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::TypeMismatch
            | ErrorCode::Unknown,
        ) => StoreError::Damaged { path, source: Wrong::quoted(error) },
        // Who reads and writes as we do waits for his turn; this one was waited for (https://www.sqlite.org/rescode.html#busy).
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked { path },
        Some(_) => reading::obstacle(&path)
            .filter(|_| reading::lacks_room(error))
            .unwrap_or_else(|| StoreError::Failed { path, source: error.to_string().into() }),
        // A row that is none of a ledger's.
        None => StoreError::Damaged { path, source: Wrong::quoted(error) },
    }
}
