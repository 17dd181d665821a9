//! What was seen of each port, beside what the model of that host says and what its policy declares (A17, A20).

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::net::IpAddr;

use super::{Ended, Glimpse, Outcome, Seen};
use crate::{
    address::{Address, Breadth},
    desired::{Desired, DesiredPort},
    exposure::{Exposure, How, Reached},
    facts::{Backlog, Listener, Snapshot},
    firewall::Intervals,
    policy::{Policy, WORLD},
    port::{PortRange, PortSpec, Protocol},
    world::leads_to,
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
    /// Whether somebody listens there, or where rules lead packets from there, as far as the model knows.
    pub is_served: bool,
    /// Whether so many wait there to be accepted that the kernel drops whoever comes next.
    pub is_full: bool,
    /// Whether packets are sent on from there to another host or a container, of which nothing is known here.
    pub is_sent_on: bool,
    /// Whether it is silent among answers of which some got lost, however often was asked, or was not asked as often as it takes: its
    /// answer may be lost, or under way.
    pub is_in_doubt: bool,
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

    /// Whether packets do not get there, or nobody takes them. That nobody answers proves it of TCP alone: who hears datagrams owes
    /// nobody an answer.
    #[must_use]
    pub fn is_shut(&self) -> bool {
        match self.glimpse.seen {
            Seen::Open => false,
            Seen::Closed | Seen::Filtered => true,
            Seen::Silent => self.protocol == Protocol::Tcp && !self.is_in_doubt,
        }
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
pub fn beside(outcome: &Outcome, protocol: Protocol, line: Line, known: Option<Known<'_>>) -> Vec<Beside> {
    let served = known.map(|known| served(known.snapshot, protocol, line.target)).unwrap_or_default();
    let led =
        |exposure: &Exposure, port| known.and_then(|known| led(known.snapshot, protocol, exposure, port));
    // Whoever was not asked to the end may have an answer under way.
    let is_early = outcome.unheard > 0 || outcome.ended != Ended::Whole;
    let one = |glimpse: &Glimpse| {
        let exposure = known.and_then(|known| exposure(known.exposures, glimpse.port));
        let is_sent_on = exposure.is_some_and(is_sent_on);
        let queues = [served.get(&glimpse.port).copied(), exposure.and_then(|it| led(it, glimpse.port))];
        let declared = known.and_then(|known| declared(known.desired, protocol, glimpse.port, line.target));
        Beside {
            protocol,
            glimpse: *glimpse,
            said: exposure.map_or(Reached::Unknown, |exposure| exposure.reached),
            is_served: is_sent_on || queues.iter().any(Option::is_some),
            is_full: queues.contains(&Some(Queue::Full)),
            is_sent_on,
            is_in_doubt: is_early && glimpse.seen == Seen::Silent,
            is_meant: declared.is_some_and(|declared| is_meant(declared, known, line.source)),
            declared: declared.map(|declared| declared.service.name.clone()),
        }
    };
    outcome.glimpses.iter().map(one).collect()
}

fn exposure(exposures: &[Exposure], port: u16) -> Option<&Exposure> {
    let place = exposures.partition_point(|exposure| exposure.ports.last < u128::from(port));
    exposures.get(place).filter(|exposure| exposure.ports.first <= u128::from(port))
}

fn is_sent_on(exposure: &Exposure) -> bool {
    exposure.ways.iter().any(|way| matches!(way.how, How::Forwarded(_)))
}

/// Whether a socket takes who comes next; of several that share a port one that does not is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Free,
    Full,
}

impl Queue {
    fn of(listener: &Listener) -> Self {
        if listener.backlog.is_some_and(Backlog::is_full) { Self::Full } else { Self::Free }
    }
}

/// The sockets of that host at another port or address to which a rule leads packets to `port`, if there are any.
fn led(snapshot: &Snapshot, protocol: Protocol, exposure: &Exposure, port: u16) -> Option<Queue> {
    let asked = Intervals::one(port.into());
    let led = exposure.ways.iter().filter(|way| matches!(way.how, How::Redirected(_)));
    let heard = |how: &How| {
        let them = own_listeners(snapshot, protocol).filter(|listener| leads_to(how, &asked, listener));
        them.map(Queue::of).max()
    };
    led.filter_map(|way| heard(&way.how)).max()
}

/// Those of that host's own namespace.
fn own_listeners(snapshot: &Snapshot, protocol: Protocol) -> impl Iterator<Item = &Listener> {
    let own = snapshot.own_namespace().map(|namespace| namespace.id);
    let listeners = snapshot.listeners.iter();
    listeners.filter(move |it| Some(it.netns) == own && it.protocol == protocol && it.hears())
}

/// The ports at which a socket of that host hears what goes to `target`.
fn served(snapshot: &Snapshot, protocol: Protocol, target: IpAddr) -> BTreeMap<u16, Queue> {
    let is_here = |listener: &&Listener| match listener.address.breadth() {
        Breadth::Wildcard if target.is_ipv4() => listener.hears_ipv4(),
        Breadth::Wildcard => listener.hears_ipv6(),
        _ => listener.address.ip.to_canonical() == target,
    };
    let mut served = BTreeMap::new();
    let by_its_device = |listener: &&Listener| gets_by_its_device(listener, snapshot, target);
    for listener in own_listeners(snapshot, protocol).filter(is_here).filter(by_its_device) {
        let queue = Queue::of(listener);
        served.entry(listener.port).and_modify(|worst| *worst = queue.max(*worst)).or_insert(queue);
    }
    served
}

/// Whether `listener` gets what goes to `target` where it is tied to a device: what comes from elsewhere comes by the device that
/// has the address as far as anybody knows, and what the host sends itself counts as such (include/net/ip.h, `inet_iif`).
fn gets_by_its_device(listener: &Listener, snapshot: &Snapshot, target: IpAddr) -> bool {
    let Some(device) = &listener.device else { return true };
    if target.is_loopback() {
        return device == "lo";
    }
    let mut interfaces = snapshot.own_namespace().into_iter().flat_map(|namespace| &namespace.interfaces);
    interfaces.any(|own| own.name == *device && own.addresses.iter().any(|it| it.ip.to_canonical() == target))
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
    use alloc::format;

    use super::*;
    use crate::{
        address::Family,
        exposure::{Senders, To, exposed, ports_of},
        facts::Interface,
        firewall::{Surroundings, number},
        outside::Ended,
        rules::testing::{Scene, scene, translated, zone},
    };

    const TARGET: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 0, 2, 10));
    /// What eth0 of a described host has.
    const HERE: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(203, 0, 113, 2));
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
            beside(&of(glimpse), Protocol::Tcp, line, Some(known)).remove(0)
        })
    }

    fn of(glimpse: Glimpse) -> Outcome {
        Outcome { glimpses: [glimpse].into(), ..Outcome::nothing(0, Ended::Whole) }
    }

    #[test]
    fn silence_is_in_doubt_where_answers_got_lost_to_the_last() {
        let of = |seen, unheard| {
            let outcome = Outcome { unheard, ..of(Glimpse { port: 22, seen, by: None, trip: None }) };
            let row = beside(&outcome, Protocol::Tcp, Line { source: None, target: TARGET }, None).remove(0);
            (row.is_in_doubt, row.is_shut())
        };
        assert_eq!((of(Seen::Silent, 3), of(Seen::Silent, 0)), ((true, false), (false, true)));
        assert_eq!((of(Seen::Closed, 3), of(Seen::Open, 3)), ((false, true), (false, false)));
    }

    #[test]
    fn silence_is_in_doubt_where_nobody_asked_to_the_end() {
        let is_shut = |seen, ended| {
            let outcome = Outcome { ended, ..of(Glimpse { port: 22, seen, by: None, trip: None }) };
            let line = Line { source: None, target: TARGET };
            beside(&outcome, Protocol::Tcp, line, None).remove(0).is_shut()
        };
        for ended in [Ended::Vanished, Ended::Cut, Ended::Expired, Ended::Stopped] {
            assert!(!is_shut(Seen::Silent, ended) && is_shut(Seen::Closed, ended), "{ended:?}");
        }
        assert!(is_shut(Seen::Silent, Ended::Whole));
    }

    #[test]
    fn what_is_said_is_that_of_the_ports_own_run() {
        let said = |port| row(&scene(), port, Some(OUTSIDE)).said;
        assert_eq!((said(1), said(1_023)), (Reached::Dropped, Reached::Dropped));
        assert_eq!((said(1_024), said(65_535)), (Reached::Reachable, Reached::Reachable));
        let glimpse = Glimpse { port: 22, seen: Seen::Open, by: None, trip: None };
        let row = &beside(&of(glimpse), Protocol::Tcp, Line { source: None, target: TARGET }, None)[0];
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
    fn who_is_tied_to_a_device_serves_what_goes_to_an_address_of_that_device_alone() {
        let tied = |device: &'static str| move |socket: &mut Listener| socket.device = Some(device.into());
        let scene = scene().listens("a.service", "0.0.0.0:8001/tcp").socket(tied("lo"));
        let mut scene = scene.again("0.0.0.0:8002/tcp").socket(tied("eth0"));
        let address = Address { ip: TARGET, interface: None };
        let eth0 = Interface { name: "eth0".into(), addresses: [address].into() };
        scene.snapshot.namespaces[0].interfaces.push(eth0);
        let is_served = |port| row(&scene, port, Some(OUTSIDE)).is_served;
        assert_eq!([8_001, 8_002].map(is_served), [false, true]);
        assert!(!row(&scene, 8_001, None).is_served, "nor does the host get there by that address itself");
    }

    #[test]
    fn a_socket_whose_queue_is_full_takes_nobody_and_one_of_others_counts() {
        let queued = |used| move |socket: &mut Listener| socket.backlog = Some(Backlog { used, limit: 1 });
        let scene = scene().listens("a.service", "0.0.0.0:8001/tcp").socket(queued(2));
        let scene = scene.listens("b.service", "0.0.0.0:8002/tcp").socket(queued(0));
        let scene = scene.listens("c.service", "0.0.0.0:8003/tcp").socket(queued(0));
        let scene = scene.again("192.0.2.10:8003/tcp").socket(queued(2));
        let full = (8_001..=8_004).filter(|port| row(&scene, *port, Some(OUTSIDE)).is_full);
        assert_eq!(full.collect::<Vec<_>>(), [8_001, 8_003]);
    }

    /// Whether 8001 is served, which a rule sends to 8002, by whoever `listens`; and whether it is sent on.
    fn is_served(rule: &str, listens: &str) -> (bool, bool) {
        let firewall =
            translated("-A INPUT -j ACCEPT\n", &format!("-A PREROUTING -p tcp -m tcp --dport 8001 {rule}"));
        let scene = scene().listens("a.service", listens).filtered(firewall, &[]);
        scene.with_world(|world| {
            let to = To {
                family: Family::Ipv4,
                protocol: Protocol::Tcp,
                addresses: Some(Intervals::one(number(HERE))),
                ports: PortRange::EVERY,
            };
            let exposures = exposed(world.filter().unwrap(), &Senders::World, &to);
            let desired = &world.desired;
            let known = Known { exposures: &exposures, snapshot: world.snapshot, policy: None, desired };
            let glimpse = Glimpse { port: 8_001, seen: Seen::Closed, by: None, trip: None };
            let line = Line { source: Some(OUTSIDE), target: HERE };
            let row = beside(&of(glimpse), Protocol::Tcp, line, Some(known)).remove(0);
            (row.is_served, row.is_sent_on)
        })
    }

    #[test]
    fn a_port_from_which_a_rule_leads_to_nobody_is_served_by_nobody() {
        let redirect = "-j REDIRECT --to-ports 8002";
        assert_eq!(is_served(redirect, "0.0.0.0:8002/tcp"), (true, false));
        assert_eq!(is_served(redirect, "0.0.0.0:8003/tcp"), (false, false));
        assert_eq!(is_served(redirect, "0.0.0.0:8002/udp"), (false, false));
        assert_eq!(is_served("-j DNAT --to-destination 172.17.0.2:80", "0.0.0.0:8003/tcp"), (true, true));
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
