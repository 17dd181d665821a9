//! What came of a change whose maker ended before he could say so, as the gate tells afterwards (A15).

use alloc::vec::Vec;
use core::{net::IpAddr, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{Becomes, Deed, Outcome, Ports, Receipt};
use crate::{
    gate::{BlockedSource, Open, Revision, Standing, Temporary},
    policy::WORLD,
    port::PortSpec,
};

/// As long as nft may take from the receipt to the change, and as much as a listing may be rounded.
const DELAY_MAX: SignedDuration = SignedDuration::from_mins(1);

impl Receipt {
    /// What came of it, by the gate as it stands after it, with what is there for a while: a change is made whole or not
    /// at all, and whoever made it may have ended before he could say so.
    #[must_use]
    pub fn settled(self, standing: Option<&Standing>, temporary: &Temporary, now: Timestamp) -> Self {
        if self.outcome != Outcome::Begun {
            return self;
        }
        let revision = standing.map(|standing| standing.revision.number());
        let next = self.seen.map(|seen| Revision::of(seen).next().number());
        let made = |is_made| if is_made { Outcome::Done } else { Outcome::Refused };
        let outcome = match &self.deed {
            Deed::Gate { becomes: Becomes::Nothing, .. } => made(revision.is_none()),
            Deed::Gate { .. } | Deed::Block { .. } if self.seen.is_none() => made(revision.is_some()),
            Deed::Gate { .. } | Deed::Confirm { .. } | Deed::TakeBack { .. } => made(revision == next),
            Deed::Halt { .. } | Deed::Reserve { .. } | Deed::Programs { .. } | Deed::Lead { .. } => {
                Outcome::Unknown
            }
            // These leave no trace in the revision, and their sets go with the table.
            _ if revision.is_none() => Outcome::Unknown,
            Deed::Block { source, until, .. } => {
                Found::source(temporary, BlockedSource::of(*source)).put(*until, now)
            }
            Deed::Unblock { source } => Found::source(temporary, BlockedSource::of(*source)).taken(),
            Deed::Open { zone, ports, until, from } => {
                Found::ports(temporary, (zone.as_deref(), from), ports.0).put(Some(*until), now)
            }
            Deed::Shut { zone, ports, from } => {
                Found::ports(temporary, (zone.as_deref(), from), ports.0).taken()
            }
        };
        if outcome == Outcome::Done { self.done(revision) } else { Self { outcome, ..self } }
    }
}

impl Deed {
    /// Whether anything of what it put there for a while is there.
    pub(super) fn is_found_in(&self, temporary: &Temporary) -> bool {
        let found = match self {
            Self::Block { source, .. } => Found::source(temporary, BlockedSource::of(*source)),
            Self::Open { zone, ports, from, .. } => Found::ports(temporary, (zone.as_deref(), from), ports.0),
            _ => return false,
        };
        !found.left.is_empty()
    }

    /// Whether another one puts something of the same there for a while.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Block { source, .. }, Self::Block { source: other, .. }) => {
                BlockedSource::of(*source) == BlockedSource::of(*other)
            }
            (
                Self::Open { zone, ports: Ports(ports), from, .. },
                Self::Open { zone: to, ports: Ports(other), from: others, .. },
            ) => {
                let is_same_port = ports.protocol == other.protocol && ports.range.overlaps(other.range);
                zone == to && is_same_port && share(from, others)
            }
            _ => false,
        }
    }
}

/// Whether anybody is meant by both: no addresses are the whole zone, which is open by itself.
fn share(some: &[IpAddr], others: &[IpAddr]) -> bool {
    some.is_empty() && others.is_empty() || some.iter().any(|source| others.contains(source))
}

/// What is found of so many elements, with the time that each has left.
struct Found {
    wanted: usize,
    left: Vec<Option<Duration>>,
}

impl Found {
    fn source(temporary: &Temporary, source: BlockedSource) -> Self {
        let own = temporary.blocked.iter().filter(|kept| BlockedSource::of(kept.what) == source);
        Self { wanted: 1, left: own.map(|kept| kept.left).collect() }
    }

    fn ports(
        temporary: &Temporary,
        (zone, from): (Option<&str>, &[IpAddr]),
        PortSpec { range, protocol }: PortSpec,
    ) -> Self {
        let is_whom = |open: &Open| match open.from {
            Some(source) => from.contains(&source),
            None => from.is_empty(),
        };
        let own = temporary.open.iter().filter(|open| {
            let PortSpec { range: one, protocol: own } = open.port.what;
            let is_port = own == protocol && range.contains(one.first);
            open.zone == zone.unwrap_or(WORLD) && is_whom(open) && is_port
        });
        let wanted = usize::try_from(range.count()).unwrap_or(usize::MAX).saturating_mul(from.len().max(1));
        Self { wanted, left: own.map(|open| open.port.left).collect() }
    }

    /// Whether they were put in until then; what is there for another time, somebody else put there.
    fn put(&self, until: Option<Timestamp>, now: Timestamp) -> Outcome {
        let is_its = |left: &Option<Duration>| match (until, left) {
            (None, None) => true,
            (Some(until), Some(left)) => {
                let end = SignedDuration::try_from(*left).ok().and_then(|left| now.checked_add(left).ok());
                end.is_some_and(|end| end.duration_since(until).abs() <= DELAY_MAX)
            }
            _ => false,
        };
        match self.left.as_slice() {
            all if all.len() == self.wanted && all.iter().all(is_its) => Outcome::Done,
            [] if until.is_none_or(|until| now < until) => Outcome::Refused,
            _ => Outcome::Unknown,
        }
    }

    /// Whether they were taken out.
    fn taken(&self) -> Outcome {
        if self.left.is_empty() { Outcome::Done } else { Outcome::Refused }
    }
}
