//! Whose packets are asked about, as sets of packets (A4, A15).

use alloc::{vec, vec::Vec};
use core::{cmp::Reverse, net::IpAddr};

use ipnet::IpNet;

use crate::{
    address::{self, Family},
    firewall::{AddressKind, Field, Interval, Intervals, Packets, Sender, State, Surroundings, numbers},
    policy::Zone,
};

/// Whom packets come from.
#[derive(Clone, Debug)]
pub enum Senders<'a> {
    /// Anybody else, by any interface.
    World,
    /// The processes of this host.
    Host,
    /// A zone of the policy.
    Zone(&'a Zone),
    /// The hosts of a network, by the interfaces that lead to them, or this host itself where all of it is its own.
    Network(IpNet),
    /// Anybody behind an interface.
    Interface(&'a str),
    /// The hosts of a network, by an interface that may not be the one that leads to them.
    Behind(&'a str, IpNet),
    /// Those who come in by one of these interfaces; the host's own processes come by none.
    Through(&'a Senders<'a>, &'a Intervals),
}

/// The network that a person writes as such, or as one address; one of IPv4 in the clothes of IPv6 is of IPv4.
#[must_use]
pub fn network(text: &str) -> Option<IpNet> {
    let written = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    Some(match written {
        IpNet::V6(network) => address::mapped(network).map_or(written, IpNet::from),
        IpNet::V4(_) => written,
    })
}

/// SYN, of a packet that begins a connection (RFC 9293 §3.1).
const SYN: u128 = 0x02;
/// With more routes than this, packets are taken from any interface, whatever their source.
const ROUTES_MAX: usize = 4_096;

impl Senders<'_> {
    /// The first packets of connections of `family` that they can send, to whatever destination and by whatever protocol,
    /// as sets that do not overlap; none where they have no address of this family.
    #[must_use]
    pub fn packets(&self, around: &Surroundings, family: Family) -> Vec<(Sender, Packets)> {
        let sets = match self {
            Self::Host => return host(around, family).into_iter().collect(),
            Self::Through(senders, interfaces) => {
                let sets = senders.packets(around, family).into_iter();
                return sets
                    .filter_map(|(sender, packets)| Some((sender, through(sender, packets, interfaces)?)))
                    .collect();
            }
            Self::World => with_way_back(around, family, &wires(around), &sources(around, family)),
            Self::Interface(name) => {
                with_way_back(around, family, &around.named(name), &sources(around, family))
            }
            Self::Behind(name, network) => vec![(around.named(name), among(&[*network], around, family))],
            Self::Network(network) if is_own(network, around) => {
                let own = |(sender, packets): (Sender, Packets)| {
                    Some((sender, packets.only(Field::Source, &numbers(*network))?))
                };
                return host(around, family)
                    .filter(|_| is_of(network, family))
                    .and_then(own)
                    .into_iter()
                    .collect();
            }
            Self::Network(network) => by_route(around, family, &among(&[*network], around, family)),
            Self::Zone(zone) if zone.interfaces.is_empty() => {
                by_route(around, family, &among(&zone.from, around, family))
            }
            Self::Zone(zone) => {
                let named = around.named_by_any(&zone.interfaces);
                let (named, sources) = (named.and(&wires(around)), among(&zone.from, around, family));
                with_way_back(around, family, &named, &sources)
            }
        };
        let is_any =
            |(interfaces, sources): &(Intervals, Intervals)| !interfaces.is_empty() && !sources.is_empty();
        let outside = |(interfaces, sources)| {
            let packets = first_packets(family).with(Field::Source, sources);
            (Sender::Outside, packets.with(Field::InInterface, interfaces))
        };
        sets.into_iter().filter(is_any).map(outside).collect()
    }
}

/// This host's own addresses of `family` to which `sender` can send: to those of the loopback only itself.
#[must_use]
pub fn destinations(around: &Surroundings, family: Family, sender: Sender) -> Intervals {
    let own = around.of_kind(AddressKind::Local, family);
    match (sender, family) {
        (Sender::Outside, _) => own.except(&loopback(family)),
        // The loopback has a whole network of addresses (RFC 1122 §3.2.1.3), and its first one stands for all.
        (Sender::Host, Family::Ipv4) => {
            own.except(&LOOPBACK.intervals()).or(&Intervals::one(LOOPBACK.number + 1))
        }
        (Sender::Host, Family::Ipv6) => own,
    }
}

/// The addresses by which a host means itself alone (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
pub(crate) fn loopback(family: Family) -> Intervals {
    match family {
        Family::Ipv4 => LOOPBACK.intervals(),
        Family::Ipv6 => Intervals::one(1),
    }
}

/// A network of IPv4.
struct Network {
    number: u128,
    free_bits: u32,
}

impl Network {
    fn intervals(&self) -> Intervals {
        Intervals::prefix(self.number, self.free_bits)
    }
}

const LOOPBACK: Network = Network { number: 0x7f00_0000, free_bits: 24 };
/// "This network" (RFC 791), and what is multicast or reserved: nobody has an address of these.
const NOBODY: [Network; 2] =
    [Network { number: 0, free_bits: 24 }, Network { number: 0xe000_0000, free_bits: 29 }];

fn host(around: &Surroundings, family: Family) -> Option<(Sender, Packets)> {
    let own = around.of_kind(AddressKind::Local, family);
    let is_loopback = |network: &IpNet| network.addr().is_loopback() && is_of(network, family);
    let mut networks = around.interfaces.iter().flat_map(|interface| &interface.networks);
    networks.any(is_loopback).then(|| (Sender::Host, first_packets(family).with(Field::Source, own)))
}

/// Those of `packets` that come in by one of `interfaces`, where any do.
fn through(sender: Sender, packets: Packets, interfaces: &Intervals) -> Option<Packets> {
    if sender == Sender::Host {
        return Some(packets);
    }
    let by = packets.of(Field::InInterface).and(interfaces);
    (!by.is_empty()).then(|| packets.with(Field::InInterface, by))
}

fn is_own(network: &IpNet, around: &Surroundings) -> bool {
    around.of_kind(AddressKind::Local, Family::of(network.addr())).includes(&numbers(*network))
}

/// The first packets of connections, which no rule has marked yet.
fn first_packets(family: Family) -> Packets {
    [Field::Direction, Field::Status, Field::Mark, Field::ConnectionMark]
        .into_iter()
        .fold(Packets::all(family), |packets, field| packets.with(field, Intervals::one(0)))
        .with(Field::State, Intervals::one(State::New.number()))
        .with(Field::TcpFlags, Intervals::one(SYN))
}

/// The addresses that somebody else can have.
pub(super) fn sources(around: &Surroundings, family: Family) -> Intervals {
    let others = around.of_kind(AddressKind::Unicast, family);
    match family {
        Family::Ipv4 => NOBODY.iter().fold(others, |rest, network| rest.except(&network.intervals())),
        Family::Ipv6 => others.except(&Intervals::one(0)),
    }
}

/// Those of `networks`, or all where there is none.
pub(super) fn among(networks: &[IpNet], around: &Surroundings, family: Family) -> Intervals {
    let sources = sources(around, family);
    if networks.is_empty() {
        return sources;
    }
    let of_family = networks.iter().filter(|network| is_of(network, family));
    let named = of_family.fold(Intervals::none(), |all, network| all.or(&numbers(*network)));
    named.and(&sources)
}

/// `sources` by each of `interfaces`, but those that the kernel asks a way back for only with one, and none of IPv6 by those
/// that refuse it: nobody else gets in there whatever the rules say, and that is no answer about these.
pub(super) fn with_way_back(
    around: &Surroundings,
    family: Family,
    interfaces: &Intervals,
    sources: &Intervals,
) -> Vec<(Intervals, Intervals)> {
    let (mut free, mut sets) = (interfaces.clone(), Vec::new());
    if family == Family::Ipv6 {
        free = free.except(&around.those(|interface| interface.refuses_ipv6));
    }
    let meant = (0..around.interfaces.len()).filter(|at| interfaces.contains(*at as u128));
    for at in meant.filter(|_| family == Family::Ipv4) {
        if let Some(own) = around.with_way_back(at) {
            let one = Intervals::one(at as u128);
            free = free.except(&one);
            sets.push((one, own.and(sources)));
        }
    }
    sets.push((free, sources.clone()));
    sets
}

/// `sources` by the interfaces that lead to them; to those that nothing leads to, any may.
fn by_route(around: &Surroundings, family: Family, sources: &Intervals) -> Vec<(Intervals, Intervals)> {
    let mut ways = ways(around, family);
    if ways.len() > ROUTES_MAX {
        return vec![(wires(around), sources.clone())];
    }
    ways.sort_by_key(|(network, metric, _)| (Reverse(network.prefix_len()), *metric));
    let (mut rest, mut found) = (sources.clone(), Vec::new());
    for (network, _, interface) in ways {
        let reached = rest.and(&numbers(network));
        if !reached.is_empty() {
            rest = rest.except(&reached);
            found.push((Intervals::one(interface as u128), reached));
        }
    }
    found.push((wires(around), rest));
    found
}

/// The interfaces by which others can send.
pub(super) fn wires(around: &Surroundings) -> Intervals {
    let numbered = around.interfaces.iter().zip(0_u128..);
    let wires = numbered.filter(|(interface, _)| interface.name != "lo" && !interface.is_port);
    wires.map(|(_, number)| Interval { first: number, last: number }).collect()
}

/// The networks that interfaces lead to, with a metric each: those that they are in, and those behind a route.
pub(super) fn ways(around: &Surroundings, family: Family) -> Vec<(IpNet, u32, usize)> {
    let interfaces = around.interfaces.iter().enumerate().filter(|(_, interface)| interface.name != "lo");
    let direct = interfaces
        .flat_map(|(number, interface)| interface.networks.iter().map(move |network| (*network, 0, number)));
    let routes = around.routes.iter();
    let routed = routes.filter_map(|route| Some((route.to, route.metric, route.interface?)));
    direct.chain(routed).filter(|(network, ..)| is_of(network, family)).collect()
}

const fn is_of(network: &IpNet, family: Family) -> bool {
    matches!((network, family), (IpNet::V4(_), Family::Ipv4) | (IpNet::V6(_), Family::Ipv6))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exposure::{Reached, To, exposed},
        firewall::{Filter, Interface, Route, WayBack},
        port::{PortRange, Protocol},
    };

    /// A router: `wan0` to the world, `lan0` to 192.0.2.0/24 and, behind a gateway there, to 10.0.0.0/8.
    fn around() -> Surroundings {
        let interface = |name: &str, networks: &[&str]| Interface {
            name: name.into(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            ..Interface::default()
        };
        let route = |to: &str, interface| Route {
            to: to.parse().unwrap(),
            interface: Some(interface),
            ..Route::default()
        };
        Surroundings {
            interfaces: vec![
                interface("lo", &["127.0.0.1/8"]),
                interface("wan0", &["203.0.113.1/24"]),
                interface("lan0", &["192.0.2.1/24"]),
            ],
            routes: vec![route("0.0.0.0/0", 1), route("10.0.0.0/8", 2)],
            forwards: [false; 2],
            ..Surroundings::default()
        }
    }

    fn zone(from: &[&str], interfaces: &[&str]) -> Zone {
        Zone {
            name: "z".into(),
            from: from.iter().map(|network| network.parse().unwrap()).collect(),
            interfaces: interfaces.iter().map(|name| (*name).into()).collect(),
            management: None,
            place: crate::policy::Place { file: "p".into(), line: 1, column: 1 },
        }
    }

    /// The interfaces and sources of each set.
    fn sets(senders: &Senders<'_>) -> Vec<(Vec<u128>, Intervals)> {
        let packets = senders.packets(&around(), Family::Ipv4);
        let set = |(_, packets): &(Sender, Packets)| {
            let is_in = |number: &u128| packets.of(Field::InInterface).contains(*number);
            ((0..3).filter(is_in).collect(), packets.of(Field::Source).clone())
        };
        packets.iter().map(set).collect()
    }

    #[test]
    fn the_world_is_everybody_else_by_every_wire() {
        let sets = sets(&Senders::World);
        assert_eq!(sets.len(), 1);
        assert_eq!(sets[0].0, [1, 2]);
        let has = |address: u128| sets[0].1.contains(address);
        assert!(has(0x0808_0808) && has(0xc000_0202));
        // This host's own, its network's broadcast, the loopback's, a group's and nobody's.
        for nobody in [0xcb00_7101, 0xcb00_71ff, 0x7f00_0002, 0xe000_0001, 0xf000_0001, 7] {
            assert!(!has(nobody), "{nobody:#x}");
        }
    }

    #[test]
    fn nobody_comes_by_a_way_that_the_kernel_does_not_take() {
        let mut around = around();
        around.interfaces[2].way_back = WayBack::Same;
        let packets = Senders::World.packets(&around, Family::Ipv4);
        let sources = |at| {
            let by = packets.iter().find(|(_, packets)| packets.of(Field::InInterface).contains(at));
            by.unwrap().1.of(Field::Source).clone()
        };
        assert_eq!(packets.len(), 2);
        assert_eq!(sources(2), Intervals::prefix(0x0a00_0000, 24));
        assert!(sources(1).contains(0x0a00_0001), "there nobody asks");
    }

    #[test]
    fn nobody_comes_over_ipv6_by_an_interface_that_refuses_it() {
        let mut around = around();
        around.interfaces[2].refuses_ipv6 = true;
        around.interfaces[1].networks.push("2001:db8::1/64".parse().unwrap());
        let by = |senders: Senders<'_>| {
            let packets = senders.packets(&around, Family::Ipv6);
            packets.iter().map(|(_, packets)| packets.of(Field::InInterface).clone()).collect::<Vec<_>>()
        };
        assert_eq!(by(Senders::World), [Intervals::one(1)]);
        assert_eq!(by(Senders::Interface("lan0")), []);
        // Whoever is asked about there all the same is lost, whatever the rules say.
        let filter = Filter { around: around.clone(), ..Filter::default() };
        let to =
            To { family: Family::Ipv6, protocol: Protocol::Tcp, addresses: None, ports: PortRange::one(22) };
        let behind = Senders::Behind("lan0", "2001:db8::7/128".parse().unwrap());
        let found: Vec<_> = exposed(&filter, &behind, &to).iter().map(|it| it.reached).collect();
        assert_eq!(found, [Reached::Dropped]);
    }

    #[test]
    fn the_hosts_of_a_network_come_by_the_way_that_leads_to_them() {
        let network = |text: &str| sets(&Senders::Network(text.parse().unwrap()));
        assert_eq!(network("192.0.2.7/32"), [(vec![2], Intervals::one(0xc000_0207))]);
        assert_eq!(network("10.1.0.0/16"), [(vec![2], Intervals::span(0x0a01_0000, 0x0a01_ffff))]);
        assert_eq!(network("198.51.100.1/32"), [(vec![1], Intervals::one(0xc633_6401))]);
        // One that lies in two directions is two sets.
        let both = network("8.0.0.0/6");
        let interfaces: Vec<_> = both.iter().map(|(interfaces, _)| interfaces.clone()).collect();
        assert_eq!(interfaces, [[2], [1]]);
        assert_eq!(both[0].1, Intervals::prefix(0x0a00_0000, 24));
    }

    #[test]
    fn ipv4_in_the_clothes_of_ipv6_is_ipv4() {
        for (written, meant) in [
            ("::ffff:10.0.0.7", "10.0.0.7/32"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("2001:db8::7", "2001:db8::7/128"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(network(written), meant.parse().ok(), "{written}");
        }
    }

    #[test]
    fn a_zone_with_a_network_and_an_interface_is_what_is_in_both() {
        let both = zone(&["10.0.0.0/8"], &["wan*"]);
        assert_eq!(sets(&Senders::Zone(&both)), [(vec![1], Intervals::prefix(0x0a00_0000, 24))]);
        let gone = zone(&[], &["ppp0"]);
        assert_eq!(sets(&Senders::Zone(&gone)), []);
        let other_family = zone(&["2001:db8::/32"], &[]);
        assert_eq!(sets(&Senders::Zone(&other_family)), []);
    }

    #[test]
    fn through_an_interface_come_those_whom_it_leads_to() {
        let lan = Intervals::one(2);
        let through = |senders| sets(&Senders::Through(&senders, &lan));
        assert_eq!(through(Senders::World).iter().map(|(by, _)| by.clone()).collect::<Vec<_>>(), [[2]]);
        assert_eq!(through(Senders::Network("198.51.100.1/32".parse().unwrap())), []);
        assert_eq!(through(Senders::Host), sets(&Senders::Host));
    }

    #[test]
    fn only_the_host_itself_sends_to_its_loopback() {
        let to = |sender| destinations(&around(), Family::Ipv4, sender);
        let own = Intervals::one(0xcb00_7101).or(&Intervals::one(0xc000_0201));
        assert_eq!(to(Sender::Outside), own);
        assert_eq!(to(Sender::Host), own.or(&Intervals::one(0x7f00_0001)));
    }
}
