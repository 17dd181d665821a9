//! What every port should be: one set, made from the policy, so that nobody reads the policy twice (A15, A25).

use alloc::vec::Vec;

use crate::{
    address::{Address, Breadth},
    facts::Listener,
    guard::Mode,
    ledger::Stand,
    policy::{Guarding, Policy, Service},
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
            && (is_on_address(&self.service.addresses, &listener.address) && !self.is_led_past(listener))
    }

    /// Whether what comes in for it is led to its socket wherever that is, and `listener` has the number on every address: that is for
    /// the other ones, unless the guard keeps the number, of which whoever binds every address has to own each.
    fn is_led_past(&self, listener: &Listener) -> bool {
        let is_somewhere = |address: &Address| address.breadth() != Breadth::Wildcard;
        self.service.steer.is_some()
            && self.service.guard != Some(Guarding::Kept(Mode::Enforce))
            && !self.service.addresses.is_empty()
            && self.service.addresses.iter().all(is_somewhere)
            && listener.address.breadth() == Breadth::Wildcard
    }

    /// Where it stands: once for each of its addresses.
    pub fn stands(&self) -> impl Iterator<Item = Stand<'_>> {
        let addresses = self.service.addresses.iter().map(Some);
        let every = self.service.addresses.is_empty().then_some(None);
        addresses.chain(every).map(|address| Stand {
            protocol: self.spec.protocol,
            ports: self.spec.range,
            address,
            device: self.service.device.as_deref(),
            v6only: false,
        })
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
        || declared
            .iter()
            .any(|address| address.breadth() == Breadth::Wildcard || address.is_same_place(bound))
}

/// Every declared port, ready to be asked by number.
#[derive(Clone, Debug, Default)]
pub struct Desired<'a> {
    ports: Vec<DesiredPort<'a>>,
    /// By number, in the order of the policy.
    singles: Vec<(Protocol, u16, usize)>,
    /// By first number, each with the highest last number up to it: where that lies below a port, so do all before.
    pools: Vec<(PortSpec, u16, usize)>,
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
                desired.singles.push((spec.protocol, spec.range.first, index));
            } else {
                desired.pools.push((spec, spec.range.last, index));
            }
        }
    }
    desired.singles.sort_unstable();
    desired.pools.sort_by_key(|(spec, ..)| *spec);
    let mut highest = 0;
    for (_, last, _) in &mut desired.pools {
        highest = highest.max(*last);
        *last = highest;
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
        let first = self.singles.partition_point(|&(own, number, _)| (own, number) < (protocol, port));
        let singles = self.singles[first..]
            .iter()
            .take_while(move |&&(own, number, _)| (own, number) == (protocol, port))
            .map(|(.., index)| index);
        let begun = self.pools.partition_point(|(spec, ..)| spec.range.first <= port);
        let pools = self.pools[..begun]
            .iter()
            .rev()
            .take_while(move |(_, highest, _)| *highest >= port)
            .filter(move |(spec, ..)| spec.protocol == protocol && spec.range.contains(port))
            .map(|(_, _, index)| index);
        singles.chain(pools).map(|&index| &self.ports[index])
    }

    /// The declared ports that `listener` stands on: more than one where it takes every address.
    pub fn covering(&self, listener: &Listener) -> impl Iterator<Item = &DesiredPort<'a>> {
        self.at(listener.protocol, listener.port).filter(|desired| desired.covers(listener))
    }

    /// The declared port that `listener` stands on, one for its very address before one for any.
    #[must_use]
    pub fn of(&self, listener: &Listener) -> Option<&DesiredPort<'a>> {
        self.covering(listener).max_by_key(|desired| !desired.service.addresses.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{owner::Owner, rules::testing::scene};
    use alloc::{format, vec};

    #[test]
    fn a_number_is_found_in_every_pool_that_holds_it() {
        let pools = ["10-90/tcp", "20-30/tcp", "25/tcp", "25-25/tcp", "28-40/udp", "29-70/tcp", "60-80/tcp"];
        let scene = pools.iter().enumerate().fold(scene(), |scene, (index, ports)| {
            scene.service_of(&format!("s{index}"), ports, Owner::User("a".into()))
        });
        let policy = scene.policy.unwrap();
        let desired = desire(&policy);
        let at = |port| {
            let mut names: Vec<_> =
                desired.at(Protocol::Tcp, port).map(|desired| desired.service.name.as_str()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(at(25), vec!["s0", "s1", "s2", "s3"]);
        assert_eq!(at(30), vec!["s0", "s1", "s5"]);
        assert_eq!(at(65), vec!["s0", "s5", "s6"]);
        assert_eq!(at(90), vec!["s0"]);
        assert!(at(9).is_empty() && at(91).is_empty());
    }
}
