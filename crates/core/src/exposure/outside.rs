//! Who could send packets from outside, by the ways that lead to them, and how many of these get in (A4, A15, A20).

use alloc::{collections::BTreeMap, vec::Vec};
use core::cmp::Reverse;

use ipnet::IpNet;

use super::senders::{among, sources, ways, wires, with_way_back};
use crate::{
    address::Family,
    firewall::{Fate, Field, Intervals, Part, Surroundings, networks, numbers},
    policy::Zone,
};

/// With more routes than this, packets are taken from any interface, whatever their source.
const ROUTES_MAX: usize = 4_096;

/// Sources, each with the interfaces that lead to it: where the routes are known, one that comes by another is forged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside(Vec<(Intervals, Intervals)>);

impl Outside {
    /// Everybody else who may send packets of `family`, but for those in `zones`.
    #[must_use]
    pub fn beyond(around: &Surroundings, family: Family, zones: &[&Zone]) -> Self {
        let mut sets = everybody(around, family);
        for zone in zones {
            let (named, members) = members(around, family, zone);
            let divide = |(by, from): (Intervals, Intervals)| {
                [(by.except(&named), from.clone()), (by.and(&named), from.except(&members))]
            };
            sets = sets.into_iter().flat_map(divide).filter(is_any).collect();
        }
        Self(sets)
    }

    /// Those in `zone` who may send packets of `family`.
    #[must_use]
    pub fn within(around: &Surroundings, family: Family, zone: &Zone) -> Self {
        let (named, members) = members(around, family, zone);
        let sets = everybody(around, family).into_iter();
        Self(sets.map(|(by, from)| (by.and(&named), from.and(&members))).filter(is_any).collect())
    }

    /// Those who come in by one of these interfaces.
    #[must_use]
    pub fn by(mut self, interfaces: &Intervals) -> Self {
        for (by, _) in &mut self.0 {
            *by = by.and(interfaces);
        }
        self.0.retain(is_any);
        self
    }

    /// The interfaces by which packets of any of these are in `parts`.
    #[must_use]
    pub fn entrances<'a>(&self, parts: impl Iterator<Item = &'a Part>) -> Intervals {
        parts.flat_map(|part| self.entrances_of(part)).fold(Intervals::none(), |all, by| all.or(&by))
    }

    /// Whether packets of any of these are in `parts`.
    pub fn meets<'a>(&self, mut parts: impl Iterator<Item = &'a Part>) -> bool {
        parts.any(|part| self.entrances_of(part).next().is_some())
    }

    fn entrances_of(&self, part: &Part) -> impl Iterator<Item = Intervals> {
        let shared = |of: &Intervals, field| Some(part.packets.of(field).and(of)).filter(|it| !it.is_empty());
        self.0.iter().filter_map(move |(by, from)| {
            shared(from, Field::Source).and_then(|_| shared(by, Field::InInterface))
        })
    }

    /// Whether at least half of these sources have packets in `parts`.
    #[must_use]
    pub fn are_mostly_in(&self, parts: &[&Part]) -> bool {
        self.count(parts, &[]) >= self.total() / 2
    }

    /// Whether a considerable part of these sources, a quarter of their addresses, has packets in `lost` and none in `heard`:
    /// bans of single addresses and networks are fewer, but where hardly anybody is meant.
    #[must_use]
    pub fn are_kept_out(&self, lost: &[&Part], heard: &[&Part]) -> bool {
        let count = self.count(lost, heard);
        count > 0 && count >= self.total().div_ceil(4)
    }

    /// How many of these sources have packets in `parts` and none in `others`.
    #[must_use]
    pub fn count(&self, parts: &[&Part], others: &[&Part]) -> u128 {
        let sources = |of: &[&Part], by: &Intervals| {
            let near = of.iter().filter(|part| !part.packets.of(Field::InInterface).and(by).is_empty());
            near.fold(Intervals::none(), |all, part| all.or(part.packets.of(Field::Source)))
        };
        let counts = self
            .0
            .iter()
            .map(|(by, from)| extent(&from.and(&sources(parts, by)).except(&sources(others, by))));
        counts.fold(0, u128::saturating_add)
    }

    fn total(&self) -> u128 {
        self.0.iter().map(|(_, from)| extent(from)).fold(0, u128::saturating_add)
    }
}

/// The interfaces and the sources of a zone.
fn members(around: &Surroundings, family: Family, zone: &Zone) -> (Intervals, Intervals) {
    let named = match zone.interfaces.as_slice() {
        [] => wires(around),
        patterns => around.named_by_any(patterns),
    };
    (named, among(&zone.from, around, family))
}

/// Whether packets arrive.
#[must_use]
pub(crate) const fn arrives(fate: &Fate) -> bool {
    matches!(fate, Fate::Arrives(_) | Fate::Leaves(_))
}

/// Whether these are at least as many as `others`.
#[must_use]
pub(crate) fn is_most(some: &Intervals, others: &Intervals) -> bool {
    extent(some) >= extent(others)
}

/// As few networks as there can be, and of these the first `most`, that hold all of `some` and none of `others`: addresses
/// that are neither, as this host's own, do not divide a network.
#[must_use]
pub fn covering(some: &Intervals, others: &Intervals, family: Family, most: usize) -> Vec<IpNet> {
    let bits = if family == Family::Ipv4 { 32 } else { 128 };
    let free = Intervals::prefix(0, bits).except(others);
    let near = free.iter().filter(|free| !Intervals::span(free.first, free.last).and(some).is_empty());
    let (wide, exact) = (networks(&near.collect(), family, most), networks(some, family, most));
    if wide.len() < exact.len() { wide } else { exact }
}

fn is_any((by, from): &(Intervals, Intervals)) -> bool {
    !by.is_empty() && !from.is_empty()
}

/// How many numbers these are, or as many as can be counted.
fn extent(numbers: &Intervals) -> u128 {
    let counts = numbers.iter().map(|interval| (interval.last - interval.first).saturating_add(1));
    counts.fold(0, u128::saturating_add)
}

/// Everybody else, by every interface that answers may go out by.
fn everybody(around: &Surroundings, family: Family) -> Vec<(Intervals, Intervals)> {
    let all = sources(around, family);
    let (mut ways, wires) = (ways(around, family), wires(around));
    if around.ways(family).is_empty() || around.has_rules(family) || ways.len() > ROUTES_MAX {
        return with_way_back(around, family, &wires, &all);
    }
    for (network, ..) in &mut ways {
        *network = network.trunc();
    }
    ways.sort_by_key(|(network, ..)| (Reverse(network.prefix_len()), *network));
    let (mut rest, mut led) = (all, BTreeMap::new());
    for same in ways.chunk_by(|one, other| one.0 == other.0) {
        let reached = same.first().map(|(network, ..)| rest.and(&numbers(*network))).unwrap_or_default();
        rest = rest.except(&reached);
        for (.., interface) in same {
            let known: &mut Intervals = led.entry(*interface).or_default();
            *known = known.or(&reached);
        }
    }
    // Of many interfaces with the same sources one set.
    let mut sets: BTreeMap<Intervals, Intervals> = BTreeMap::new();
    for (interface, from) in led {
        let by = sets.entry(from).or_default();
        *by = by.or(&Intervals::one(interface as u128).and(&wires));
    }
    sets.into_iter().map(|(from, by)| (by, from)).filter(is_any).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        firewall::{Interface, Packets, Rewritten, Route},
        rules::testing::zone,
    };

    /// `wan0` leads to the world, `lan0` to 192.0.2.0/24.
    fn around() -> Surroundings {
        let interface = |name: &str, network: &str| Interface {
            name: name.into(),
            networks: vec![network.parse().unwrap()],
            ..Interface::default()
        };
        let interfaces = vec![interface("wan0", "203.0.113.1/24"), interface("lan0", "192.0.2.1/24")];
        let default = Route { to: "0.0.0.0/0".parse().unwrap(), interface: Some(0), ..Route::default() };
        Surroundings { interfaces, routes: vec![default], ..Surroundings::default() }
    }

    fn beyond(zones: &[Zone]) -> Outside {
        Outside::beyond(&around(), Family::Ipv4, &zones.iter().collect::<Vec<_>>())
    }

    fn part(by: u128, from: Intervals) -> Part {
        let packets =
            Packets::all(Family::Ipv4).with(Field::InInterface, Intervals::one(by)).with(Field::Source, from);
        let fate = Fate::Arrives(Rewritten { address: None, port: None });
        Part { packets, fate, decided_by: Vec::new(), doubts: Vec::new(), is_rate_limited: false }
    }

    #[test]
    fn who_comes_by_another_way_than_answers_go_is_nobody() {
        let lan = Intervals::prefix(0xc000_0200, 8);
        let everybody = beyond(&[]);
        assert!(everybody.meets([part(1, lan.clone())].iter()));
        assert!(everybody.meets([part(0, Intervals::one(0x0808_0808))].iter()));
        assert!(!everybody.meets([part(0, lan.clone())].iter()), "answers go to lan0");
        assert!(!everybody.meets([part(1, Intervals::one(0x0808_0808))].iter()));
        // A zone by interface and one by source are the same people.
        for lan_zone in [zone("lan", &[], &["lan*"]), zone("lan", &["192.0.2.0/24"], &[])] {
            let others = beyond(&[lan_zone]);
            assert!(!others.meets([part(1, lan.clone())].iter()));
            assert!(others.meets([part(0, Intervals::one(0x0808_0808))].iter()));
        }
        assert_eq!(beyond(&[zone("all", &["0.0.0.0/0"], &[])]), Outside::default());
    }

    #[test]
    fn most_are_told_from_a_few() {
        let mostly = |parts: &[Part]| beyond(&[]).are_mostly_in(&parts.iter().collect::<Vec<_>>());
        assert!(!mostly(&[part(1, Intervals::prefix(0, 32))]), "all of lan0 are few");
        assert!(mostly(&[part(0, Intervals::prefix(0, 32).except(&Intervals::prefix(0x0800_0000, 24)))]));
    }

    #[test]
    fn a_quarter_is_a_considerable_part_and_what_gets_in_by_another_part_is_not_kept_out() {
        let kept_out = |zone: &Zone, lost: Part, heard: &[&Part]| {
            Outside::within(&around(), Family::Ipv4, zone).are_kept_out(&[&lost], heard)
        };
        let lan = zone("lan", &["192.0.2.0/24"], &[]);
        assert!(kept_out(&lan, part(1, Intervals::prefix(0xc000_0240, 6)), &[]));
        assert!(!kept_out(&lan, part(1, Intervals::prefix(0xc000_0240, 5)), &[]));
        assert!(!kept_out(&lan, part(0, Intervals::prefix(0xc000_0200, 8)), &[]), "nobody of it comes there");
        let all = part(1, Intervals::prefix(0xc000_0200, 8));
        assert!(!kept_out(&lan, all.clone(), &[&all]));
        assert!(!kept_out(&zone("six", &["2001:db8::/32"], &[]), all, &[]));
    }

    #[test]
    fn an_address_of_our_own_does_not_divide_a_network() {
        let told = |others: &Intervals| {
            // Neither this host's own address nor the network's broadcast sends.
            let some = Intervals::span(0xc000_0200, 0xc000_02fe).except(&Intervals::one(0xc000_0201));
            covering(&some, others, Family::Ipv4, 9).len()
        };
        let all = Intervals::prefix(0, 32).except(&Intervals::prefix(0xc000_0200, 8));
        assert_eq!(told(&all), 1);
        assert_eq!(told(&all.or(&Intervals::one(0xc000_0201))), 8, "it was asked about");
    }
}
