//! What was seen of each port, beside what the model of that host says and what its policy declares (A17, A20).

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::net::IpAddr;

use super::{Glimpse, Seen};
use crate::{
    address::{Address, Breadth},
    desired::{Desired, DesiredPort},
    exposure::{Exposure, How, Reached},
    facts::{Listener, Snapshot},
    policy::{Policy, WORLD},
    port::{PortRange, PortSpec, Protocol},
};

/// One port, seen and said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// The protocol.
    pub protocol: Protocol,
    /// What was seen.
    pub glimpse: Glimpse,
    /// What the model says becomes of packets from where it was looked; unknown where nothing is known of the host.
    pub said: Reached,
    /// Whether somebody listens there, or packets are sent on from there, as far as the model knows.
    pub is_served: bool,
    /// The service that declares it.
    pub declared: Option<String>,
    /// Whether whoever looked is among those whom that service means.
    pub is_meant: bool,
}

impl Beside {
    /// The port as it is written.
    #[must_use]
    pub fn spec(&self) -> PortSpec {
        PortSpec { range: PortRange::one(self.glimpse.port), protocol: self.protocol }
    }

    /// Whether packets do not get there, or nobody takes them.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        self.glimpse.seen != Seen::Open
    }
}

/// From where it was looked, and at what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The address that packets came from; `None` where they never left the host.
    pub source: Option<IpAddr>,
    /// The address that was asked.
    pub target: IpAddr,
}

/// What is known of the host that was looked at.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What becomes of packets to it over that line, in order of ports.
    pub exposures: &'a [Exposure],
    /// Its sockets.
    pub snapshot: &'a Snapshot,
    /// What a person wrote of it, if anybody did.
    pub policy: Option<&'a Policy>,
    /// What its ports should be.
    pub desired: &'a Desired<'a>,
}

/// Puts what was seen beside what is known, if anything is.
#[must_use]
pub fn beside(glimpses: &[Glimpse], protocol: Protocol, line: Line, known: Option<Known<'_>>) -> Vec<Beside> {
    let served = known.map(|known| served(known.snapshot, protocol, line.target)).unwrap_or_default();
    let one = |glimpse: &Glimpse| {
        let exposure = known.and_then(|known| exposure(known.exposures, glimpse.port));
        let declared = known.and_then(|known| declared(known.desired, protocol, glimpse.port, line.target));
        Beside {
            protocol,
            glimpse: *glimpse,
            said: exposure.map_or(Reached::Unknown, |exposure| exposure.reached),
            is_served: served.contains(&glimpse.port) || exposure.is_some_and(is_sent_on),
            is_meant: declared.is_some_and(|declared| is_meant(declared, known, line.source)),
            declared: declared.map(|declared| declared.service.name.clone()),
        }
    };
    glimpses.iter().map(one).collect()
}

fn exposure(exposures: &[Exposure], port: u16) -> Option<&Exposure> {
    let place = exposures.partition_point(|exposure| exposure.ports.last < u128::from(port));
    exposures.get(place).filter(|exposure| exposure.ports.first <= u128::from(port))
}

fn is_sent_on(exposure: &Exposure) -> bool {
    exposure.ways.iter().any(|way| matches!(way.how, How::Forwarded(_) | How::Redirected(_)))
}

/// The ports at which a socket of that host hears what goes to `target`.
fn served(snapshot: &Snapshot, protocol: Protocol, target: IpAddr) -> BTreeSet<u16> {
    let own = snapshot.own_namespace().map(|namespace| namespace.id);
    let hears = |listener: &&Listener| {
        let is_here = match listener.address.breadth() {
            Breadth::Wildcard if target.is_ipv4() => listener.hears_ipv4(),
            Breadth::Wildcard => listener.hears_ipv6(),
            _ => listener.address.ip.to_canonical() == target,
        };
        Some(listener.netns) == own && listener.protocol == protocol && listener.hears() && is_here
    };
    snapshot.listeners.iter().filter(hears).map(|listener| listener.port).collect()
}

fn declared<'a>(
    desired: &'a Desired<'a>,
    protocol: Protocol,
    port: u16,
    target: IpAddr,
) -> Option<&'a DesiredPort<'a>> {
    let covers =
        |address: &Address| address.breadth() == Breadth::Wildcard || address.ip.to_canonical() == target;
    let mut at = desired.at(protocol, port);
    at.find(|it| it.service.addresses.is_empty() || it.service.addresses.iter().any(covers))
}

/// A zone by its interfaces is not asked: by which one packets came in nobody knows here.
fn is_meant(declared: &DesiredPort<'_>, known: Option<Known<'_>>, source: Option<IpAddr>) -> bool {
    let reach = &declared.service.reach;
    let Some(source) = source else { return true };
    let zones = known.and_then(|known| known.policy).into_iter().flat_map(|policy| &policy.zones);
    let mut meant = zones.filter(|zone| reach.contains(&zone.name) && zone.interfaces.is_empty());
    reach.iter().any(|zone| zone == WORLD)
        || meant.any(|zone| zone.from.iter().any(|network| network.contains(&source)))
}
