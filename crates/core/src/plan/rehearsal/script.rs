//! Which packets are sent: to the edges of what is declared, from whoever may and from somebody who may not, and to a
//! sample of the rest (A15, A16).

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::IpAddr;

use super::{
    Hook, Probe, Promise,
    cast::{Cast, Sender, is_of_one_link},
    wanted::{Packet, is_in, wanted},
};
use crate::{
    address::{Breadth, Family},
    desired::DesiredPort,
    policy::{Service, WORLD, Zone},
    port::{PortSpec, Protocol},
    world::World,
};

/// Declared ports and ranges; of more, as many that lie evenly between them.
const DECLARED_MAX: usize = 300;
/// Packets to what is declared, and to the edges of it.
const TO_DECLARED_MAX: usize = 600;
/// Packets from the edges of zones to what is declared for these.
const TO_ZONES_MAX: usize = 400;
/// Ports that tell whether somebody is in a zone.
const TELLING_MAX: usize = 2;
/// Packets to whatever else there is.
const TO_REST_MAX: usize = 300;
/// Of all of them those that are sent on too.
const SENT_ON_MAX: usize = 200;
const ADDRESSES_MAX: usize = 3;
/// Where servers usually are, and the ends of the numbers. 0 is nobody's (RFC 6335 §6).
const USUAL: [u16; 16] = [1, 21, 22, 23, 25, 53, 80, 111, 443, 445, 3306, 5432, 6379, 8080, 32_768, 65_535];
/// The source ports of packets: `stage.nft`.
const FIRST_INPUT: u16 = 20_000;
const FIRST_PUBLISHED: u16 = 40_000;

/// TCP and UDP.
const SENT: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

/// The addresses that a service is declared for, as far as they are of no single link.
pub(super) fn addresses(service: &Service) -> impl Iterator<Item = IpAddr> {
    let specific = service.addresses.iter().filter(|address| address.breadth() == Breadth::Specific);
    let own = specific.filter(|address| address.interface.is_none()).map(|address| address.ip.to_canonical());
    own.filter(|ip| !is_of_one_link(ip)).take(ADDRESSES_MAX)
}

/// The packets.
pub(super) fn probes(world: &World<'_>, promise: Promise<'_>, cast: &Cast) -> Vec<Probe> {
    let mut script = Script { world, cast, turn: 0 };
    let mut wishes = match promise {
        Promise::Declared => {
            let near = spread(script.towards_zones(), TO_ZONES_MAX);
            [spread(script.towards_declared(), TO_DECLARED_MAX), near].concat()
        }
        Promise::Closed(ports) => spread(script.towards_ports(ports), TO_DECLARED_MAX),
    };
    wishes.extend(spread(script.towards_usual(), TO_REST_MAX));
    wishes.sort_unstable();
    wishes.dedup();
    let input = wishes.iter().map(|wish| (*wish, Hook::Input));
    // What comes from an address of one link is never sent on to another (RFC 4291 §2.5.6).
    let can_be_sent_on = |wish: &&Wish| cast.sends_on && !is_of_one_link(&wish.sender.source);
    let sent_on = spread(wishes.iter().filter(can_be_sent_on).copied().collect(), SENT_ON_MAX);
    let sent_on = sent_on.into_iter().map(|wish| (wish, Hook::Published));
    let probe = |place: usize, wish: Wish, hook| {
        let place = u16::try_from(place).ok()?;
        let first = if hook == Hook::Input { FIRST_INPUT } else { FIRST_PUBLISHED };
        let packet = wish.packet(cast)?;
        Some(Probe {
            link: wish.sender.link,
            source: packet.source,
            source_port: first.checked_add(place)?,
            destination: packet.destination,
            protocol: packet.protocol,
            port: packet.port,
            hook,
            wanted: wanted(world, promise, &packet),
        })
    };
    let all = input.chain(sent_on).enumerate();
    all.filter_map(|(place, (wish, hook))| probe(place, wish, hook)).collect()
}

/// About so many of these, evenly and in no step with anything that repeats: by the golden ratio (Weyl's sequence).
fn spread<T>(all: Vec<T>, most: usize) -> Vec<T> {
    const GOLDEN: u32 = 2_654_435_769;
    let share =
        (u64::try_from(most).unwrap_or(u64::MAX) << 32) / u64::try_from(all.len().max(1)).unwrap_or(1);
    let kept =
        all.into_iter().zip(0_u32..).filter(|(_, place)| u64::from(place.wrapping_mul(GOLDEN)) < share);
    kept.map(|(one, _)| one).collect()
}

/// A packet that somebody is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    sender: Sender,
    destination: IpAddr,
    protocol: Protocol,
    port: u16,
}

impl Wish {
    fn packet<'a>(&self, cast: &'a Cast) -> Option<Packet<'a>> {
        let Self { sender, destination, protocol, port } = *self;
        let interface = &cast.links.get(sender.link)?.name;
        Some(Packet { interface, source: sender.source, destination, protocol, port })
    }
}

struct Script<'a> {
    world: &'a World<'a>,
    cast: &'a Cast,
    /// Whose turn it is to be refused.
    turn: usize,
}

impl Script<'_> {
    /// To the first and the last of each declared range, and to their neighbours.
    fn towards_declared(&mut self) -> Vec<Wish> {
        let ports = self.world.desired.ports().iter().filter(|port| SENT.contains(&port.spec.protocol));
        let mut wishes = Vec::new();
        for port in spread(ports.collect(), DECLARED_MAX) {
            for family in Family::ALL {
                let mut senders = self.of_reach(port.service, family);
                senders.extend(self.next(family));
                for sender in senders {
                    let own =
                        addresses(port.service).filter(|ip| Family::of(*ip) == family && self.cast.has(*ip));
                    let usual = self.cast.own(sender.link, family);
                    for destination in own.chain(usual) {
                        wishes.extend(edges(port.spec).map(|(protocol, port)| Wish {
                            sender,
                            destination,
                            protocol,
                            port,
                        }));
                    }
                }
            }
        }
        wishes
    }

    /// From whoever is in a zone, or next to it, to what is declared for it.
    fn towards_zones(&self) -> Vec<Wish> {
        let zones = self.world.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
        let telling = zones.iter().map(|zone| {
            let ports =
                self.world.desired.ports().iter().filter(|port| {
                    SENT.contains(&port.spec.protocol) && port.service.reach.contains(&zone.name)
                });
            ports.take(TELLING_MAX).collect::<Vec<_>>()
        });
        let telling: Vec<_> = telling.collect();
        let of = |sender: &Sender| {
            let family = Family::of(sender.source);
            let ports = sender.near.and_then(|near| telling.get(near)).into_iter().flatten();
            let wish = |port: &&DesiredPort<'_>| {
                let mut own =
                    addresses(port.service).filter(|ip| Family::of(*ip) == family && self.cast.has(*ip));
                let destination = own.next().or_else(|| self.cast.own(sender.link, family))?;
                let PortSpec { protocol, range } = port.spec;
                Some(Wish { sender: *sender, destination, protocol, port: range.first })
            };
            ports.filter_map(wish).collect::<Vec<_>>()
        };
        self.cast.senders.iter().flat_map(of).collect()
    }

    fn towards_ports(&mut self, ports: &[PortSpec]) -> Vec<Wish> {
        let numbers: Vec<_> = ports.iter().flat_map(|spec| edges(*spec)).collect();
        self.by_everybody(&numbers)
    }

    fn towards_usual(&mut self) -> Vec<Wish> {
        let numbers: Vec<_> =
            SENT.into_iter().flat_map(|protocol| USUAL.map(|port| (protocol, port))).collect();
        self.by_everybody(&numbers)
    }

    fn by_everybody(&self, numbers: &[(Protocol, u16)]) -> Vec<Wish> {
        let of = |sender: &Sender| {
            let (sender, destination) = (*sender, self.cast.own(sender.link, Family::of(sender.source)));
            let wish = move |(protocol, port): &(Protocol, u16)| {
                Some(Wish { sender, destination: destination?, protocol: *protocol, port: *port })
            };
            numbers.iter().filter_map(wish).collect::<Vec<_>>()
        };
        self.cast.senders.iter().flat_map(of).collect()
    }

    /// Somebody of each zone that a service is for.
    fn of_reach(&mut self, service: &Service, family: Family) -> Vec<Sender> {
        let zones = self.world.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
        let mut senders = Vec::new();
        for name in &service.reach {
            if name == WORLD {
                senders.extend(self.cast.senders.iter().find(|sender| Family::of(sender.source) == family));
            }
            let zone = zones.iter().find(|zone| zone.name == *name);
            senders.extend(zone.and_then(|zone| self.of_zone(zone, family)));
        }
        senders
    }

    /// Now one of a zone and then another.
    fn of_zone(&mut self, zone: &Zone, family: Family) -> Option<Sender> {
        let is_of = |sender: &&Sender| {
            let link = self.cast.links.get(sender.link);
            Family::of(sender.source) == family
                && link.is_some_and(|link| is_in(zone, &link.name, sender.source))
        };
        let of: Vec<_> = self.cast.senders.iter().filter(is_of).collect();
        self.turn += 1;
        of.get(self.turn % of.len().max(1)).map(|sender| **sender)
    }

    /// Anybody, one after the other.
    fn next(&mut self, family: Family) -> Option<Sender> {
        let of: Vec<_> =
            self.cast.senders.iter().filter(|sender| Family::of(sender.source) == family).collect();
        self.turn += 1;
        of.get(self.turn % of.len().max(1)).map(|sender| **sender)
    }
}

/// The ends of a range, and the numbers beside them.
fn edges(spec: PortSpec) -> impl Iterator<Item = (Protocol, u16)> {
    let (first, last) = (spec.range.first, spec.range.last);
    let numbers = [Some(first), Some(last), first.checked_sub(1), last.checked_add(1)];
    let numbers: BTreeSet<u16> = numbers.into_iter().flatten().filter(|number| *number > 0).collect();
    numbers
        .into_iter()
        .filter(move |_| SENT.contains(&spec.protocol))
        .map(move |number| (spec.protocol, number))
}
