//! Ports of this host at which a rule sends packets on to somebody else, or to another port (A15, A17).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use super::{World, keepers::Keepers, led::leads_to};
use crate::{
    address::Family,
    desired::DesiredPort,
    exposure::{
        How, Row, Senders, To, Way, arrives, families, loopback, parted, passages, ports_of, range, stays,
    },
    facts::Listener,
    finding::{Finding, spot_of},
    firewall::{Author, Decision, Filter, Intervals, Place, Rewritten, Rule, Step, author, number, span},
    port::{PortRange, PortSpec, Protocol},
    text,
    words::Text,
};

/// More runs of ports than this are not named.
const RUNS_NAMED_MAX: usize = 3;

/// Ports at which packets from the world are sent on by one rule, and arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    protocol: Protocol,
    family: Family,
    ports: Intervals,
    way: How,
    /// The numbers of the interfaces by which they come in.
    entrances: Intervals,
    /// The rules that send them on.
    by: Vec<Place>,
    /// Whether only what is sent to the loopback's addresses is: it was published for this host alone.
    is_of_loopback: bool,
    /// The program that keeps the ports closed for what is not sent on, where it is one that a person asks.
    pub closed_by: Option<Author>,
}

impl Passage {
    /// The protocol of the ports.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The ports as a policy writes them, by runs.
    pub fn specs(&self) -> impl Iterator<Item = PortSpec> {
        let protocol = self.protocol;
        self.ports.iter().map(move |ports| PortSpec { range: range(ports), protocol })
    }

    /// The same in a word: `8080/tcp`, `0-21/tcp 23-138/tcp …`.
    #[must_use]
    pub fn named(&self) -> String {
        let mut named: Vec<_> = self.specs().take(RUNS_NAMED_MAX + 1).map(|spec| spec.to_string()).collect();
        if let Some(more) = named.get_mut(RUNS_NAMED_MAX) {
            *more = "…".into();
        }
        named.join(" ")
    }

    /// Whether it is at all of these ports.
    #[must_use]
    pub fn is_at(&self, PortSpec { range: PortRange { first, last }, protocol }: PortSpec) -> bool {
        let asked = Intervals::span(first.into(), last.into());
        self.protocol == protocol && self.ports.includes(&asked)
    }

    /// The family of the packets, of one that is for both alike IPv4.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The numbers of the interfaces by which packets come in that are sent on here.
    #[must_use]
    pub const fn entrances(&self) -> &Intervals {
        &self.entrances
    }

    /// Whether it leads out to `port` of `address`.
    pub(super) fn sends_to(&self, protocol: Protocol, address: IpAddr, port: u16) -> bool {
        let Some(to) = sent_to(&self.way).filter(|_| self.leaves() && self.protocol == protocol) else {
            return false;
        };
        let is_there = |addresses: &Intervals| addresses.contains(number(address));
        to.port.as_ref().unwrap_or(&self.ports).contains(port.into())
            && self.family == Family::of(address)
            && to.address.as_ref().is_some_and(is_there)
    }

    /// Whether packets leave for another host or a container.
    #[must_use]
    pub const fn leaves(&self) -> bool {
        matches!(self.way, How::Forwarded(_))
    }

    /// Where packets are sent: `172.17.0.2:80`.
    #[must_use]
    pub fn target(&self) -> Text {
        let to = sent_to(&self.way);
        let address = to.and_then(|to| to.address.as_ref());
        let port = to.and_then(|to| to.port.as_ref()).and_then(Intervals::only);
        if !self.leaves() && address.and_then(Intervals::only).is_none() {
            return match port {
                Some(port) => text!("port {port} of this host", "このホストのポート {port}"),
                None => text!("this host itself", "このホスト自身"),
            };
        }
        let address = address.and_then(|addresses| span(addresses, self.family));
        let target = match (address, port) {
            (Some(address), Some(port)) if self.family == Family::Ipv6 => format!("[{address}]:{port}"),
            (Some(address), Some(port)) => format!("{address}:{port}"),
            (Some(address), None) => address,
            (None, port) => port.map(|port| port.to_string()).unwrap_or_default(),
        };
        Text { en: target.clone(), ja: target }
    }

    /// Whether packets only get to another address of this host, where it is told who listens there at the same port.
    #[must_use]
    pub fn is_to_same_port(&self) -> bool {
        sent_to(&self.way).is_some_and(|to| to.port.is_none()) && !self.leaves()
    }

    /// What of it no service declares for all who get there; of one that leads to another port of this host it is enough that
    /// this one is declared so.
    #[must_use]
    pub fn undeclared(&self, world: &World<'_>) -> Option<Self> {
        let inner = sent_to(&self.way).and_then(|to| to.port.as_ref()).filter(|_| !self.leaves());
        let concerned = inner.map_or_else(|| self.ports.clone(), |inner| self.ports.or(inner));
        let declared = world.desired.ports().iter().filter(|desired| {
            desired.spec.protocol == self.protocol
                && !ports_of(desired.spec.range).and(&concerned).is_empty()
                && self.is_meant_by(desired, world)
        });
        let declared = declared.fold(Intervals::none(), |all, desired| all.or(&ports_of(desired.spec.range)));
        if self.is_to_same_port() || inner.is_some_and(|ports| declared.includes(ports)) {
            return None;
        }
        self.without(&declared)
    }

    /// What of it is at these ports.
    #[must_use]
    pub fn only_at(&self, PortSpec { range, protocol }: PortSpec) -> Option<Self> {
        let ports = self.ports.and(&ports_of(range));
        (self.protocol == protocol && !ports.is_empty()).then(|| Self { ports, ..self.clone() })
    }

    /// What of it is at none of `ports`.
    #[must_use]
    pub fn without(&self, ports: &Intervals) -> Option<Self> {
        let ports = self.ports.except(ports);
        (!ports.is_empty()).then(|| Self { ports, ..self.clone() })
    }

    /// Whether it leads to `listener`, from another port or address of this host.
    pub(super) fn leads_to(&self, listener: &Listener) -> bool {
        self.protocol == listener.protocol
            && families(listener).contains(&self.family)
            && leads_to(&self.way, &self.ports, listener)
    }

    /// Whether a service is for all whose packets are sent on here and arrive, over either family: of the ports that it
    /// declares, or of all where it declares the one that they lead to.
    fn is_meant_by(&self, desired: &DesiredPort<'_>, world: &World<'_>) -> bool {
        let service = desired.service;
        if service.reaches_world() || !service.reaches_beyond_host() {
            return service.reaches_world();
        }
        let Some(filter) = world.filter() else { return true };
        let zones = world.policy.into_iter().flat_map(|policy| &policy.zones);
        let zones: Vec<_> = zones.filter(|zone| service.reach.contains(&zone.name)).collect();
        let protocol = self.protocol;
        let gets_there = |family: Family, ports: PortRange| {
            let to = To { family, protocol, addresses: None, ports };
            let (_, parts) = parted(filter, &Senders::World, &to);
            let sent_on = parts.iter().filter(|part| arrives(&part.fate) && !stays(&part.fate));
            world.beyond(family, &zones).meets(sent_on)
        };
        let own = self.ports.and(&ports_of(desired.spec.range));
        let ports = if own.is_empty() { &self.ports } else { &own };
        !ports.iter().any(|ports| Family::ALL.into_iter().any(|family| gets_there(family, range(ports))))
    }

    /// The finding about it, and about whoever keeps its number for the engine.
    #[must_use]
    pub fn about(&self, mut finding: Finding, world: &World<'_>) -> Finding {
        finding.netns = world.own_namespace().map(|namespace| namespace.id);
        let netns = finding.netns.unwrap_or(0);
        for spec in self.specs().filter(|spec| spec.range.is_one()) {
            let holdings = world.holdings_at(netns, self.protocol, spec.range.first);
            finding.silences.extend(holdings.iter().map(spot_of));
        }
        match self.specs().next() {
            Some(spec) => finding.at(spec),
            None => finding,
        }
    }

    /// How its rule is undone.
    #[must_use]
    pub fn undoing(&self) -> Text {
        if self.is_of_loopback {
            text!(
                "have a gate close it (`portreeve plan`), as neighbours who send to 127.0.0.1 get there though it is published for this host alone",
                "ホスト内だけの公開ですが、隣接するホストが 127.0.0.1 宛てに送ると届くので、ゲートで閉じる(`portreeve plan`)"
            )
        } else if self.leaves() {
            text!("publish it on 127.0.0.1 only or not at all", "127.0.0.1 だけで公開するか公開をやめる")
        } else {
            text!("delete the rule that sends it on", "転送しているルールを削除する")
        }
    }

    /// Takes in what differs from it in nothing but the ports.
    fn joins(&mut self, other: &Self) -> bool {
        let is_same = *other == Self { ports: other.ports.clone(), ..self.clone() };
        if is_same {
            self.ports = self.ports.or(&other.ports);
        }
        is_same
    }
}

impl World<'_> {
    /// All ports at which packets from the world are sent on and arrive, of both families together where these agree.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        self.reaching.passages.get_or_init(|| {
            let filter = self.own_namespace().and_then(|_| self.filter());
            filter.map(|filter| all(self, filter)).unwrap_or_default()
        })
    }
}

/// The same by the rules of `filter`.
fn all(world: &World<'_>, filter: &Filter) -> Vec<Passage> {
    let rows = passages(filter);
    let Some(mut keepers) = rows.first().map(|_| Keepers::of(world, filter)) else { return Vec::new() };
    let mut all: Vec<Passage> = Vec::new();
    for next in rows.iter().flat_map(|row| by_way(filter, row, &mut keepers)) {
        // Ten thousand rules for a port each are neighbours of themselves alone.
        if !all.iter_mut().rev().take(PASSAGES_NEAR_MAX).any(|known| known.joins(&next)) {
            all.push(next);
        }
    }
    let mut found: Vec<Passage> = Vec::new();
    for next in all {
        let is_told = |known: &Passage| {
            known.family != next.family && (known.protocol, &known.ports) == (next.protocol, &next.ports)
        };
        match found.iter_mut().find(|known| is_told(known)) {
            Some(known) => known.entrances = known.entrances.or(&next.entrances),
            None => found.push(next),
        }
    }
    found
}

/// So many passages are looked through for one that goes on.
const PASSAGES_NEAR_MAX: usize = 16;

/// The passages of a row: one for each way, and for each program that keeps some of its ports closed.
fn by_way(filter: &Filter, row: &Row<'_>, keepers: &mut Keepers<'_>) -> Vec<Passage> {
    let (protocol, family) = (row.protocol, row.family);
    let rewrites = |place: &Place| filter.ruleset.rule(*place).is_some_and(Rule::rewrites);
    let by: Vec<Place> = row.exposure.decided_by.iter().copied().filter(rewrites).collect();
    let mut found = Vec::new();
    for way in row.exposure.ways.iter().filter(|way| sent_to(&way.how).is_some()) {
        for (ports, closed_by) in keepers.closed(row, way) {
            // Who made the rule lists it, as a port that is sent on.
            let is_own = |keeper: &Author| {
                by.iter().any(|place| author(&filter.ruleset, *place) == *keeper)
                    || *keeper == Author::Ufw && is_let_on_by_ufw(filter, row)
            };
            let closed_by = closed_by.filter(|keeper| !is_own(keeper));
            let Way { how: way, interfaces: entrances, destinations } = way.clone();
            let by = by.clone();
            found.push(Passage {
                protocol,
                family,
                ports,
                way,
                entrances,
                by,
                is_of_loopback: loopback(family).includes(&destinations),
                closed_by,
            });
        }
    }
    found
}

/// Whether only ufw's own rules let the packets of a row on: `ufw route allow`, which ufw lists.
fn is_let_on_by_ufw(filter: &Filter, row: &Row<'_>) -> bool {
    let lets_in = |place: &&Place| {
        let rule = filter.ruleset.rule(**place);
        rule.is_some_and(|rule| rule.steps.contains(&Step::Decide(Decision::Accept)))
    };
    let mut letting = row.exposure.decided_by.iter().filter(lets_in).peekable();
    letting.peek().is_some() && letting.all(|place| author(&filter.ruleset, *place) == Author::Ufw)
}

const fn sent_to(way: &How) -> Option<&Rewritten> {
    match way {
        How::Forwarded(to) | How::Redirected(to) => Some(to),
        How::Local | How::Routed => None,
    }
}
