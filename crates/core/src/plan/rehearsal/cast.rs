//! The interfaces of a rehearsal, and who sends by them: somebody of every zone, and his neighbours outside of it (A15).

use alloc::{format, string::ToString, vec::Vec};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{Link, wanted::matches};
use crate::{
    address::Family,
    firewall::{AddressKind, Filter, Interface, Intervals, number},
    plan::inside,
    policy::Zone,
    world::World,
};

/// More of each are not tried: the rules for them are written as the others' are.
const LINKS_MAX: usize = 16;
const ADDRESSES_MAX: usize = 16;
const ZONES_MAX: usize = 64;
const SENDERS_MAX: usize = 256;
const NETWORKS_MAX: usize = 3;
const PATTERNS_MAX: usize = 2;
/// Names of interfaces are shorter (IFNAMSIZ, include/uapi/linux/if.h).
const NAME_BYTES_MAX: usize = 15;

/// What the host is called where it has no address of a family (RFC 5737, RFC 3849).
const OWN: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];
/// Where packets are sent on to (RFC 2544, RFC 5180): `stage.nft`.
const SENT_ON_TO: [&str; 2] = ["198.18.0.0/30", "2001:2::/126"];
/// People whom nobody knows; the first whom no zone holds is the stranger.
const STRANGERS: [[IpAddr; 4]; 2] = [
    [
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9)),
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9)),
        IpAddr::V4(Ipv4Addr::new(100, 64, 0, 9)),
    ],
    [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 9)),
        IpAddr::V6(Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 9)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9)),
        IpAddr::V6(Ipv6Addr::new(0xfd00, 9, 9, 0, 0, 0, 0, 9)),
    ],
];

/// The interfaces, and who sends by them.
#[derive(Debug)]
pub(super) struct Cast {
    /// The first one is the way to the world.
    pub(super) links: Vec<Link>,
    /// The stranger of each family first, where there is one.
    pub(super) senders: Vec<Sender>,
    /// Whether the addresses to which packets are sent on are nobody's.
    pub(super) sends_on: bool,
    /// The addresses from which nobody else sends, of each family.
    taken: [Intervals; 2],
}

/// Somebody who sends packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sender {
    pub(super) link: usize,
    pub(super) source: IpAddr,
    /// The place of the zone in which he is, or next to which.
    pub(super) near: Option<usize>,
}

impl Cast {
    pub(super) fn of(world: &World<'_>, filter: &Filter) -> Self {
        let zones = world.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
        let mut cast = Self::with_first_link(world, filter);
        for family in Family::ALL {
            let stranger = cast.stranger(zones, family);
            cast.senders.extend(stranger.map(|source| Sender { link: 0, source, near: None }));
        }
        for (place, zone) in zones.iter().take(ZONES_MAX).enumerate() {
            let near = Some(place);
            for link in cast.links_of(zone, &outer(world, filter)) {
                for family in Family::ALL {
                    let sources = cast.sources(zone, zones, family);
                    cast.senders.extend(sources.into_iter().map(|source| Sender { link, source, near }));
                }
            }
        }
        cast.senders.truncate(SENDERS_MAX);
        cast
    }

    /// The way to the world, with an address of each family; what a service is declared for is an address of the host.
    fn with_first_link(world: &World<'_>, filter: &Filter) -> Self {
        let around = &filter.around;
        let own = |family| around.of_kind(AddressKind::Local, family);
        let taken = Family::ALL.map(|family| {
            let kinds = [AddressKind::Local, AddressKind::Broadcast, AddressKind::Multicast];
            let taken =
                kinds.into_iter().fold(Intervals::none(), |all, kind| all.or(&around.of_kind(kind, family)));
            // Old kernels take the first address of a network for another broadcast (RFC 1122 §3.3.6).
            let networks = around.interfaces.iter().flat_map(|interface| &interface.networks);
            let first = networks.map(IpNet::network).filter(|first| Family::of(*first) == family);
            first.fold(taken, |all, first| all.or(&Intervals::one(number(first))))
        });
        let outer = outer(world, filter);
        let by_default = around.routes.iter().filter(|route| route.to.prefix_len() == 0);
        let mut names = by_default.filter_map(|route| around.interfaces.get(route.interface?));
        let first = names.find(|it| outer.iter().any(|other| other.name == it.name));
        let first = first
            .or_else(|| outer.first().copied())
            .map_or_else(|| Link { name: "eth0".into(), networks: Vec::new() }, Link::of);
        let sends_on = SENT_ON_TO.iter().all(|network| {
            let network: IpNet = network.parse().expect("it is a network");
            crate::firewall::numbers(network).and(&own(Family::of(network.addr()))).is_empty()
        });
        let mut cast = Self { links: [first].into(), senders: Vec::new(), sends_on, taken };
        for service in world.policy.into_iter().flat_map(|policy| &policy.services) {
            for ip in super::script::addresses(service) {
                cast.add(ip);
            }
        }
        for own in OWN {
            if cast.own(0, Family::of(own)).is_none() {
                cast.add(own);
            }
        }
        cast
    }

    /// Makes an address one of the host's.
    fn add(&mut self, ip: IpAddr) {
        let is_there = |link: &Link| link.networks.iter().any(|network| network.addr() == ip);
        if !self.links.iter().any(is_there) && self.links[0].networks.len() < 2 * ADDRESSES_MAX {
            self.links[0].networks.push(ip.into());
            let taken = &mut self.taken[Family::of(ip) as usize];
            *taken = taken.or(&Intervals::one(number(ip)));
        }
    }

    /// An address of the host to which packets by this interface are sent: of that one, or of another.
    pub(super) fn own(&self, link: usize, family: Family) -> Option<IpAddr> {
        let own = self.links.get(link).into_iter().chain(&self.links);
        let mut own = own.flat_map(|link| &link.networks).map(IpNet::addr);
        own.find(|ip| Family::of(*ip) == family && !is_of_one_link(ip))
    }

    /// Whether the host has it here.
    pub(super) fn has(&self, ip: IpAddr) -> bool {
        self.links.iter().flat_map(|link| &link.networks).any(|network| network.addr() == ip)
    }

    /// The interfaces of a zone: those that there are, or that could come.
    fn links_of(&mut self, zone: &Zone, outer: &[&Interface]) -> Vec<usize> {
        if zone.interfaces.is_empty() {
            return [0].into();
        }
        let mut found = Vec::new();
        for pattern in zone.interfaces.iter().take(PATTERNS_MAX) {
            let known = self.links.iter().position(|link| matches(pattern, &link.name));
            let place = known.or_else(|| {
                let there = outer.iter().find(|interface| matches(pattern, &interface.name));
                let link = there.map_or_else(|| invented(pattern), |interface| Some(Link::of(interface)))?;
                (self.links.len() < LINKS_MAX).then(|| {
                    self.links.push(link);
                    self.links.len() - 1
                })
            });
            found.extend(place.filter(|place| !found.contains(place)));
        }
        found
    }

    /// Somebody who is in no network of a zone; else anybody.
    fn stranger(&self, zones: &[Zone], family: Family) -> Option<IpAddr> {
        let mut usable = STRANGERS[family as usize].into_iter().filter(|ip| self.may_send(*ip));
        let is_held =
            |ip: &IpAddr| zones.iter().flat_map(|zone| &zone.from).any(|network| network.contains(ip));
        let first = usable.clone().next();
        usable.find(|ip| !is_held(ip)).or(first)
    }

    /// Addresses at the edges of a zone's networks, within them and without.
    fn sources(&self, zone: &Zone, zones: &[Zone], family: Family) -> Vec<IpAddr> {
        if zone.from.is_empty() {
            return self.stranger(zones, family).into_iter().collect();
        }
        let networks = zone.from.iter().filter(|network| Family::of(network.addr()) == family);
        let edges = networks.take(NETWORKS_MAX).flat_map(|network| edges(*network, family));
        let mut sources = Vec::new();
        for mut edge in edges {
            if let Some(ip) = edge.find(|ip| self.may_send(*ip))
                && !sources.contains(&ip)
            {
                sources.push(ip);
            }
        }
        // All of the internet has its edges where nobody is.
        if !sources.iter().any(|ip| zone.from.iter().any(|network| network.contains(ip))) {
            let within = |ip: &IpAddr| zone.from.iter().any(|network| network.contains(ip));
            let strangers = STRANGERS[family as usize].into_iter();
            sources.extend(strangers.filter(|ip| self.may_send(*ip)).find(within));
        }
        sources
    }

    /// Whether the kernel takes packets from there (net/ipv4/route.c, `ip_route_input_slow`; net/ipv6/ip6_input.c).
    fn may_send(&self, ip: IpAddr) -> bool {
        let is_somebody = match ip {
            IpAddr::V4(ip) => !matches!(ip.octets()[0], 0 | 127 | 224..),
            IpAddr::V6(ip) => {
                !ip.is_unspecified()
                    && !ip.is_loopback()
                    && !ip.is_multicast()
                    && ip.to_ipv4_mapped().is_none()
            }
        };
        is_somebody && !self.taken[Family::of(ip) as usize].contains(number(ip))
    }
}

/// The first and the last of a network, and their neighbours outside of it; of each the first that may be somebody's.
fn edges(network: IpNet, family: Family) -> impl Iterator<Item = alloc::vec::IntoIter<IpAddr>> {
    let (first, last) = (number(network.network()), number(network.broadcast()));
    let top = if family == Family::Ipv4 { u128::from(u32::MAX) } else { u128::MAX };
    let within = |numbers: [Option<u128>; 4]| {
        let inside = numbers.into_iter().flatten().filter(|number| (first..=last).contains(number));
        inside.collect::<Vec<_>>()
    };
    let steps = [0, 1, 2, 3];
    let all = [
        within(steps.map(|step| first.checked_add(step))),
        within(steps.map(|step| last.checked_sub(step))),
        first.checked_sub(1).into_iter().collect(),
        last.checked_add(1).filter(|next| *next <= top).into_iter().collect(),
    ];
    let address = move |number| crate::firewall::address(number, family);
    all.into_iter().map(move |numbers| numbers.into_iter().map(address).collect::<Vec<_>>().into_iter())
}

impl Link {
    fn of(interface: &Interface) -> Self {
        let is_loopback = |network: &&IpNet| network.addr().is_loopback();
        let networks = interface.networks.iter().filter(|network| !is_loopback(network));
        Self { name: interface.name.clone(), networks: networks.take(ADDRESSES_MAX).copied().collect() }
    }
}

/// Those whose names may be written, of the interfaces by which others come in.
fn outer<'a>(world: &World<'_>, filter: &'a Filter) -> Vec<&'a Interface> {
    inside::outer(world, filter).into_iter().filter(|interface| is_plain(&interface.name)).collect()
}

/// Whether a name may be written anywhere as it is.
fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain) && !name.starts_with(['.', '-'])
}

/// An interface that a pattern means, where none is there.
fn invented(pattern: &str) -> Option<Link> {
    let name = pattern.strip_suffix('*').map_or_else(|| pattern.to_string(), |begin| format!("{begin}0"));
    let is_ours = name != "lo" && is_plain(&name);
    is_ours.then(|| Link { name, networks: Vec::new() })
}

/// fe80::/10 (RFC 4291 §2.5.6).
pub(super) const fn is_of_one_link(ip: &IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}
