//! The gate: which ports may come in from where, and the one table of nftables that keeps it so (A14, A15, A16).
//!
//! It judges tcp, udp, udplite and sctp as they come in to this host, and as they come in to a port of it that leads
//! into a container. Every other protocol passes but the questions of ICMP and what the policy closes, and so does what a router passes on and all
//! that goes out.

mod askers;
mod body;
mod closing;
mod elements;
mod fixed;
mod former;
mod generation;
mod hindrance;
mod kept;
mod listing;
mod name;
mod openings;
mod other_protocol;
mod restored;
mod standing;
mod telling;
mod temporary;
mod transaction;

pub use self::{
    askers::{ask_for, ask_no_more},
    body::{Body, Rest},
    elements::{BlockedSource, Timeout, block, close_early, open_for, shut, unblock},
    hindrance::Hindrance,
    kept::KeptBody,
    listing::Listing,
    name::{InterfacePattern, ZoneName},
    openings::{Destination, Openings, Ports, Receivers},
    other_protocol::OtherProtocol,
    restored::restored,
    standing::{Extent, Foundation, Generation, ReadError, Standing, Trial},
    telling::{TOLD, TOLD_FOR, TOLD_SOURCES_MAX, Telling},
    temporary::{Counters, Kept, Open, Temporary},
    transaction::{Keep, Refused, Revision, Transaction, apply, bare, confirm, create, remove, take_back},
};

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use self::openings::destinations;
use crate::{
    desired::Desired,
    policy::{HOST, Place, Policy, ProtocolReach, WORLD},
    port::Protocol,
};

/// The table is `inet portreeve`.
pub const TABLE: &str = "portreeve";
/// The unit of systemd that puts the confirmed gate in force when a host boots.
pub const BOOT_UNIT: &str = "portreeve-boot.service";
/// The one that puts back the guard and what is steered before any service starts.
pub const EARLY_UNIT: &str = "portreeve-early.service";
/// The group of NFLOG to which refused packets are told (nft(8), "LOG STATEMENT").
pub const LOG_GROUP: u16 = 28_786;
/// The protocols whose ports the gate judges.
pub const JUDGED: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Udplite, Protocol::Sctp];
/// More ports and ranges than this, each counted once for every zone that it is open to, are not written.
const OPENINGS_MAX: usize = 1 << 20;

/// Which ports may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// What is declared may come in, and every other port is refused.
    Declared(Declared),
    /// These ports are closed, and all else is left as it is.
    Closed(Closed),
}

/// A gate that lets in what is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// What may come in from everywhere.
    pub world: Openings,
    /// What may come in from each zone besides; a packet is in every zone that it fits.
    pub zones: Vec<Zone>,
    /// What becomes of the rest.
    pub refusal: Refusal,
    /// The other protocols that do not pass from everywhere.
    pub closed: BTreeSet<OtherProtocol>,
    /// Where a forwarder of an engine takes connections for containers.
    pub published: Openings,
    /// The interfaces of containers and virtual machines, whose connections to published ports are nobody's from outside.
    pub inside: Vec<InterfacePattern>,
}

/// A gate that closes some ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// The ports.
    pub ports: Ports,
    /// What becomes of packets to them.
    pub refusal: Refusal,
    /// Those of them that lead into containers: to these the interfaces that are inside are none of the outside.
    pub published: Ports,
    /// The interfaces of containers and virtual machines.
    pub inside: Vec<InterfacePattern>,
}

/// Where packets come from, and what is open to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: ZoneName,
    /// Where packets come from.
    pub sources: Sources,
    /// The interfaces that they come in by; empty means any.
    pub interfaces: Vec<InterfacePattern>,
    /// What may come in.
    pub openings: Openings,
    /// Of the other protocols that do not pass from everywhere, those that pass from here.
    pub protocols: BTreeSet<OtherProtocol>,
}

/// The addresses that packets of a zone come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sources {
    /// Any.
    Any,
    /// Those of these networks, none of which is within another.
    Networks(Vec<Ipv4Net>, Vec<Ipv6Net>),
}

/// What becomes of packets that are not let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refusal {
    /// They vanish.
    #[default]
    Drop,
    /// The sender is told: by a reset of TCP, else as of a port on which nobody listens.
    Reject,
}

/// Why a policy cannot be made a gate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// nftables has no room for the name of a zone.
    #[error("{place}: the zone's name is too long for nftables")]
    LongName {
        /// Where the zone is written.
        place: Place,
    },
    /// A zone names something that cannot be an interface.
    #[error("{place}: a zone's interface has a name that no interface can have")]
    Interface {
        /// Where the zone is written.
        place: Place,
    },
    /// A zone says neither sources nor interfaces.
    #[error("{place}: the zone is empty")]
    EmptyZone {
        /// Where the zone is written.
        place: Place,
    },
    /// There are too many ports.
    #[error("more than {OPENINGS_MAX} ports and ranges, counted for each zone")]
    TooMany,
}

impl Gate {
    /// The gate that `policy` declares, of which `desired` are the ports.
    ///
    /// `inside` are the interfaces of containers and virtual machines, and `published` is where a forwarder of an engine takes
    /// connections for them.
    ///
    /// # Errors
    ///
    /// The first zone that cannot be written, or more ports than can be.
    pub fn of(
        policy: &Policy,
        desired: &Desired<'_>,
        inside: Vec<InterfacePattern>,
        published: Openings,
    ) -> Result<Self, GateError> {
        let mut all: BTreeMap<&str, Openings> = BTreeMap::new();
        let mut count = 0_usize;
        for port in desired.ports().iter().filter(|port| JUDGED.contains(&port.spec.protocol)) {
            let destinations = destinations(port.service);
            for zone in reached(&port.service.reach) {
                count = count.saturating_add(destinations.len());
                if count > OPENINGS_MAX {
                    return Err(GateError::TooMany);
                }
                let openings = all.entry(zone).or_default();
                destinations.iter().for_each(|to| openings.add(to, port.spec));
            }
        }
        let world = all.remove(WORLD).unwrap_or_default().merged();
        let zones = policy.zones.iter().map(|zone| {
            let openings = all.remove(zone.name.as_str()).unwrap_or_default();
            Zone::of(zone, openings.merged(), protocols(policy, &zone.name))
        });
        let zones = zones.collect::<Result<_, _>>()?;
        Ok(Self::Declared(Declared {
            world,
            zones,
            refusal: policy.refusal,
            closed: closed(policy).collect(),
            published,
            inside,
        }))
    }
}

/// The other protocols that do not pass from everywhere.
fn closed(policy: &Policy) -> impl Iterator<Item = OtherProtocol> {
    let is_closed = |it: &&ProtocolReach| !it.reach.iter().any(|zone| zone == WORLD);
    policy.protocols.iter().filter(is_closed).map(|it| it.protocol)
}

/// Of those, the ones that pass from a zone.
fn protocols(policy: &Policy, zone: &str) -> BTreeSet<OtherProtocol> {
    let passes = |it: &&ProtocolReach| reached(&it.reach).any(|reached| reached == zone);
    policy.protocols.iter().filter(passes).map(|it| it.protocol).collect()
}

/// The zones of a reach: `world` holds all others, and what never leaves the host needs no gate.
fn reached(reach: &[String]) -> impl Iterator<Item = &str> {
    let is_world = reach.iter().any(|zone| zone == WORLD);
    let named = reach.iter().map(String::as_str).filter(move |zone| *zone != HOST && !is_world);
    is_world.then_some(WORLD).into_iter().chain(named)
}

impl Zone {
    fn of(
        zone: &crate::policy::Zone,
        openings: Openings,
        protocols: BTreeSet<OtherProtocol>,
    ) -> Result<Self, GateError> {
        let place = || zone.place.clone();
        if zone.from.is_empty() && zone.interfaces.is_empty() {
            return Err(GateError::EmptyZone { place: place() });
        }
        let name = ZoneName::of(&zone.name).ok_or_else(|| GateError::LongName { place: place() })?;
        let interfaces = zone.interfaces.iter().map(|text| InterfacePattern::of(text));
        let interfaces: Option<Vec<_>> = interfaces.collect();
        let interfaces = interfaces.ok_or_else(|| GateError::Interface { place: place() })?;
        // One that stands for all of them is no condition.
        let is_any = interfaces.iter().any(InterfacePattern::is_any);
        let interfaces = if is_any { Vec::new() } else { interfaces };
        Ok(Self { name, sources: Sources::of(&zone.from), interfaces, openings, protocols })
    }
}

impl Sources {
    fn of(networks: &[IpNet]) -> Self {
        if networks.is_empty() {
            return Self::Any;
        }
        let four = networks.iter().filter_map(|network| match network {
            IpNet::V4(network) => Some(network.trunc()),
            IpNet::V6(_) => None,
        });
        let six = networks.iter().filter_map(|network| match network {
            IpNet::V4(_) => None,
            IpNet::V6(network) => Some(network.trunc()),
        });
        Self::Networks(
            Ipv4Net::aggregate(&four.collect::<Vec<_>>()),
            Ipv6Net::aggregate(&six.collect::<Vec<_>>()),
        )
    }
}

#[cfg(test)]
mod tests;
