//! Looks for what is left on this host of the guard that was confirmed (A20, A24).

use std::{collections::BTreeSet, path::Path};

use portreeve_core::{
    facts::{GuardStands, LeftGuard, Snapshot},
    guard::{Badge, Mode, Rules},
};
use rustix::process::geteuid;

use crate::{
    boot::at_boot,
    enforce::{
        guard::{Guard, GuardError, Pinned},
        receipts,
    },
    network::cookie,
    present::{Presence, Tree},
};

/// Adds to a look what is left of what is kept in `folder`, beside the receipts: only root reads it, and asks the kernel.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    let confirmed = if geteuid().is_root() { receipts::programs(folder).ok().flatten() } else { None };
    let Some(confirmed) = confirmed.map(|programs| programs.rules).filter(|rules| !rules.entries.is_empty())
    else {
        return;
    };
    // What the kernel does not tell is no finding.
    let Ok(stands) = stands(&confirmed) else { return };
    let ports = u32::try_from(confirmed.entries.len()).unwrap_or(u32::MAX);
    let absent = if stands == GuardStands::Whole { absent(&confirmed) } else { Vec::new() };
    snapshot.guard = Some(LeftGuard { ports, stands, at_boot: at_boot(), absent });
}

/// The units that own a number which is refused to others, and of which this host has no file.
fn absent(confirmed: &Rules) -> Vec<String> {
    let enforced = confirmed.entries.values().flatten().filter(|entry| entry.mode == Mode::Enforce);
    let units: BTreeSet<&String> = enforced.filter_map(|entry| unit(&entry.owner)).collect();
    let tree = Tree::default();
    units.into_iter().filter(|unit| tree.unit(unit) == Presence::Absent).cloned().collect()
}

const fn unit(owner: &Badge) -> Option<&String> {
    if let Badge::Unit(unit) = owner { Some(unit) } else { None }
}

fn stands(confirmed: &Rules) -> Result<GuardStands, GuardError> {
    let Some(Pinned { guard, is_whole }) = Guard::pinned()? else { return Ok(GuardStands::Gone) };
    if !is_whole {
        return Ok(GuardStands::Cut);
    }
    let kept = guard.rules(cookie().map_err(GuardError::NoCookie)?)?;
    Ok(if kept == *confirmed { GuardStands::Whole } else { GuardStands::Changed })
}
