//! Who bound a number that is not his, or was kept from it, with all that is known of him (A17, A24).

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use portreeve_core::{
    cgroup,
    policy::{Policy, Service},
    port::PortSpec,
};
use portreeve_host::{
    enforce::guard::{Guard, GuardError, Pinned, Tried, cookie, own_tried, paths_of},
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
    Refusal {
        is_here,
        // Of another namespace the policy of this one says nothing.
        service: policy.filter(|_| is_here).and_then(|policy| service(policy, &tried)),
        user: passwd::name(tried.uid),
        unit: cgroup.as_deref().map_or_else(|| gone(&tried.group), |path| cgroup::read(path).unit),
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

/// The service of the number by name, one on that very address first.
fn service(policy: &Policy, tried: &Tried) -> Option<String> {
    let is_of = |spec: &PortSpec| spec.protocol == tried.protocol && spec.range.contains(tried.port);
    let is_at = |service: &&Service| tried.address.as_ref().is_some_and(|at| service.addresses.contains(at));
    let of_number = || policy.services.iter().filter(|service| service.ports.iter().any(is_of));
    let is_everywhere = |service: &&Service| service.addresses.is_empty();
    let service =
        of_number().find(is_at).or_else(|| of_number().find(is_everywhere)).or_else(|| of_number().next());
    service.map(|service| service.name.clone())
}
