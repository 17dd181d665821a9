//! What every port should be: one set, made from the policy, so that nobody reads the policy twice (A15, A25).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    address::{Address, Breadth},
    facts::Listener,
    policy::{Policy, Service},
    port::{PortSpec, Protocol},
};

/// One declared port or pool of ports.
#[derive(Clone, Copy, Debug)]
pub struct DesiredPort<'a> {
    /// The numbers.
    pub spec: PortSpec,
    /// The service that owns them.
    pub service: &'a Service,
}

impl DesiredPort<'_> {
    /// Whether `listener` stands where this port is declared: same number, an address and device that it covers.
    ///
    /// A wildcard socket takes the number on every address, so it stands on a port declared for one address too.
    #[must_use]
    pub fn covers(&self, listener: &Listener) -> bool {
        self.spec.protocol == listener.protocol
            && self.spec.range.contains(listener.port)
            && is_on_device(self.service, listener)
            && is_on_address(&self.service.addresses, &listener.address)
    }
}

fn is_on_device(service: &Service, listener: &Listener) -> bool {
    match (&service.device, &listener.device) {
        (Some(declared), Some(bound)) => declared == bound,
        _ => true,
    }
}

fn is_on_address(declared: &[Address], bound: &Address) -> bool {
    declared.is_empty()
        || bound.breadth() == Breadth::Wildcard
        || declared.iter().any(|address| {
            address.breadth() == Breadth::Wildcard
                || (address.ip.to_canonical() == bound.ip.to_canonical() && is_on_link(address, bound))
        })
}

/// `fe80::1` on two interfaces is two places (RFC 4007 §6).
fn is_on_link(declared: &Address, bound: &Address) -> bool {
    match (&declared.interface, &bound.interface) {
        (Some(declared), Some(bound)) => declared == bound,
        _ => true,
    }
}

/// Every declared port, ready to be asked by number.
#[derive(Clone, Debug, Default)]
pub struct Desired<'a> {
    ports: Vec<DesiredPort<'a>>,
    singles: BTreeMap<(Protocol, u16), Vec<usize>>,
    pools: Vec<usize>,
}

/// What every port should be according to `policy`.
#[must_use]
pub fn desire(policy: &Policy) -> Desired<'_> {
    let mut desired = Desired::default();
    for service in &policy.services {
        for &spec in &service.ports {
            let index = desired.ports.len();
            desired.ports.push(DesiredPort { spec, service });
            if spec.range.is_one() {
                desired.singles.entry((spec.protocol, spec.range.first)).or_default().push(index);
            } else {
                desired.pools.push(index);
            }
        }
    }
    desired
}

impl<'a> Desired<'a> {
    /// Every declared port, in the order of the policy.
    #[must_use]
    pub fn ports(&self) -> &[DesiredPort<'a>] {
        &self.ports
    }

    /// The declared ports of this number, whatever their address.
    pub fn at(&self, protocol: Protocol, port: u16) -> impl Iterator<Item = &DesiredPort<'a>> {
        let singles = self.singles.get(&(protocol, port)).into_iter().flatten();
        let pools = self.pools.iter().filter(move |&&index| {
            let spec = self.ports[index].spec;
            spec.protocol == protocol && spec.range.contains(port)
        });
        singles.chain(pools).map(|&index| &self.ports[index])
    }

    /// The declared port that `listener` stands on, one for its very address before one for any.
    #[must_use]
    pub fn of(&self, listener: &Listener) -> Option<&DesiredPort<'a>> {
        self.at(listener.protocol, listener.port)
            .filter(|desired| desired.covers(listener))
            .max_by_key(|desired| !desired.service.addresses.is_empty())
    }
}
