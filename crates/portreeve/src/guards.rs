//! Has the guard in the kernel keep what the policy declares for its owners (A24).

mod failure;
mod refused;

pub(crate) use self::{
    failure::{failure, not_root, not_shown},
    refused::refused,
};

use portreeve_core::{
    guard::{Containers, Named, Rules},
    owner::Owner,
    plan::Guards,
    policy::Policy,
};
use portreeve_host::{
    enforce::guard::{Guard, GuardError, Pinned},
    events::listening::now as boot_clock,
    network::cookie,
    observe::containers::engine,
    passwd,
};

/// What the guard keeps here, and whom `policy` names.
///
/// # Errors
///
/// It cannot be asked.
pub(crate) fn known(policy: Option<&Policy>) -> Result<Guards, GuardError> {
    if policy.is_some_and(Policy::speaks_of_guard) {
        Guard::refuse_unready()?;
    }
    let services = policy.into_iter().flat_map(|policy| &policy.services);
    let named = services.flat_map(|service| &service.owners).filter_map(|owner| match owner {
        Owner::User(name) => Some((name.clone(), passwd::number(name)?)),
        _ => None,
    });
    let named = Named { users: named.collect(), containers: containers(policy) };
    let Some(Pinned { guard, is_whole }) = Guard::pinned()? else {
        return Ok(Guards { named, ..Guards::default() });
    };
    // What was taken from it is put there again with all the rest.
    let rules = if is_whole { kept_by(&guard)? } else { Rules::default() };
    let seconds_left = guard.trial()?.map(|until| until.saturating_sub(boot_clock()) / 1_000_000_000);
    Ok(Guards { rules, seconds_left, named })
}

/// Those of the host, where `policy` names any: no engine is asked for nothing.
fn containers(policy: Option<&Policy>) -> Containers {
    let services = policy.into_iter().flat_map(|policy| &policy.services);
    let mut owners = services.flat_map(|service| &service.owners);
    let is_any_named = owners.any(|owner| matches!(owner, Owner::Container(_)));
    if is_any_named { engine::all() } else { Containers::default() }
}

/// What the guard keeps in this network namespace for good; nothing where it is not in the kernel.
///
/// # Errors
///
/// As of [`known`].
pub(crate) fn standing() -> Result<Rules, GuardError> {
    Guard::pinned()?.map_or(Ok(Rules::default()), |pinned| kept_by(&pinned.guard))
}

/// The same of a `guard`.
///
/// # Errors
///
/// As of [`known`].
pub(crate) fn kept_by(guard: &Guard) -> Result<Rules, GuardError> {
    guard.rules(cookie().map_err(GuardError::NoCookie)?)
}

/// What a `guard` has on trial here; `None` where nothing is.
///
/// # Errors
///
/// As of [`known`].
pub(crate) fn tried_by(guard: &Guard) -> Result<Option<Rules>, GuardError> {
    guard.rules_on_trial(cookie().map_err(GuardError::NoCookie)?)
}
