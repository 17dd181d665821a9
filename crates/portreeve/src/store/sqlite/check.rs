//! Whether the file is whole, and everything that is wrong with it; nothing is written.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use portreeve_core::ledger::{Book, Claim};
use rusqlite::Connection;

use super::{
    PATIENCE, StoreError, access, copies::copies, history, layout, layout::Owner, marker::Marker,
    reading::read_only, rows, told, turn::Turn,
};

/// So much is told; who has more wrong with it needs no longer list.
pub(crate) const FAULTS_MAX: usize = 100;
/// Where a file of SQLite's says whose it is, and where that ends.
const APPLICATION_ID_AT: usize = 68;
const HEAD_BYTES: usize = 72;

/// Something that is wrong with the file.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It is gone, another one, newer, or cannot be read at all.
    Whole(StoreError),
    /// SQLite finds that a part of it does not fit the rest, in its own words.
    Part(String),
    /// A name that has two claims within a scope.
    Twice(String),
    /// A row that is no claim.
    Row {
        /// What it has for an id.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// A claim of a revision that the ledger has not reached.
    Ahead(Box<Claim>),
    /// Nothing beside it says that it was made.
    Unmarked,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Everything that is wrong with it.
    pub(crate) faults: Vec<Fault>,
    /// The claims that can be read.
    pub(crate) book: Book,
}

/// Checks the ledger at `path`.
///
/// # Errors
///
/// The system does not let us look.
pub(crate) fn check(path: &Path) -> Result<Checked, StoreError> {
    // Beside somebody else's file nothing is made.
    let looked = refuse_foreign(path).and_then(|()| access::refuse_other_names(path)).and_then(|()| {
        let _turn = Turn::shared(path)?;
        look(path)
    });
    let (faults, book) = match looked {
        Ok(found) => found,
        Err(error @ (StoreError::Failed { .. } | StoreError::Locked { .. } | StoreError::Beside { .. })) => {
            return Err(error);
        }
        Err(error) => (vec![Fault::Whole(error)], Book::default()),
    };
    Ok(Checked { faults, book })
}

fn look(path: &Path) -> Result<(Vec<Fault>, Book), StoreError> {
    if !is_there(path) {
        return Err(StoreError::Missing { path: path.into() });
    }
    let connection = read_only(path, PATIENCE)?;
    let identity = layout::identify(&connection).map_err(|error| error.told(path))?;
    let mut faults = match Marker::beside(path).read()? {
        None => vec![Fault::Unmarked],
        Some(known) if known != identity => vec![Fault::Whole(StoreError::Another { path: path.into() })],
        Some(_) => Vec::new(),
    };
    let fail = |error: rusqlite::Error| told(path, &error);
    faults.extend(parts(&connection).map_err(fail)?.into_iter().map(Fault::Part));
    faults.extend(twice(&connection).map_err(fail)?.into_iter().map(Fault::Twice));
    let revision = rows::revision(&connection).map_err(fail)?;
    let (claims, torn) = rows::each(&connection, FAULTS_MAX).map_err(fail)?;
    faults.extend(torn.into_iter().map(|(id, why)| Fault::Row { id, why }));
    let ahead = claims.iter().filter(|claim| claim.revision > revision).take(FAULTS_MAX);
    faults.extend(ahead.map(|claim| Fault::Ahead(Box::new(claim.clone()))));
    if layout::has_history(&connection).map_err(fail)? {
        history::check(&connection).map_err(fail)?;
    }
    Ok((faults, Book::new(revision, claims)))
}

/// The names that have more than one claim, each with its scope.
fn twice(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    const TWICE: &str = "
        SELECT name || ' (' || scope || ', ' || protocol || ')' FROM claim
        GROUP BY scope, protocol, name HAVING count(*) > 1 LIMIT ?1";
    let mut statement = connection.prepare(TWICE)?;
    statement.query_map((FAULTS_MAX,), |row| row.get(0))?.collect()
}

/// Refuses a file that was never a ledger: nothing beside it says that it was, and it does not begin as one does.
pub(super) fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let was_made = Marker::beside(path).exists() || copies(path).is_ok_and(|copies| !copies.is_empty());
    if was_made || !is_there(path) || begins_as_ledger(path) {
        return Ok(());
    }
    Err(StoreError::NoLedger { path: path.into() })
}

/// Whether its head says that it is one of ours (<https://www.sqlite.org/fileformat.html#the_database_header>), or, where it does
/// not yet, its content; what cannot be read may be.
fn begins_as_ledger(path: &Path) -> bool {
    let mut head = [0; HEAD_BYTES];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if head.starts_with(b"SQLite format 3\0") => match layout::owner(&head[APPLICATION_ID_AT..]) {
            Some(Owner::Portreeve) => true,
            Some(Owner::Nobody) => is_anew(path),
            None => false,
        },
        Ok(()) => false,
        Err(error) => error.kind() != io::ErrorKind::UnexpectedEof,
    }
}

/// Whether it is nobody's yet, or what makes it ours is still in its journal.
fn is_anew(path: &Path) -> bool {
    read_only(path, PATIENCE).is_ok_and(|connection| layout::claim(&connection).is_ok())
}

/// Whether there is a file with something in it.
pub(super) fn is_there(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// What of the file does not fit the rest (<https://www.sqlite.org/pragma.html#pragma_integrity_check>).
pub(super) fn parts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({FAULTS_MAX})"))?;
    let told = statement.query_map((), |row| row.get::<_, String>(0))?;
    let told = told.filter(|line| !matches!(line, Ok(line) if line == "ok"));
    told.collect()
}
