//! What a packet's way depends on beside the rules: interfaces, addresses and routes (A4).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{cmp::Reverse, net::IpAddr};

use ipnet::{IpNet, IpSubnets, Ipv4Subnets, Ipv6Subnets};

use super::{
    intervals::{Interval, Intervals},
    ruleset::AddressKind,
};
use crate::{address::Family, facts};

/// With more routes than this it is not asked which way back a source has.
const ROUTES_MAX: usize = 4_096;

/// A network namespace as packets find it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Its interfaces; the place of each is its number in packets.
    pub interfaces: Vec<Interface>,
    /// Where it sends packets that are not for itself; the longest prefix decides, then the lowest metric, then the first.
    pub routes: Vec<Route>,
    /// The networks of which it takes all addresses for its own, without having them (ip-route(8), `local`).
    pub local: Vec<IpNet>,
    /// The addresses of IPv6 by which anybody reaches one of several routers, this host among them (RFC 4291 §2.6).
    pub anycast: Vec<IpNet>,
    /// Whether it passes on what is not for itself: IPv4, and IPv6 (`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`).
    pub forwards: [bool; 2],
    /// Whether rules choose other routes than these, for IPv4 and for IPv6 (ip-rule(8)).
    pub has_rules: [bool; 2],
}

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its addresses, each with its network.
    pub networks: Vec<IpNet>,
    /// Whether it is a port of a bridge or the like: what it hands over comes in by that (ip-link(8), `master`).
    pub is_port: bool,
    /// Whether it is a VRF or in one: rules see what comes in by the one as if it came by the other, at some hooks.
    pub is_of_vrf: bool,
    /// Whether it is a bridge: tables of the family `bridge` see what comes in by it.
    pub is_bridge: bool,
    /// Whether packets from outside may be for loopback addresses (`net.ipv4.conf.*.route_localnet`).
    pub routes_localnet: bool,
    /// Whether packets from outside may come from one of this host's own addresses (`net.ipv4.conf.*.accept_local`).
    pub accepts_local: bool,
    /// Which way back its sources must have (`net.ipv4.conf.*.rp_filter`).
    pub way_back: WayBack,
    /// Whether IPv4 that comes in by it is passed on (`net.ipv4.conf.*.forwarding`); `None` as the host does.
    pub forwards: Option<bool>,
    /// Whether IPv6 that comes in by it is passed on even where the host does not (`net.ipv6.conf.*.force_forwarding`).
    pub forces_forwarding: bool,
    /// Whether it takes no packet of IPv6 at all (`net.ipv6.conf.*.disable_ipv6`).
    pub refuses_ipv6: bool,
}

/// Which way answers to the source of a packet must go, else it is dropped (ip-sysctl.rst, `rp_filter`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WayBack {
    /// Nobody asks.
    #[default]
    Any,
    /// By the interface that the packet came in by.
    Same,
    /// By whichever.
    Some,
}

/// A route to other hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub to: IpNet,
    /// By which interface; `None` where packets are refused or vanish.
    pub interface: Option<usize>,
    /// Whether the sender is told where there is no interface: `unreachable`, `prohibit`.
    pub refuses: bool,
    /// Lower ones are preferred.
    pub metric: u32,
}

impl Surroundings {
    /// What is known of a network namespace without its routes and settings: each address without its network.
    #[must_use]
    pub fn of(interfaces: &[facts::Interface]) -> Self {
        let interface = |interface: &facts::Interface| Interface {
            name: interface.name.clone(),
            networks: interface.addresses.iter().map(|address| IpNet::from(address.ip)).collect(),
            ..Interface::default()
        };
        Self { interfaces: interfaces.iter().map(interface).collect(), ..Self::default() }
    }

    /// Whether what is not for this host is passed on.
    #[must_use]
    pub const fn forwards(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.forwards[0],
            Family::Ipv6 => self.forwards[1],
        }
    }

    /// Whether rules choose other routes than those that are listed.
    #[must_use]
    pub const fn has_rules(&self, family: Family) -> bool {
        match family {
            Family::Ipv4 => self.has_rules[0],
            Family::Ipv6 => self.has_rules[1],
        }
    }

    /// The routes of `family`, each before those that it goes before.
    #[must_use]
    pub fn ways(&self, family: Family) -> Vec<&Route> {
        let is_meant = |route: &&Route| route.to.addr().is_ipv4() == (family == Family::Ipv4);
        let mut routes: Vec<_> = self.routes.iter().filter(is_meant).collect();
        routes.sort_by_key(|route| (Reverse(route.to.prefix_len()), route.metric));
        routes
    }

    /// Of the interface with this number the sources of IPv4 with the way back that is asked for
    /// (net/ipv4/fib_frontend.c, `__fib_validate_source`); `None` where none is, or where it is not known what it would be.
    #[must_use]
    pub fn with_way_back(&self, at: usize) -> Option<Intervals> {
        let interface = &self.interfaces[at];
        let is_known = !self.has_rules[0] && (1..=ROUTES_MAX).contains(&self.routes.len());
        if interface.way_back == WayBack::Any || interface.name == "lo" || !is_known {
            return None;
        }
        let (mut found, mut seen) = (Intervals::none(), Intervals::none());
        for rank in ranks(&self.ways(Family::Ipv4)) {
            let to = numbers(rank[0].to);
            let leads = |route: &&Route| match interface.way_back {
                WayBack::Same => route.interface == Some(at),
                WayBack::Any | WayBack::Some => route.interface.is_some(),
            };
            if rank.iter().any(leads) {
                found = found.or(&to.except(&seen));
            }
            seen = seen.or(&to);
        }
        Some(found)
    }

    /// Whether an address is this host's own.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        self.local(Family::of(address)).contains(number(address))
    }

    /// The number of the interface with this name.
    #[must_use]
    pub fn interface(&self, name: &str) -> Option<usize> {
        self.interfaces.iter().position(|interface| interface.name == name)
    }

    /// The interface by which all comes in that a socket tied to `device` hears from others (socket(7), SO_BINDTODEVICE); `None`
    /// where that cannot be told: none is of this name, it hands over what it gets, or it is of a VRF.
    #[must_use]
    pub fn only_by(&self, device: &str) -> Option<Intervals> {
        let at = self.interfaces.iter().position(|interface| interface.name == device)?;
        let Interface { is_port, is_of_vrf, .. } = self.interfaces[at];
        (device != "lo" && !is_port && !is_of_vrf).then(|| Intervals::one(at as u128))
    }

    /// The numbers of the interfaces that a pattern of a rule means: `eth0`, or `veth*`.
    #[must_use]
    pub fn named(&self, pattern: &str) -> Intervals {
        let numbered = self.interfaces.iter().zip(0_u32..);
        let is_meant = |name: &str| match pattern.strip_suffix('*') {
            Some(begin) => name.starts_with(begin),
            None => name == pattern,
        };
        numbered
            .filter(|(interface, _)| is_meant(&interface.name))
            .fold(Intervals::none(), |all, (_, number)| all.or(&Intervals::one(number.into())))
    }

    /// The numbers of those that any of these patterns means.
    #[must_use]
    pub fn named_by_any(&self, patterns: &[String]) -> Intervals {
        patterns.iter().fold(Intervals::none(), |all, pattern| all.or(&self.named(pattern)))
    }

    /// The names of the interfaces of these numbers.
    pub fn names<'a>(&'a self, interfaces: &Intervals) -> impl Iterator<Item = &'a str> {
        let numbered = self.interfaces.iter().zip(0_u128..);
        let meant = numbered.filter(|(_, number)| interfaces.contains(*number));
        meant.map(|(interface, _)| interface.name.as_str())
    }

    /// The numbers of the interfaces that are so.
    #[must_use]
    pub fn those(&self, is: impl Fn(&Interface) -> bool) -> Intervals {
        let numbered = self.interfaces.iter().zip(0_u128..).filter(|(interface, _)| is(interface));
        numbered.map(|(_, number)| Interval { first: number, last: number }).collect()
    }

    /// The addresses of `family` that are of this kind to this host.
    #[must_use]
    pub fn of_kind(&self, kind: AddressKind, family: Family) -> Intervals {
        let all = Intervals::prefix(0, bits(family));
        match kind {
            AddressKind::Local => self.local(family),
            AddressKind::Broadcast => self.broadcast(family).except(&self.local(family)),
            AddressKind::Multicast => multicast(family),
            AddressKind::Anycast => all_of(&self.anycast, family),
            AddressKind::Other => Intervals::none(),
            AddressKind::Unicast => {
                use AddressKind::{Anycast, Broadcast, Local, Multicast};
                let apart = [Local, Broadcast, Multicast, Anycast];
                apart.into_iter().fold(all, |rest, kind| rest.except(&self.of_kind(kind, family)))
            }
        }
    }

    /// The addresses that are this host's own, loopback among them (ip-route(8), table local).
    fn local(&self, family: Family) -> Intervals {
        let loopback = match family {
            Family::Ipv4 => Intervals::prefix(0x7f00_0000, 24),
            Family::Ipv6 => Intervals::one(1),
        };
        let own = self.networks(family).map(|network| Intervals::one(number(network.addr())));
        own.fold(loopback, |all, one| all.or(&one)).or(&all_of(&self.local, family))
    }

    /// The last address of each network, and the one of all (RFC 919); IPv6 has none.
    fn broadcast(&self, family: Family) -> Intervals {
        if family == Family::Ipv6 {
            return Intervals::none();
        }
        let wide = self.networks(family).filter(|network| network.prefix_len() < 31);
        let own = wide.map(|network| Intervals::one(number(network.broadcast())));
        own.fold(Intervals::one(u32::MAX.into()), |all, one| all.or(&one))
    }

    fn networks(&self, family: Family) -> impl Iterator<Item = &IpNet> {
        let all = self.interfaces.iter().flat_map(|interface| &interface.networks);
        all.filter(move |network| network.addr().is_ipv4() == (family == Family::Ipv4))
    }
}

/// The routes of [`Surroundings::ways`] by what they lead to: several of one rank share that, packet by packet.
pub(super) fn ranks<'a>(ways: &'a [&'a Route]) -> impl Iterator<Item = &'a [&'a Route]> {
    ways.chunk_by(|one, other| (one.to, one.metric) == (other.to, other.metric))
}

/// The interfaces of routes, by their numbers.
pub(super) fn hops(routes: &[&Route]) -> Intervals {
    let all = routes.iter().filter_map(|route| route.interface).map(|at| at as u128);
    all.map(|at| Interval { first: at, last: at }).collect()
}

/// The number that stands for no interface: where a packet comes from a process, or is not going anywhere yet.
pub const NO_INTERFACE: u128 = u32::MAX as u128;

/// The number by which rules compare an address.
#[must_use]
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The address that has a number.
#[must_use]
pub fn address(number: u128, family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::V4(u32::try_from(number).unwrap_or(u32::MAX).into()),
        Family::Ipv6 => IpAddr::V6(number.into()),
    }
}

/// The numbers of a network's addresses.
#[must_use]
pub fn numbers(network: IpNet) -> Intervals {
    Intervals::span(number(network.network()), number(network.broadcast()))
}

/// The numbers of all addresses of `family` in `networks`.
fn all_of(networks: &[IpNet], family: Family) -> Intervals {
    let own = networks.iter().filter(|network| network.addr().is_ipv4() == (family == Family::Ipv4));
    own.fold(Intervals::none(), |all, network| all.or(&numbers(*network)))
}

/// The networks that together are the addresses with these numbers, as few as there can be, and of these the first `most`.
#[must_use]
pub fn networks(addresses: &Intervals, family: Family, most: usize) -> Vec<IpNet> {
    let of = |interval: Interval| match family {
        Family::Ipv4 => {
            let [first, last] =
                [interval.first, interval.last].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            IpSubnets::from(Ipv4Subnets::new(first.into(), last.into(), 0))
        }
        Family::Ipv6 => IpSubnets::from(Ipv6Subnets::new(interval.first.into(), interval.last.into(), 0)),
    };
    addresses.iter().flat_map(of).take(most).collect()
}

/// The one address of these, or the first and the last.
#[must_use]
pub fn span(addresses: &Intervals, family: Family) -> Option<String> {
    let (first, last) = (address(addresses.first()?, family), address(addresses.last()?, family));
    Some(if first == last { first.to_string() } else { format!("{first}-{last}") })
}

/// A network as a person writes it; one of a single address as that.
#[must_use]
pub fn network_name(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

const fn bits(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// RFC 5771, and RFC 4291 §2.7.
fn multicast(family: Family) -> Intervals {
    match family {
        Family::Ipv4 => Intervals::prefix(0xe000_0000, 28),
        Family::Ipv6 => Intervals::prefix(0xff << 120, 120),
    }
}
