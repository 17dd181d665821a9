//! A copy of the ledger of each day on which it was changed, beside it.

use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rusqlite::Connection;

use super::{StoreError, access, told, turn::Turn};

/// The last so many days are kept.
pub(super) const COPIES_MAX: usize = 7;
/// Until its mode is that of the ledger, nobody else reads it.
const MODE: u32 = 0o600;

/// A copy of a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DayCopy {
    /// The day, UTC.
    pub(crate) day: Date,
    /// The file.
    pub(crate) path: PathBuf,
}

/// Today, UTC.
pub(super) fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// The copies of the ledger at `path`, the oldest first.
///
/// # Errors
///
/// Its folder cannot be listed.
pub(crate) fn copies(path: &Path) -> io::Result<Vec<DayCopy>> {
    let prefix = format!("{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let mut copies = Vec::new();
    for entry in fs::read_dir(access::folder(path))? {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| name.strip_prefix(&prefix)).and_then(day);
        copies.extend(day.map(|day| DayCopy { day, path: path.with_file_name(&name) }));
    }
    copies.sort();
    Ok(copies)
}

/// In one way only: `2026-01-01`.
fn day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text)
}

/// The copy of `day`.
fn of_day(path: &Path, day: Date) -> PathBuf {
    path.with_file_name(format!("{}.{day}", path.file_name().unwrap_or_default().to_string_lossy()))
}

/// Makes the copy of `day` where there is none yet, and lets the oldest go. Of those who would make it at once one does.
pub(super) fn keep(connection: &Connection, path: &Path, day: Date) -> Result<(), StoreError> {
    let copy = of_day(path, day);
    if copy.exists() {
        return Ok(());
    }
    let fresh =
        path.with_file_name(format!(".{}.copy", path.file_name().unwrap_or_default().to_string_lossy()));
    let beside = |source| StoreError::Beside { path: copy.clone(), source };
    let open = OpenOptions::new().write(true).create(true).truncate(false).mode(MODE).open(&fresh);
    let file = open.map_err(beside)?;
    let Some(_turn) = Turn::only(&fresh) else { return Ok(()) };
    // Whoever had the turn before has given the file its name, so that it may be the very copy by now.
    if copy.exists() {
        let _ = fs::remove_file(&fresh);
        return Ok(());
    }
    // What an earlier try has left is gone.
    file.set_len(0).map_err(beside)?;
    let made = connection.execute("VACUUM INTO ?1", (fresh.to_string_lossy(),));
    let put = made.map_err(|error| told(&copy, &error)).and_then(|_| {
        access::share(&fresh)?;
        access::put(&fresh, &copy).map_err(beside)
    });
    if put.is_err() {
        // Half a copy is none.
        let _ = fs::remove_file(&fresh);
    }
    put?;
    let_go(path, &copy).map_err(beside)
}

/// Whatever the clock said on other days, the copy that was just made stays.
fn let_go(path: &Path, newest: &Path) -> io::Result<()> {
    let others: Vec<DayCopy> = copies(path)?.into_iter().filter(|copy| copy.path != newest).collect();
    let surplus = (others.len() + 1).saturating_sub(COPIES_MAX);
    others.iter().take(surplus).try_for_each(|copy| fs::remove_file(&copy.path))
}
