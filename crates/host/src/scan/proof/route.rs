//! Which way packets to an address leave, as the kernel would choose it now (rtnetlink(7), RTM_GETROUTE).

use std::net::IpAddr;

use rustix::io::Errno;

use crate::sys::netlink::{Family, Netlink, NetlinkError, attribute, attributes, bytes_at};

const GET_ROUTE: u16 = 26;
/// struct rtmsg (include/uapi/linux/rtnetlink.h), and the place of its type.
const HEADER_BYTES: usize = 12;
const KIND_AT: usize = 7;
/// RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA, RTA_ENCAP_TYPE, RTA_ENCAP.
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
const GATEWAY: u16 = 5;
const SEVERAL_WAYS: u16 = 9;
const VIA: u16 = 18;
const WRAPPING_KIND: u16 = 21;
const WRAPPING: u16 = 22;
/// As ip-route(8) calls them, by number from 1 (include/uapi/linux/lwtunnel.h).
const WRAPPINGS: [&str; 10] =
    ["mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"];
const UNKNOWN_WRAPPING: &str = "unknown";

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of one host that is not this one.
    One,
    /// This host's own.
    Local,
    /// Of all hosts of a link, or of a group, or of whoever is nearest.
    Several,
    /// Packets there go nowhere.
    Nowhere,
}

/// A way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) kind: Kind,
    /// The index of the interface by which packets leave.
    pub(super) interface: u32,
    /// Whether they go to a router, or may go several ways.
    pub(super) has_router: bool,
    /// What the route does to them before they leave, where it does anything: whoever gets them then is not whom they were for.
    pub(super) wrapping: Option<&'static str>,
}

/// The way to `target`, by the interface with this index where it is not 0; `None` where there is none.
pub(super) fn route(target: IpAddr, interface: u32) -> Result<Option<Route>, NetlinkError> {
    let mut found = None;
    let asked = Netlink::open(Family::Route)?.ask(GET_ROUTE, &request(target, interface), |bytes| {
        found = read(bytes);
    });
    match asked {
        Ok(()) => Ok(found),
        Err(NetlinkError::Refused(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::ACCESS | Errno::INVAL)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn request(target: IpAddr, interface: u32) -> Vec<u8> {
    let (family, bits, octets) = match target {
        IpAddr::V4(ip) => (libc::AF_INET, 32, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, 128, ip.octets().to_vec()),
    };
    let mut request = vec![0; HEADER_BYTES];
    request[0] = u8::try_from(family).expect("it is 2 or 10");
    request[1] = bits;
    request.extend(attribute(DESTINATION, &octets));
    if interface != 0 {
        request.extend(attribute(INTERFACE, &interface.to_ne_bytes()));
    }
    request
}

fn read(bytes: &[u8]) -> Option<Route> {
    let kind = match *bytes.get(KIND_AT)? {
        // RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST.
        1 => Kind::One,
        2 => Kind::Local,
        3..=5 => Kind::Several,
        _ => Kind::Nowhere,
    };
    let mut route = Route { kind, interface: 0, has_router: false, wrapping: None };
    for (kind, value) in attributes(bytes.get(HEADER_BYTES..)?) {
        match kind {
            INTERFACE => route.interface = bytes_at(value, 0).map_or(0, u32::from_ne_bytes),
            GATEWAY | VIA | SEVERAL_WAYS => route.has_router = true,
            WRAPPING_KIND => route.wrapping = Some(wrapping(value)),
            WRAPPING => route.wrapping = route.wrapping.or(Some(UNKNOWN_WRAPPING)),
            _ => {}
        }
    }
    Some(route)
}

fn wrapping(value: &[u8]) -> &'static str {
    let number = bytes_at(value, 0).map_or(0, u16::from_ne_bytes);
    let name = usize::from(number).checked_sub(1).and_then(|place| WRAPPINGS.get(place));
    name.copied().unwrap_or(UNKNOWN_WRAPPING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_an_interface_and_perhaps_a_router() {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[KIND_AT] = 1;
        bytes.extend(attribute(INTERFACE, &7_u32.to_ne_bytes()));
        let direct = Route { kind: Kind::One, interface: 7, has_router: false, wrapping: None };
        assert_eq!(read(&bytes), Some(direct));
        bytes.extend(attribute(GATEWAY, &[192, 0, 2, 1]));
        assert_eq!(read(&bytes).map(|route| route.has_router), Some(true));
        bytes[KIND_AT] = 3;
        assert_eq!(read(&bytes).map(|route| route.kind), Some(Kind::Several));
        assert_eq!(read(&bytes[..HEADER_BYTES - 1]), None);
    }

    #[test]
    fn a_route_that_wraps_what_it_sends_says_how() {
        let of = |attributes: &[Vec<u8>]| {
            let mut bytes = vec![0; HEADER_BYTES];
            bytes[KIND_AT] = 1;
            bytes.extend(attributes.concat());
            read(&bytes).and_then(|route| route.wrapping)
        };
        let [kind, other, own] = [5_u16, 99, 0].map(|kind| attribute(WRAPPING_KIND, &kind.to_ne_bytes()));
        let wrapped = attribute(WRAPPING, &[0; 8]);
        assert_eq!(
            of(&[wrapped.clone(), kind]),
            Some("seg6"),
            "in either order, as the kernel puts the kind last"
        );
        assert_eq!((of(&[other]), of(&[own])), (Some("unknown"), Some("unknown")));
        assert_eq!((of(&[wrapped]), of(&[])), (Some("unknown"), None));
    }

    #[test]
    fn the_way_to_this_host_is_local() {
        let route = route([127, 0, 0, 1].into(), 0).unwrap().unwrap();
        assert_eq!((route.kind, route.has_router), (Kind::Local, false));
    }
}
