//! Looks for what is left on this host of the steering that was confirmed (A5, A12).

use std::path::Path;

use portreeve_core::{
    facts::{GuardStands, LeftSteer, Snapshot},
    port::PortSpec,
    steer::Routes,
    steered::hidden,
};
use rustix::process::geteuid;

use crate::enforce::{
    receipts,
    steer::{Pinned, Slot, Steer, SteerError},
};

/// Adds to a look what is left of what is kept in `folder`, beside the receipts; or, where whoever looks may not read these or ask
/// the kernel, which ports are steered.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    snapshot.steer = None;
    match seen(folder) {
        Ok(steer) => snapshot.steer = steer,
        Err(Some(ports)) if ports.is_empty() => {}
        Err(ports) => {
            let gap = hidden::gap(&ports.unwrap_or_default());
            snapshot.gaps.retain(|known| *known != gap);
            snapshot.gaps.push(gap);
        }
    }
}

/// What is left, where anything is steered.
///
/// # Errors
///
/// It is not seen: with the ports of which is known that they are, where that can be told.
fn seen(folder: &Path) -> Result<Option<LeftSteer>, Option<Vec<PortSpec>>> {
    let confirmed = if geteuid().is_root() { receipts::programs(folder).ok() } else { None };
    let Some(confirmed) = confirmed else { return Err(receipts::steered_ports(folder)) };
    let routes = confirmed.map(|programs| programs.routes).filter(|routes| !routes.0.is_empty());
    let of = |routes: Routes| left(&routes).map_err(|_| Some(hidden::ports(&routes)));
    routes.map(of).transpose()
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
