//! Looks for what is left on this host of the gate that was confirmed, and whether a boot puts it in force (A15, A20).

use std::path::Path;

use portreeve_core::facts::{KeptGate, LeftGate, Snapshot};
use rustix::process::geteuid;

use crate::{boot::at_boot, enforce::receipts};

/// Adds to a look what is left in `folder`, where receipts are kept: only root reads it.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    let left = |kept| Some(LeftGate { kept, at_boot: at_boot() });
    match receipts::boot(folder) {
        Ok(Some(boot)) => {
            snapshot.gate = left(KeptGate::Whole { confirmed: boot.gate.digest(), at: boot.at });
        }
        Ok(None) | Err(_) if !geteuid().is_root() => {}
        Ok(None) => snapshot.gate = left(KeptGate::Nothing),
        Err(_) => snapshot.gate = left(KeptGate::Unreadable),
    }
}
