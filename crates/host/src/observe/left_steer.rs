//! Looks for what is left on this host of the steering that was confirmed (A5, A12).

use std::path::Path;

use portreeve_core::{
    facts::{GuardStands, LeftSteer, Snapshot},
    steer::Routes,
};
use rustix::process::geteuid;

use crate::enforce::{
    receipts,
    steer::{Pinned, Slot, Steer, SteerError},
};

/// Adds to a look what is left of what is kept in `folder`, beside the receipts: only root reads it, and asks the kernel.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    let confirmed = if geteuid().is_root() { receipts::programs(folder).ok().flatten() } else { None };
    let routes = confirmed.map(|programs| programs.routes).filter(|routes| !routes.0.is_empty());
    // What the kernel does not tell is no finding.
    snapshot.steer = routes.and_then(|routes| left(&routes).ok());
}

fn left(confirmed: &Routes) -> Result<LeftSteer, SteerError> {
    let gone =
        |stands| Ok(LeftSteer { stands, dead: Vec::new(), led: Vec::new(), routes: Routes::default() });
    let Some(Pinned { steer, is_whole }) = Steer::pinned()? else { return gone(GuardStands::Gone) };
    if !is_whole {
        return gone(GuardStands::Cut);
    }
    if steer.routes()? != *confirmed {
        return gone(GuardStands::Changed);
    }
    // What is on trial is what leads now.
    let tried = steer.routes_on_trial()?;
    let routes = tried.as_ref().unwrap_or(confirmed);
    let mut dead: Vec<String> = Vec::new();
    let slots = steer.stands()?;
    let led: Vec<_> = slots.iter().cloned().filter_map(Slot::led).collect();
    let led = led.into_iter().filter(|led| routes.use_socket(led)).collect();
    for slot in slots.into_iter().filter(|slot| slot.cookie.is_none()) {
        if slot.is_of(routes) && dead.last() != Some(&slot.service) {
            dead.push(slot.service);
        }
    }
    Ok(LeftSteer { stands: GuardStands::Whole, dead, led, routes: routes.clone() })
}
