//! What packets get to where ports are opened for a while: no more than before, less than was meant, or more (A15, A16).

use alloc::{string::String, vec::Vec};

use super::{Refused, Undo, lapse::lapsed, protect::decisive, read, seen, undone, zone::changes};
use crate::{
    address::Family,
    exposure::{Exposure, Passing, Reached, Senders, To, exposed, is_most, parted},
    facts::{Listing as Kind, Snapshot},
    firewall::{Fate, Filter, Place},
    gate::{Listing, Ports, Timeout, ZoneName},
    policy::WORLD,
    port::PortSpec,
    world::World,
};

/// What comes of ports that are opened for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nothing: packets get there without it, and will when the time is over.
    Needless,
    /// They are open, as far as the gate can open them.
    Open {
        /// Other ports that are open with them, as a rule sends packets to these on to them.
        also: Vec<PortSpec>,
        /// Those of them that packets do not get to all the same: the first of each family.
        shut: Vec<Shut>,
    },
}

/// Ports that packets do not get to, whatever the gate opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shut {
    /// The ports.
    pub ports: PortSpec,
    /// Of which packets it holds.
    pub families: Vec<Family>,
    /// What becomes of these: they do not arrive, not from everybody, or it cannot be told.
    pub reached: Reached,
    /// The rule that decides it; `None` where none does.
    pub rule: Option<String>,
    /// Whether it is one of the gate itself, which judges another port: the one that a rule sends them on to.
    pub is_of_gate: bool,
    /// The commands that let them in there; none where nobody can say.
    pub commands: Vec<String>,
}

/// What comes of it where `ports` are opened to a zone, or to the world, for so long.
///
/// A zone that the policy does not know any more is one of which nobody can say who is in it: nothing is said of it.
///
/// # Errors
///
/// The packet filter was not seen, or cannot be read.
pub fn opening(world: &World<'_>, zone: &str, ports: PortSpec, timeout: Timeout) -> Result<Opening, Refused> {
    let name = zone_name(zone);
    let after = read(&opened(world.snapshot, name.as_ref(), ports, timeout)?)?;
    let lapsed = lapsed(world.snapshot)?;
    let lasting = lapsed.as_ref().map_or_else(|| seen(world), Ok)?;
    let (without, with) = (runs(world, lasting, zone, ports), runs(world, &after, zone, ports));
    if !with.is_empty() && is_same(&without, &with) && with.iter().all(|(_, run)| arrives(run)) {
        return Ok(Opening::Needless);
    }
    let before = read(&undone(world.snapshot, &Undo::Shut(name, ports))?)?;
    let first = |family| with.iter().find(|(of, run)| *of == family && !arrives_from_most(run));
    let shut = Family::ALL.into_iter().filter_map(first);
    let shut = shut.map(|(family, run)| shut_by(world, &after, zone, (*family, ports, run)));
    let shut = shut.fold(Vec::new(), with_other_family);
    Ok(Opening::Open { also: also(world, (&before, &after), zone, ports), shut })
}

/// One more of another family, in one with the last where the same holds of both.
fn with_other_family(mut all: Vec<Shut>, next: Shut) -> Vec<Shut> {
    match all.last_mut() {
        Some(last) if (Shut { families: last.families.clone(), ..next.clone() }) == *last => {
            last.families.extend(next.families);
        }
        _ => all.push(next),
    }
    all
}

/// The name of the gate for a zone; `None` for the world.
fn zone_name(zone: &str) -> Option<ZoneName> {
    (zone != WORLD).then(|| ZoneName::of(zone)).flatten()
}

/// Whether the same packets arrive.
fn is_same(some: &[(Family, Exposure)], others: &[(Family, Exposure)]) -> bool {
    let what = |(family, run): &(Family, Exposure)| (*family, run.ports, run.reached, run.passing.clone());
    some.iter().map(what).eq(others.iter().map(what))
}

/// What a zone gains beside the ports.
fn also(
    world: &World<'_>,
    (before, after): (&Filter, &Filter),
    zone: &str,
    ports: PortSpec,
) -> Vec<PortSpec> {
    let gains = changes(world, before, after).into_iter().filter(|change| change.zone == zone);
    let gained: Ports = gains.flat_map(|change| change.gains).map(|gain| gain.ports).collect();
    let asked: Ports = [ports].into_iter().collect();
    gained.specs().filter(|spec| !asked.includes(&[*spec].into_iter().collect())).collect()
}

/// The host once they are open.
fn opened(
    snapshot: &Snapshot,
    zone: Option<&ZoneName>,
    ports: PortSpec,
    timeout: Timeout,
) -> Result<Snapshot, Refused> {
    let mut after = snapshot.clone();
    let listings = after.firewall.as_mut().map(|firewall| &mut firewall.listings);
    for text in listings.into_iter().filter_map(|listings| listings.get_mut(&Kind::Nft)) {
        let mut listing = Listing::read(text).map_err(Refused::Table)?;
        listing.open_for(zone, ports, timeout);
        *text = listing.text();
    }
    Ok(after)
}

/// Who is in a zone; `None` where the policy does not know it any more.
fn senders<'a>(world: &World<'a>, zone: &str) -> Option<Senders<'a>> {
    let known = world.policy.into_iter().flat_map(|policy| &policy.zones).find(|known| known.name == zone);
    known.map(Senders::Zone).or((zone == WORLD).then_some(Senders::World))
}

/// What becomes of packets of a zone to `ports`, of each family.
fn runs(world: &World<'_>, filter: &Filter, zone: &str, ports: PortSpec) -> Vec<(Family, Exposure)> {
    let Some(senders) = senders(world, zone) else { return Vec::new() };
    let of = |family| {
        let to = To { family, protocol: ports.protocol, addresses: None, ports: ports.range };
        exposed(filter, &senders, &to).into_iter().map(move |run| (family, run))
    };
    Family::ALL.into_iter().flat_map(of).collect()
}

const fn arrives(run: &Exposure) -> bool {
    matches!(run.reached, Reached::Reachable | Reached::Partly)
}

/// Whether they arrive but for some networks that are banned: where they do by some interfaces alone, or from a few, a rule
/// stands before the others.
fn arrives_from_most(run: &Exposure) -> bool {
    let is_wide = |passing: &Passing| {
        let from_most = passing.sources.as_ref().is_none_or(|some| is_most(some, &passing.other_sources));
        from_most && passing.interfaces.is_none() && passing.destinations.is_none()
    };
    match run.reached {
        Reached::Reachable => true,
        // Which is which is not told where some are sent on.
        Reached::Partly => run.passing.is_empty() || run.passing.iter().any(is_wide),
        Reached::Dropped | Reached::Rejected | Reached::Unknown => false,
    }
}

fn shut_by(
    world: &World<'_>,
    filter: &Filter,
    zone: &str,
    (family, ports, run): (Family, PortSpec, &Exposure),
) -> Shut {
    let ports = PortSpec { range: run.range(), ..ports };
    let place: Option<Place> = match run.reached {
        Reached::Partly => keeping_out(world, filter, zone, (family, ports)),
        _ => decisive(run),
    };
    let is_of_gate = place.is_some_and(|place| filter.ruleset.is_of_gate(place));
    let others = place.filter(|_| !is_of_gate).zip(senders(world, zone));
    Shut {
        ports,
        families: [family].into(),
        reached: run.reached,
        rule: place.map(|place| filter.ruleset.named(place)),
        is_of_gate,
        commands: others
            .map_or_else(Vec::new, |(place, senders)| world.openings(filter, &senders, ports, place, false)),
    }
}

/// The rule that keeps out some of those who were meant: one of somebody else's, where there is one.
fn keeping_out(
    world: &World<'_>,
    filter: &Filter,
    zone: &str,
    (family, ports): (Family, PortSpec),
) -> Option<Place> {
    let to = To { family, protocol: ports.protocol, addresses: None, ports: ports.range };
    let (_, parts) = parted(filter, &senders(world, zone)?, &to);
    let kept_out = parts.iter().filter(|part| matches!(part.fate, Fate::Dropped | Fate::Rejected));
    let places: Vec<Place> = kept_out.flat_map(|part| &part.decided_by).copied().collect();
    places.iter().find(|place| !filter.ruleset.is_of_gate(**place)).or(places.first()).copied()
}

#[cfg(test)]
mod tests;
