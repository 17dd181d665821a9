//! Who bound a number that is not his, or was kept from it, with all that is known of him (A17, A24).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use portreeve_core::{
    cgroup,
    owner::{Identity, Match},
    policy::{Policy, Service},
    port::PortSpec,
};
use portreeve_host::{
    enforce::guard::{Guard, GuardError, Pinned, Tried, own_tried, paths_of},
    network::cookie,
    passwd, root,
};

use crate::{programs::moments, show::guard::refused::Refusal};

/// Those whom the kernel remembers, the newest first; of services as `policy` has them. To a user it tells of himself alone; `None`
/// where no guard stands, or nothing is shown to users.
///
/// # Errors
///
/// The kernel does not tell.
pub(crate) fn refused(policy: Option<&Policy>) -> Result<Option<Vec<Refusal>>, GuardError> {
    let Some(tried) = tried()? else { return Ok(None) };
    let groups: BTreeSet<u64> = tried.iter().map(|tried| tried.cgroup).collect();
    let paths = paths_of(&groups);
    let (own, moment) = (cookie().ok(), moments());
    let refusal = |tried| refusal(tried, &paths, policy, own, &moment);
    let mut refusals: Vec<Refusal> = tried.into_iter().map(refusal).collect();
    refusals.sort_by_key(|refusal| Reverse(refusal.last));
    Ok(Some(refusals))
}

/// Nobody but root opens the guard itself.
fn tried() -> Result<Option<Vec<Tried>>, GuardError> {
    if !root::is_of_host() {
        return own_tried();
    }
    Guard::pinned()?.map(|Pinned { guard, .. }| guard.tried()).transpose()
}

fn refusal(
    tried: Tried,
    paths: &BTreeMap<u64, String>,
    policy: Option<&Policy>,
    own: Option<u64>,
    moment: &impl Fn(u64) -> Timestamp,
) -> Refusal {
    let at = |since_boot: Duration| moment(u64::try_from(since_boot.as_nanos()).unwrap_or(u64::MAX));
    let cgroup = paths.get(&tried.cgroup).cloned();
    let is_here = own == Some(tried.netns);
    let unit = cgroup.as_deref().map_or_else(|| gone(&tried.group), |path| cgroup::read(path).unit);
    // Of another namespace the policy of this one says nothing.
    let service = policy.filter(|_| is_here).and_then(|policy| service(policy, &tried, unit.as_deref()));
    // The owner's own is not refused: one that is called like it, and is gone, was another's, as of a user's manager.
    let is_known = |unit: &String| cgroup.is_some() || service.is_none_or(|service| !owns(unit, service));
    Refusal {
        is_here,
        service: service.map(|service| service.name.clone()),
        user: passwd::name(tried.uid),
        unit: unit.filter(is_known),
        cgroup,
        first: at(tried.first),
        last: at(tried.last),
        tried,
    }
}

/// The unit that a cgroup was that is gone, where the last part of its path is the name of one.
fn gone(group: &str) -> Option<String> {
    cgroup::read(&format!("/system.slice/{group}")).unit
}

/// The service of the number that is another's than `unit`'s, and on that very address, where there is such a one.
fn service<'p>(policy: &'p Policy, tried: &Tried, unit: Option<&str>) -> Option<&'p Service> {
    let is_of = |spec: &PortSpec| spec.protocol == tried.protocol && spec.range.contains(tried.port);
    let of_number = policy.services.iter().filter(|service| service.ports.iter().any(is_of));
    of_number.min_by_key(|service| {
        let is_at = tried.address.as_ref().is_some_and(|at| service.addresses.contains(at));
        // Whoever binds every address has to own all that are declared.
        let is_own = unit.is_some_and(|unit| owns(unit, service));
        (is_own, !is_at, !service.addresses.is_empty())
    })
}

fn owns(unit: &str, service: &Service) -> bool {
    let called = Identity { unit: Some(unit), cgroup: Some(unit), ..Identity::default() };
    called.matches_any(&service.owners) == Match::Yes
}
