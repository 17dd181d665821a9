//! What must become of a packet, by what was promised alone: it is no business of whoever writes the rules (A15).

use core::net::IpAddr;

use super::{Fate, Promise};
use crate::{
    address::{Address, Breadth},
    policy::{HOST, Service, WORLD, Zone},
    port::Protocol,
    world::World,
};

/// A packet, as a policy speaks of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) interface: &'a str,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) port: u16,
}

/// What must become of `packet`.
pub(super) fn wanted(world: &World<'_>, promise: Promise<'_>, packet: &Packet<'_>) -> Fate {
    let is_let_in = match promise {
        Promise::Declared => {
            let declared = world.desired.at(packet.protocol, packet.port);
            declared.map(|port| port.service).any(|service| {
                is_of(service, packet) && service.reach.iter().any(|zone| comes_from(world, zone, packet))
            })
        }
        Promise::Closed(ports) => {
            let is = |spec: &&crate::port::PortSpec| {
                spec.protocol == packet.protocol && spec.range.contains(packet.port)
            };
            !ports.iter().any(|spec| is(&spec))
        }
    };
    if is_let_in { Fate::LetIn } else { Fate::Refused }
}

/// Whether it is sent to where the service is bound.
fn is_of(service: &Service, packet: &Packet<'_>) -> bool {
    let is_by = |device: &str| matches(device, packet.interface);
    service.device.as_deref().is_none_or(is_by)
        && (service.addresses.is_empty() || service.addresses.iter().any(|own| takes(own, service, packet)))
}

/// A socket at `::` takes IPv4 too (`IPV6_V6ONLY` is off, ipv6(7)), one at 0.0.0.0 nothing else.
fn takes(own: &Address, service: &Service, packet: &Packet<'_>) -> bool {
    // What is tied to a device is so whichever interface its address belongs to.
    let is_there = service.device.is_some()
        || own.interface.as_deref().is_none_or(|interface| matches(interface, packet.interface));
    let ip = own.ip.to_canonical();
    is_there
        && match own.breadth() {
            Breadth::Loopback => false,
            Breadth::Wildcard => ip.is_ipv6() || packet.destination.is_ipv4(),
            Breadth::Specific => ip == packet.destination,
        }
}

fn comes_from(world: &World<'_>, zone: &str, packet: &Packet<'_>) -> bool {
    match zone {
        WORLD => true,
        // Nothing comes in from there.
        HOST => false,
        name => {
            let zones = world.policy.map(|policy| policy.zones.as_slice()).unwrap_or_default();
            zones.iter().any(|zone| zone.name == name && is_in(zone, packet.interface, packet.source))
        }
    }
}

/// Whether a packet is in a zone.
pub(super) fn is_in(zone: &Zone, interface: &str, source: IpAddr) -> bool {
    (zone.from.is_empty() || zone.from.iter().any(|network| network.contains(&source)))
        && (zone.interfaces.is_empty() || zone.interfaces.iter().any(|pattern| matches(pattern, interface)))
}

/// Whether a pattern means an interface: `eth0`, or `br-*`.
pub(super) fn matches(pattern: &str, interface: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => interface.starts_with(begin),
        None => pattern == interface,
    }
}
