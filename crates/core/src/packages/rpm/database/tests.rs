//! Databases with the tables that rpm makes, written by SQLite itself.

use alloc::{format, string::String, vec::Vec};
use core::convert::Infallible;

use rusqlite::{Connection, params};

use super::{
    super::testing::{Making, named, with_files},
    *,
};
use crate::packages::{rpm::tag, sqlite::testing::Written};

/// As rpm makes them (lib/backend/sqlite.c).
const TABLES: &str = "
    CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
    CREATE TABLE 'Basenames' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL,
        FOREIGN KEY (hnum) REFERENCES 'Packages'(hnum));
    CREATE INDEX 'Basenames_key_idx' ON 'Basenames'(key ASC);
";

fn install(connection: &Connection, number: i64, header: &Making, names: &[&str]) {
    connection.execute("INSERT INTO Packages VALUES (?1, ?2)", params![number, header.blob()]).unwrap();
    for (at, name) in names.iter().enumerate() {
        let row = params![name, number, i64::try_from(at).unwrap()];
        connection.execute("INSERT INTO Basenames VALUES (?1, ?2, ?3)", row).unwrap();
    }
}

fn written(name: &str, write: impl FnOnce(&Connection)) -> Vec<u8> {
    let file = Written::new(name, |connection| {
        // A stranger keeps to no key.
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute_batch(TABLES).unwrap();
        write(connection);
    });
    file.bytes()
}

fn owners_in(bytes: &[u8], wanted: &[&str]) -> Result<Owners, DatabaseError<Infallible>> {
    let read_at = |offset, piece: &mut [u8]| {
        let offset = usize::try_from(offset).unwrap();
        piece.copy_from_slice(&bytes[offset..offset + piece.len()]);
        Ok(())
    };
    owners(bytes.len() as u64, read_at, &wanted.iter().copied().map(String::from).collect())
}

const LIBRARY: &str = "/usr/lib64/libssl.so.3";
const NAMES: &[&str] = &["openssl.cnf", "libssl.so.3", "libcrypto.so.3"];

#[test]
fn a_file_is_found_among_many_packages() {
    let bytes = written("among-many", |connection| {
        connection.execute_batch("BEGIN").unwrap();
        for number in 1..400 {
            let path = format!("/usr/bin/program{number}");
            install(connection, number, &named().strings(tag::OLD_FILE_NAMES, &[&path]), &[&path[9..]]);
        }
        install(connection, 1000, &with_files(), NAMES);
        connection.execute_batch("COMMIT").unwrap();
    });
    let owners = owners_in(&bytes, &[LIBRARY, "/bin/program77", "/usr/bin/other"]).unwrap();
    assert_eq!(owners.of(LIBRARY).unwrap().version, "1:3.0.7-24.el9");
    assert!(owners.of("/bin/program77").is_some() && owners.of("/usr/bin/other").is_none());
}

#[test]
fn a_header_that_no_page_holds_is_read_whole() {
    let long = (0..9000).map(|number| format!("a-file-of-a-long-name-{number}")).collect::<Vec<_>>();
    let mut names: Vec<&str> = long.iter().map(String::as_str).collect();
    names.push("x");
    let header = named()
        .numbers(tag::DIRECTORY_INDEXES, &[0; 9001])
        .strings(tag::BASE_NAMES, &names)
        .strings(tag::DIRECTORY_NAMES, &["/opt/"]);
    let bytes = written("whole", |connection| install(connection, 1, &header, &["x"]));
    assert!(owners_in(&bytes, &["/opt/x"]).unwrap().of("/opt/x").is_some());
}

#[test]
fn a_broken_package_is_only_missed_where_it_is_asked_for() {
    let broken = Making { index: Vec::new(), ..with_files() };
    let bytes = written("missed", |connection| {
        install(connection, 1, &with_files(), NAMES);
        install(connection, 2, &broken, &["other"]);
        connection.execute("UPDATE Packages SET blob = x'00' WHERE hnum = 2", []).unwrap();
    });
    assert!(owners_in(&bytes, &[LIBRARY]).unwrap().of(LIBRARY).is_some());
    assert!(matches!(owners_in(&bytes, &["/bin/other"]), Err(DatabaseError::Header(BrokenHeader::Size))));
}

#[test]
fn a_view_or_a_virtual_table_in_place_of_a_table_is_none() {
    for odd in [
        "CREATE VIEW Packages AS SELECT 1 AS hnum, x'00' AS blob",
        "CREATE VIRTUAL TABLE Packages USING fts5(hnum, blob)",
        "CREATE INDEX Packages ON Basenames (key)",
    ] {
        let bytes = written("odd", |connection| {
            connection.execute_batch(&format!("DROP TABLE Packages; {odd}")).unwrap();
        });
        let read = owners_in(&bytes, &[LIBRARY]);
        assert!(matches!(read, Err(DatabaseError::NoTable("Packages"))), "{odd}");
    }
}

#[test]
fn rows_of_another_kind_are_broken() {
    for odd in
        ["UPDATE Packages SET blob = 7", "UPDATE Basenames SET hnum = 'x'", "UPDATE Basenames SET hnum = 7.5"]
    {
        let bytes = written("of-another-kind", |connection| {
            install(connection, 1, &with_files(), NAMES);
            connection.execute_batch(odd).unwrap();
        });
        assert!(matches!(owners_in(&bytes, &[LIBRARY]), Err(DatabaseError::Broken)), "{odd}");
    }
}

#[test]
fn more_packages_than_anybody_has_are_not_read() {
    let bytes = written("more-packages", |connection| {
        let many = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 70000)
            INSERT INTO Basenames SELECT 'x', n, 0 FROM n";
        connection.execute_batch(many).unwrap();
    });
    assert!(matches!(owners_in(&bytes, &["/bin/x"]), Err(DatabaseError::TooMany)));
    assert_eq!(owners_in(&bytes, &["/bin/y"]).unwrap(), Owners::default());
}

#[test]
fn nothing_that_is_wanted_is_no_mistake() {
    let bytes = written("nothing-wanted", |connection| install(connection, 1, &with_files(), NAMES));
    assert_eq!(owners_in(&bytes, &[]).unwrap(), Owners::default());
}
