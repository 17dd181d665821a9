//! Puts another file in the place of the ledger, and keeps the one that was there aside: nothing is ever lost.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portreeve_core::ledger::{Book, Claim};
use rusqlite::{Connection, OpenFlags};

use super::{
    PATIENCE, StoreError, Wrong,
    access::{self, beside},
    check::{self, is_there, parts},
    copies::copies,
    layout,
    layout::Identity,
    marker::Marker,
    reading::read_only,
    rows, told,
    turn::Turn,
};

/// What belongs to a file of SQLite's (<https://www.sqlite.org/walformat.html>), the file itself first: without it nobody
/// takes the rest for a ledger.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// What was put back.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Where the file is that was there.
    pub(crate) aside: Option<PathBuf>,
    /// The ledger as it is now.
    pub(crate) book: Book,
    /// Claims of the file that was there, where it can be read, that are not as they were.
    pub(crate) missing: Vec<Claim>,
    /// Whether that file could be read.
    pub(crate) was_readable: bool,
}

/// What came of asking for a new ledger.
#[derive(Debug)]
pub(crate) enum Anew {
    /// There is one; the file that was there is kept.
    Made(Option<PathBuf>),
    /// There is one already, and it is as it should be.
    Stands(Book),
}

/// The claims of a file that is whole, and which ledger it is of; nothing is written.
///
/// # Errors
///
/// It is no ledger, or damaged.
fn whole(path: &Path) -> Result<(Connection, Identity, Book), StoreError> {
    if !is_there(path) {
        return Err(StoreError::Missing { path: path.into() });
    }
    let connection = read_only(path, PATIENCE)?;
    let identity = layout::identify(&connection).map_err(|error| error.told(path))?;
    let fail = |error: rusqlite::Error| told(path, &error);
    if let Some(part) = parts(&connection).map_err(fail)?.into_iter().next() {
        return Err(StoreError::Damaged { path: path.into(), source: Wrong::Quoted(part) });
    }
    let book = rows::book(&connection).map_err(fail)?;
    Ok((connection, identity, book))
}

/// What is in `copy`, which is to be one of the ledger at `path`.
///
/// # Errors
///
/// It is no copy of that one, or damaged.
pub(crate) fn read_copy(path: &Path, copy: &Path) -> Result<Book, StoreError> {
    fits(path, copy).map(|(_, _, book)| book)
}

fn fits(path: &Path, copy: &Path) -> Result<(Connection, Identity, Book), StoreError> {
    let whole = match whole(copy) {
        Err(StoreError::Missing { path: copy }) if copy != path => {
            return Err(StoreError::NoCopy { path: copy });
        }
        whole => whole?,
    };
    match Marker::beside(path).read()? {
        Some(known) if known != whole.1 => Err(StoreError::Another { path: copy.into() }),
        _ => Ok(whole),
    }
}

/// Makes `copy` the ledger at `path`, with a revision that nobody has seen before.
///
/// # Errors
///
/// The copy is damaged, or one of another ledger; somebody uses the file; or the system refuses: then all is as it was, or nothing
/// is there, where what was could not be read, and this may be asked again.
pub(crate) fn restore(path: &Path, copy: &Path) -> Result<Restored, StoreError> {
    access::refuse_other_names(path)?;
    check::refuse_foreign(path)?;
    let _turn = Turn::alone(path)?;
    let (source, identity, book) = fits(path, copy)?;
    let standing = whole(path).or_else(|_| readable(path)).map(|(_, _, book)| book).ok();
    let revision = standing.as_ref().map_or(0, Book::revision).max(book.revision()) + 1;
    let fresh = access::fresh(path);
    copy_to(&source, &fresh, revision).map_err(|error| {
        // What is not whole is of no use to anybody.
        let _ = fs::remove_file(&fresh);
        told(path, &error)
    })?;
    access::share(&fresh)?;
    // What is whole stays in its place until another has it.
    let is_written_out = standing.is_some() && write_out(path);
    let aside = if is_written_out { Some(copy_aside(path)?) } else { put_aside(path)? };
    access::put(&fresh, path).map_err(|source| StoreError::Beside { path: path.into(), source })?;
    Marker::beside(path).write(&identity)?;
    let was_readable = standing.is_some();
    let missing = standing.iter().flat_map(Book::claims).filter(|claim| book.claim(claim.id) != Some(claim));
    let missing = missing.cloned().collect();
    Ok(Restored { aside, book: Book::new(revision, book.claims().cloned()), missing, was_readable })
}

/// The claims of a file that is damaged, as far as all of them can be read.
fn readable(path: &Path) -> Result<(Connection, Identity, Book), StoreError> {
    let connection = read_only(path, PATIENCE)?;
    let identity = layout::identify(&connection).map_err(|error| error.told(path))?;
    let book = rows::book(&connection).map_err(|error| told(path, &error))?;
    Ok((connection, identity, book))
}

/// In one file without a journal.
fn copy_to(source: &Connection, fresh: &Path, revision: u64) -> rusqlite::Result<()> {
    // What a run that was killed has left is not ours to keep.
    let _ = fs::remove_file(fresh);
    source.execute("VACUUM INTO ?1", (fresh.to_string_lossy(),))?;
    let connection = Connection::open(fresh)?;
    rows::advance(&connection, revision)
}

/// Makes a new empty ledger at `path`, where there is none that can be used.
///
/// # Errors
///
/// Somebody uses the file, or the system refuses: then all is as it was.
pub(crate) fn begin_anew(path: &Path) -> Result<Anew, StoreError> {
    access::prepare(path)?;
    access::refuse_other_names(path)?;
    check::refuse_foreign(path)?;
    let _turn = Turn::alone(path)?;
    if let Ok((_, _, book)) = fits(path, path) {
        return Ok(Anew::Stands(book));
    }
    // What takes room is written before anything of the one before is touched.
    let (fresh, marker) = (access::fresh(path), Marker::beside(path));
    let blank = blank(path, &fresh).and_then(|identity| marker.prepare(&identity));
    let word = blank.inspect_err(|_| drop(fs::remove_file(&fresh)))?;
    let beside = |source| StoreError::Beside { path: path.into(), source };
    let aside = put_aside(path)?;
    access::put(&fresh, path).map_err(beside)?;
    marker.put(&word)?;
    // Of the one before: the new one has none of its own yet, and lets none of them go.
    for copy in copies(path).map_err(beside)? {
        put_aside(&copy.path)?;
    }
    Ok(Anew::Made(aside))
}

/// A new ledger in the file `fresh`, which is to be at `path`, without a journal.
fn blank(path: &Path, fresh: &Path) -> Result<Identity, StoreError> {
    access::begin(fresh)?;
    let mut connection = Connection::open(fresh).map_err(|error| told(path, &error))?;
    layout::create(&mut connection).map_err(|error| error.told(path))
}

/// Brings what stands in the journal into the file at `path` itself; whether all is there, so that no journal is left for another
/// file to read (<https://www.sqlite.org/wal.html#ckpt>).
fn write_out(path: &Path) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let Ok(connection) = Connection::open_with_flags(path, flags) else { return false };
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, i64>(0));
    let is_closed = connection.close().is_ok();
    let is_empty = fs::metadata(beside(path, "-wal")).map_or(true, |about| about.len() == 0);
    is_closed && is_empty && is_busy == Ok(0)
}

/// Copies what is at `path`, of which nobody writes anything meanwhile, and tells where it is.
fn copy_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = aside(path);
    let fresh = access::fresh(&aside);
    let copied = fs::copy(path, &fresh).and_then(|_| access::put(&fresh, &aside));
    copied.map_err(|source| {
        // Half a copy is none.
        let _ = fs::remove_file(&fresh);
        StoreError::Beside { path: aside.clone(), source }
    })?;
    access::share(&aside)?;
    Ok(aside)
}

/// What the file at `path` is called when it is kept.
fn aside(path: &Path) -> PathBuf {
    let stamp = Timestamp::now().to_string().replace(['-', ':'], "");
    beside(path, &format!(".aside-{stamp}"))
}

/// Gives what is at `path` another name, which it tells where there was something.
fn put_aside(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let aside = aside(path);
    let rename = |part: &str| match fs::rename(beside(path, part), beside(&aside, part)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        renamed => renamed.map(|()| true),
    };
    let renamed = PARTS.iter().map(|part| rename(part)).collect::<io::Result<Vec<_>>>();
    let renamed = renamed.and_then(|renamed| access::sync(path).map(|()| renamed));
    let renamed = renamed.map_err(|source| StoreError::Beside { path: path.into(), source })?;
    Ok(renamed[0].then_some(aside))
}
