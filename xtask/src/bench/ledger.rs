//! How fast claims are made that last, beside raw SQLite and those who only look for a free port, and whether any two collide.

mod cold;
mod durable;
mod etcd;
mod raw;
mod storm;

use std::{fs, path::PathBuf};

use portreeve_lab::fixture::{self, Fixture};

use super::report::Row;
use crate::shell::{Result, output, target};

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    cold::look_for_rivals()?;
    let mut rows = durable::rows()?;
    rows.extend(cold::rows()?);
    rows.extend(storm::rows()?);
    rows.extend(etcd::rows()?);
    Ok(rows)
}

/// What a host keeps of its claims beside the ledger.
const KEPT: [&str; 2] = ["/run", STATE];
/// What of it lasts.
const STATE: &str = "/var/lib";

/// A host on which claims may be made: what is kept is its own, as its network is.
fn host() -> Result<Fixture> {
    let host = fixture::empty()?;
    for folder in KEPT {
        output(&mut host.command(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder]))?;
    }
    Ok(host)
}

fn portreeve() -> String {
    target().join("release/portreeve").to_string_lossy().into_owned()
}

/// A folder on the disk that is gone when this value is.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path = target().join("bench/ledger").join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
