//! Which service a socket is for, also where that is declared on other ports, and whether its owners have it (A5, A12).

use super::{World, holding::main_identity};
use crate::{
    facts::{Led, Listener},
    owner::{Match, Owner},
    policy::Service,
    port::Protocol,
    steer::Route,
};

impl<'a> World<'a> {
    /// The service that `listener` is for: the one that is declared where it stands, else the one whose packets are led to it.
    #[must_use]
    pub fn service_of(&self, listener: &'a Listener) -> Option<&'a Service> {
        self.declared(listener).map(|desired| desired.service).or_else(|| self.target_of(listener))
    }

    /// The service that is declared elsewhere and led to `listener`, or will be by its `target_port`, where its owner has that.
    #[must_use]
    pub fn target_of(&self, listener: &'a Listener) -> Option<&'a Service> {
        let is_own = self.own_namespace().is_some_and(|own| own.id == listener.netns);
        let policy = self.policy.filter(|_| is_own && self.declared(listener).is_none())?;
        let mut services = policy.services.iter().filter(|service| service.steer.is_some());
        services.find(|service| self.is_target(service, listener))
    }

    fn is_target(&self, service: &Service, listener: &'a Listener) -> bool {
        let steer = self.snapshot.steer.as_ref().filter(|_| listener.cookie != 0);
        let is_its = |led: &Led| led.cookie == listener.cookie && led.service == service.name;
        let is_led = || steer.is_some_and(|steer| steer.led.iter().any(is_its));
        let is_owners = || main_identity(self.snapshot, listener).matches_any(&service.owners) != Match::No;
        (service.aims_at(listener) || is_led()) && is_owners()
    }

    /// Whether only owners of the service that `listener` is for have it, so that it is as it should be: by the policy, or where that
    /// declares it for nobody, to the kernel, which leads to its owner what the policy may say nothing of by now.
    #[must_use]
    pub fn is_its_owners(&self, listener: &'a Listener) -> bool {
        match self.service_of(listener) {
            Some(service) => self.are_owners(listener, &service.owners),
            None => self.led_by(listener).is_some() || self.awaiting(listener).is_some(),
        }
    }

    /// What leads packets to `listener`, where only owners to the kernel have it.
    fn led_by(&self, listener: &'a Listener) -> Option<&'a Route> {
        let steer = self.snapshot.steer.as_ref().filter(|_| listener.cookie != 0)?;
        let mut own = steer.led.iter().filter(|led| led.cookie == listener.cookie);
        let route = own.find_map(|led| steer.routes.0.iter().find(|route| route.uses(led)))?;
        self.are_owners(listener, &route.owners).then_some(route)
    }

    /// What leads packets to another socket, where owners to the kernel alone have `listener`: it may be the next one that is moved to,
    /// or a former one. Not over UDP, which is never led to another number, nor by a user, who may run much else.
    #[must_use]
    pub fn awaiting(&self, listener: &'a Listener) -> Option<&'a Route> {
        let is_own = self.own_namespace().is_some_and(|own| own.id == listener.netns);
        let steer = self.snapshot.steer.as_ref();
        let steer =
            steer.filter(|_| is_own && listener.protocol == Protocol::Tcp && !self.is_led_to(listener));
        steer?.routes.0.iter().find(|route| {
            let are_told =
                !route.owners.is_empty() && !route.owners.iter().any(|it| matches!(it, Owner::User(_)));
            are_told && route.protocol == Protocol::Tcp && self.are_owners(listener, &route.owners)
        })
    }

    fn are_owners(&self, listener: &'a Listener, owners: &[Owner]) -> bool {
        self.identities(listener).iter().all(|identity| identity.matches_any(owners) == Match::Yes)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;
    use crate::{
        address::Family,
        facts::{GuardStands, LeftSteer},
        rules::testing::{Scene, scene},
        steer::{Routes, Steering, WhenDead, wanted},
    };

    fn steered() -> Scene {
        scene().service("web", "9000/tcp", "web.service").declared(|service| {
            service.steer = Some(Steering { target_port: Some(8_001), ..WhenDead::Refuse.into() });
        })
    }

    /// The service of the only socket, and whether it is its owner's.
    fn told(scene: &Scene) -> (Option<String>, bool) {
        scene.with_world(|world| {
            let listener = &world.snapshot.listeners[0];
            let service = world.service_of(listener).map(|service| service.name.clone());
            (service, world.is_its_owners(listener))
        })
    }

    #[test]
    fn a_socket_that_is_named_for_a_service_is_of_it() {
        let of = |unit: &str, place: &str| told(&steered().listens(unit, place));
        let web = || Some("web".into());
        assert_eq!(of("web.service", "127.0.0.1:8001/tcp"), (web(), true));
        assert_eq!(of("web.service", "0.0.0.0:9000/tcp"), (web(), true));
        assert_eq!(of("web.service", "127.0.0.1:8002/tcp"), (None, false));
        assert_eq!(of("web.service", "127.0.0.1:8001/udp"), (None, false));
        assert_eq!(of("other.service", "127.0.0.1:8001/tcp"), (None, false));
        assert_eq!(of("other.service", "0.0.0.0:9000/tcp"), (web(), false));
    }

    #[test]
    fn a_socket_that_a_service_is_led_to_is_of_it() {
        let led_to = |unit: &str| {
            let mut scene = steered().listens(unit, "127.0.0.1:8002/tcp");
            let listener = &scene.snapshot.listeners[0];
            let (service, protocol, family) = ("web".into(), listener.protocol, listener.family);
            let led = Led { service, tenancy: Default::default(), protocol, family, cookie: listener.cookie };
            let (stands, dead, routes) = (GuardStands::Whole, [].into(), Routes::default());
            scene.snapshot.steer = Some(LeftSteer { stands, dead, led: [led].into(), routes });
            told(&scene)
        };
        assert_eq!(led_to("web.service"), (Some("web".into()), true));
        assert_eq!(led_to("other.service"), (None, false));
    }

    /// Whoever stopped him would take away what comes in for the service.
    #[test]
    fn who_is_led_to_is_the_right_owner_whatever_the_policy_says_by_now() {
        let led = |unit: &str, is_led: bool| {
            let mut scene = steered().listens(unit, "127.0.0.1:8001/tcp");
            let routes = wanted(scene.policy.as_ref().expect("a policy")).expect("routes");
            let cookie = scene.snapshot.listeners[0].cookie + u64::from(!is_led);
            let (service, tenancy) = ("web".into(), routes.0[0].tenancy);
            let (protocol, family) = (Protocol::Tcp, Family::Ipv4);
            let led = [Led { service, tenancy, protocol, family, cookie }].into();
            scene.snapshot.steer =
                Some(LeftSteer { stands: GuardStands::Whole, dead: [].into(), led, routes });
            scene
        };
        let is_right = |scene: &Scene| told(scene).1;
        for policy in [scene().policy().policy, None] {
            let edited = |unit: &str, is_led| {
                let mut scene = led(unit, is_led);
                scene.policy.clone_from(&policy);
                scene
            };
            assert!(is_right(&edited("web.service", true)));
            assert!(is_right(&edited("web.service", false)), "it may be moved to");
            assert!(!is_right(&edited("other.service", true)));
            assert!(!is_right(&edited("other.service", false)));
        }
        let own = led("web.service", true);
        assert!(!is_right(&own.service("new", "8001/tcp", "new.service")), "it is declared for another");
    }
}
