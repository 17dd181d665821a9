//! The ways on which packets arrive (A15, A17).

use alloc::vec::Vec;

use crate::firewall::{Fate, Field, Intervals, Part, Rewritten};

/// How packets arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// At a socket of this host.
    Local,
    /// At a socket of this host, by another port or address than those that they were sent to.
    Redirected(Rewritten),
    /// At another host or a container, to which a rule sends them on.
    Forwarded(Rewritten),
    /// At another host or a container, which they were sent to.
    Routed,
}

/// A way on which packets arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// How they do.
    pub how: How,
    /// The numbers of the interfaces by which they come in.
    pub interfaces: Intervals,
    /// The numbers of the addresses that they are sent to.
    pub destinations: Intervals,
}

/// The ways on which any of `parts` arrive.
pub(super) fn ways(parts: &[&Part]) -> Vec<Way> {
    parts.iter().filter_map(|part| way(part)).fold(Vec::new(), with)
}

fn way(part: &Part) -> Option<Way> {
    let [interfaces, destinations] =
        [Field::InInterface, Field::Destination].map(|field| part.packets.of(field).clone());
    Some(Way { how: how(&part.fate)?, interfaces, destinations })
}

pub(super) fn how(fate: &Fate) -> Option<How> {
    let unchanged = Rewritten { address: None, port: None };
    match fate {
        Fate::Arrives(rewritten) if *rewritten == unchanged => Some(How::Local),
        Fate::Arrives(rewritten) => Some(How::Redirected(rewritten.clone())),
        Fate::Leaves(rewritten) if *rewritten == unchanged => Some(How::Routed),
        Fate::Leaves(rewritten) => Some(How::Forwarded(rewritten.clone())),
        Fate::Dropped | Fate::Rejected | Fate::Unknown => None,
    }
}

/// `ways` and one more; a redirect has another address by each interface.
fn with(mut ways: Vec<Way>, next: Way) -> Vec<Way> {
    let joins = |known: &mut Way| {
        let is_same = match (&mut known.how, &next.how) {
            (How::Redirected(known), How::Redirected(next)) if known.port == next.port => {
                known.address =
                    known.address.take().zip(next.address.as_ref()).map(|(one, next)| one.or(next));
                true
            }
            (known, next) => known == next,
        };
        if is_same {
            known.interfaces = known.interfaces.or(&next.interfaces);
            known.destinations = known.destinations.or(&next.destinations);
        }
        is_same
    };
    if !ways.iter_mut().any(joins) {
        ways.push(next);
    }
    ways
}
