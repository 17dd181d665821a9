//! Ports of containers that others get to by a route through this host, past what is published (A15, A17).

use alloc::{collections::BTreeMap, vec::Vec};
use core::net::IpAddr;

use super::{Passage, World};
use crate::{
    address::{Breadth, Family},
    exposure::{Exposure, Reached, Senders, To, at, exposed, exposures},
    facts::{Container, Listener, Process, Published},
    firewall::{Field, Filter, Intervals, Packets, Sender, number},
    port::{PortRange, Protocol},
};

/// The engines whose networks are no others' business until a port is published; those of pods and virtual machines are
/// routed on purpose.
const ENGINES: [&str; 3] = ["docker", "podman", "containerd"];
/// More listeners than this are not followed into their containers.
const LISTENERS_MAX: usize = 1_024;

/// A listener in a container, and the address by which others get to it.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'a> {
    /// The listener.
    pub listener: &'a Listener,
    /// Its main process.
    pub process: &'a Process,
    /// The container.
    pub container: &'a Container,
    /// An address of the container.
    pub address: IpAddr,
    /// Where a rule sends packets on to it from a port of this host.
    pub published: Option<&'a Passage>,
}

impl<'a> Routed<'a> {
    /// Where its engine published it.
    pub fn published_at(&self) -> impl Iterator<Item = &'a Published> {
        let inside = (self.listener.protocol, self.listener.port);
        self.container.published.iter().filter(move |it| (it.protocol, it.inside) == inside)
    }
}

/// The packets that others can send to an address, and what becomes of them by port; one walk an address.
type Answers = BTreeMap<(IpAddr, Protocol), Vec<Exposure>>;

impl<'a> World<'a> {
    /// Every listener in a container to which packets get that are sent to the container's own address through this host, and
    /// which nobody outside is meant to reach: its engine did not publish it to others, or where it did nobody gets in.
    #[must_use]
    pub fn routed(&self) -> Vec<Routed<'_>> {
        let Some(filter) = self.filter() else { return Vec::new() };
        let mut all = self.routed_to();
        all.retain(|routed| !self.is_open_as_published(filter, routed));
        all
    }

    /// Every listener in a container to which packets get that are sent to the container's own address through this host.
    #[must_use]
    pub fn routed_to(&self) -> Vec<Routed<'_>> {
        let Some(filter) = self.own_namespace().and_then(|_| self.filter()) else { return Vec::new() };
        if !filter.around.forwards.contains(&true) {
            return Vec::new();
        }
        let (mut answers, mut found) = (Answers::new(), Vec::new());
        for (listener, process, container) in self.contained().take(LISTENERS_MAX) {
            let addresses = self.addresses(listener);
            let gets_in = |address: &IpAddr| {
                let runs = answers
                    .entry((*address, listener.protocol))
                    .or_insert_with(|| sent_to(filter, *address, listener.protocol));
                at(runs, listener.port)
                    .is_some_and(|run| matches!(run.reached, Reached::Reachable | Reached::Partly))
            };
            let reached: Vec<IpAddr> = addresses.iter().copied().filter(gets_in).collect();
            if reached.is_empty() {
                continue;
            }
            let published = self.passages().iter().find(|passage| {
                let leads_to =
                    |address: &IpAddr| passage.sends_to(listener.protocol, *address, listener.port);
                addresses.iter().any(leads_to)
            });
            let routed = |address| Routed { listener, process, container, address, published };
            found.extend(reached.into_iter().map(routed));
        }
        found
    }

    /// Whether others get to it as its engine published it: by a port of this host that lets them in, or may do so.
    fn is_open_as_published(&self, filter: &Filter, routed: &Routed<'_>) -> bool {
        let lets_in = |run: &Exposure| {
            let mut ways = run.ways.iter();
            run.reached == Reached::Unknown || ways.any(|way| !way.interfaces.and(self.outer()).is_empty())
        };
        routed
            .published_at()
            .filter(|published| !published.address.is_loopback())
            .any(|published| exposed(filter, &Senders::World, &question(published)).iter().any(lets_in))
    }

    /// The listeners of containers in other namespaces that hear others.
    fn contained(&self) -> impl Iterator<Item = (&'a Listener, &'a Process, &'a Container)> {
        let snapshot = self.snapshot;
        let is_abroad = |listener: &&Listener| {
            let namespace = snapshot.namespace(listener.netns);
            namespace.is_some_and(|namespace| !namespace.own)
                && listener.hears()
                && !listener.ephemeral
                && listener.breadth() != Breadth::Loopback
        };
        let contained = move |listener: &'a Listener| {
            let (_, process) = snapshot.holders(listener).next()?;
            let container = process.host_container()?;
            ENGINES.contains(&container.runtime.as_str()).then_some((listener, process, container))
        };
        snapshot.listeners.iter().filter(is_abroad).filter_map(contained)
    }

    /// The addresses at which others could ask for `listener`.
    fn addresses(&self, listener: &Listener) -> Vec<IpAddr> {
        let interfaces =
            self.snapshot.namespace(listener.netns).into_iter().flat_map(|namespace| &namespace.interfaces);
        let addresses = interfaces.flat_map(|interface| &interface.addresses);
        let bound = listener.address.ip.to_canonical();
        let is_heard = |ip: &IpAddr| match ip {
            IpAddr::V4(_) => bound == *ip || bound.is_unspecified() && listener.hears_ipv4(),
            IpAddr::V6(_) => bound == *ip || bound.is_unspecified() && listener.hears_ipv6(),
        };
        addresses
            .filter(|address| address.interface.is_none())
            .map(|address| address.ip)
            .filter(|ip| !ip.is_loopback() && is_heard(ip))
            .collect()
    }
}

/// What is asked about a port that an engine publishes at one address, or at every one of a family.
fn question(published: &Published) -> To {
    let Published { address, protocol, port, .. } = *published;
    let addresses = (!address.is_unspecified()).then(|| Intervals::one(number(address)));
    To { family: Family::of(address), protocol, addresses, ports: PortRange::one(port) }
}

/// What becomes of the packets that others send to `address`, by interfaces that do not lead to it.
fn sent_to(filter: &Filter, address: IpAddr, protocol: Protocol) -> Vec<Exposure> {
    let family = Family::of(address);
    let around = &filter.around;
    let is_on_way = |route: &&crate::firewall::Route| route.to.contains(&address);
    let Some(inside) = around.ways(family).into_iter().find(is_on_way).and_then(|route| route.interface)
    else {
        return Vec::new();
    };
    // Where the way there is the way to everybody, it is no container's network behind this host.
    let leads_out =
        |route: &crate::firewall::Route| route.to.prefix_len() == 0 && route.interface == Some(inside);
    if around.is_own(address) || around.routes.iter().any(leads_out) {
        return Vec::new();
    }
    let inside = Intervals::one(inside as u128);
    let sent = |(sender, packets): (Sender, Packets)| {
        let outside = packets.of(Field::InInterface).except(&inside);
        let packets = packets
            .with(Field::InInterface, outside)
            .with(Field::Destination, Intervals::one(number(address)))
            .with(Field::Protocol, Intervals::one(protocol.number().into()));
        (sender, packets)
    };
    let asked = Senders::World.packets(around, family).into_iter().map(sent);
    let is_any = |(_, packets): &(Sender, Packets)| !packets.of(Field::InInterface).is_empty();
    exposures(filter, &asked.filter(is_any).collect::<Vec<_>>())
}
