//! Looks for what is left on this host of the gate that was confirmed, and whether a boot puts it in force (A15, A20).

use std::path::Path;

use portreeve_core::{
    facts::{AtBoot, KeptGate, LeftGate, Listing, Snapshot},
    gate::Standing,
};
use rustix::process::geteuid;

use crate::{boot::at_boot, enforce::receipts};

/// Adds to a look what is left in `folder`, where receipts are kept: only root reads it.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    let kept = match receipts::boot(folder) {
        Ok(Some(boot)) => KeptGate::Whole { confirmed: boot.gate.digest(), at: boot.at },
        Ok(None) | Err(_) if !geteuid().is_root() => return,
        Ok(None) => KeptGate::Nothing,
        Err(_) => KeptGate::Unreadable,
    };
    let at_boot = at_boot();
    let ended_by_boot = is_gone(snapshot) && is_ended_by_boot(folder, at_boot);
    snapshot.gate = Some(LeftGate { kept, at_boot, ended_by_boot });
}

/// Whether the rules were looked at, and the gate's table is not among them.
fn is_gone(snapshot: &Snapshot) -> bool {
    let is_absent = |listing: &str| Standing::read(listing) == Ok(None);
    let firewall = snapshot.firewall.as_ref();
    firewall.is_some_and(|firewall| firewall.text(Listing::Nft).is_none_or(is_absent))
}

fn is_ended_by_boot(folder: &Path, at_boot: AtBoot) -> bool {
    // What cannot be read tells nothing.
    let Ok(history) = receipts::history(folder) else { return false };
    let gone = history.gone(None, receipts::kept(folder));
    gone.is_some_and(|receipt| history.is_ended_by_boot(receipt, at_boot))
}
