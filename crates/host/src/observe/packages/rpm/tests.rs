//! Databases that SQLite wrote, read through a descriptor.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, params};

use super::*;

/// A folder of a test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-rpm-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The header of a package of this version that has the one file, as rpm wrote them before 4.0.
fn header(version: &str, path: &str) -> Vec<u8> {
    const STRING: u32 = 6;
    const ARRAY: u32 = 8;
    let tags =
        [(1000, STRING, "tiny"), (1001, STRING, version), (1002, STRING, "4.el9"), (1027, ARRAY, path)];
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, kind, text) in tags {
        let offset = u32::try_from(store.len()).unwrap();
        index.extend([tag, kind, offset, 1].into_iter().flat_map(u32::to_be_bytes));
        store.extend(text.bytes().chain([0]));
    }
    let sizes = [4, u32::try_from(store.len()).unwrap()].into_iter().flat_map(u32::to_be_bytes);
    sizes.chain(index).chain(store).collect()
}

fn write(path: &Path, version: &str) {
    let connection = Connection::open(path).unwrap();
    let tables = "
        CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);
        CREATE TABLE 'Basenames' (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);
        INSERT INTO Basenames VALUES ('tiny', 1, 0);
    ";
    connection.execute_batch(tables).unwrap();
    connection
        .execute("INSERT INTO Packages VALUES (1, ?1)", params![header(version, "/usr/bin/tiny")])
        .unwrap();
}

fn version(database: &File) -> Option<String> {
    let owners = read(database, &Paths::from(["/bin/tiny".to_owned()])).unwrap();
    owners.of("/bin/tiny").map(|package| package.version.clone())
}

#[test]
fn a_database_tells_whose_a_file_is() {
    let folder = Folder::new("tells");
    let path = folder.0.join("rpmdb.sqlite");
    write(&path, "1.2");
    assert_eq!(version(&File::open(&path).unwrap()).as_deref(), Some("1.2-4.el9"));
}

#[test]
fn what_was_opened_is_read_whatever_stands_at_its_path_by_now() {
    let folder = Folder::new("opened");
    let path = folder.0.join("rpmdb.sqlite");
    write(&path, "1");
    let opened = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    write(&path, "2");
    write(&folder.0.join("rpmdb.sqlite (deleted)"), "3");
    assert_eq!(version(&opened).as_deref(), Some("1-4.el9"));
    assert_eq!(version(&File::open(&path).unwrap()).as_deref(), Some("2-4.el9"));
}

#[test]
fn what_is_no_such_file_says_so() {
    let folder = Folder::new("no-such");
    let wanted = Paths::from(["/bin/tiny".to_owned()]);
    assert!(matches!(read(&File::open(&folder.0).unwrap(), &wanted), Err(RpmError::NoFile)));
    let path = folder.0.join("large");
    File::create(&path).unwrap().set_len(FILE_BYTES_MAX + 1).unwrap();
    assert!(matches!(read(&File::open(&path).unwrap(), &wanted), Err(RpmError::NoFile)));
    fs::write(&path, "nothing of SQLite").unwrap();
    let broken = read(&File::open(&path).unwrap(), &wanted);
    assert!(matches!(broken, Err(RpmError::Database(DatabaseError::Broken))));
    let sparse = File::create(&path).unwrap();
    sparse.set_len(FILE_BYTES_MAX).unwrap();
    assert!(read(&File::open(&path).unwrap(), &wanted).is_err());
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let folder = Folder::new("cut");
    let path = folder.0.join("rpmdb.sqlite");
    write(&path, "1");
    let bytes = fs::read(&path).unwrap();
    let wanted = Paths::from(["/bin/tiny".to_owned()]);
    for length in [100, 4096, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(read(&File::open(&path).unwrap(), &wanted).is_err(), "{length} of {}", bytes.len());
    }
}

#[test]
fn what_is_written_meanwhile_is_of_two_moments() {
    let folder = Folder::new("meanwhile");
    let path = folder.0.join("rpmdb.sqlite");
    write(&path, "1");
    let file = File::options().append(true).open(&path).unwrap();
    let before = about(&file).unwrap();
    assert!(is_same(&before, &about(&file).unwrap()));
    file.set_modified(before.modified().unwrap() + Duration::from_nanos(1)).unwrap();
    assert!(!is_same(&before, &about(&file).unwrap()));
    file.set_modified(before.modified().unwrap()).unwrap();
    file.set_len(before.len() + 1).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    assert!(!is_same(&before, &about(&file).unwrap()));
}
