//! Ports whose packets the kernel leads to a service, whoever has bound them (A4, A5, A12).

use alloc::vec::Vec;

use crate::{
    facts::{Led, LeftSteer, Listener, Process, Snapshot},
    port::{PortRange, Protocol},
    steer::Route,
};

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

fn is_led_to(route: &Route, led: &[Led], listener: &Listener) -> bool {
    let leads = |led: &Led| {
        (led.service.as_str(), led.protocol) == (route.service.as_str(), route.protocol)
            && route.families().contains(&led.family)
    };
    listener.cookie != 0 && led.iter().any(|led| led.cookie == listener.cookie && leads(led))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Family,
        facts::GuardStands,
        rules::testing::{Scene, scene},
        steer::{Routes, WhenDead},
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
    fn a_service_without_a_socket_has_no_listener() {
        let mut scene = led();
        scene.snapshot.listeners[0].cookie = 78;
        let steered = steered(&scene.snapshot, None, PortRange::one(443));
        assert_eq!(steered.iter().map(|it| it.takers.len()).collect::<Vec<_>>(), [0]);
    }
}
