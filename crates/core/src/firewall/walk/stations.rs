//! The order in which the kernel asks its hooks, and where a packet goes between them (Netfilter hooks, nft(8)).

use alloc::vec::Vec;

use super::{
    Direction, Lost, Sender, Task, martians,
    order::{self, Turn},
    sees_new_alone,
};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Divided, Field, Packets, State},
        ruleset::{AddressKind, Base, Chain, ChainId, Hook, Layer, Ruleset},
        surroundings::{NO_INTERFACE, Surroundings, numbers},
    },
};

/// A place at which base chains are gone through, or at which a way is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Station {
    /// What this host sends.
    Output,
    /// What leaves this host.
    Postrouting,
    /// What a device hands over.
    Ingress,
    /// Before it is known where it goes.
    Prerouting,
    /// For this host or for another one.
    Routing,
    /// For this host.
    Input,
    /// For another one.
    Forward,
}

/// The stations of a way, in order, each with its base chains.
#[derive(Debug)]
pub(super) struct Stations(Vec<(Station, Vec<Turn>)>);

/// What comes next on a way.
pub(super) enum Next {
    /// A base chain, the packets that it sees, and those that it does not.
    Chain(ChainId, Vec<Packets>, Vec<Packets>),
    /// The next turn of the same station.
    Turn,
    /// So many orders in which the chains of the turn may be asked.
    Orders(usize),
    /// Other stations.
    Stations(Routed),
    /// Nothing: it has passed everything.
    End(Station),
}

/// Where packets go from a station.
#[derive(Default)]
pub(super) struct Routed {
    /// The numbers of the stations, each with the packets that go there.
    pub(super) ways: Vec<(usize, Packets)>,
    /// The packets that go nowhere.
    pub(super) lost: Vec<(Lost, Packets)>,
}

impl Stations {
    /// The stations of packets of `family` of `sender`.
    pub(super) fn of(ruleset: &Ruleset, sender: Sender, family: Family) -> Self {
        let outside = [Station::Ingress, Station::Prerouting, Station::Routing];
        let order = match sender {
            Sender::Outside => Vec::new(),
            Sender::Host => [Station::Output, Station::Postrouting].into(),
        };
        let order = order.into_iter().chain(outside);
        let order = order.chain([Station::Input, Station::Forward, Station::Postrouting]);
        let turns = |station| order::turns(ruleset, &chains(ruleset, station, sender, family));
        Self(order.map(|station| (station, turns(station))).collect())
    }

    /// What comes next for the packets of `task`, which are in no chain.
    pub(super) fn next(&self, ruleset: &Ruleset, around: &Surroundings, task: &Task) -> Next {
        let (station, turns) = &self.0[task.station];
        if let Some(turn) = turns.get(task.turn) {
            return match (turn.as_slice(), task.order) {
                ([order], _) => next_chain(ruleset, around, task, order),
                (orders, Some(at)) => next_chain(ruleset, around, task, &orders[at]),
                (orders, None) => Next::Orders(orders.len()),
            };
        }
        let on = |packets: Packets| {
            Next::Stations(Routed { ways: [(task.station + 1, packets)].into(), lost: Vec::new() })
        };
        match station {
            Station::Routing => Next::Stations(self.route_all(around, task)),
            Station::Input => Next::End(Station::Input),
            Station::Postrouting if task.station + 1 == self.0.len() => Next::End(Station::Postrouting),
            // What this host sends to itself comes in again by the loopback device.
            Station::Postrouting => {
                let nowhere = Intervals::one(NO_INTERFACE);
                let packets = task.packets.clone().with(Field::InInterface, around.named("lo"));
                on(packets.with(Field::OutInterface, nowhere))
            }
            Station::Output => Next::Stations(self.leave(around, &task.packets)),
            Station::Ingress | Station::Prerouting | Station::Forward => on(task.packets.clone()),
        }
    }

    /// Whether a station is where this host's own processes send.
    pub(super) fn is_output(&self, station: usize) -> bool {
        self.0.get(station).is_some_and(|(station, _)| *station == Station::Output)
    }

    /// Whether it is a choice of ways that leads on from a station.
    pub(super) fn is_choice(&self, station: usize) -> bool {
        self.0.get(station).is_some_and(|(station, _)| *station == Station::Routing)
    }

    /// Where the packets of `task`, which have just begun with a station, are going from a choice of ways.
    pub(super) fn direction(&self, task: &Task) -> Direction {
        if self.0[task.station].0 == Station::Input {
            return Direction::Here;
        }
        let out = task.packets.of(Field::OutInterface).only();
        Direction::On(out.and_then(|interface| usize::try_from(interface).ok()))
    }

    fn number(&self, station: Station) -> usize {
        self.0.iter().position(|(own, _)| *own == station).unwrap_or(self.0.len() - 1)
    }

    /// Of what this host sends, its own goes to itself; a rule that sends it on elsewhere gives it another route
    /// (net/ipv4/netfilter.c, `ip_route_me_harder`).
    fn leave(&self, around: &Surroundings, packets: &Packets) -> Routed {
        let outward = self.number(Station::Postrouting);
        let foreign = around.of_kind(AddressKind::Unicast, packets.family);
        let Divided { yes: foreign, no: own, perhaps } = packets.divide(Field::Destination, &foreign);
        let mut routed = Routed::default();
        routed.ways.extend(own.map(|packets| (outward, packets)));
        // What may be sent on to anybody is not this host's alone.
        let anywhere = Field::OutInterface.all(packets.family);
        let perhaps = perhaps.map(|packets| packets.with_one_of(Field::OutInterface, anywhere));
        routed.ways.extend(perhaps.map(|packets| (self.0.len() - 1, packets)));
        if let Some(packets) = foreign {
            routed.add_by_route(around, packets, self.0.len() - 1);
        }
        routed
    }

    /// Sorts out what no kernel takes from a wire, and sends the rest where it belongs.
    fn route_all(&self, around: &Surroundings, task: &Task) -> Routed {
        let (packets, lost) = martians::sort(around, &task.packets);
        let lost = lost.into_iter().map(|packets| (Lost::Strange, packets)).collect();
        let mut routed = Routed { lost, ..Routed::default() };
        for packets in &packets {
            let Routed { ways, lost } = self.route(around, packets);
            routed.ways.extend(ways);
            routed.lost.extend(lost);
        }
        routed
    }

    /// For this host what has one of its addresses, or a group's; else by the longest prefix, where packets are passed on.
    fn route(&self, around: &Surroundings, packets: &Packets) -> Routed {
        let mut routed = Routed::default();
        let family = packets.family;
        let foreign = around.of_kind(AddressKind::Unicast, family);
        let Divided { yes: foreign, no: own, perhaps } = packets.divide(Field::Destination, &foreign);
        routed.ways.extend(own.map(|packets| (self.number(Station::Input), packets)));
        // An address that nobody knows may be anybody's; only where nothing is passed on is it lost or this host's.
        let anywhere = Field::OutInterface.all(family);
        let passed_on = perhaps.map(|packets| packets.with_one_of(Field::OutInterface, anywhere));
        routed.ways.extend(passed_on.map(|packets| (self.number(Station::Forward), packets)));
        match foreign {
            Some(packets) if around.forwards(family) => {
                routed.add_by_route(around, packets, self.number(Station::Forward));
            }
            foreign => routed.lost.extend(foreign.map(|packets| (Lost::NotPassedOn, packets))),
        }
        routed
    }
}

impl Routed {
    /// Adds `packets` by the routes that lead to where they go, each going on at `station`.
    fn add_by_route(&mut self, around: &Surroundings, packets: Packets, station: usize) {
        let mut rest = packets;
        for (to, interface) in ways(around, rest.family) {
            let Divided { yes, no, .. } = rest.divide(Field::Destination, &to);
            if let Some(packets) = yes {
                match interface {
                    Some(out) => {
                        let packets = packets.with(Field::OutInterface, Intervals::one(out as u128));
                        self.ways.push((station, packets));
                    }
                    None => self.lost.push((Lost::NoRoute, packets)),
                }
            }
            match no {
                Some(packets) => rest = packets,
                None => return,
            }
        }
        self.lost.push((Lost::NoRoute, rest));
    }
}

/// The routes of `family`, the most specific first.
fn ways(around: &Surroundings, family: Family) -> Vec<(Intervals, Option<usize>)> {
    let of_family = |net: &ipnet::IpNet| net.addr().is_ipv4() == (family == Family::Ipv4);
    let mut routes: Vec<_> = around.routes.iter().filter(|route| of_family(&route.to)).collect();
    routes.sort_by_key(|route| (core::cmp::Reverse(route.to.prefix_len()), route.metric));
    routes.into_iter().map(|route| (numbers(route.to), route.interface)).collect()
}

/// The next base chain of those that are asked in this order.
fn next_chain(ruleset: &Ruleset, around: &Surroundings, task: &Task, order: &[ChainId]) -> Next {
    let Some(&chain) = order.get(task.passed) else { return Next::Turn };
    let base = ruleset.chains[chain.0].base.as_ref();
    let (seen, others) =
        base.map_or((Vec::new(), [task.packets.clone()].into()), |base| seen(base, around, task));
    Next::Chain(chain, seen, others)
}

/// The base chains at a station that see packets of `family` of `sender`.
fn chains(ruleset: &Ruleset, station: Station, sender: Sender, family: Family) -> Vec<ChainId> {
    // Of what this host sends to itself it was settled where it goes when it left (net/netfilter/nf_nat_core.c,
    // `nf_nat_inet_fn`).
    let is_settled = sender == Sender::Host && !matches!(station, Station::Output | Station::Postrouting);
    let is_here = |chain: &Chain| {
        let Some(base) = &chain.base else { return false };
        let is_asked = !(is_settled && sees_new_alone(base.kind));
        is_asked && Some(base.hook) == hook(station) && sees(chain.layer, station, family)
    };
    let numbered = ruleset.chains.iter().enumerate().filter(|(_, chain)| is_here(chain));
    numbered.map(|(at, _)| ChainId(at)).collect()
}

const fn hook(station: Station) -> Option<Hook> {
    match station {
        Station::Output => Some(Hook::Output),
        Station::Postrouting => Some(Hook::Postrouting),
        Station::Ingress => Some(Hook::Ingress),
        Station::Prerouting => Some(Hook::Prerouting),
        Station::Routing => None,
        Station::Input => Some(Hook::Input),
        Station::Forward => Some(Hook::Forward),
    }
}

/// Chains of a bridge see frames that are passed on below, and ARP has no ports: neither is on this way.
fn sees(layer: Layer, station: Station, family: Family) -> bool {
    match layer {
        Layer::Ip => family == Family::Ipv4,
        Layer::Ip6 => family == Family::Ipv6,
        Layer::Inet => true,
        Layer::Netdev => station == Station::Ingress,
        Layer::Bridge | Layer::Arp => false,
    }
}

/// The packets of `task` that a base chain sees, and the others.
fn seen(base: &Base, around: &Surroundings, task: &Task) -> (Vec<Packets>, Vec<Packets>) {
    let own = &task.packets;
    if sees_new_alone(base.kind) && task.is_rewritten {
        return (Vec::new(), [own.clone()].into());
    }
    let divided = if sees_new_alone(base.kind) {
        own.divide(Field::State, &Intervals::one(State::New.number()))
    } else if base.devices.is_empty() {
        return ([own.clone()].into(), Vec::new());
    } else {
        let devices = base.devices.iter().map(|device| around.named(device));
        own.divide(Field::InInterface, &devices.fold(Intervals::none(), |all, one| all.or(&one)))
    };
    (divided.yes.into_iter().collect(), divided.no.into_iter().chain(divided.perhaps).collect())
}
