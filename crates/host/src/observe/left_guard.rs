//! Looks for what is left on this host of the guard that was confirmed (A20, A24).

use std::path::Path;

use portreeve_core::{
    facts::{GuardStands, LeftGuard, Snapshot},
    guard::Rules,
};
use rustix::process::geteuid;

use crate::{
    boot::at_boot,
    enforce::{
        guard::{Guard, GuardError, Pinned, cookie},
        receipts,
    },
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
    snapshot.guard = Some(LeftGuard { ports, stands, at_boot: at_boot() });
}

fn stands(confirmed: &Rules) -> Result<GuardStands, GuardError> {
    let Some(Pinned { guard, is_whole }) = Guard::pinned()? else { return Ok(GuardStands::Gone) };
    if !is_whole {
        return Ok(GuardStands::Cut);
    }
    let kept = guard.rules(cookie().map_err(GuardError::NoCookie)?)?;
    Ok(if kept == *confirmed { GuardStands::Whole } else { GuardStands::Changed })
}
