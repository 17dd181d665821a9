//! Files for tests, written by SQLite itself.

extern crate std;

use std::{fs, path::PathBuf};

use alloc::{format, vec::Vec};
use rusqlite::Connection;

/// A file that SQLite writes, gone with the test.
pub(in crate::packages) struct Written(PathBuf);

impl Written {
    pub(in crate::packages) fn new(name: &str, write: impl FnOnce(&Connection)) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-{name}-{}.sqlite", std::process::id()));
        let _ = fs::remove_file(&path);
        write(&Connection::open(&path).unwrap());
        Self(path)
    }

    pub(in crate::packages) fn bytes(&self) -> Vec<u8> {
        fs::read(&self.0).unwrap()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
