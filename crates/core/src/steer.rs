//! Which service gets what comes in for an address and a port: what the steering in the kernel is told (A5, A12, A13).

mod tenancy;
mod wanted;

pub use tenancy::{Tenancy, Tenant, written};
pub use wanted::{SteerMistake, mistake, wanted};

use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::{Address, Breadth, Family},
    facts::Led,
    owner::Owner,
    port::{PortRange, Protocol},
};

/// So many places the kernel holds (`struct routes` of host/bpf/steer.bpf.c).
pub const PLACES_MAX: usize = 131_072;
/// So many services have a socket each for every protocol and family.
pub const SERVICES_MAX: usize = 1_024;
/// So many the kernel holds (the same): while a change is on trial, those before it and those of it.
pub const SEATS_MAX: usize = 2 * SERVICES_MAX;
/// So much it keeps of the owners of each, a line each (the same).
pub const OWNERS_BYTES_MAX: usize = 4_092;
/// So long a name the kernel keeps of them (the same).
pub const NAME_BYTES_MAX: usize = 59;

/// What becomes of packets for a service that has no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WhenDead {
    /// Whoever asks is told at once that nobody is there.
    Refuse,
    /// Whoever has bound the very port gets them, as if nothing were steered.
    Pass,
}

/// How packets for a service are led to its socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steering {
    /// What becomes of them while it has none.
    pub when_dead: WhenDead,
    /// Whether the host takes in those for its addresses that no interface has.
    pub local: bool,
    /// The port of TCP on which the socket listens; `None` where that is a declared one.
    pub target_port: Option<u16>,
}

impl From<WhenDead> for Steering {
    /// At addresses that the host has, to a socket on a declared port.
    fn from(when_dead: WhenDead) -> Self {
        Self { when_dead, local: false, target_port: None }
    }
}

/// Ports at an address whose packets one service gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Route {
    /// The service.
    pub service: String,
    /// Which service of that name: of another owner, or at other places, it is another one.
    #[serde(default, skip_serializing_if = "Tenancy::is_untold")]
    pub tenancy: Tenancy,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "written")]
    #[schemars(with = "Vec<String>")]
    pub owners: Vec<Owner>,
    /// The protocol.
    pub protocol: Protocol,
    /// The address; `None` is every one of both families.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The ports.
    pub ports: PortRange,
    /// What becomes of them while it has no socket.
    pub when_dead: WhenDead,
    /// Whether the host takes in what is for the address also where no interface has it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub local: bool,
    /// The port on which its socket listens; `None` where that is one of the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<u16>,
}

/// Every route, in order and each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Routes(pub Vec<Route>);

impl Route {
    /// Whether it takes all ports of its address, as one place of the kernel's.
    #[must_use]
    pub fn takes_every_port(&self) -> bool {
        self.ports.first <= 1 && self.ports.last == u16::MAX && !self.is_anywhere()
    }

    /// Whether it takes its ports on any address, of one family or both.
    #[must_use]
    pub fn is_anywhere(&self) -> bool {
        self.address.as_ref().is_none_or(|address| address.breadth() == Breadth::Wildcard)
    }

    /// The families of its packets: `::` stands for both, as a socket there takes both.
    #[must_use]
    pub fn families(&self) -> &'static [Family] {
        match self.address.as_ref().map(|address| address.ip.to_canonical()) {
            Some(IpAddr::V4(_)) => &[Family::Ipv4],
            Some(IpAddr::V6(ip)) if !ip.is_unspecified() => &[Family::Ipv6],
            _ => &Family::ALL,
        }
    }

    /// How many places of the kernel's it takes.
    #[must_use]
    pub fn places(&self) -> u64 {
        let ports = if self.takes_every_port() { 1 } else { u64::from(self.ports.count()) };
        ports * self.families().len() as u64
    }

    /// Whether `next`, which comes behind it, only takes further ports than it does, without a hole between.
    fn goes_on_with(&self, next: &Self) -> bool {
        let is_near = u32::from(next.ports.first) <= u32::from(self.ports.last) + 1;
        let is_alike = (self.tenant(), self.protocol, &self.address)
            == (next.tenant(), next.protocol, &next.address)
            && self.steering() == next.steering();
        is_near && is_alike
    }

    /// How it leads them.
    #[must_use]
    pub fn steering(&self) -> Steering {
        let Self { when_dead, local, target_port, .. } = *self;
        Steering { when_dead, local, target_port }
    }

    /// Whether it leads packets to this socket.
    #[must_use]
    pub fn uses(&self, led: &Led) -> bool {
        (self.tenant(), self.protocol) == (led.tenant(), led.protocol)
            && self.families().contains(&led.family)
    }

    /// How precisely it takes a packet for `ip` and `port`, the most precise first; `None` where it does not.
    fn precision(&self, protocol: Protocol, ip: IpAddr, port: u16) -> Option<u8> {
        let is_family = self.families().contains(&Family::of(ip));
        if self.protocol != protocol || !is_family || !self.ports.contains(port) {
            return None;
        }
        if self.is_anywhere() {
            return Some(2);
        }
        self.is_at(ip).then(|| u8::from(self.takes_every_port()))
    }

    /// Whether it is of this very address.
    #[must_use]
    pub fn is_at(&self, ip: IpAddr) -> bool {
        self.address.as_ref().is_some_and(|address| address.ip.to_canonical() == ip)
    }
}

impl FromIterator<Route> for Routes {
    /// In whatever order and pieces they come, the same places make the same routes.
    fn from_iter<T: IntoIterator<Item = Route>>(routes: T) -> Self {
        let key = |route: &Route| {
            let address = route.address.as_ref().map(|address| address.ip);
            let whose = (route.service.clone(), route.tenancy);
            (whose, route.protocol, address, route.steering(), route.ports)
        };
        let mut all: Vec<Route> = routes.into_iter().collect();
        all.sort_by_cached_key(key);
        let mut merged: Vec<Route> = Vec::with_capacity(all.len());
        for route in all {
            match merged.last_mut().filter(|last| last.goes_on_with(&route)) {
                Some(last) => last.ports.last = last.ports.last.max(route.ports.last),
                None => merged.push(route),
            }
        }
        merged.iter_mut().filter(|route| route.takes_every_port()).for_each(|route| route.ports.first = 1);
        Self(merged)
    }
}

impl Routes {
    /// Whose a packet for `to` and `port` is; `None` where it is not steered. The program in the kernel judges alike
    /// (host/bpf/steer.bpf.c, `route_for`).
    #[must_use]
    pub fn lead(&self, protocol: Protocol, to: IpAddr, port: u16) -> Option<&Route> {
        let ip = to.to_canonical();
        let precise = self.0.iter().filter_map(|route| Some((route.precision(protocol, ip, port)?, route)));
        precise.min_by_key(|(precision, _)| *precision).map(|(_, route)| route)
    }

    /// The services that have any, by name.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.0.chunk_by(|one, other| one.service == other.service).map(|of| of[0].service.as_str())
    }

    /// The addresses for which the host takes packets in, whether an interface has them or not.
    #[must_use]
    pub fn local(&self) -> BTreeSet<IpAddr> {
        let local = self.0.iter().filter(|route| route.local);
        local.filter_map(|route| route.address.as_ref()).map(|address| address.ip.to_canonical()).collect()
    }

    /// Whether any of them leads packets to this socket.
    #[must_use]
    pub fn use_socket(&self, led: &Led) -> bool {
        self.0.iter().any(|route| route.uses(led))
    }

    /// Those of one service.
    pub fn of(&self, service: &str) -> impl Iterator<Item = &Route> {
        self.0.iter().filter(move |route| route.service == service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(written: &[(&str, &str, &str)]) -> Routes {
        let route = |&(service, address, ports): &(&str, &str, &str)| Route {
            service: service.into(),
            tenancy: Tenancy::default(),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: (!address.is_empty()).then(|| address.parse().expect("an address")),
            ports: ports.parse().expect("ports"),
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: None,
        };
        Routes(written.iter().map(route).collect())
    }

    #[test]
    fn the_most_precise_route_leads() {
        let routes = routes(&[
            ("all", "192.0.2.1", "1-65535"),
            ("any", "", "443"),
            ("old", "0.0.0.0", "80"),
            ("web", "192.0.2.1", "443"),
        ]);
        let lead = |to: &str, port| {
            let to = to.parse().expect("an address");
            routes.lead(Protocol::Tcp, to, port).map(|route| route.service.as_str())
        };
        assert_eq!((lead("192.0.2.1", 443), lead("::ffff:192.0.2.1", 443)), (Some("web"), Some("web")));
        assert_eq!((lead("192.0.2.1", 80), lead("192.0.2.1", 22)), (Some("all"), Some("all")));
        assert_eq!((lead("192.0.2.2", 443), lead("2001:db8::1", 443)), (Some("any"), Some("any")));
        assert_eq!((lead("192.0.2.2", 80), lead("2001:db8::1", 80)), (Some("old"), None));
        let udp = routes.lead(Protocol::Udp, "192.0.2.1".parse().expect("an address"), 443);
        assert_eq!((lead("192.0.2.2", 22), udp), (None, None));
    }

    #[test]
    fn all_ports_of_an_address_are_one_place() {
        let places = |address, ports| routes(&[("all", address, ports)]).0[0].places();
        assert_eq!((places("192.0.2.1", "1-65535"), places("192.0.2.1", "0-65535")), (1, 1));
        assert_eq!((places("192.0.2.1", "1-65534"), places("::", "2-3")), (65_534, 4));
        assert_eq!((places("", "443"), places("0.0.0.0", "443"), places("::1", "443")), (2, 1, 1));
    }

    #[test]
    fn the_same_places_are_the_same_routes() {
        let of = |written: &[(&str, &str, &str)]| routes(written).0.into_iter().collect::<Routes>();
        let one = of(&[("web", "", "80-82"), ("web", "", "443"), ("a", "::1", "1-65535")]);
        let other = of(&[
            ("web", "", "443"),
            ("a", "::1", "0-65535"),
            ("web", "", "81-82"),
            ("web", "", "80-81"),
            ("a", "::1", "9"),
        ]);
        assert_eq!(one, other);
        assert_eq!(one.0.iter().map(|route| route.ports.first).collect::<Vec<_>>(), [1, 80, 443]);
    }

    #[test]
    fn a_route_reads_back_as_it_was_written() {
        let routes = routes(&[("all", "192.0.2.1", "1-65535"), ("any", "", "443")]);
        let text = serde_json::to_string(&routes).expect("text");
        assert_eq!(
            text,
            concat!(
                r#"[{"service":"all","protocol":"tcp","address":"192.0.2.1","ports":{"first":1,"last":65535},"when_dead":"refuse"},"#,
                r#"{"service":"any","protocol":"tcp","ports":{"first":443,"last":443},"when_dead":"refuse"}]"#
            )
        );
        assert_eq!(serde_json::from_str::<Routes>(&text).expect("routes"), routes);
        assert_eq!(routes.services().collect::<Vec<_>>(), ["all", "any"]);
    }
}
