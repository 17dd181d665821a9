//! Ports whose packets the kernel leads to a service, whoever has bound them (A4, A5, A12).

pub mod hidden;
mod past;

use alloc::vec::Vec;
use core::net::IpAddr;

pub use self::past::{Past, past};

use crate::{
    address::{Address, Family},
    exposure::{Leads, To, families},
    facts::{Led, LeftSteer, Listener, Process, Snapshot},
    firewall::{Intervals, number},
    owner::{Identity, Match, Owner},
    port::{PortRange, Protocol},
    steer::{Route, WhenDead},
    world::World,
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

/// What leads packets for any port of `range`, of this protocol or of either, or leads others to whoever listens there.
#[must_use]
pub fn steered(snapshot: &Snapshot, protocol: Option<Protocol>, range: PortRange) -> Vec<Steered<'_>> {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Vec::new() };
    let is_asked = |steered: &Steered<'_>| {
        let is_taken = || steered.takers.iter().any(|taker| range.contains(taker.listener.port));
        let is_protocol = protocol.is_none_or(|protocol| protocol == steered.route.protocol);
        is_protocol && (steered.route.ports.overlaps(range) || is_taken())
    };
    let taker = |listener| {
        let holder = snapshot.holders(listener).next().map(|(hold, process)| (hold.pid, process));
        Taker { listener, holder }
    };
    let takers =
        |route| snapshot.listeners.iter().filter(|it| is_led_to(route, led, it)).map(taker).collect();
    let all = routes.0.iter().map(|route| Steered { route, takers: takers(route) });
    all.filter(is_asked).collect()
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

/// Where packets are led to somebody, wherever he is bound, and where to nobody.
#[must_use]
pub fn leads(snapshot: &Snapshot) -> Leads {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Leads::default() };
    let mut leads = Leads::default();
    for route in &routes.0 {
        for family in route.families() {
            let addresses = route.address.as_ref();
            let to = To {
                family: *family,
                protocol: route.protocol,
                addresses: addresses.map(|address| Intervals::one(number(address.ip.to_canonical()))),
                ports: route.ports,
            };
            if is_live(route, *family, led) {
                join(&mut leads.live, to);
            } else if route.when_dead == WhenDead::Refuse {
                leads.dead.push(to);
            }
        }
    }
    leads
}

/// The same ports at another address are told of with those at the first one.
fn join(all: &mut Vec<To>, next: To) {
    let key = |to: &To| (to.family, to.protocol, to.ports);
    match all.iter_mut().find(|to| key(to) == key(&next)) {
        Some(to) => to.addresses = to.addresses.take().zip(next.addresses).map(|(one, other)| one.or(&other)),
        None => all.push(next),
    }
}

/// Whether all that comes in for `listener` where it is bound is led to others, or refused for them.
#[must_use]
pub fn is_deprived(snapshot: &Snapshot, listener: &Listener) -> bool {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return false };
    let is_own = snapshot.namespace(listener.netns).is_some_and(|namespace| namespace.own);
    is_own
        && heard(listener).all(|ip| {
            let route = routes.lead(listener.protocol, ip, listener.port);
            route.is_some_and(|route| is_kept_from(listener, route, Family::of(ip), led))
        })
}

/// The addresses at which others get what comes in for `listener` over this family, where it is bound to every one.
#[must_use]
pub fn deaf(snapshot: &Snapshot, listener: &Listener, family: Family) -> Intervals {
    let Some(LeftSteer { routes, led, .. }) = &snapshot.steer else { return Intervals::none() };
    if !listener.address.ip.to_canonical().is_unspecified() {
        return Intervals::none();
    }
    let addresses = routes.0.iter().filter_map(|route| {
        let ip = route.address.as_ref().filter(|_| !route.is_anywhere())?.ip.to_canonical();
        // Of several for one address the most precise one leads.
        let leads = routes.lead(listener.protocol, ip, listener.port)? == route;
        let is_deaf = leads && Family::of(ip) == family && is_kept_from(listener, route, family, led);
        is_deaf.then(|| Intervals::one(number(ip)))
    });
    addresses.fold(Intervals::none(), |all, one| all.or(&one))
}

/// Whether others get what `route` leads over this family, or nobody does.
fn is_kept_from(listener: &Listener, route: &Route, family: Family, led: &[Led]) -> bool {
    !is_led_to(route, led, listener) && (route.when_dead == WhenDead::Refuse || is_live(route, family, led))
}

/// The address that it is bound to; the wildcard of each family that it hears.
fn heard(listener: &Listener) -> impl Iterator<Item = IpAddr> {
    let ip = listener.address.ip.to_canonical();
    let families = families(listener).into_iter();
    families.map(move |family| if ip.is_unspecified() { family.wildcard() } else { ip })
}

/// Whether somebody takes what `route` leads over this family.
fn is_live(route: &Route, family: Family, led: &[Led]) -> bool {
    led.iter().any(|led| led.family == family && route.uses(led))
}

/// Who gets what is `led` to and surely is none of `owners`, the first with his pid; nobody where an owner may have it too.
#[must_use]
pub fn stranger<'a>(world: &World<'a>, owners: &[Owner], led: &Led) -> Option<(u32, &'a Process)> {
    let is_led_to = |listener: &&Listener| listener.cookie != 0 && listener.cookie == led.cookie;
    let listener = world.snapshot.listeners.iter().find(is_led_to)?;
    let is_stranger = |process| Identity::of_holder(process, listener).matches_any(owners) == Match::No;
    let are_strangers = world.snapshot.holders(listener).all(|(_, process)| is_stranger(process));
    let (hold, process) = world.snapshot.holders(listener).next().filter(|_| are_strangers)?;
    Some((hold.pid, process))
}

/// Whether one of `owners` has what is `led` to.
#[must_use]
pub fn is_owners(world: &World<'_>, owners: &[Owner], led: &Led) -> bool {
    let is_owner =
        |process, listener| Identity::of_holder(process, listener).matches_any(owners) == Match::Yes;
    let own = world.snapshot.listeners.iter().filter(|it| it.cookie != 0 && it.cookie == led.cookie);
    own.into_iter().any(|it| world.snapshot.holders(it).any(|(_, process)| is_owner(process, it)))
}

fn is_led_to(route: &Route, led: &[Led], listener: &Listener) -> bool {
    listener.cookie != 0 && led.iter().any(|led| led.cookie == listener.cookie && route.uses(led))
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::*;
    use crate::{
        facts::GuardStands,
        reach::Verdict,
        rules::testing::{Scene, scene},
        steer::{Routes, Tenancy},
    };

    /// `web` gets 80 and 443 of one address, and is at number 8443 of loopback.
    pub(super) fn led() -> Scene {
        let scene =
            scene().service("web", "443/tcp", "nginx.service").listens("nginx.service", "127.0.0.1:8443/tcp");
        let mut scene = scene.socket(|listener| listener.cookie = 77);
        let route = |first, last| Route {
            service: "web".into(),
            tenancy: Tenancy::default(),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: "192.0.2.7".parse().ok(),
            ports: PortRange { first, last },
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: None,
        };
        scene.snapshot.steer = Some(LeftSteer {
            stands: GuardStands::Whole,
            dead: Vec::new(),
            led: [Led {
                service: "web".into(),
                tenancy: Tenancy::default(),
                protocol: Protocol::Tcp,
                family: Family::Ipv4,
                cookie: 77,
            }]
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
        assert_eq!(told(None, 8_443, 8_443), [(80, 1), (443, 1)], "what is led to who listens there");
        assert_eq!(told(Some(Protocol::Udp), 1, 9_000), []);
        assert_eq!(told(None, 8_444, 8_444), []);
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
    fn packets_are_led_to_somebody_or_to_nobody() {
        let mut scene = led();
        let told = |scene: &Scene| {
            let count = |to: &To| to.addresses.as_ref().map(|addresses| addresses.iter().count());
            let told = |to: &To| (to.family, to.ports.first, to.ports.last, count(to));
            let Leads { live, dead } = leads(&scene.snapshot);
            [live, dead].map(|all| all.iter().map(told).collect::<Vec<_>>())
        };
        let (ipv4, ipv6) = (Family::Ipv4, Family::Ipv6);
        let none = Vec::new;
        assert_eq!(told(&scene), [[(ipv4, 80, 80, Some(1)), (ipv4, 443, 445, Some(1))].into(), none()]);
        fn steer(scene: &mut Scene) -> &mut LeftSteer {
            scene.snapshot.steer.as_mut().expect("it is steered")
        }
        let elsewhere = Route { address: "192.0.2.9".parse().ok(), ..steer(&mut scene).routes.0[0].clone() };
        steer(&mut scene).routes.0.push(elsewhere);
        assert_eq!(told(&scene)[0][0], (ipv4, 80, 80, Some(2)), "at either address");
        steer(&mut scene).routes.0.truncate(1);
        steer(&mut scene).routes.0[0].address = None;
        assert_eq!(told(&scene), [[(ipv4, 80, 80, None)], [(ipv6, 80, 80, None)]].map(Vec::from));
        steer(&mut scene).led.clear();
        assert_eq!(told(&scene), [none(), [(ipv4, 80, 80, None), (ipv6, 80, 80, None)].into()]);
        steer(&mut scene).routes.0[0].when_dead = WhenDead::Pass;
        assert_eq!(told(&scene), [none(), none()]);
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
