//! Which declared numbers somebody has to bind, so that no client may have them (A9, A24).

use alloc::vec::Vec;

use super::all;
use crate::{
    desired::DesiredPort,
    exposure::ports_of,
    policy::Service,
    port::{PortRange, Protocol},
    steer::WhenDead,
};

/// The numbers of `port` that its service binds itself, or whoever gets what is led to nobody; `None` where all that comes in is led
/// to a socket on some other number.
///
/// A client who has got such a number by chance would keep the service from starting.
pub(super) fn bound(port: &DesiredPort<'_>) -> Option<PortRange> {
    let range = port.spec.range;
    let Some(steering) = port.service.steer.filter(|_| port.spec.protocol == Protocol::Tcp) else {
        return Some(range);
    };
    match steering.target_port {
        Some(target) if steering.when_dead == WhenDead::Refuse => {
            range.contains(target).then(|| PortRange::one(target))
        }
        // One socket takes all ports of an address: on which of them it listens nobody has said, and clients need most.
        None | Some(_) if takes_every_port(port.service) => None,
        None | Some(_) => Some(range),
    }
}

/// Whether all ports are its own, also where it declares them in pieces.
fn takes_every_port(service: &Service) -> bool {
    let tcp = service.ports.iter().filter(|spec| spec.protocol == Protocol::Tcp);
    let ranges: Vec<PortRange> = tcp.map(|spec| spec.range).collect();
    all(&ranges).includes(&ports_of(PortRange { first: 1, last: u16::MAX }))
}
