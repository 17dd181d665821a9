//! Which way packets to an address leave, as the kernel would choose it now (rtnetlink(7), RTM_GETROUTE).

use std::net::{IpAddr, Ipv6Addr};

use rustix::io::Errno;

use crate::sys::netlink::{Family, Netlink, NetlinkError, attribute, attributes, bytes_at};

const GET_ROUTE: u16 = 26;
/// struct rtmsg (include/uapi/linux/rtnetlink.h), and the places of its type and flags.
const HEADER_BYTES: usize = 12;
const KIND_AT: usize = 7;
const FLAGS_AT: usize = 8;
/// `RTM_F_FIB_MATCH`: the route itself, with all its ways, and not what would be made of it for one packet.
const WHOLE: u32 = 0x2000;
/// RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, RTA_MULTIPATH, RTA_VIA, RTA_ENCAP_TYPE, RTA_ENCAP, RTA_IP_PROTO, RTA_NH_ID.
const DESTINATION: u16 = 1;
const SOURCE: u16 = 2;
const INTERFACE: u16 = 4;
const GATEWAY: u16 = 5;
const CHOSEN_SOURCE: u16 = 7;
const SEVERAL_WAYS: u16 = 9;
const VIA: u16 = 18;
const WRAPPING_KIND: u16 = 21;
const WRAPPING: u16 = 22;
const PROTOCOL: u16 = 27;
const NEXT_HOP: u16 = 30;
/// IPPROTO_TCP, IPPROTO_UDP.
const TCP: u8 = 6;
const UDP: u8 = 17;
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
    /// Where they come from unless whoever sends them says so.
    source: Option<Ipv6Addr>,
}

/// What the kernel chooses a route by, of packets without a mark.
#[derive(Clone, Copy, Debug)]
struct Flow {
    target: IpAddr,
    /// Any where it is 0.
    interface: u32,
    source: Option<Ipv6Addr>,
    protocol: Option<u8>,
    /// Whether to tell the [`WHOLE`] of the route.
    is_whole: bool,
}

/// The way to `target`, by the interface with this index where it is not 0; `None` where there is none.
///
/// By IPv4 a socket is kept from routers whatever route is chosen (`SO_DONTROUTE`). By IPv6 it is not, so packets of TCP and of UDP,
/// from where they will come, have to have the same way.
pub(super) fn route(target: IpAddr, interface: u32) -> Result<Option<Route>, NetlinkError> {
    let mut netlink = Netlink::open(Family::Route)?;
    let IpAddr::V6(own) = target else {
        return ask(&mut netlink, Flow { target, interface, source: None, protocol: None, is_whole: false });
    };
    let any = Flow { target, interface, source: None, protocol: None, is_whole: true };
    let Some(route) = ask(&mut netlink, any)? else { return Ok(None) };
    let by = match route.kind {
        Kind::One => by_link(&mut netlink, Flow { interface: route.interface, ..any })?,
        // It asks itself.
        Kind::Local => Some(Flow { source: Some(own), ..any }),
        Kind::Several | Kind::Nowhere => return Ok(Some(route)),
    };
    let Some(by) = by else { return Ok(None) };
    for protocol in [TCP, UDP] {
        match ask(&mut netlink, Flow { protocol: Some(protocol), ..by })? {
            Some(same) if same == route => {}
            Some(other) => return Ok(Some(Route { kind: Kind::One, has_router: true, ..other })),
            None => return Ok(None),
        }
    }
    Ok(Some(route))
}

/// The same from where a scan will ask, which it finds out by a socket of UDP.
fn by_link(netlink: &mut Netlink, flow: Flow) -> Result<Option<Flow>, NetlinkError> {
    let first = ask(netlink, Flow { protocol: Some(UDP), is_whole: false, ..flow })?;
    Ok(first.map(|route| Flow { source: route.source, ..flow }))
}

fn ask(netlink: &mut Netlink, flow: Flow) -> Result<Option<Route>, NetlinkError> {
    let mut found = None;
    match netlink.ask(GET_ROUTE, &request(flow), |bytes| found = read(bytes)) {
        Ok(()) => Ok(found),
        Err(NetlinkError::Refused(Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::ACCESS | Errno::INVAL)) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn request(flow: Flow) -> Vec<u8> {
    let (family, bits, octets) = match flow.target {
        IpAddr::V4(ip) => (libc::AF_INET, 32, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, 128, ip.octets().to_vec()),
    };
    let mut request = vec![0; HEADER_BYTES];
    request[0] = u8::try_from(family).expect("it is 2 or 10");
    request[1] = bits;
    if flow.is_whole {
        request[FLAGS_AT..HEADER_BYTES].copy_from_slice(&WHOLE.to_ne_bytes());
    }
    request.extend(attribute(DESTINATION, &octets));
    if let Some(source) = flow.source {
        request[2] = bits;
        request.extend(attribute(SOURCE, &source.octets()));
    }
    if flow.interface != 0 {
        request.extend(attribute(INTERFACE, &flow.interface.to_ne_bytes()));
    }
    if let Some(protocol) = flow.protocol {
        request.extend(attribute(PROTOCOL, &[protocol]));
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
    let mut route = Route { kind, interface: 0, has_router: false, wrapping: None, source: None };
    for (kind, value) in attributes(bytes.get(HEADER_BYTES..)?) {
        match kind {
            INTERFACE => route.interface = bytes_at(value, 0).map_or(0, u32::from_ne_bytes),
            // A next hop that has a number of its own may become another, or many.
            GATEWAY | VIA | SEVERAL_WAYS | NEXT_HOP => route.has_router = true,
            CHOSEN_SOURCE => route.source = bytes_at::<16>(value, 0).map(Ipv6Addr::from),
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
        let direct = Route { kind: Kind::One, interface: 7, has_router: false, wrapping: None, source: None };
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
