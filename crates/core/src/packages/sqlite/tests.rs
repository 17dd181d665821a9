//! What SQLite itself wrote is what is read, and what nobody wrote ends in an error.

extern crate std;

use std::{collections::BTreeMap, string::String};

use alloc::{boxed::Box, vec, vec::Vec};
use core::convert::Infallible;
use rusqlite::{Connection, params};

use super::{testing::Written, *};

type Read = Result<(), FileError<Infallible>>;

type ReadAt<'b> = Box<dyn FnMut(u64, &mut [u8]) -> Result<(), Infallible> + 'b>;

/// The bytes, as a file would be read; how many pages were asked for is counted.
fn database<'b>(
    bytes: &'b [u8],
    reads: &'b mut usize,
) -> Result<Database<ReadAt<'b>>, FileError<Infallible>> {
    let read_at = move |offset, piece: &mut [u8]| {
        let offset = usize::try_from(offset).unwrap();
        piece.copy_from_slice(&bytes[offset..offset + piece.len()]);
        *reads += 1;
        Ok(())
    };
    Database::open(bytes.len() as u64, Box::new(read_at))
}

/// What is in the second column of the table `t`.
fn contents(
    bytes: &[u8],
    wants: &dyn Fn(i64, i64) -> bool,
) -> Result<(Vec<Vec<u8>>, usize), FileError<Infallible>> {
    let (mut reads, mut found) = (0, Vec::new());
    let mut database = database(bytes, &mut reads)?;
    let root = *database.tables(&["t"])?.get("t").ok_or(FileError::Broken)?;
    database.rows(root, usize::MAX, wants, &mut |row| -> Read {
        found.extend(match column(row, 1) {
            Some(Value::Bytes(bytes)) => Some(bytes.to_owned()),
            _ => None,
        });
        Ok(())
    })?;
    drop(database);
    Ok((found, reads))
}

/// A blob that tells its row, so that none passes for another.
fn blob(row: i64, length: usize) -> Vec<u8> {
    row.to_be_bytes().into_iter().cycle().take(length).collect()
}

fn write(connection: &Connection, page_bytes: usize, rows: &BTreeMap<i64, usize>) {
    connection.pragma_update(None, "page_size", page_bytes).unwrap();
    connection
        .execute_batch("CREATE TABLE before (x); CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); BEGIN")
        .unwrap();
    for (row, length) in rows {
        connection.execute("INSERT INTO t VALUES (?1, ?2)", params![row, blob(*row, *length)]).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
}

#[test]
fn every_row_that_sqlite_wrote_is_read_whole_and_in_order() {
    for page_bytes in [512, 4096, 65_536] {
        // Around each bound: a row that just fits, one that does not, one of many pages; small ones for a deep tree.
        let long = (0..20).map(|row| (row * 7 - 900, page_bytes / 5 * usize::try_from(row).unwrap()));
        let around = (0..80).map(|row| (10_000 + row, page_bytes - 60 + usize::try_from(row).unwrap()));
        let small = (20_000..22_000).map(|row| (row, 5));
        let ends = [(i64::MIN, 1), (i64::MAX, 2)];
        let rows: BTreeMap<i64, usize> = long.chain(around).chain(small).chain(ends).collect();
        let written = Written::new("every-row", |connection| write(connection, page_bytes, &rows));
        let (found, _) = contents(&written.bytes(), &|_, _| true).unwrap();
        let expected: Vec<_> = rows.iter().map(|(row, length)| blob(*row, *length)).collect();
        assert!(found == expected, "pages of {page_bytes}");
    }
}

#[test]
fn rows_that_went_are_not_read() {
    let rows: BTreeMap<i64, usize> = (0..2000).map(|row| (row, 100)).collect();
    let written = Written::new("rows-that-went", |connection| {
        write(connection, 1024, &rows);
        connection.execute("DELETE FROM t WHERE id % 3 != 0 OR id < 500", []).unwrap();
    });
    let (found, _) = contents(&written.bytes(), &|_, _| true).unwrap();
    let expected: Vec<_> = (500..2000).filter(|row| row % 3 == 0).map(|row| blob(row, 100)).collect();
    assert!(found == expected);
}

#[test]
fn for_one_row_only_the_way_to_it_is_read() {
    let rows: BTreeMap<i64, usize> = (0..20_000).map(|row| (row, 100)).collect();
    let written = Written::new("one-row", |connection| write(connection, 1024, &rows));
    let (found, reads) = contents(&written.bytes(), &|first, last| (first..=last).contains(&4321)).unwrap();
    assert_eq!(found, [blob(4321, 100)]);
    assert!(reads < 10, "{reads} of {} pages", written.bytes().len() / 1024);
}

#[test]
fn only_a_table_of_rows_is_one() {
    let written = Written::new("no-table", |connection| {
        let made = "CREATE TABLE other (x); CREATE VIEW t AS SELECT * FROM other;
            CREATE VIRTUAL TABLE f USING fts5(x); CREATE INDEX i ON other (x)";
        connection.execute_batch(made).unwrap();
    });
    let (bytes, mut reads) = (written.bytes(), 0);
    let mut database = database(&bytes, &mut reads).unwrap();
    let tables = database.tables(&["other", "t", "f", "i"]).unwrap();
    assert_eq!(tables.keys().copied().collect::<Vec<_>>(), ["other"]);
}

#[test]
fn a_table_without_row_numbers_is_no_tree_of_rows() {
    let written = Written::new("without-rowid", |connection| {
        connection
            .execute_batch("CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO t VALUES (1, x'22')")
            .unwrap();
    });
    assert!(matches!(contents(&written.bytes(), &|_, _| true), Err(FileError::Broken)));
}

#[test]
fn a_row_that_is_too_long_breaks_it_off_before_it_is_joined() {
    let rows = BTreeMap::from([(1, 100_000)]);
    let written = Written::new("too-long", |connection| write(connection, 1024, &rows));
    let (bytes, mut reads) = (written.bytes(), 0);
    let mut database = database(&bytes, &mut reads).unwrap();
    let root = database.tables(&["t"]).unwrap()["t"];
    let read = database.rows(root, 99_999, &|_, _| true, &mut |_| -> Read { panic!("it was shown") });
    assert!(matches!(read, Err(FileError::Broken)));
    drop(database);
    assert!(reads < 5, "{reads}");
}

#[test]
fn pages_that_lead_back_to_themselves_end() {
    let rows: BTreeMap<i64, usize> = (0..100).map(|row| (row, 700)).collect();
    let sound = Written::new("leading-back", |connection| write(connection, 512, &rows)).bytes();
    let pages = u32::try_from(sound.len() / 512).unwrap();
    for target in 1..=pages {
        // Each page says that it goes on in this one, be it one of branches, of rows or of the middle of a row.
        let mut bytes = sound.clone();
        for page in bytes.chunks_mut(512).skip(1) {
            let at = if page[0] == 5 { 8 } else { 0 };
            if page[0] != 13 {
                page[at..at + 4].copy_from_slice(&target.to_be_bytes());
            }
        }
        let _ = contents(&bytes, &|_, _| true);
    }
}

#[test]
fn no_broken_byte_makes_it_panic_or_go_on_for_ever() {
    let rows: BTreeMap<i64, usize> = (0..20).map(|row| (row, 40 * usize::try_from(row).unwrap())).collect();
    let sound = Written::new("broken-byte", |connection| write(connection, 512, &rows)).bytes();
    for at in (0..sound.len()).step_by(5) {
        for value in [0, 0x7f, 0xff, sound[at] ^ 1] {
            let mut bytes = sound.clone();
            bytes[at] = value;
            let _ = contents(&bytes, &|_, _| true);
        }
    }
    for length in (0..sound.len()).step_by(97) {
        let _ = contents(&sound[..length], &|_, _| true);
    }
}

#[test]
fn what_is_no_file_of_sqlite_is_refused() {
    let sound =
        Written::new("no-file", |connection| write(connection, 512, &BTreeMap::from([(1, 1)]))).bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = sound.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    assert!(contents(&sound, &|_, _| true).is_ok());
    for bytes in [
        Vec::new(),
        vec![0; 4096],
        sound[..99].to_vec(),
        with(0, b"s"),
        with(PAGE_BYTES_AT, &[0, 0]),
        with(PAGE_BYTES_AT, &[1, 0]),
        with(PAGE_BYTES_AT, &[2, 1]),
        with(RESERVED_AT, &[100]),
    ] {
        let name = String::from_utf8_lossy(&bytes[..bytes.len().min(22)]).into_owned();
        assert!(contents(&bytes, &|_, _| true).is_err(), "{name:?}");
    }
}
