//! Which socket that went is which that came: the same owner at a wider or narrower address is one change (A17).

use alloc::vec::Vec;

use super::{BoundPlace, Change, ChangeKind, PlaceKey, change, place_key};
use crate::address::{Breadth, Family};

/// The changes of one number between places that are no longer and places that are new.
///
/// `was` and `is` are all its places: one that a wildcard of the same owner has swallowed did not close.
pub(super) fn moves<'a>(
    left: &[&BoundPlace<'a>],
    come: &[&BoundPlace<'a>],
    was: &[BoundPlace<'a>],
    is: &[BoundPlace<'a>],
) -> Vec<Change<'a>> {
    let mut left: Vec<_> = left.iter().copied().map(Some).collect();
    let mut come: Vec<_> = come.iter().copied().map(Some).collect();
    let mut changes = Vec::new();
    for (_, from, to) in candidates(&left, &come) {
        if let (Some(before), Some(after)) = (left[from], come[to])
            && let Some(kind) = kind(before, after)
        {
            (left[from], come[to]) = (None, None);
            changes.push(change(kind, Some(before), Some(after)));
        }
    }
    let swallowed =
        |place: &BoundPlace<'a>, wide: &[BoundPlace<'a>]| wide.iter().any(|wide| swallows(wide, place));
    let closed = left.into_iter().flatten().filter(|place| !swallowed(place, is));
    changes.extend(closed.map(|place| change(ChangeKind::Closed, Some(place), None)));
    let opened = come.into_iter().flatten().filter(|place| !swallowed(place, was));
    changes.extend(opened.map(|place| change(ChangeKind::Opened, None, Some(place))));
    changes
}

/// How unlike two places are, the likest first; the same whichever of them was earlier.
type Unlikeness<'a> = (bool, bool, PlaceKey<'a>, PlaceKey<'a>);

/// Which place may have become which, the likeliest first.
fn candidates<'a>(
    left: &[Option<&BoundPlace<'a>>],
    come: &[Option<&BoundPlace<'a>>],
) -> Vec<(Unlikeness<'a>, usize, usize)> {
    // A number that changed at hundreds of addresses is told address by address.
    const PAIRS_MAX: usize = 10_000;
    if left.len().saturating_mul(come.len()) > PAIRS_MAX {
        return Vec::new();
    }
    let mut pairs = Vec::new();
    for (from, before) in left.iter().enumerate() {
        for (to, after) in come.iter().enumerate() {
            if let (Some(before), Some(after)) = (before, after)
                && may_be_same_owner(before, after)
            {
                pairs.push((unlikeness(before, after), from, to));
            }
        }
    }
    pairs.sort_unstable();
    pairs
}

fn unlikeness<'a>(one: &BoundPlace<'a>, other: &BoundPlace<'a>) -> Unlikeness<'a> {
    let (low, high) = (place_key(one.listener), place_key(other.listener));
    let owners = one.owners != other.owners;
    let families = one.listener.family != other.listener.family;
    (owners, families, low.min(high), low.max(high))
}

/// How much of the world a place hears: breadth first, then families.
fn width(place: &BoundPlace<'_>) -> (Breadth, bool) {
    (place.listener.breadth(), place.dual)
}

fn kind(before: &BoundPlace<'_>, after: &BoundPlace<'_>) -> Option<ChangeKind> {
    match width(after).cmp(&width(before)) {
        core::cmp::Ordering::Greater => Some(ChangeKind::Widened),
        core::cmp::Ordering::Less => Some(ChangeKind::Narrowed),
        core::cmp::Ordering::Equal => None,
    }
}

fn may_be_same_owner(one: &BoundPlace<'_>, other: &BoundPlace<'_>) -> bool {
    match (&one.owners, &other.owners) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Whether what arrives at `place` would arrive at the wildcard `wide` of the same owner.
fn swallows(wide: &BoundPlace<'_>, place: &BoundPlace<'_>) -> bool {
    let family = wide.dual || wide.listener.family == place.listener.family;
    width(wide) > width(place)
        && wide.listener.breadth() == Breadth::Wildcard
        && wide.listener.device == place.listener.device
        && wide.owners.is_some()
        && wide.owners == place.owners
        && (family || (wide.listener.family == Family::Ipv6 && wide.listener.hears_ipv4()))
}
