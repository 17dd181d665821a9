//! What a socket of this host hears of the packets to its port (A15, A17).

use alloc::vec::Vec;

use super::{Exposure, How, Reached, arrives, exposure, reached, way::how};
use crate::firewall::{Fate, Field, Intervals, Part};

/// Whether packets arrive at a socket of this host, where they were sent.
#[must_use]
pub(crate) fn stays(fate: &Fate) -> bool {
    how(fate) == Some(How::Local)
}

/// Whether packets arrive at a socket of this host that is bound to where they were sent.
pub(super) fn heard(parts: &[&Part]) -> Reached {
    let (here, lost) = divide(parts);
    reached(&here.into_iter().chain(&lost).collect::<Vec<_>>())
}

/// What `run`, which is told from `parts`, is to such a socket.
#[must_use]
pub(crate) fn as_heard(run: &Exposure, parts: &[&Part]) -> Exposure {
    let (here, lost) = divide(parts);
    exposure(run.ports, &here.into_iter().chain(&lost).collect::<Vec<_>>())
}

/// The parts that get here or nowhere, and those that are lost to this host as a rule leads them elsewhere: these are none where
/// others of the same senders come here, who ask at an address that is somebody else's.
fn divide<'a>(parts: &[&'a Part]) -> (Vec<&'a Part>, Vec<Part>) {
    let is_here = |part: &&Part| !arrives(&part.fate) || stays(&part.fate);
    let (here, mut elsewhere): (Vec<&Part>, Vec<&Part>) = parts.iter().partition(|part| is_here(part));
    elsewhere.retain(|part| {
        let by = part.packets.of(Field::InInterface);
        let near = here.iter().filter(|own| own.packets.of(Field::InInterface).includes(by));
        let sources = near.fold(Intervals::none(), |all, own| all.or(own.packets.of(Field::Source)));
        !sources.includes(part.packets.of(Field::Source))
    });
    let lost = |part: &&Part| Part { fate: Fate::Dropped, ..(*part).clone() };
    let lost = elsewhere.iter().map(lost).collect();
    (here, lost)
}
