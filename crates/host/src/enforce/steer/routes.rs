//! The routes as the program reads them (`struct place` and `struct route` of bpf/steer.bpf.c).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{
    address::{Address, Family},
    port::{PortRange, Protocol},
    steer::{Route, Steering, WhenDead},
};

const PLACE_BYTES: usize = 24;
const ROUTE_BYTES: usize = 8;
const IPV4: u8 = 4;
const IPV6: u8 = 6;
const REFUSE: u8 = 1;
/// The program asks neither for it nor for the port behind it: they are kept there for whoever reads the routes back.
const LOCAL: u8 = 1;
/// Nobody listens on it, so that it can stand for none.
const NO_TARGET_PORT: u16 = 0;
/// No packet comes in for it, so that it can stand for all of an address.
const EVERY_PORT: u16 = 0;

/// A place of the kernel's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) protocol: Protocol,
    /// `None` is every one of the family.
    pub(super) address: Option<IpAddr>,
    /// `None` is all of them.
    pub(super) port: Option<u16>,
    pub(super) family: Family,
}

/// The places of a route, one by one.
pub(super) fn places(route: &Route) -> impl Iterator<Item = Place> + '_ {
    let ports =
        if route.takes_every_port() { EVERY_PORT..=EVERY_PORT } else { route.ports.first..=route.ports.last };
    let port = |port: u16| Some(port).filter(|_| !route.takes_every_port());
    let ip = route.address.as_ref().map(|address| address.ip).filter(|_| !route.is_anywhere());
    let of = move |number| {
        let place = move |family: &Family| Place {
            protocol: route.protocol,
            address: ip,
            port: port(number),
            family: *family,
        };
        route.families().iter().map(place)
    };
    // Nothing comes in for port 0.
    ports.filter(|number| route.takes_every_port() || *number != 0).flat_map(of)
}

impl Place {
    /// As the program looks it up.
    pub(super) fn bytes(self) -> [u8; PLACE_BYTES] {
        let mut bytes = [0; PLACE_BYTES];
        match self.address {
            Some(IpAddr::V4(ip)) => bytes[..4].copy_from_slice(&ip.octets()),
            Some(IpAddr::V6(ip)) => bytes[..16].copy_from_slice(&ip.octets()),
            None => {}
        }
        bytes[16..18].copy_from_slice(&self.port.unwrap_or(EVERY_PORT).to_ne_bytes());
        bytes[18] = self.protocol.number();
        bytes[19] = match self.family {
            Family::Ipv4 => IPV4,
            Family::Ipv6 => IPV6,
        };
        bytes
    }

    /// The address and ports of a route that this stands for, where `is_alike` tells whether the same service has another place;
    /// `None` where the other family's place stands for both.
    pub(super) fn of(self, is_alike: impl Fn(&Self) -> bool) -> Option<(Option<Address>, PortRange)> {
        let ports = self.port.map_or(PortRange { first: 1, last: u16::MAX }, PortRange::one);
        let address = match (self.address, self.family) {
            (Some(ip), _) => Some(ip),
            (None, Family::Ipv4) if is_alike(&Self { family: Family::Ipv6, ..self }) => None,
            (None, Family::Ipv6) if is_alike(&Self { family: Family::Ipv4, ..self }) => return None,
            (None, Family::Ipv4) => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            (None, Family::Ipv6) => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        Some((address.map(Address::from), ports))
    }
}

/// What a place was made of; `None` of what nobody of ours wrote.
pub(super) fn read_place(bytes: &[u8]) -> Option<Place> {
    let octets = bytes.first_chunk::<16>()?;
    let port = u16::from_ne_bytes(*bytes.get(16..)?.first_chunk()?);
    let &[protocol, family] = bytes.get(18..)?.first_chunk()?;
    let protocol = [Protocol::Tcp, Protocol::Udp].into_iter().find(|one| one.number() == protocol)?;
    let (family, ip) = match family {
        IPV4 => (Family::Ipv4, IpAddr::from(*octets.first_chunk::<4>()?)),
        IPV6 => (Family::Ipv6, IpAddr::from(*octets)),
        _ => return None,
    };
    let address = Some(ip).filter(|ip| !ip.is_unspecified());
    Some(Place { protocol, address, port: Some(port).filter(|port| *port != EVERY_PORT), family })
}

/// Where a place leads to, and how.
pub(super) fn route(slot: u32, Steering { when_dead, local, target_port }: Steering) -> [u8; ROUTE_BYTES] {
    let mut bytes = [0; ROUTE_BYTES];
    bytes[..4].copy_from_slice(&slot.to_ne_bytes());
    bytes[4] = match when_dead {
        WhenDead::Refuse => REFUSE,
        WhenDead::Pass => 0,
    };
    bytes[5] = if local { LOCAL } else { 0 };
    bytes[6..].copy_from_slice(&target_port.unwrap_or(NO_TARGET_PORT).to_ne_bytes());
    bytes
}

/// The slot, and how packets are led there.
pub(super) fn read_route(bytes: &[u8]) -> Option<(u32, Steering)> {
    let slot = u32::from_ne_bytes(*bytes.first_chunk()?);
    let when_dead = if *bytes.get(4)? == REFUSE { WhenDead::Refuse } else { WhenDead::Pass };
    let target_port = u16::from_ne_bytes(*bytes.get(6..)?.first_chunk()?);
    let target_port = Some(target_port).filter(|port| *port != NO_TARGET_PORT);
    Some((slot, Steering { when_dead, local: bytes.get(5) == Some(&LOCAL), target_port }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: Option<&str>, ports: &str) -> Route {
        Route {
            service: "web".into(),
            tenancy: portreeve_core::steer::Tenancy::default(),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: address.map(|text| text.parse().expect("an address")),
            ports: ports.parse().expect("ports"),
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: None,
        }
    }

    #[test]
    fn a_place_is_as_the_program_asks_for_it() {
        let bytes = |route: &Route| places(route).map(Place::bytes).collect::<Vec<_>>();
        let mut v4 = [0; 24];
        v4[..4].copy_from_slice(&[192, 0, 2, 7]);
        v4[16..20].copy_from_slice(&[0xbb, 1, 6, 4]);
        assert_eq!(bytes(&of(Some("192.0.2.7"), "443")), [v4]);
        v4[16..18].copy_from_slice(&[0, 0]);
        assert_eq!(bytes(&of(Some("192.0.2.7"), "1-65535")), [v4], "every port");
        let v6 = bytes(&of(Some("2001:db8::1"), "1-2"));
        assert_eq!(
            (v6.len(), v6[1][..4].to_vec(), v6[1][16], v6[1][19]),
            (2, vec![0x20, 1, 0xd, 0xb8], 2, 6)
        );
        let any = bytes(&of(None, "0-1"));
        assert_eq!(any.iter().map(|place| (place[16], place[19])).collect::<Vec<_>>(), [(1, 4), (1, 6)]);
        assert_eq!(route(9, WhenDead::Refuse.into()), [9, 0, 0, 0, 1, 0, 0, 0]);
        let steering = Steering { when_dead: WhenDead::Pass, local: true, target_port: Some(0x1f90) };
        assert_eq!(route(9, steering), [9, 0, 0, 0, 0, 1, 0x90, 0x1f]);
    }

    #[test]
    fn what_was_written_reads_back() {
        for address in [Some("192.0.2.7"), Some("2001:db8::1"), None, Some("0.0.0.0")] {
            for ports in ["443", "80-82", "1-65535"] {
                let route = of(address, ports);
                if route.is_anywhere() && ports == "1-65535" {
                    continue;
                }
                let all: Vec<Place> =
                    places(&route).map(|place| read_place(&place.bytes()).expect("a place")).collect();
                let read = all.iter().filter_map(|place| place.of(|twin| all.contains(twin)));
                let read: portreeve_core::steer::Routes =
                    read.map(|(address, ports)| Route { address, ports, ..route.clone() }).collect();
                assert_eq!(read.0, [route], "{address:?} {ports}");
            }
        }
        for local in [false, true] {
            let target_port = local.then_some(8_080);
            let steering = Steering { when_dead: WhenDead::Pass, local, target_port };
            assert_eq!(read_route(&route(7, steering)), Some((7, steering)));
        }
        assert_eq!((read_place(&[0; 23]), read_route(&[1; 3])), (None, None));
    }
}
