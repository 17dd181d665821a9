//! Who reaches a port that others do not (A15, A17).

use alloc::vec::Vec;

use super::outside::arrives;
use crate::firewall::{Field, Intervals, Part};

/// Those that arrive of packets of which others do not, as far as this is what tells them apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// The numbers of the interfaces; `None` for every one that was asked about.
    pub interfaces: Option<Intervals>,
    /// The numbers of the addresses that they come from; `None` for all that come in there.
    pub sources: Option<Intervals>,
    /// The numbers of the addresses that they go to; `None` for all.
    pub destinations: Option<Intervals>,
    /// The ports that they come from; `None` for all.
    pub source_ports: Option<Intervals>,
    /// The interfaces that were asked about besides.
    pub other_interfaces: Intervals,
    /// The sources that were asked about there besides.
    pub other_sources: Intervals,
    /// The destinations that were asked about there besides.
    pub other_destinations: Intervals,
    /// Whether others of the same senders are lost, such as those from another port.
    pub is_divided: bool,
}

/// Whose packets arrive, those by the same interfaces together.
pub(super) fn passing(parts: &[&Part]) -> Vec<Passing> {
    let all = |field, of: &dyn Fn(&Part) -> bool| {
        let meant = parts.iter().filter(|part| of(part));
        meant.fold(Intervals::none(), |all, part| all.or(part.packets.of(field)))
    };
    let narrower = |some: Intervals, all: &Intervals| (some != *all).then_some(some);
    let every = all(Field::InInterface, &|_| true);
    let mut found: Vec<(Passing, Intervals)> = Vec::new();
    for interfaces in alike(&every, parts) {
        let is_near = |part: &Part| part.packets.of(Field::InInterface).includes(&interfaces);
        let is_in = |part: &Part| arrives(&part.fate) && is_near(part);
        if !parts.iter().any(|part| is_in(part)) {
            continue;
        }
        let told = |field| {
            let (some, all) = (all(field, &is_in), all(field, &is_near));
            let others = all.except(&some);
            (narrower(some, &all), others)
        };
        let (sources, other_sources) = told(Field::Source);
        let (destinations, other_destinations) = told(Field::Destination);
        let (source_ports, _) = told(Field::SourcePort);
        let own = [Field::Source, Field::Destination].map(|field| (field, all(field, &is_in)));
        let is_lost = |part: &&&Part| !arrives(&part.fate) && !part.is_rate_limited && is_near(part);
        let is_divided = parts
            .iter()
            .filter(is_lost)
            .any(|part| own.iter().all(|(field, own)| !part.packets.of(*field).and(own).is_empty()));
        let passing = Passing {
            sources,
            destinations,
            source_ports,
            other_sources,
            other_destinations,
            is_divided,
            ..Passing::default()
        };
        match found.iter_mut().find(|(known, _)| *known == passing) {
            Some((_, known)) => *known = known.or(&interfaces),
            None => found.push((passing, interfaces)),
        }
    }
    let named = |(passing, interfaces): (Passing, Intervals)| {
        let other_interfaces = every.except(&interfaces);
        Passing { interfaces: narrower(interfaces, &every), other_interfaces, ..passing }
    };
    found.into_iter().map(named).collect()
}

/// The interfaces of `every` by sets of which each part has all or none.
fn alike(every: &Intervals, parts: &[&Part]) -> Vec<Intervals> {
    let divide = |sets: Vec<Intervals>, part: &&Part| {
        let by = part.packets.of(Field::InInterface);
        sets.iter().flat_map(|set| [set.and(by), set.except(by)]).filter(|set| !set.is_empty()).collect()
    };
    parts.iter().fold([every.clone()].into(), divide)
}
