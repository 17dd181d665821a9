//! The order in which the kernel asks its hooks, and where a packet goes between them (Netfilter hooks, nft(8)).

use alloc::{boxed::Box, vec::Vec};

use super::{
    Lost, Sender, Task,
    martians::{self, Strange},
    order::{self, Turn},
    routing::{self, Goal, Routed},
    sees_new_alone,
};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::{Field, Packets, State},
        ruleset::{Base, Chain, ChainId, Hook, Layer, Ruleset},
        surroundings::{NO_INTERFACE, Surroundings},
    },
};

/// A place at which base chains are gone through, or at which a way is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Station {
    /// What this host sends.
    Output,
    /// What leaves this host.
    Postrouting,
    /// What a port of a bridge hands over.
    BridgePrerouting,
    /// What the bridge keeps for this host.
    BridgeInput,
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
pub(super) struct Stations {
    each: Vec<(Station, Vec<Turn>)>,
    /// What is refused where packets are routed.
    strange: Vec<Strange>,
}

/// What comes next on a way.
pub(super) enum Next {
    /// A base chain, the packets that it sees, and those that it does not.
    Chain(ChainId, Vec<Packets>, Vec<Packets>),
    /// The next turn of the same station.
    Turn,
    /// So many orders in which the chains of the turn may be asked.
    Orders(usize),
    /// The next station.
    Station(Box<Packets>),
    /// Wherever they are routed to.
    Routed(Routed),
    /// Nothing: it has passed everything.
    End(Station),
}

impl Stations {
    /// The stations of packets of `family` of `sender`.
    pub(super) fn of(ruleset: &Ruleset, around: &Surroundings, sender: Sender, family: Family) -> Self {
        let bridge = [Station::BridgePrerouting, Station::BridgeInput];
        let outside = bridge.into_iter().chain([Station::Ingress, Station::Prerouting, Station::Routing]);
        let order = match sender {
            Sender::Outside => Vec::new(),
            Sender::Host => [Station::Output, Station::Postrouting].into(),
        };
        let order = order.into_iter().chain(outside);
        let order = order.chain([Station::Input, Station::Forward, Station::Postrouting]);
        let turns = |station| order::turns(ruleset, &chains(ruleset, station, sender, family));
        let each = order.map(|station| (station, turns(station))).collect();
        Self { each, strange: martians::strange(around, family) }
    }

    /// What comes next for the packets of `task`, which are in no chain.
    pub(super) fn next(&self, ruleset: &Ruleset, around: &Surroundings, task: &Task) -> Next {
        let (station, turns) = &self.each[task.station];
        if let Some(turn) = turns.get(task.turn) {
            return match (turn.as_slice(), task.order) {
                ([order], _) => next_chain(ruleset, around, task, order),
                (orders, Some(at)) => next_chain(ruleset, around, task, &orders[at]),
                (orders, None) => Next::Orders(orders.len()),
            };
        }
        match station {
            Station::Routing => self.route(around, task),
            Station::Input => Next::End(Station::Input),
            Station::Postrouting if task.station + 1 == self.each.len() => Next::End(Station::Postrouting),
            // What this host sends to itself comes in again by the loopback device.
            Station::Postrouting => {
                let nowhere = Intervals::one(NO_INTERFACE);
                let packets = task.packets.clone().with(Field::InInterface, around.named("lo"));
                Next::Station(Box::new(packets.with(Field::OutInterface, nowhere)))
            }
            Station::Output => Next::Routed(routing::leave(around, &task.packets)),
            Station::BridgePrerouting
            | Station::BridgeInput
            | Station::Ingress
            | Station::Prerouting
            | Station::Forward => Next::Station(Box::new(task.packets.clone())),
        }
    }

    /// Whether a station is where this host's own processes send.
    pub(super) fn is_output(&self, station: usize) -> bool {
        self.is(station, Station::Output)
    }

    /// Whether a station is where packets come in, before it is known where they go.
    pub(super) fn is_prerouting(&self, station: usize) -> bool {
        self.is(station, Station::Prerouting)
    }

    /// Whether a station is where a device hands packets over.
    pub(super) fn is_ingress(&self, station: usize) -> bool {
        self.is(station, Station::Ingress)
    }

    fn is(&self, station: usize, wanted: Station) -> bool {
        self.each.get(station).is_some_and(|(station, _)| *station == wanted)
    }

    /// The number of the station where packets from outside have passed all that sends them on.
    pub(super) fn routing(&self) -> Option<usize> {
        self.each.iter().position(|(station, _)| *station == Station::Routing)
    }

    /// The number of the station where packets go on from a choice of ways at `station`: those for this host itself, which
    /// it may have sent, or others.
    pub(super) fn beyond(&self, station: usize, is_own: bool) -> usize {
        let last = self.each.len() - 1;
        let goal = match (self.is_output(station), is_own) {
            // What is sent to somebody else is not passed on.
            (true, false) => return last,
            (true, true) => Station::Postrouting,
            (false, true) => Station::Input,
            (false, false) => Station::Forward,
        };
        self.each.iter().position(|(own, _)| *own == goal).unwrap_or(last)
    }

    /// Sorts out what no kernel takes from a wire, and sends the rest where it belongs.
    fn route(&self, around: &Surroundings, task: &Task) -> Next {
        let (packets, lost) = martians::sort(&self.strange, &task.packets);
        let ended = lost.into_iter().map(|packets| (Goal::Lost(Lost::Strange), packets));
        let mut routed = Routed { told: ended.collect(), ..Routed::default() };
        for packets in &packets {
            let Routed { told, open } = routing::route(around, packets);
            routed.told.extend(told);
            routed.open.extend(open);
        }
        Next::Routed(routed)
    }
}

/// The next base chain of those that are asked in this order.
fn next_chain(ruleset: &Ruleset, around: &Surroundings, task: &Task, order: &[ChainId]) -> Next {
    let Some(&chain) = order.get(task.passed) else { return Next::Turn };
    let Chain { layer, base, .. } = &ruleset.chains[chain.0];
    let (seen, others) = base
        .as_ref()
        .map_or((Vec::new(), [task.packets.clone()].into()), |base| seen(base, *layer, around, task));
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
        Station::BridgePrerouting | Station::Prerouting => Some(Hook::Prerouting),
        Station::Routing => None,
        Station::BridgeInput | Station::Input => Some(Hook::Input),
        Station::Forward => Some(Hook::Forward),
    }
}

/// What a bridge passes on to others is no packet of this host, and ARP has no ports: neither is on this way.
fn sees(layer: Layer, station: Station, family: Family) -> bool {
    let is_bridge = matches!(station, Station::BridgePrerouting | Station::BridgeInput);
    match layer {
        _ if is_bridge => layer == Layer::Bridge,
        Layer::Ip => family == Family::Ipv4,
        Layer::Ip6 => family == Family::Ipv6,
        Layer::Inet => true,
        Layer::Netdev => station == Station::Ingress,
        Layer::Bridge | Layer::Arp => false,
    }
}

/// The packets of `task` that a base chain sees, and the others.
fn seen(base: &Base, layer: Layer, around: &Surroundings, task: &Task) -> (Vec<Packets>, Vec<Packets>) {
    let own = &task.packets;
    if sees_new_alone(base.kind) && task.is_rewritten {
        return (Vec::new(), [own.clone()].into());
    }
    let divided = if sees_new_alone(base.kind) {
        own.divide(Field::State, &Intervals::one(State::New.number()))
    } else if layer == Layer::Bridge {
        own.divide(Field::InInterface, &around.those(|interface| interface.is_bridge))
    } else if base.devices.is_empty() {
        return ([own.clone()].into(), Vec::new());
    } else {
        let devices = base.devices.iter().map(|device| around.named(device));
        own.divide(Field::InInterface, &devices.fold(Intervals::none(), |all, one| all.or(&one)))
    };
    (divided.yes.into_iter().collect(), divided.no.into_iter().chain(divided.perhaps).collect())
}
