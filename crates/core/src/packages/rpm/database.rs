//! The file in which rpm keeps its headers since 4.16, a database of SQLite (rpm, lib/backend/sqlite.c).

use alloc::collections::BTreeSet;

use super::{BrokenHeader, claim};
use crate::packages::{
    Owners, Paths,
    sought::{Claims, Sought},
    sqlite::{Database, FileError, Value, column},
};

/// Whose rows are headers, by their number.
const PACKAGES: &str = "Packages";
/// Whose rows say by which name which package has a file.
const NAMES: &str = "Basenames";

/// A row of names: a name without its folder, and the number of a package.
const NAME_BYTES_MAX: usize = 16 << 10;
/// A row with a header: rpm would take four times as much, and those of real packages take a twentieth of this.
const HEADER_BYTES_MAX: usize = 64 << 20;
/// So many packages may have a file of a wanted name.
const PACKAGES_MAX: usize = 1 << 16;

/// Why a database of rpm cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError<E: core::error::Error + 'static> {
    /// The file cannot be.
    #[error("the file cannot be read")]
    Read(#[source] E),
    /// It is none of SQLite, or one that is written at this moment.
    #[error("the file is no sound database of SQLite")]
    Broken,
    /// Another program's, or a view stands in place of a table.
    #[error("the database has no table `{0}`")]
    NoTable(&'static str),
    /// It names more packages than anybody installs.
    #[error("the database names more packages than are read")]
    TooMany,
    /// The header of one of the packages.
    #[error(transparent)]
    Header(#[from] BrokenHeader),
}

impl<E: core::error::Error> From<FileError<E>> for DatabaseError<E> {
    fn from(error: FileError<E>) -> Self {
        match error {
            FileError::Read(source) => Self::Read(source),
            FileError::Broken => Self::Broken,
        }
    }
}

/// The packages of the wanted paths, by the bytes of `rpmdb.sqlite`: so many, of which `read_at` fills a piece from an offset on.
///
/// What stands in a write-ahead log beside the file is not read.
///
/// # Errors
///
/// The file cannot be read, is no database of rpm's, or a package that has a file of a wanted name is broken.
pub fn owners<E: core::error::Error>(
    file_bytes: u64,
    read_at: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    wanted: &Paths,
) -> Result<Owners, DatabaseError<E>> {
    let mut database = Database::open(file_bytes, read_at)?;
    let tables = database.tables(&[PACKAGES, NAMES])?;
    let root = |name| tables.get(name).copied().ok_or(DatabaseError::NoTable(name));
    let (packages, names) = (root(PACKAGES)?, root(NAMES)?);
    let numbers = numbers(&mut database, names, wanted)?;
    let (sought, mut claims) = (Sought::new(wanted), Claims::default());
    let wants = |first, last| first <= last && numbers.range(first..=last).next().is_some();
    database.rows(packages, HEADER_BYTES_MAX, &wants, &mut |row| {
        // The number of a package is the row's own.
        let Some(Value::Bytes(blob)) = column(row, 1) else { return Err(DatabaseError::Broken) };
        if let Some((package, found)) = claim(blob, &sought)? {
            claims.add(package, found);
        }
        Ok(())
    })?;
    Ok(claims.owners())
}

/// The numbers of the packages that have a file of a wanted name, in whichever folder.
fn numbers<E: core::error::Error>(
    database: &mut Database<impl FnMut(u64, &mut [u8]) -> Result<(), E>>,
    table: u32,
    wanted: &Paths,
) -> Result<BTreeSet<i64>, DatabaseError<E>> {
    let names = wanted.iter().filter_map(|path| Some(path.rsplit_once('/')?.1.as_bytes()));
    let names: BTreeSet<&[u8]> = names.collect();
    let mut numbers = BTreeSet::new();
    database.rows(table, NAME_BYTES_MAX, &|_, _| true, &mut |row| {
        let (Some(Value::Bytes(name)), Some(Value::Number(number))) = (column(row, 0), column(row, 1)) else {
            return Err(DatabaseError::Broken);
        };
        if names.contains(name) {
            numbers.insert(number);
        }
        if numbers.len() > PACKAGES_MAX { Err(DatabaseError::TooMany) } else { Ok(()) }
    })?;
    Ok(numbers)
}

#[cfg(test)]
mod tests;
