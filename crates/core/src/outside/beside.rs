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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exposure::ports_of,
        firewall::Surroundings,
        rules::testing::{Scene, scene, zone},
    };

    const TARGET: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 10));
    const INSIDE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 7));
    const OUTSIDE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 7));

    /// What is known of one port, of a host whose rules drop everything below 1024 and take in the rest.
    fn row(scene: &Scene, port: u16, source: Option<IpAddr>) -> Beside {
        let run = |first, last, reached| {
            let ports = PortRange { first, last };
            let ports = ports_of(ports).iter().next().unwrap();
            Exposure { ports, reached, ..Exposure::lost(&Surroundings::default(), PortRange::one(first)) }
        };
        let exposures = [run(0, 1_023, Reached::Dropped), run(1_024, u16::MAX, Reached::Reachable)];
        scene.with_world(|world| {
            let known = Known {
                exposures: &exposures,
                snapshot: world.snapshot,
                policy: world.policy,
                desired: &world.desired,
            };
            let glimpse = Glimpse { port, seen: Seen::Open, by: None, trip: None };
            let line = Line { source, target: TARGET };
            beside(&[glimpse], Protocol::Tcp, line, Some(known)).remove(0)
        })
    }

    #[test]
    fn what_is_said_is_that_of_the_ports_own_run() {
        let said = |port| row(&scene(), port, Some(OUTSIDE)).said;
        assert_eq!((said(1), said(1_023)), (Reached::Dropped, Reached::Dropped));
        assert_eq!((said(1_024), said(65_535)), (Reached::Reachable, Reached::Reachable));
        let glimpse = Glimpse { port: 22, seen: Seen::Open, by: None, trip: None };
        let row = &beside(&[glimpse], Protocol::Tcp, Line { source: None, target: TARGET }, None)[0];
        assert_eq!((row.said, row.is_served, row.is_meant), (Reached::Unknown, false, false));
    }

    #[test]
    fn who_hears_what_goes_to_that_address_serves_the_port() {
        let scene = scene()
            .listens("a.service", "0.0.0.0:8001/tcp")
            .again("[::]:8002/tcp")
            .again("192.0.2.10:8003/tcp")
            .again("127.0.0.1:8004/tcp")
            .again("0.0.0.0:8005/udp");
        let served = (8_001..=8_006).filter(|port| row(&scene, *port, Some(OUTSIDE)).is_served);
        assert_eq!(served.collect::<Vec<_>>(), [8_001, 8_002, 8_003]);
    }

    #[test]
    fn a_service_means_its_zones_and_the_host_itself() {
        let office = |scene: Scene| scene.service("web", "8080/tcp", "web.service").reach("office");
        let mut scene = office(scene());
        scene.policy.as_mut().unwrap().zones.push(zone("office", &["10.0.0.0/24"], &[]));
        let meant = |scene: &Scene, source| row(scene, 8_080, source).is_meant;
        assert_eq!([Some(INSIDE), Some(OUTSIDE), None].map(|it| meant(&scene, it)), [true, false, true]);
        assert_eq!(row(&scene, 8_080, None).declared.as_deref(), Some("web"));
        assert_eq!(row(&scene, 8_081, None).declared, None);
        let world = scene.reach("world");
        assert!(meant(&world, Some(OUTSIDE)));
    }
}
