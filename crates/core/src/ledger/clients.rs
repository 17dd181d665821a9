//! How many numbers the kernel has left for clients: it keeps back what is claimed (A9, A24).

use alloc::{vec, vec::Vec};

use super::{book::Book, claim::Scope, refusal::Refusal, seen::Seen};
use crate::port::PortRange;

/// Fewer numbers for clients are too few, or half of a range that has not twice as many.
const LEFT_MIN: u32 = 1_024;
const NUMBERS: usize = 1 << 16;

/// Refuses `ports` besides those of `book` where clients would have too few numbers left.
pub(super) fn left_for_clients(
    book: &Book,
    scope: &Scope,
    ports: Option<PortRange>,
    seen: &Seen<'_>,
) -> Result<(), Refusal> {
    if ports.is_some_and(|ports| !seen.client_range.overlaps(ports)) {
        return Ok(());
    }
    let claims = book.claims().filter(|claim| claim.scope.meets(scope)).map(|claim| claim.ports);
    let kept = claims.chain(seen.foreign.iter().copied()).chain(ports);
    enough_left(seen.client_range, kept)
        .map_err(|TooFew { left, needed }| Refusal::NoClientPortsLeft { left, needed })
}

/// Clients have too few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFew {
    /// How many they have.
    pub(crate) left: u32,
    /// How many they must have.
    pub(crate) needed: u32,
}

/// Whether clients have numbers enough of `range` where these are `kept` from them.
pub(crate) fn enough_left(range: PortRange, kept: impl Iterator<Item = PortRange>) -> Result<(), TooFew> {
    let kept = marked(kept);
    let free = (range.first..=range.last).filter(|port| !kept[usize::from(*port)]);
    let left = free.fold(0, |left, _| left + 1);
    let needed = LEFT_MIN.min(range.count() / 2);
    if left < needed { Err(TooFew { left, needed }) } else { Ok(()) }
}

fn marked(ranges: impl Iterator<Item = PortRange>) -> Vec<bool> {
    let mut kept = vec![false; NUMBERS];
    for range in ranges {
        kept[usize::from(range.first)..=usize::from(range.last)].fill(true);
    }
    kept
}
