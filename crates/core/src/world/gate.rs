//! Whether the gate that was confirmed on a host still stands, as it was confirmed (A15, A20).

use super::World;
use crate::{
    facts::{Gap, LeftGate, Listing},
    gate::{Body, ReadError, Standing},
};

/// What became of the gate that was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateNow {
    /// It judges whenever nothing is on trial.
    Stands,
    /// A table of this name stands, and another gate, or none that this program makes, is in it.
    Changed,
    /// Its table is not there.
    Gone,
}

impl World<'_> {
    /// The gate that was confirmed here, and what became of it; nothing where there never was one, or where the packet
    /// filter was not seen whole.
    #[must_use]
    pub fn gate(&self) -> Option<(&LeftGate, GateNow)> {
        let left = self.own_namespace().and(self.snapshot.gate.as_ref())?;
        let firewall = self.snapshot.firewall.as_ref()?;
        if self.snapshot.gaps.iter().any(Gap::hides_firewall) {
            return None;
        }
        let standing = match firewall.text(Listing::Nft).map_or(Ok(None), Standing::read) {
            Ok(standing) => standing,
            Err(ReadError::Broken(_)) => return Some((left, GateNow::Changed)),
            // Of a newer table, or of no listing at all, nobody here can tell.
            Err(ReadError::Layout(_) | ReadError::TooLong | ReadError::Syntax { .. }) => return None,
        };
        let is_it = |standing: &Standing| standing.body().is_some_and(|body| is(body, left));
        let now = match standing {
            None => GateNow::Gone,
            Some(standing) if is_it(&standing) => GateNow::Stands,
            Some(_) => GateNow::Changed,
        };
        Some((left, now))
    }
}

fn is(body: &Body, left: &LeftGate) -> bool {
    body.digest() == left.confirmed
}
