//! Ports that rules send on to a container or another host, which a gate keeps open only where they are declared (A15).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use ipnet::IpNet;

use super::admit::{Admitted, Entry, Reach, Told, Who, banned, reach, who};
use crate::{
    address::Family,
    exposure::{Exposure, How, passages, within},
    firewall::{Filter, Intervals},
    plan::outer,
    port::{PortSpec, Protocol},
    words::Text,
    world::{Passage, World},
};

/// Ports that lead to the same place, and from where packets get there today.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) ports: Vec<PortSpec>,
    pub(super) target: Text,
    pub(super) reach: Reach,
    pub(super) told: Told,
    /// Who is kept out today of those.
    pub(super) banned: BTreeSet<IpNet>,
}

/// The ports that are sent on, but those whose number an engine's own listener keeps, as that one is drafted.
pub(super) fn published(world: &World<'_>) -> Vec<Published> {
    let Some(filter) = world.filter() else { return Vec::new() };
    let leaving: Vec<_> = world.passages().iter().filter(|passage| passage.leaves()).collect();
    if leaving.is_empty() {
        return Vec::new();
    }
    let (runs, kept) = (runs(filter), kept(world));
    let outer: Vec<_> = outer(world, filter).into_iter().map(|interface| interface.name.as_str()).collect();
    let published = |passage: &Passage| {
        let kept = kept.get(&passage.protocol());
        let passage = passage.without(kept.unwrap_or(&Intervals::one(0)))?;
        let ports: Vec<_> = passage.specs().collect();
        let admitted: Vec<_> = ports.iter().map(|spec| admitted(filter, &runs, *spec, &outer)).collect();
        let (reach, told) = reach(admitted.iter());
        let banned = ports.iter().flat_map(|spec| kept_out(&runs, *spec)).collect();
        Some(Published { ports, target: passage.target(), reach, told, banned })
    };
    leaving.into_iter().filter_map(published).collect()
}

/// What becomes of packets from the world that are sent on, by runs which ascend.
type Runs = BTreeMap<(Protocol, Family), Vec<Exposure>>;

fn runs(filter: &Filter) -> Runs {
    let mut runs = Runs::new();
    for row in passages(filter) {
        if row.exposure.ways.iter().any(|way| matches!(way.how, How::Forwarded(_))) {
            runs.entry((row.protocol, row.family)).or_default().push(row.exposure);
        }
    }
    runs
}

/// The numbers that listeners keep for containers; no service is declared for 0 (RFC 6335 §6).
fn kept(world: &World<'_>) -> BTreeMap<Protocol, Intervals> {
    let mut kept: BTreeMap<_, Intervals> = BTreeMap::new();
    for listener in world.listeners().filter(|listener| world.stands_for_others(listener)) {
        let known = kept.entry(listener.protocol).or_insert_with(|| Intervals::one(0));
        *known = known.or(&Intervals::one(listener.port.into()));
    }
    kept
}

fn kept_out(runs: &Runs, ports: PortSpec) -> impl Iterator<Item = IpNet> {
    Family::ALL.into_iter().flat_map(move |family| {
        let runs = runs.get(&(ports.protocol, family)).map_or(&[][..], Vec::as_slice);
        within(runs, ports.range).flat_map(move |run| banned(&run, family))
    })
}

/// Whose packets to the ports get there; those by every interface to others are everybody's.
fn admitted(filter: &Filter, runs: &Runs, ports: PortSpec, outer: &[&str]) -> Admitted {
    let is_any = |entry: &Entry| {
        entry.from.is_empty() && outer.iter().all(|name| entry.interfaces.iter().any(|own| own == name))
    };
    let mut admitted = Admitted::new();
    for family in Family::ALL {
        for run in within(runs.get(&(ports.protocol, family)).map_or(&[], Vec::as_slice), ports.range) {
            let next = match who(&run, family, filter) {
                Who::Some(entries, _) if entries.iter().any(is_any) => Who::Everybody,
                who => who,
            };
            let known = admitted.remove(&family);
            admitted.insert(family, known.map_or(next.clone(), |known| known.or(next)));
        }
    }
    admitted
}
