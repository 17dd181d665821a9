//! Ports whose packets the kernel leads to a service, whoever has bound them (A4, A5, A12).

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::{
    address::{Address, Family},
    exposure::{To, families},
    facts::{Led, LeftSteer, Listener, Process, Snapshot},
    firewall::{Intervals, number},
    port::{PortRange, Protocol},
    steer::{Route, WhenDead},
};

/// So many ports of a route are judged each.
const PORTS_MAX: u16 = 64;

/// Where packets are led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steered<'a> {
    /// What leads them.
    pub route: &'a Route,
    /// The sockets that they are led to; none where the service has none, or none that was looked for.
    pub takers: Vec<Taker<'a>>,
}

/// A socket that takes what is led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taker<'a> {
    /// The socket.
    pub listener: &'a Listener,
    /// One who holds it, by pid.
    pub holder: Option<(u32, &'a Process)>,
}

/// What leads packets for any port of `range`, of this protocol or of either.
#[must_use]
pub fn steered(snapshot: &Snapshot, protocol: Option<Protocol>, range: PortRange) -> Vec<Steered<'_>> {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Vec::new() };
    let is_asked = |route: &&Route| {
        route.ports.overlaps(range) && protocol.is_none_or(|protocol| protocol == route.protocol)
    };
    let taker = |listener| {
        let holder = snapshot.holders(listener).next().map(|(hold, process)| (hold.pid, process));
        Taker { listener, holder }
    };
    let takers =
        |route| snapshot.listeners.iter().filter(|it| is_led_to(route, led, it)).map(taker).collect();
    routes.0.iter().filter(is_asked).map(|route| Steered { route, takers: takers(route) }).collect()
}

/// `listener` as if it were bound where packets are led from to it; of many ports the first ones and the last.
#[must_use]
pub fn stands(snapshot: &Snapshot, listener: &Listener) -> Vec<Listener> {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Vec::new() };
    let leading = routes.0.iter().filter(|route| is_led_to(route, led, listener));
    let everywhere = Address { ip: Family::of(listener.address.ip).wildcard(), interface: None };
    let at = |route: &Route, port| {
        let address = route.address.clone().unwrap_or_else(|| everywhere.clone());
        Listener { address, port, device: None, ..listener.clone() }
    };
    let is_judged =
        |ports: PortRange, port| port < ports.first.saturating_add(PORTS_MAX) || port == ports.last;
    let ports = |ports: PortRange| (ports.first..=ports.last).filter(move |port| is_judged(ports, *port));
    leading.flat_map(|route| ports(route.ports).map(move |port| at(route, port))).collect()
}

/// The doors by which packets are led to somebody, wherever he is bound.
#[must_use]
pub fn doors(snapshot: &Snapshot) -> Vec<To> {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Vec::new() };
    let door = |route: &Route, family| To {
        family,
        protocol: route.protocol,
        addresses: route.address.as_ref().map(|address| Intervals::one(number(address.ip.to_canonical()))),
        ports: route.ports,
    };
    let is_live = |route: &Route, family| {
        led.iter().any(|led| {
            (led.service == route.service) && (led.protocol, led.family) == (route.protocol, family)
        })
    };
    let live = |route: &Route| {
        route.families().iter().copied().filter(|family| is_live(route, *family)).collect::<Vec<_>>()
    };
    routes.0.iter().flat_map(|route| live(route).into_iter().map(|family| door(route, family))).collect()
}

/// Whether all that comes in for `listener` where it is bound is led to others, or refused for them.
#[must_use]
pub fn is_deprived(snapshot: &Snapshot, listener: &Listener) -> bool {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return false };
    let takes = |route: &Route, family| {
        let is_live = || {
            let mut own = led.iter().filter(|led| led.service == route.service);
            own.any(|led| (led.protocol, led.family) == (route.protocol, family))
        };
        !is_led_to(route, led, listener) && (route.when_dead == WhenDead::Refuse || is_live())
    };
    let is_own = snapshot.namespace(listener.netns).is_some_and(|namespace| namespace.own);
    is_own
        && heard(listener).all(|ip| {
            let route = routes.lead(listener.protocol, ip, listener.port);
            route.is_some_and(|route| takes(route, Family::of(ip)))
        })
}

/// The address that it is bound to; the wildcard of each family that it hears.
fn heard(listener: &Listener) -> impl Iterator<Item = IpAddr> {
    let ip = listener.address.ip.to_canonical();
    let families = families(listener).into_iter();
    families.map(move |family| if ip.is_unspecified() { family.wildcard() } else { ip })
}

fn is_led_to(route: &Route, led: &[Led], listener: &Listener) -> bool {
    let leads = |led: &Led| {
        (led.service.as_str(), led.protocol) == (route.service.as_str(), route.protocol)
            && route.families().contains(&led.family)
    };
    listener.cookie != 0 && led.iter().any(|led| led.cookie == listener.cookie && leads(led))
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::{
        facts::GuardStands,
        reach::Verdict,
        rules::testing::{Scene, scene},
        steer::Routes,
    };

    /// `web` gets 80 and 443 of one address, and is at number 8443 of loopback.
    fn led() -> Scene {
        let scene =
            scene().service("web", "443/tcp", "nginx.service").listens("nginx.service", "127.0.0.1:8443/tcp");
        let mut scene = scene.socket(|listener| listener.cookie = 77);
        let route = |first, last| Route {
            service: "web".into(),
            protocol: Protocol::Tcp,
            address: "192.0.2.7".parse().ok(),
            ports: PortRange { first, last },
            when_dead: WhenDead::Refuse,
            local: false,
        };
        scene.snapshot.steer = Some(LeftSteer {
            stands: GuardStands::Whole,
            dead: Vec::new(),
            led: [Led { service: "web".into(), protocol: Protocol::Tcp, family: Family::Ipv4, cookie: 77 }]
                .into(),
            routes: Routes([route(80, 80), route(443, 445)].into()),
        });
        scene
    }

    #[test]
    fn what_leads_a_port_is_told_with_whom_it_leads_to() {
        let scene = led();
        let told = |protocol, first, last| {
            let steered = steered(&scene.snapshot, protocol, PortRange { first, last });
            steered.iter().map(|it| (it.route.ports.first, it.takers.len())).collect::<Vec<_>>()
        };
        assert_eq!(told(None, 444, 444), [(443, 1)]);
        assert_eq!(told(Some(Protocol::Tcp), 1, 9_000), [(80, 1), (443, 1)]);
        assert_eq!((told(Some(Protocol::Udp), 443, 443), told(None, 8_443, 8_443)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn who_is_led_to_is_reached_as_if_it_were_bound_there() {
        let scene = led();
        let listener = &scene.snapshot.listeners[0];
        let at = stands(&scene.snapshot, listener).into_iter().map(|it| (it.address.ip, it.port));
        let ports = [80, 443, 444, 445];
        assert_eq!(at.collect::<Vec<_>>(), ports.map(|port| (Ipv4Addr::new(192, 0, 2, 7).into(), port)));
        let world =
            |scene: &Scene| scene.with_world(|world| world.reach(&world.snapshot.listeners[0])[0].verdict);
        assert_eq!(world(&scene), Verdict::Reachable);
        let mut other = led();
        other.snapshot.listeners[0].cookie = 78;
        assert_eq!(world(&other), Verdict::Blocked, "it is on loopback alone");
    }

    #[test]
    fn there_is_a_door_where_somebody_is_led_to() {
        let mut scene = led();
        let told = |scene: &Scene| {
            let doors = doors(&scene.snapshot);
            doors
                .into_iter()
                .map(|to| (to.family, to.ports.first, to.ports.last, to.addresses.is_some()))
                .collect::<Vec<_>>()
        };
        let ipv4 = Family::Ipv4;
        assert_eq!(told(&scene), [(ipv4, 80, 80, true), (ipv4, 443, 445, true)]);
        let steer = scene.snapshot.steer.as_mut().expect("it is steered");
        steer.routes.0[0].address = None;
        assert_eq!(told(&scene)[0], (ipv4, 80, 80, false), "of IPv6 it has no socket");
        scene.snapshot.steer.as_mut().expect("it is steered").led.clear();
        assert!(told(&scene).is_empty());
    }

    #[test]
    fn whoever_is_bound_where_packets_are_led_away_is_reached_by_nobody() {
        let reached = |spot, address: Option<&str>, when_dead| {
            let mut scene = led().listens("other.service", spot);
            let steer = scene.snapshot.steer.as_mut().expect("it is steered");
            for route in &mut steer.routes.0 {
                route.address = address.and_then(|address| address.parse().ok());
                route.when_dead = when_dead;
            }
            let listener =
                scene.snapshot.listeners.iter().position(|it| it.port == 443).expect("it is there");
            scene.with_world(|world| world.reach(&world.snapshot.listeners[listener])[0].verdict)
        };
        let (refuse, pass) = (WhenDead::Refuse, WhenDead::Pass);
        assert_eq!(reached("0.0.0.0:443/tcp", None, refuse), Verdict::Blocked);
        assert_eq!(reached("0.0.0.0:443/tcp", None, pass), Verdict::Blocked, "web has a socket for IPv4");
        assert_eq!(reached("[::]:443/tcp", None, refuse), Verdict::Blocked);
        assert_eq!(reached("[::]:443/tcp", None, pass), Verdict::Reachable, "and none for IPv6");
        assert_eq!(reached("192.0.2.7:443/tcp", Some("192.0.2.7"), refuse), Verdict::Blocked);
        assert_eq!(
            reached("192.0.2.8:443/tcp", Some("192.0.2.7"), refuse),
            Verdict::Reachable,
            "it is another address"
        );
        assert_eq!(reached("0.0.0.0:443/tcp", Some("192.0.2.7"), refuse), Verdict::Reachable, "at others");
    }

    #[test]
    fn a_service_without_a_socket_has_no_listener() {
        let mut scene = led();
        scene.snapshot.listeners[0].cookie = 78;
        let steered = steered(&scene.snapshot, None, PortRange::one(443));
        assert_eq!(steered.iter().map(|it| it.takers.len()).collect::<Vec<_>>(), [0]);
    }
}
