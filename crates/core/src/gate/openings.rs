//! What may come in: ports, by the addresses and the interface that they are declared for (A15).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::InterfacePattern;
use crate::{
    address::{Address, Breadth},
    facts::Listener,
    firewall::{Interval, Intervals},
    policy::Service,
    port::{PortRange, PortSpec, Protocol},
};

/// Sets of port numbers, one for each protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(BTreeMap<Protocol, Vec<PortRange>>);

impl Ports {
    /// The ranges of each protocol: in ascending order, and no two of them overlap or touch.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &[PortRange])> {
        self.0.iter().map(|(protocol, ranges)| (*protocol, ranges.as_slice()))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ports, a run of them each.
    pub fn specs(&self) -> impl Iterator<Item = PortSpec> + '_ {
        self.iter()
            .flat_map(|(protocol, ranges)| ranges.iter().map(move |&range| PortSpec { range, protocol }))
    }

    /// The numbers of one protocol.
    #[must_use]
    pub fn of(&self, protocol: Protocol) -> Intervals {
        self.0.get(&protocol).map_or_else(Intervals::none, |ranges| numbers(ranges))
    }

    /// Whether every port of `other` is in it.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        other.iter().all(|(protocol, ranges)| self.of(protocol).includes(&numbers(ranges)))
    }

    /// The ports that are in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = self.0.keys().map(|&protocol| (protocol, self.of(protocol).and(&other.of(protocol))));
        specs(both).collect()
    }

    /// Those of the ports that are not in `other`.
    #[must_use]
    pub fn except(&self, other: &Self) -> Self {
        let left = self.0.keys().map(|&protocol| (protocol, self.of(protocol).except(&other.of(protocol))));
        specs(left).collect()
    }

    /// The ports that are in either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.specs().chain(other.specs()).collect()
    }

    fn merged(mut self) -> Self {
        for own in self.0.values_mut() {
            *own = ranges(&numbers(own));
        }
        self
    }
}

impl FromIterator<PortSpec> for Ports {
    fn from_iter<I: IntoIterator<Item = PortSpec>>(specs: I) -> Self {
        let mut ports = Self::default();
        for spec in specs {
            ports.0.entry(spec.protocol).or_default().push(spec.range);
        }
        ports.merged()
    }
}

fn numbers(ranges: &[PortRange]) -> Intervals {
    ranges.iter().map(|range| Interval { first: range.first.into(), last: range.last.into() }).collect()
}

fn specs(all: impl Iterator<Item = (Protocol, Intervals)>) -> impl Iterator<Item = PortSpec> {
    all.flat_map(|(protocol, numbers)| {
        ranges(&numbers).into_iter().map(move |range| PortSpec { range, protocol })
    })
}

fn ranges(numbers: &Intervals) -> Vec<PortRange> {
    let port = |number: u128| u16::try_from(number).unwrap_or(u16::MAX);
    numbers.iter().map(|it| PortRange { first: port(it.first), last: port(it.last) }).collect()
}

/// Ports, by where packets to them are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Openings(BTreeMap<Destination, Ports>);

impl Openings {
    /// The ports of each destination.
    pub fn iter(&self) -> impl Iterator<Item = (&Destination, &Ports)> {
        self.0.iter()
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, to: &Destination, spec: PortSpec) {
        if !self.0.contains_key(to) {
            self.0.insert(to.clone(), Ports::default());
        }
        let ports = self.0.get_mut(to);
        ports.into_iter().for_each(|ports| ports.0.entry(spec.protocol).or_default().push(spec.range));
    }

    pub(super) fn merged(self) -> Self {
        Self(self.0.into_iter().map(|(to, ports)| (to, ports.merged())).collect())
    }
}

/// What is sent to these sockets.
impl<'a> FromIterator<&'a Listener> for Openings {
    fn from_iter<I: IntoIterator<Item = &'a Listener>>(listeners: I) -> Self {
        let mut openings = Self::default();
        for listener in listeners {
            openings.add(&Destination::of(listener), listener.spec());
        }
        openings.merged()
    }
}

/// Where packets are sent, and by which interface they come in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The addresses of IPv4.
    pub ipv4: Receivers<Ipv4Addr>,
    /// The addresses of IPv6.
    pub ipv6: Receivers<Ipv6Addr>,
    /// The only interface by which they may come in, if there is one.
    pub interface: Option<InterfacePattern>,
}

/// The addresses of a family to which packets may be sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Receivers<A> {
    /// Any.
    Any,
    /// These; none of the family where there are none.
    These(BTreeSet<A>),
}

impl<A: Ord> Receivers<A> {
    const NONE: Self = Self::These(BTreeSet::new());

    fn insert(&mut self, address: A) {
        if let Self::These(addresses) = self {
            addresses.insert(address);
        }
    }
}

/// Where packets to `service` are sent: one place, and one more for each interface that an address belongs to.
pub(super) fn destinations(service: &Service) -> Vec<Destination> {
    let device = service.device.as_deref().and_then(InterfacePattern::of);
    if service.addresses.is_empty() {
        return vec![Destination { ipv4: Receivers::Any, ipv6: Receivers::Any, interface: device }];
    }
    let mut all: BTreeMap<Option<InterfacePattern>, Destination> = BTreeMap::new();
    for address in service.addresses.iter().filter(|address| address.breadth() != Breadth::Loopback) {
        let own = address.interface.as_deref().and_then(InterfacePattern::of);
        let interface = device.clone().or(own);
        let to = all.entry(interface.clone()).or_insert_with(|| Destination::nowhere(interface));
        to.insert(address);
    }
    all.into_values().collect()
}

impl Destination {
    /// What `listener` takes.
    fn of(listener: &Listener) -> Self {
        let interface = listener.device.as_deref().or(listener.address.interface.as_deref());
        let mut to = Self::nowhere(interface.and_then(InterfacePattern::of));
        to.insert(&listener.address);
        if !listener.hears_ipv4() {
            to.ipv4 = Receivers::NONE;
        }
        to
    }

    const fn nowhere(interface: Option<InterfacePattern>) -> Self {
        Self { ipv4: Receivers::NONE, ipv6: Receivers::NONE, interface }
    }

    /// A socket at `::` takes IPv4 too (`IPV6_V6ONLY` is off, ipv6(7)), one at 0.0.0.0 nothing else.
    fn insert(&mut self, address: &Address) {
        match address.ip.to_canonical() {
            IpAddr::V4(ip) if ip.is_unspecified() => self.ipv4 = Receivers::Any,
            IpAddr::V4(ip) => self.ipv4.insert(ip),
            IpAddr::V6(ip) if ip.is_unspecified() => {
                (self.ipv4, self.ipv6) = (Receivers::Any, Receivers::Any);
            }
            IpAddr::V6(ip) => self.ipv6.insert(ip),
        }
    }
}
