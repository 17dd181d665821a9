//! Looks for what is left on this host of the gate that was confirmed, and whether a boot puts it in force (A15, A20).

use std::path::Path;

use portreeve_core::facts::{Gap, GapKind, LeftGate, Snapshot};
use rustix::process::geteuid;

use crate::{boot::at_boot, enforce::receipts};

/// Adds to a look what is left in `folder`, where receipts are kept: most hosts have no such folder, and only root reads
/// it.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    match receipts::boot(folder) {
        Ok(None) => {}
        Ok(Some(boot)) => {
            let (confirmed, at) = (boot.gate.digest(), boot.at);
            snapshot.gate = Some(LeftGate { confirmed, at, at_boot: at_boot() });
        }
        Err(_) if !geteuid().is_root() => {}
        Err(error) => {
            let detail = error.path().map(|path| path.display().to_string()).unwrap_or_default();
            snapshot.gaps.push(Gap { what: GapKind::MissingSource, count: 1, detail });
            snapshot.gaps.sort_by(|a, b| (a.what, &a.detail).cmp(&(b.what, &b.detail)));
        }
    }
}
