//! Waits for the sockets of a service while its owner starts (A5, A12).

use std::{
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    plan::{Unled, Whose, socket},
    steer::Routes,
    world::World,
};

use super::register::NOT_LED;
use crate::{
    failure::Failure,
    look::Look,
    settings::{PolicyChoice, Settings},
    steers::{self, WANTED},
};

/// Between two looks for a socket.
const PAUSE: Duration = Duration::from_millis(100);

/// A look in which somebody has a socket for more of it than of all but so much as was `missing`, or the last one before `end`; with it,
/// how much is missing then.
///
/// # Errors
///
/// The host cannot be looked at.
pub(super) fn more(
    service: &str,
    whose: Option<Whose>,
    missing: Option<usize>,
    end: Instant,
    settings: &Settings,
) -> Result<(Look, usize), Failure> {
    loop {
        let look = seen(settings)?;
        let awaited = awaited(&look.world(), service, whose)?;
        let still = awaited.iter().filter(|is_awaited| **is_awaited).count();
        let is_more = still < missing.unwrap_or(awaited.len()) || still == 0;
        if is_more || Instant::now() >= end {
            return Ok((look, still));
        }
        thread::sleep(PAUSE);
    }
}

/// Whose a service is what is steered tells, whatever the policy says by now.
pub(super) fn seen(settings: &Settings) -> Result<Look, Failure> {
    Look::take(&Settings { policy: PolicyChoice::Without, ..settings.clone() }, &WANTED)
}

/// Of each protocol and family by which packets come in for it, whether its owner is to open a socket yet; a descriptor is one socket,
/// and all that is awaited comes with it.
fn awaited(world: &World<'_>, name: &str, whose: Option<Whose>) -> Result<Vec<bool>, Failure> {
    let routes = in_force()?;
    let own = routes.tenants().filter(|tenant| tenant.key().0 == name);
    let found = own.flat_map(|tenant| tenant.ways().map(move |way| socket(world, tenant, way, whose)));
    let is_awaited = |found| matches!(found, Err(Unled::Nobody | Unled::Elsewhere(_)));
    let mut awaited: Vec<bool> = found.map(is_awaited).collect();
    if whose.is_some_and(|whose| whose.fd.is_some()) && awaited.contains(&false) {
        awaited.retain(|is_awaited| !is_awaited);
    }
    Ok(awaited)
}

pub(super) fn in_force() -> Result<Routes, Failure> {
    steers::in_force().map_err(|error| steers::failure(&error, NOT_LED))
}
