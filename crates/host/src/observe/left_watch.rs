//! Looks whether anybody watches this host, and ought to (A19, A20).

use std::path::Path;

use portreeve_core::facts::{LeftWatch, Snapshot};

use crate::{
    network::{Network, network},
    root, watching,
    watching::writer::{Writes, writes},
};

/// Adds that to a look, where a watch writes into `folder`: only root knows, and of the network namespace that boots.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    if !root::is_of_host() || network() != Network::Host {
        return;
    }
    let enabled = watching::is_enabled();
    let writes = matches!(writes(folder), Writes::Somebody(_));
    // One that begins, or cannot write, watches too.
    let runs = writes || enabled && watching::is_active();
    snapshot.watch = Some(LeftWatch { enabled, runs });
}
