//! What the routing table says of an address, interface by interface (nft(8), "FIB EXPRESSIONS").

use alloc::{vec, vec::Vec};

use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Field, family_number},
        ruleset::{AddressKind, Tuple},
        surroundings::{Surroundings, number, numbers, ranks},
    },
};

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
const LOOPBACK: &str = "lo";

/// For whom an address is local: for the whole host, or for the interface that the packet came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Host,
    Interface,
}

/// The packets whose `field` is an address of one of `kinds`.
pub(super) fn of_kinds(
    field: Field,
    kinds: &[AddressKind],
    reach: Reach,
    around: &Surroundings,
) -> Vec<Tuple> {
    let families = FAMILIES.into_iter();
    match reach {
        Reach::Host => families.map(|family| tuple(family, None, field, kinds, around)).collect(),
        Reach::Interface => {
            let interfaces = 0..around.interfaces.len();
            let each = interfaces.map(|at| (at, alone(around, at)));
            let each: Vec<_> = each.collect();
            families
                .flat_map(|family| {
                    each.iter().map(move |(at, alone)| tuple(family, Some(*at), field, kinds, alone))
                })
                .collect()
        }
    }
}

fn tuple(
    family: Family,
    interface: Option<usize>,
    field: Field,
    kinds: &[AddressKind],
    around: &Surroundings,
) -> Tuple {
    let of_kind = kinds.iter().map(|kind| local_to(around, interface, *kind, family));
    let addresses = of_kind.fold(Intervals::none(), |all, one| all.or(&one));
    let mut tuple = vec![(Field::Family, Intervals::one(family_number(family)))];
    tuple.extend(interface.map(|at| (Field::InInterface, Intervals::one(at as u128))));
    tuple.push((field, addresses));
    tuple
}

/// Loopback addresses are local to the loopback interface alone.
fn local_to(around: &Surroundings, interface: Option<usize>, kind: AddressKind, family: Family) -> Intervals {
    let addresses = around.of_kind(kind, family);
    let is_other = interface.is_some() && around.interfaces.iter().all(|one| one.name != LOOPBACK);
    if !is_other {
        return addresses;
    }
    let networks = around.interfaces.iter().flat_map(|one| &one.networks);
    let own = networks.filter(|network| network.addr().is_ipv4() == (family == Family::Ipv4));
    let own = own.fold(Intervals::none(), |all, net| all.or(&Intervals::one(number(net.addr()))));
    let foreign = around.of_kind(AddressKind::Local, family).except(&own);
    match kind {
        AddressKind::Local => own,
        AddressKind::Unicast => addresses.or(&foreign),
        _ => addresses,
    }
}

/// The host as if it had but the interface at `at`.
fn alone(around: &Surroundings, at: usize) -> Surroundings {
    Surroundings { interfaces: vec![around.interfaces[at].clone()], ..Surroundings::default() }
}

/// The packets whose source is reached by the interface that they came in by (net/ipv4/netfilter/nft_fib_ipv4.c,
/// net/ipv6/netfilter/nft_fib_ipv6.c); `None` where no routes are known.
pub(super) fn way_back(around: &Surroundings) -> Option<Vec<Tuple>> {
    if around.routes.is_empty() {
        return None;
    }
    let mut tuples = vec![booting()];
    for (at, interface) in around.interfaces.iter().enumerate() {
        for family in FAMILIES {
            let all = Intervals::prefix(0, Field::Source.bits(family));
            let sources = match family {
                _ if interface.name == LOOPBACK => all,
                Family::Ipv4 => best_by(around, at),
                Family::Ipv6 => any_by(around, at),
            };
            let interface = (Field::InInterface, Intervals::one(at as u128));
            let family = (Field::Family, Intervals::one(family_number(family)));
            tuples.push(vec![family, interface, (Field::Source, sources)]);
        }
    }
    Some(tuples)
}

/// Who has no address yet may ask everybody in the network for one.
fn booting() -> Tuple {
    let everybody = Intervals::one(u32::MAX.into()).or(&Intervals::prefix(0xe000_0000, 8));
    vec![
        (Field::Family, Intervals::one(family_number(Family::Ipv4))),
        (Field::Source, Intervals::prefix(0, 24)),
        (Field::Destination, everybody),
    ]
}

/// The addresses of IPv4 whose best route goes by the interface at `at`.
fn best_by(around: &Surroundings, at: usize) -> Intervals {
    let own = around.of_kind(AddressKind::Local, Family::Ipv4);
    let mut seen = own;
    let mut found = Intervals::none();
    for rank in ranks(&around.ways(Family::Ipv4)) {
        let to = numbers(rank[0].to);
        if rank.iter().any(|route| route.interface == Some(at)) {
            found = found.or(&to.except(&seen));
        }
        seen = seen.or(&to);
    }
    found
}

/// The addresses of IPv6 to which any route goes by the interface at `at`: the kernel asks only for these.
fn any_by(around: &Surroundings, at: usize) -> Intervals {
    let routes = around.routes.iter().filter(|route| !route.to.addr().is_ipv4());
    let by = routes.filter(|route| route.interface == Some(at));
    let all = by.fold(Intervals::none(), |all, route| all.or(&numbers(route.to)));
    all.except(&around.of_kind(AddressKind::Local, Family::Ipv6))
}
