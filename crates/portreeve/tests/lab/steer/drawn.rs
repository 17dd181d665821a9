//! Routes, sockets and packets by chance.

use std::{fmt, net::IpAddr};

use portreeve_core::{
    address::Family,
    port::{PortRange, Protocol},
    steer::{Route, Routes, Tenancy, WhenDead},
};

use super::{Chance, ORDINARY, Round};

/// A service, and where its own sockets are bound: nothing comes in there by itself.
#[derive(Clone, Copy)]
struct Service {
    name: &'static str,
    addresses: [&'static str; 2],
    /// Its number by UDP, which it has to declare; by TCP the kernel chooses one.
    port: u16,
}

const SERVICES: [Service; 6] = [
    Service { name: "a", addresses: ["127.1.0.1", "2001:db8:1::1"], port: 8001 },
    Service { name: "b", addresses: ["127.1.0.2", "2001:db8:1::2"], port: 8002 },
    Service { name: "c", addresses: ["127.1.0.3", "2001:db8:1::3"], port: 8003 },
    Service { name: "d", addresses: ["127.1.0.4", "2001:db8:1::4"], port: 8004 },
    Service { name: "e", addresses: ["127.1.0.5", "2001:db8:1::5"], port: 8001 },
    Service { name: "f", addresses: ["127.1.0.6", "2001:db8:1::6"], port: 8002 },
];
const PROTOCOLS: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];
const PORTS: [u16; 4] = [8001, 8002, 8003, 8004];
const WILDCARDS: [&str; 2] = ["0.0.0.0", "::"];
/// The addresses of the network, and one of them in its other form.
const HERE: [&str; 5] = ["127.0.0.1", "198.51.100.7", "::1", "2001:db8::7", "::ffff:127.0.0.1"];
/// Where services are declared.
const DECLARED: [Option<&str>; 7] = [
    None,
    Some("0.0.0.0"),
    Some("::"),
    Some("127.0.0.1"),
    Some("198.51.100.7"),
    Some("::1"),
    Some("2001:db8::7"),
];

/// Who is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Socket {
    pub(super) name: &'static str,
    protocol: Protocol,
    address: &'static str,
    pub(super) port: u16,
    v6only: bool,
}

impl Socket {
    /// Whether it is of this packet's protocol and hears its family.
    pub(super) fn takes(&self, packet: &Packet) -> bool {
        let is_family = match packet.family() {
            Family::Ipv4 => !self.address.contains(':') || !self.v6only,
            Family::Ipv6 => self.address.contains(':'),
        };
        self.protocol == packet.protocol && is_family
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, protocol, address, port, v6only } = self;
        write!(f, "{name} {protocol} {address} {port} {}", u8::from(*v6only))
    }
}

/// What comes in.
pub(super) struct Packet {
    pub(super) protocol: Protocol,
    to: &'static str,
    pub(super) port: u16,
}

impl Packet {
    pub(super) fn ip(&self) -> IpAddr {
        self.to.parse().expect("an address")
    }

    pub(super) fn family(&self) -> Family {
        Family::of(self.ip().to_canonical())
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.protocol, self.to, self.port)
    }
}

impl Chance {
    pub(super) fn round(&mut self, packets: u32) -> Round {
        let routes = self.routes();
        let sockets = self.sockets();
        Round { routes, sockets, packets: (0..packets).map(|_| self.packet()).collect() }
    }

    fn packet(&mut self) -> Packet {
        Packet { protocol: self.of(&PROTOCOLS), to: self.of(&HERE), port: self.of(&PORTS) }
    }

    fn routes(&mut self) -> Routes {
        let mut routes: Vec<Route> = Vec::new();
        for _ in 0..self.of(&[8, 16, 32, 64]) {
            let route = self.route();
            if !routes.iter().any(|other| is_same_place(other, &route)) {
                routes.push(route);
            }
        }
        routes.into_iter().collect()
    }

    fn route(&mut self) -> Route {
        let (service, protocol, address) = (self.of(&SERVICES), self.of(&PROTOCOLS), self.of(&DECLARED));
        let is_anywhere = address.is_none_or(|address| WILDCARDS.contains(&address));
        let is_every = self.of(&[false, true]) && !is_anywhere;
        Route {
            service: service.name.into(),
            tenancy: Tenancy::default(),
            owners: Vec::new(),
            protocol,
            address: address.map(|address| address.parse().expect("an address")),
            ports: if is_every { self.every_port() } else { self.ports(service, protocol) },
            when_dead: self.of(&[WhenDead::Refuse, WhenDead::Pass, WhenDead::Pass]),
            local: false,
            target_port: None,
        }
    }

    /// All of them, in either of the ways that a policy may write it.
    fn every_port(&mut self) -> PortRange {
        PortRange { first: self.of(&[0, 1]), last: u16::MAX }
    }

    /// One or several; by UDP its own is among them, else no socket of it would be led to.
    fn ports(&mut self, service: Service, protocol: Protocol) -> PortRange {
        let chosen = self.of(&PORTS);
        let one = if protocol == Protocol::Udp { service.port } else { chosen };
        let further = self.of(&PORTS);
        let other = self.of(&[one, further]);
        PortRange { first: one.min(other), last: one.max(other) }
    }

    /// Those of the services, and those of others on the very numbers.
    fn sockets(&mut self) -> Vec<Socket> {
        let mut all = Vec::new();
        for protocol in PROTOCOLS {
            for service in SERVICES {
                all.extend(self.sockets_of(service, protocol));
            }
            for port in PORTS {
                all.extend(self.bound(ORDINARY, protocol, WILDCARDS, port));
            }
        }
        all
    }

    fn sockets_of(&mut self, Service { name, addresses, port }: Service, protocol: Protocol) -> Vec<Socket> {
        if protocol == Protocol::Udp {
            return self.bound(name, protocol, addresses, port);
        }
        let both = Socket { name, protocol, address: "::", port: 0, v6only: false };
        let each = self.bound(name, protocol, addresses, 0);
        if self.of(&[true, false, false, false]) { vec![both] } else { each }
    }

    /// By one family, by both, or by none.
    fn bound(
        &mut self,
        name: &'static str,
        protocol: Protocol,
        addresses: [&'static str; 2],
        port: u16,
    ) -> Vec<Socket> {
        let chosen = self.of(&[&[], &addresses[..1], &addresses[1..], &addresses[..]]);
        let socket = |address: &&'static str| Socket { name, protocol, address, port, v6only: true };
        chosen.iter().map(socket).collect()
    }
}

/// Whether both take some packet as precisely as each other, so that nothing says which of them leads.
fn is_same_place(one: &Route, other: &Route) -> bool {
    let kind = |route: &Route| (route.protocol, route.is_anywhere(), route.takes_every_port());
    let is_address = one.is_anywhere() || one.address == other.address;
    let is_family = one.families().iter().any(|family| other.families().contains(family));
    kind(one) == kind(other) && is_address && is_family && one.ports.overlaps(other.ports)
}
