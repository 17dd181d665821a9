//! Which patch a reader should meet first (A18).

use super::{Patch, Security};
use crate::{facts::ExeState, world::World};

/// What a security update waits for or was not taken up, then old code, then holes that nothing mends yet, then what cannot be told, then the rest; of these
/// by port.
pub(super) fn order(world: &World<'_>, patch: &Patch<'_>) -> impl Ord + use<> {
    let (spec, netns) = patch.place.map_or((None, None), |(spec, netns)| (Some(spec), Some(netns)));
    let is_foreign = netns.is_some_and(|netns| !world.is_own(netns));
    let package = patch.package.map(|package| package.called().into_owned());
    let pid = patch.holders.first().map(|(pid, _)| *pid);
    (rank(patch), is_foreign, spec, package.is_some(), package, pid)
}

fn rank(patch: &Patch<'_>) -> u8 {
    let is_from_security = patch.package.is_some_and(|package| package.is_from_security == Some(true));
    match patch.security {
        _ if patch.is_stale() && is_from_security => 0,
        Security::Yes => 1,
        _ if patch.is_stale() => 2,
        _ if patch.waiting().is_some() => 3,
        _ if patch.has_open_hole() => 4,
        _ if patch.package.is_none() => 5,
        _ if patch.running() != ExeState::Same => 6,
        Security::Unknown => 7,
        Security::No => 8,
    }
}
