//! Reads the file also where nothing may be written, not even beside it: the disk is full, or mounted for reading alone (A25).

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{StatVfsMountFlags, statvfs};

use super::{StoreError, access, told};

/// How the file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Beside whoever writes.
    Beside,
    /// Where all of it is in the file, and nobody changes that.
    Still,
    /// Where some of it is in the log, which nobody goes on with.
    WithLog,
}

/// A connection that writes nothing, and waits no longer than `patience` for whoever writes.
///
/// # Errors
///
/// The file is none of SQLite's, or the system refuses.
pub(super) fn read_only(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    let connected = match connect(path, patience, Way::Beside) {
        // Whoever reads keeps a list of the log beside it (https://www.sqlite.org/wal.html#read_only_databases). Where that cannot
        // be made nobody who could change the file has it either.
        Err(error) if lacks_room(&error) => {
            connect(path, patience, if is_log_empty(path) { Way::Still } else { Way::WithLog })
        }
        connected => connected,
    };
    connected.map_err(|error| told(path, &error))
}

fn connect(path: &Path, patience: Duration, way: Way) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = match way {
        Way::Beside => Connection::open_with_flags(path, flags)?,
        Way::Still => Connection::open_with_flags(address(path), flags | OpenFlags::SQLITE_OPEN_URI)?,
        Way::WithLog => {
            let connection = Connection::open_with_flags_and_vfs(path, flags, WITHOUT_LOCKS)?;
            // The list is in memory then (https://www.sqlite.org/wal.html#use_of_wal_without_shared_memory).
            connection.pragma_update(None, "locking_mode", "exclusive")?;
            connection
        }
    };
    connection.busy_timeout(patience)?;
    // Nothing was opened before the first question.
    connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// Of who has it for himself nobody is told (<https://www.sqlite.org/vfs.html#standard_unix_vfses>): a file that is only read
/// cannot be locked for that.
const WITHOUT_LOCKS: &str = "unix-none";

/// What tells SQLite that nobody changes the file (<https://www.sqlite.org/uri.html#uriimmutable>).
fn address(path: &Path) -> String {
    let mut address = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => address.push(byte.into()),
            other => address += &format!("%{other:02x}"),
        }
    }
    address + "?immutable=1"
}

/// Whether something could not be made that is needed for more than reading the file.
pub(super) fn lacks_room(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure)
    )
}

/// Whether all that was written is in the file.
fn is_log_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(PathBuf::from(log)).map_or(true, |log| log.len() == 0)
}

/// Why nothing can be written beside `path`, as far as its file system tells.
pub(super) fn obstacle(path: &Path) -> Option<StoreError> {
    let about = statvfs(access::folder(path)).ok()?;
    let kind = if about.f_flag.contains(StatVfsMountFlags::RDONLY) {
        ErrorKind::ReadOnlyFilesystem
    } else if about.f_bavail == 0 {
        ErrorKind::StorageFull
    } else {
        return None;
    };
    Some(StoreError::Beside { path: path.into(), source: kind.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_an_address_whatever_is_in_it() {
        assert_eq!(address(Path::new("/a b/c?d#%.db")), "file:/a%20b/c%3fd%23%25.db?immutable=1");
        assert_eq!(address(Path::new("/港.db")), "file:/%e6%b8%af.db?immutable=1");
    }
}
