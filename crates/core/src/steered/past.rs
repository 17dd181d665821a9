//! What is led past whoever has bound a port: they lose nothing by what is done to him (A5, A16).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{Steered, steered};
use crate::{
    facts::{LeftSteer, Listener, Snapshot},
    gate::Ports,
    port::PortSpec,
};

/// Services, each with those of the ports that are led to it.
type Services<'a> = BTreeMap<&'a str, BTreeSet<PortSpec>>;

/// The services to which packets for some ports are led, by whether whoever listens on these has anything to do with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past<'a> {
    /// Those that have a socket on another port.
    pub elsewhere: Services<'a>,
    /// Those that have none at all.
    pub dead: Services<'a>,
}

impl Past<'_> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.elsewhere.is_empty() && self.dead.is_empty()
    }
}

/// The services that are led past whoever listens on `ports`.
#[must_use]
pub fn past<'a>(snapshot: &'a Snapshot, ports: &Ports) -> Past<'a> {
    let routes = routes(snapshot, ports);
    let services = |is_it: &dyn Fn(&Steered<'_>) -> bool| {
        let mut services = Services::new();
        for (steered, spec) in routes.iter().filter(|(steered, _)| is_it(steered)) {
            services.entry(steered.route.service.as_str()).or_default().insert(*spec);
        }
        services
    };
    let elsewhere = services(&|steered| is_elsewhere(snapshot, steered, ports));
    // Whoever has one over the other family has one.
    let alive = services(&|steered| has_socket(snapshot, steered));
    let mut dead = services(&|_| true);
    dead.retain(|service, _| !alive.contains_key(service));
    Past { elsewhere, dead }
}

/// What leads packets for `ports`, each with those of them that it leads; not what leads others to whoever listens there.
fn routes<'a>(snapshot: &'a Snapshot, ports: &Ports) -> Vec<(Steered<'a>, PortSpec)> {
    let of = |spec: PortSpec| {
        let all = steered(snapshot, Some(spec.protocol), spec.range).into_iter();
        all.filter_map(move |steered| {
            let range = steered.route.ports.meet(spec.range)?;
            Some((steered, PortSpec { range, ..spec }))
        })
    };
    ports.specs().flat_map(of).collect()
}

/// Whether its socket is none of those on `ports`; also where it is not seen.
fn is_elsewhere(snapshot: &Snapshot, steered: &Steered<'_>, ports: &Ports) -> bool {
    let is_there = |listener: &Listener| ports.of(listener.protocol).contains(listener.port.into());
    has_socket(snapshot, steered) && !steered.takers.iter().any(|taker| is_there(taker.listener))
}

fn has_socket(snapshot: &Snapshot, steered: &Steered<'_>) -> bool {
    let led = snapshot.steer.iter().flat_map(|LeftSteer { led, .. }| led);
    led.into_iter().any(|led| steered.route.uses(led))
}

#[cfg(test)]
mod tests {
    use alloc::{
        string::{String, ToString},
        vec,
    };

    use super::{super::tests::led, *};
    use crate::rules::testing::Scene;

    /// `web` gets 443 at number 8443, `dns` is stopped.
    #[test]
    fn who_is_led_to_elsewhere_is_told_from_who_is_not_there() {
        let mut scene = led();
        let steer = scene.snapshot.steer.as_mut().expect("it is steered");
        let mut dns = steer.routes.0[0].clone();
        dns.service = "dns".into();
        steer.routes.0.push(dns);
        let told = |scene: &Scene, specs: &[&str]| {
            let ports = specs.iter().map(|spec| spec.parse().expect("a port")).collect();
            let Past { elsewhere, dead } = past(&scene.snapshot, &ports);
            [elsewhere, dead].map(|names| names.into_keys().map(ToString::to_string).collect::<Vec<_>>())
        };
        let none = Vec::<String>::new;
        assert_eq!(told(&scene, &["443/tcp"]), [vec!["web".to_string()], none()]);
        assert_eq!(told(&scene, &["80/tcp"]), [vec!["web".to_string()], vec!["dns".to_string()]]);
        assert_eq!(told(&scene, &["443/tcp", "8443/tcp"]), [none(), none()], "web listens there itself");
        assert_eq!(told(&scene, &["8443/tcp"]), [none(), none()], "nothing for it is led away");
        assert_eq!(told(&scene, &["443/udp"]), [none(), none()]);
        let ports = ["79-444/tcp".parse().expect("ports")].into_iter().collect();
        let specs = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a port")).collect();
        let all = past(&scene.snapshot, &ports);
        assert_eq!(all.elsewhere, [("web", specs(&["80/tcp", "443-444/tcp"]))].into());
        assert_eq!(all.dead, [("dns", specs(&["80/tcp"]))].into());
        scene.snapshot.steer.as_mut().expect("it is steered").led.clear();
        assert_eq!(told(&scene, &["443/tcp"]), [none(), vec!["web".to_string()]]);
    }
}
