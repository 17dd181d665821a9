//! Whether the gate that was confirmed on a host still stands, as it was confirmed (A15, A20).

use alloc::vec::Vec;

use super::World;
use crate::{
    facts::{Gap, KeptGate, LeftGate, Listing},
    gate::{BlockedSource, Foundation, ReadError, Rest, Standing, Temporary},
};

/// What became of the gate that was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateNow {
    /// It judges whenever nothing is on trial.
    Stands,
    /// A table of this name stands, and another gate, or none that this program makes, is in it.
    Changed,
    /// Its table sleeps: nothing in it judges.
    Asleep,
    /// Another gate is in it, and the next change makes the whole table anew.
    Undermined,
    /// A newer version of this program made the table, and nobody here can tell what is in it.
    Newer,
    /// Its table is not there, or is empty.
    Gone,
}

impl World<'_> {
    /// The gate's table as it stands; `None` where it is not there, or nobody looked.
    ///
    /// # Errors
    ///
    /// A newer version of this program made it, or nothing is listed.
    pub fn standing(&self) -> Result<Option<Standing>, ReadError> {
        let firewall = self.snapshot.firewall.as_ref();
        firewall.and_then(|firewall| firewall.text(Listing::Nft)).map_or(Ok(None), Standing::read)
    }

    /// Whom the gate keeps out now; `None` where the packet filter was not seen whole.
    #[must_use]
    pub fn blocked(&self) -> Option<Vec<BlockedSource>> {
        self.own_namespace()?;
        let firewall = self.snapshot.firewall.as_ref()?;
        if self.snapshot.gaps.iter().any(Gap::hides_firewall) {
            return None;
        }
        let refuses = |standing: Standing| !standing.foundation.refuses_nothing();
        if !self.standing().ok()?.is_some_and(refuses) {
            return Some(Vec::new());
        }
        let temporary = Temporary::read(firewall.text(Listing::Nft)?).ok()?;
        Some(temporary.blocked.iter().map(|kept| BlockedSource::of(kept.what)).collect())
    }

    /// The gate that was confirmed here, and what became of it; nothing where there never was one, or where the packet
    /// filter was not seen whole.
    #[must_use]
    pub fn gate(&self) -> Option<(&LeftGate, GateNow)> {
        let left = self.own_namespace().and(self.snapshot.gate.as_ref())?;
        self.snapshot.firewall.as_ref()?;
        if self.snapshot.gaps.iter().any(Gap::hides_firewall) {
            return None;
        }
        let standing = match self.standing() {
            Ok(standing) => standing,
            Err(ReadError::Layout(_)) => return Some((left, GateNow::Newer)),
            // Of no listing at all nobody can tell.
            Err(_) => return None,
        };
        now(left, standing.as_ref()).map(|now| (left, now))
    }
}

/// What became of it, by the table as it stands; nothing where there never was one.
fn now(left: &LeftGate, standing: Option<&Standing>) -> Option<GateNow> {
    let foundation = standing.map(|standing| standing.foundation);
    let body = standing.and_then(Standing::body);
    let own_body = standing.and_then(Standing::own_body);
    match &left.kept {
        // A table for addresses that are kept out, or a first trial, is no gate yet, whatever somebody else wrote into it.
        KeptGate::Nothing if own_body.is_none_or(|body| body.rest() == Rest::All) => None,
        _ if matches!(foundation, None | Some(Foundation::Emptied)) => Some(GateNow::Gone),
        _ if foundation == Some(Foundation::Asleep) => Some(GateNow::Asleep),
        KeptGate::Nothing | KeptGate::Unreadable => Some(GateNow::Stands),
        KeptGate::Whole { confirmed, .. } if body.is_some_and(|body| body.digest() == *confirmed) => {
            Some(GateNow::Stands)
        }
        KeptGate::Whole { .. } if foundation == Some(Foundation::Changed) => Some(GateNow::Undermined),
        KeptGate::Whole { .. } => Some(GateNow::Changed),
    }
}
