//! Who gets to a listener today, as far as the zones of a policy can say it (A4, A15).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::{
    address::{Breadth, Family},
    exposure::{Exposure, Passing, Reached, covering, families, is_most},
    facts::Listener,
    firewall::{Filter, Intervals},
    policy::is_interface,
    reach::Verdict,
    world::World,
};

/// A zone of more networks or interfaces than this is none that a person would write.
const LISTED_MAX: usize = 16;

/// Those who come in by any of these interfaces, from any of these networks; empty means every one.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) interfaces: Vec<String>,
    pub(super) from: Vec<IpNet>,
}

/// Whose packets of one family get to a listener.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// These, and where it cannot be told or no zone can say it, others.
    Some(BTreeSet<Entry>, Told),
    Everybody,
}

impl Who {
    fn nobody() -> Self {
        Self::Some(BTreeSet::new(), Told::All)
    }

    const fn untold() -> Self {
        Self::Some(BTreeSet::new(), Told::NotAll)
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some(one, told), Self::Some(other, all_told)) => {
                Self::Some(one.into_iter().chain(other).collect(), told.max(all_told))
            }
            _ => Self::Everybody,
        }
    }
}

/// Whose packets get in, by the families that this host and its listener have.
pub(super) type Admitted = BTreeMap<Family, Who>;

/// From where a service may be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    #[default]
    Host,
    Zones(Vec<Entry>),
    World,
}

/// Whether everybody who gets in today is in the reach that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    All,
    NotAll,
}

/// Who gets to `listener` from outside by its own number, past the packet filter where it is known.
pub(super) fn admitted(world: &World<'_>, listener: &Listener) -> Admitted {
    let verdict = world.reach(listener).first().map(|reach| reach.verdict);
    // Whoever gets to the loopback from outside gets there by mistake.
    let verdict = verdict.filter(|_| listener.breadth() != Breadth::Loopback).or(Some(Verdict::Blocked));
    let runs = world.directly_from_outside(listener);
    let alike = |who: &Who| families(listener).into_iter().map(|family| (family, who.clone())).collect();
    match (verdict, world.filter()) {
        (Some(Verdict::Blocked), _) => alike(&Who::nobody()),
        (_, Some(filter)) if !runs.is_empty() => {
            runs.into_iter().map(|(family, run)| (family, who(&run, family, filter))).collect()
        }
        _ => alike(&Who::Everybody),
    }
}

/// Whose packets of a run of ports arrive.
pub(super) fn who(run: &Exposure, family: Family, filter: &Filter) -> Who {
    match run.reached {
        Reached::Dropped | Reached::Rejected => Who::nobody(),
        Reached::Unknown => Who::untold(),
        Reached::Reachable => Who::Everybody,
        // Some come here and others are sent on: who is who is not told.
        Reached::Partly if run.passing.is_empty() => Who::untold(),
        Reached::Partly => {
            let entries = run.passing.iter().map(|passing| entry(passing, family, filter));
            match entries.collect::<Option<BTreeSet<_>>>() {
                Some(entries) if entries.contains(&Entry::default()) => Who::Everybody,
                Some(entries) => Who::Some(entries, if run.is_open { Told::NotAll } else { Told::All }),
                None => Who::untold(),
            }
        }
    }
}

/// The networks, or the first of them, whose packets are lost though a zone holds them: bans, of which [`entry`] makes none.
pub(super) fn banned(run: &Exposure, family: Family) -> Vec<IpNet> {
    let banning = run.passing.iter().filter(|passing| few(passing).is_none());
    let networks = banning.filter_map(|passing| {
        let let_in = passing.sources.as_ref()?;
        Some(covering(&passing.other_sources, let_in, family, LISTED_MAX))
    });
    networks.flatten().collect()
}

/// The sources that pass, where they are no more than the others.
fn few(passing: &Passing) -> Option<&Intervals> {
    passing.sources.as_ref().filter(|some| !is_most(some, &passing.other_sources))
}

/// Those who pass; where most sources do, all: whoever is kept out of these is banned rather than let in.
fn entry(passing: &Passing, family: Family, filter: &Filter) -> Option<Entry> {
    let named = passing.interfaces.iter().flat_map(|meant| filter.around.names(meant));
    let interfaces: Vec<_> = named.take(LISTED_MAX + 1).map(String::from).collect();
    let from = few(passing).map(|some| covering(some, &passing.other_sources, family, LISTED_MAX + 1));
    let from = from.unwrap_or_default();
    let can_be_said = passing.destinations.is_none()
        && !passing.is_divided
        && interfaces.len().max(from.len()) <= LISTED_MAX
        && interfaces.iter().all(|name| is_interface(name));
    can_be_said.then_some(Entry { interfaces, from })
}

/// What of a service is open to others, given who gets to each of its sockets.
pub(super) fn reach<'a>(sockets: impl Iterator<Item = &'a Admitted>) -> (Reach, Told) {
    let mut by_family = Admitted::new();
    for (family, who) in sockets.flatten() {
        let known = by_family.remove(family).unwrap_or_else(Who::nobody);
        by_family.insert(*family, known.or(who.clone()));
    }
    let is_open = |who: &Who| matches!(who, Who::Some(_, Told::NotAll));
    let told = if by_family.values().any(is_open) { Told::NotAll } else { Told::All };
    if !by_family.is_empty() && by_family.values().all(|who| *who == Who::Everybody) {
        return (Reach::World, told);
    }
    let zones = zones(&by_family);
    (if zones.is_empty() { Reach::Host } else { Reach::Zones(zones) }, told)
}

/// The zones that those are in who get in: a zone holds packets of both families.
fn zones(by_family: &Admitted) -> Vec<Entry> {
    let mut by_interface: BTreeMap<Vec<String>, BTreeMap<Family, BTreeSet<IpNet>>> = BTreeMap::new();
    for (family, who) in by_family {
        let entries = match who {
            Who::Some(entries, _) => entries.clone(),
            Who::Everybody => [Entry::default()].into(),
        };
        for Entry { interfaces, from } in entries {
            let from = if from.is_empty() { [every_address(*family)].into() } else { from };
            by_interface.entry(interfaces).or_default().entry(*family).or_default().extend(from);
        }
    }
    let zone = |(interfaces, from): (Vec<String>, BTreeMap<Family, BTreeSet<IpNet>>)| {
        let is_all = |family: &Family| {
            from.get(family).is_some_and(|networks| networks.contains(&every_address(*family)))
        };
        // Without a network a zone of interfaces holds what comes by them, whatever its family.
        let is_any = !interfaces.is_empty() && by_family.keys().all(is_all);
        let networks = from.iter().flat_map(|(family, networks)| {
            if is_all(family) {
                [every_address(*family)].into()
            } else {
                networks.iter().copied().collect::<Vec<_>>()
            }
        });
        Entry { from: if is_any { Vec::new() } else { networks.collect() }, interfaces }
    };
    by_interface.into_iter().map(zone).collect()
}

fn every_address(family: Family) -> IpNet {
    match family {
        Family::Ipv4 => Ipv4Net::default().into(),
        Family::Ipv6 => Ipv6Net::default().into(),
    }
}
