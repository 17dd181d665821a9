//! Has the guard in the kernel keep what the policy declares for its owners (A24).

mod failure;
mod refused;

pub(crate) use self::{
    failure::{failure, not_root, not_shown},
    refused::refused,
};

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    facts::AtBoot,
    guard::Rules,
    owner::Owner,
    plan::Guards,
    policy::Policy,
    receipt::Deed,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    boot::at_boot,
    enforce::{
        Door, Passed,
        guard::{Guard, GuardError, Pinned, cookie},
        receipts,
    },
    events::listening::now as boot_clock,
    passwd,
};

use crate::{directories, door, failure::Failure};

/// What it comes with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Comes {
    /// The receipt of the change of the gate that it came with.
    pub(crate) with: Option<u32>,
    /// The receipt whose trial it ends by keeping what was tried.
    pub(crate) confirms: Option<u32>,
    /// The receipt whose change it takes back.
    pub(crate) undoes: Option<u32>,
    /// When the kernel takes it back.
    pub(crate) until: Option<Timestamp>,
}

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
    let users: BTreeMap<String, u32> = named.collect();
    let Some(Pinned { guard, is_whole }) = Guard::pinned()? else {
        return Ok(Guards { users, ..Guards::default() });
    };
    // What was taken from it is put there again with all the rest.
    let rules = if is_whole { standing(&guard)? } else { Rules::default() };
    let seconds_left = guard.trial()?.map(|until| until.saturating_sub(boot_clock()) / 1_000_000_000);
    Ok(Guards { rules, seconds_left, users })
}

/// What `guard` keeps in this network namespace for good.
///
/// # Errors
///
/// As of [`known`].
pub(crate) fn standing(guard: &Guard) -> Result<Rules, GuardError> {
    guard.rules(cookie().map_err(GuardError::NoCookie)?)
}

/// What was confirmed last, and is not given up; nothing where that cannot be read.
pub(crate) fn confirmed() -> Option<Rules> {
    let rules = receipts::guard(&directories::gate().ok()?).ok()??;
    (!rules.entries.is_empty()).then_some(rules)
}

/// Has the guard keep `rules`, and nothing else.
///
/// # Errors
///
/// The kernel refuses, or nothing can be written.
pub(crate) fn keep(rules: &Rules, comes: Comes, what: Words) -> Result<Passed, Failure> {
    keep_through(door::open(what)?, rules, comes, what)
}

/// The same through a `door` that is open.
///
/// # Errors
///
/// As of [`keep`].
pub(crate) fn keep_through(door: Door, rules: &Rules, comes: Comes, what: Words) -> Result<Passed, Failure> {
    let was = match Guard::pinned().map_err(|error| failure(&error, what))? {
        Some(Pinned { guard, .. }) => standing(&guard).map_err(|error| failure(&error, what))?,
        None => Rules::default(),
    };
    let Comes { with, confirms, undoes, until } = comes;
    let deed = Deed::Guard { rules: rules.clone(), was, until, with, confirms, undoes };
    door.guard(deed).map_err(|error| door::failure(error, what))
}

/// What the clock of the wall said so many nanoseconds after the boot, by what both say now.
pub(crate) fn moments() -> impl Fn(u64) -> Timestamp {
    let (wall, boot) = (Timestamp::now(), boot_clock());
    move |since_boot| {
        let ahead = i64::try_from(i128::from(since_boot) - i128::from(boot)).unwrap_or_default();
        wall.checked_add(SignedDuration::from_nanos(ahead)).unwrap_or(wall)
    }
}

/// How long what it keeps for good is in force, and what makes it longer.
pub(crate) fn in_force() -> (Text, Option<&'static str>) {
    match at_boot() {
        AtBoot::Enabled => (text!("in force, also after the next boot", "再起動後も有効"), None),
        _ => (
            text!("in force until the machine is rebooted", "再起動するまで有効"),
            Some("portreeve gate enable"),
        ),
    }
}
