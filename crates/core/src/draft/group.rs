//! Joins listeners into services that do not overlap: one owner, one set of addresses, its ports in a line (A5, A25).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{
    admit::{Reach, Told, reach},
    danger::Danger,
    sight::Sighting,
};
use crate::{
    address::{Address, Breadth},
    facts::Listener,
    owner::Owner,
    policy::is_interface,
    port::{PortRange, PortSpec, Protocol},
};

/// More owners than this on one port are nobody in particular.
const OWNERS_MAX: usize = 16;
/// More addresses than this on one port are any address.
const ADDRESSES_MAX: usize = 256;
/// More interfaces than this on one port are any interface.
const DEVICES_MAX: usize = 256;
/// Ports of one service: a longer line is written as another service.
const PORTS_MAX: usize = 1_000;
/// So many consecutive numbers are a range.
const RUN_MIN: usize = 8;

/// What the ports of one service have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Common {
    pub(super) label: String,
    /// Empty: anybody.
    pub(super) owners: Vec<Owner>,
    /// Whether its owners hold one port together.
    pub(super) shared: Sharing,
    /// Empty: anywhere.
    pub(super) addresses: Vec<Address>,
    pub(super) device: Option<String>,
    pub(super) ties: Ties,
    pub(super) reach: Reach,
    /// From where it is reached today, where that is wider than declared.
    pub(super) wide: Reach,
    pub(super) told: Told,
    /// Who is kept out today of those from where it is reached.
    pub(super) banned: BTreeSet<IpNet>,
    /// The ports from which rules lead to it, where others may come that way than directly.
    pub(super) led_from: BTreeSet<String>,
    /// Why it is declared more narrowly than it was seen.
    pub(super) narrowed: Option<Danger>,
    pub(super) programs: BTreeSet<String>,
    /// Where it was seen.
    pub(super) seen_at: BTreeSet<Address>,
}

/// Whether different owners were seen on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sharing {
    Alone,
    Shared,
}

/// Whether the draft keeps sockets to the interfaces that they were tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ties {
    Kept,
    /// Some were tied and others not, which one service cannot say.
    Lost,
}

/// A service to be written.
#[derive(Clone, Debug)]
pub(super) struct DraftService {
    pub(super) common: Common,
    pub(super) ports: Vec<PortSpec>,
}

/// The services of all sightings, in order of their lowest port.
pub(super) fn services(sightings: &[Sighting<'_>]) -> Vec<DraftService> {
    let mut by_port: BTreeMap<(Protocol, u16), Vec<&Sighting<'_>>> = BTreeMap::new();
    for sighting in sightings {
        by_port.entry((sighting.listener.protocol, sighting.listener.port)).or_default().push(sighting);
    }
    let mut grouped: BTreeMap<Common, Vec<(Protocol, u16)>> = BTreeMap::new();
    for (port, sightings) in by_port {
        for together in divide_by_device(sightings).into_iter().flat_map(divide) {
            grouped.entry(common(&together)).or_default().push(port);
        }
    }
    let mut services: Vec<_> = grouped
        .into_iter()
        .flat_map(|(common, ports)| {
            let ports = fold(&ports);
            let chunks: Vec<_> = ports.chunks(PORTS_MAX).map(<[PortSpec]>::to_vec).collect();
            chunks.into_iter().map(move |ports| DraftService { common: common.clone(), ports })
        })
        .collect();
    services.sort_by_key(|service| {
        let first = service.ports.first();
        first.map(|spec| (spec.range.first, spec.protocol))
    });
    services
}

/// Divides the sightings on one port by the interface that each is tied to.
///
/// One that is tied to none meets all the others, and a policy has no two services that meet.
fn divide_by_device<'s, 'a>(sightings: Vec<&'s Sighting<'a>>) -> Vec<Vec<&'s Sighting<'a>>> {
    let mut by_device: BTreeMap<&str, Vec<&Sighting<'_>>> = BTreeMap::new();
    for sighting in &sightings {
        match sighting.listener.device.as_deref().filter(|device| is_interface(device)) {
            Some(device) => by_device.entry(device).or_default().push(sighting),
            None => return alloc::vec![sightings],
        }
    }
    if by_device.len() > DEVICES_MAX { alloc::vec![sightings] } else { by_device.into_values().collect() }
}

/// Divides the sightings on one port by address where several owners share it without getting in each other's way.
fn divide<'s, 'a>(sightings: Vec<&'s Sighting<'a>>) -> Vec<Vec<&'s Sighting<'a>>> {
    let alike = sightings.windows(2).all(|pair| pair[0].owners == pair[1].owners);
    let wildcard = sightings.iter().any(|sighting| sighting.listener.breadth() == Breadth::Wildcard);
    let mut by_address: BTreeMap<IpAddr, Vec<&Sighting<'_>>> = BTreeMap::new();
    for sighting in &sightings {
        by_address.entry(sighting.listener.address.ip.to_canonical()).or_default().push(sighting);
    }
    if alike || wildcard || by_address.len() > ADDRESSES_MAX {
        return alloc::vec![sightings];
    }
    by_address.into_values().collect()
}

fn common(together: &[&Sighting<'_>]) -> Common {
    let danger = together.iter().find_map(|sighting| sighting.danger);
    let beyond = together.iter().any(|sighting| sighting.listener.breadth() != Breadth::Loopback);
    let narrowed = danger.filter(|_| beyond);
    let (seen, told) = reach(together.iter().map(|sighting| &sighting.admitted));
    let (reach, wide) = if narrowed.is_some() { (Reach::Host, seen) } else { (seen, Reach::Host) };
    let led_from = together.iter().flat_map(|sighting| &sighting.led_from);
    let led_from = led_from.filter(|_| reach != Reach::World).cloned().collect();
    let banned = together.iter().flat_map(|sighting| &sighting.banned);
    let banned = banned.filter(|_| reach != Reach::Host || wide != Reach::Host).copied().collect();
    let sets: BTreeSet<_> = together.iter().map(|sighting| &sighting.owners).collect();
    let programs = together.iter().flat_map(|sighting| &sighting.programs);
    Common {
        label: together.iter().map(|sighting| &sighting.label).min().cloned().unwrap_or_default(),
        owners: owners(&sets),
        shared: if sets.len() > 1 { Sharing::Shared } else { Sharing::Alone },
        addresses: addresses(together, narrowed),
        device: device(together),
        ties: ties(together),
        reach,
        wide,
        told,
        banned,
        led_from,
        narrowed,
        programs: programs.take(OWNERS_MAX).map(|name| String::from(*name)).collect(),
        seen_at: together
            .iter()
            .take(ADDRESSES_MAX)
            .map(|sighting| Address::from(sighting.listener.address.ip))
            .collect(),
    }
}

/// Everybody, unless somebody has no lasting name or they are too many to name.
fn owners(sets: &BTreeSet<&BTreeSet<Owner>>) -> Vec<Owner> {
    let all: BTreeSet<_> = sets.iter().flat_map(|set| set.iter()).collect();
    if sets.iter().any(|set| set.is_empty()) || all.len() > OWNERS_MAX {
        return Vec::new();
    }
    all.into_iter().cloned().collect()
}

/// The addresses to declare: as seen, and loopback in place of any where the service is dangerous.
fn addresses(together: &[&Sighting<'_>], narrowed: Option<Danger>) -> Vec<Address> {
    let wildcards = || together.iter().filter(|sighting| sighting.listener.breadth() == Breadth::Wildcard);
    let any = wildcards().next().is_some();
    let tied = device(together).is_some();
    let mut addresses: BTreeSet<_> = together
        .iter()
        .filter(|sighting| sighting.listener.breadth() != Breadth::Wildcard)
        .map(|sighting| if tied { written(&sighting.listener.address) } else { untied(sighting.listener) })
        .collect();
    if addresses.len() > ADDRESSES_MAX {
        addresses = addresses.into_iter().map(|address| Address::from(address.ip)).collect();
    }
    if addresses.len() > ADDRESSES_MAX || (any && narrowed.is_none()) {
        return Vec::new();
    }
    if wildcards().any(|sighting| sighting.listener.hears_ipv4()) {
        addresses.insert(Address::from(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    if wildcards().any(|sighting| sighting.listener.address.ip.to_canonical().is_ipv6()) {
        addresses.insert(Address::from(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }
    addresses.into_iter().collect()
}

fn written(address: &Address) -> Address {
    let interface = address.interface.clone().filter(|interface| is_interface(interface));
    Address { ip: address.ip.to_canonical(), interface }
}

/// Where a socket on no wildcard listens, said without its device: any address on `lo` is the host itself.
fn untied(listener: &Listener) -> Address {
    match (listener.address.breadth(), listener.address.ip.to_canonical()) {
        (Breadth::Wildcard, IpAddr::V4(_)) => Address::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (Breadth::Wildcard, IpAddr::V6(_)) => Address::from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        _ => written(&listener.address),
    }
}

/// Ties matter only where nobody takes the port on every interface anyway.
fn ties(together: &[&Sighting<'_>]) -> Ties {
    let everywhere = together.iter().any(|sighting| {
        sighting.listener.breadth() == Breadth::Wildcard && sighting.listener.device.is_none()
    });
    let lost =
        device(together).is_none() && together.iter().any(|sighting| sighting.listener.device.is_some());
    if lost && !everywhere { Ties::Lost } else { Ties::Kept }
}

/// The interface that all of them are tied to.
fn device(together: &[&Sighting<'_>]) -> Option<String> {
    let first = together.first()?.listener.device.as_deref()?;
    let same = together.iter().all(|sighting| sighting.listener.device.as_deref() == Some(first));
    (same && is_interface(first)).then(|| first.into())
}

/// Sorted ports as single numbers and, where many follow one another, ranges.
fn fold(ports: &[(Protocol, u16)]) -> Vec<PortSpec> {
    let mut folded = Vec::new();
    for run in ports.chunk_by(|one, next| one.0 == next.0 && one.1.checked_add(1) == Some(next.1)) {
        let (Some(&(protocol, first)), Some(&(_, last))) = (run.first(), run.last()) else { continue };
        if run.len() >= RUN_MIN {
            folded.push(PortSpec { range: PortRange { first, last }, protocol });
        } else {
            folded.extend(run.iter().map(|&(_, port)| PortSpec { range: PortRange::one(port), protocol }));
        }
    }
    folded
}
