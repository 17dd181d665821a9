//! The routers that this host sends by, and those that it asks for names (rtnetlink(7), resolv.conf(5), A19).

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use portreeve_core::facts::Lifelines;

use crate::{
    proc,
    sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at},
};

/// RTM_GETROUTE, and the sizes of struct rtmsg and struct rtnexthop.
const GET_ROUTE: u16 = 26;
const ROUTE_BYTES: usize = 12;
const HOP_BYTES: usize = 8;
/// RTA_GATEWAY, RTA_MULTIPATH, RTA_VIA: of the last two bytes are the family of the address behind them.
const GATEWAY: u16 = 5;
const SEVERAL: u16 = 9;
const VIA: u16 = 18;
/// What programs are told to ask, and what systemd-resolved asks where they are told to ask itself (systemd-resolved.service(8)).
const RESOLVERS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// Whom this host needs, but for those that its connections tell of.
///
/// # Errors
///
/// Where the kernel does not tell its routes.
pub fn lifelines() -> Result<Lifelines, NetlinkError> {
    let mut gateways = BTreeSet::new();
    Netlink::open(Family::Route)?.dump(GET_ROUTE, &[0; ROUTE_BYTES], |bytes| {
        gateways.extend(bytes.get(ROUTE_BYTES..).map(of_route).unwrap_or_default());
    })?;
    let texts = RESOLVERS.iter().filter_map(proc::read_text);
    let resolvers: BTreeSet<IpAddr> = texts.flat_map(|text| resolvers(&text)).collect();
    Ok(Lifelines {
        gateways: gateways.into_iter().collect(),
        resolvers: resolvers.into_iter().filter(|address| !address.is_loopback()).collect(),
    })
}

/// The gateways of a route, behind its head.
fn of_route(bytes: &[u8]) -> Vec<IpAddr> {
    let of = |(name, value): (u16, &[u8])| match name {
        GATEWAY => address(value).into_iter().collect(),
        VIA => value.get(2..).and_then(address).into_iter().collect(),
        SEVERAL => hops(value),
        _ => Vec::new(),
    };
    attributes(bytes).flat_map(of).collect()
}

/// Those of a list of struct rtnexthop: length, flags, weight and interface, and then attributes.
fn hops(mut list: &[u8]) -> Vec<IpAddr> {
    let mut found = Vec::new();
    while let Some(length) = bytes_at(list, 0).map(u16::from_ne_bytes).map(usize::from) {
        let own = list.get(HOP_BYTES..length.min(list.len())).unwrap_or_default();
        let own = attributes(own).filter(|(name, _)| *name != SEVERAL);
        found.extend(own.filter_map(|(name, value)| match name {
            GATEWAY => address(value),
            VIA => address(value.get(2..)?),
            _ => None,
        }));
        // NLMSG_ALIGN; what is shorter than itself would never end.
        list = list.get(length.next_multiple_of(4).max(HOP_BYTES)..).unwrap_or_default();
    }
    found
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(bytes_at::<4>(bytes, 0)?).into()),
        16 => Some(Ipv6Addr::from(bytes_at::<16>(bytes, 0)?).into()),
        _ => None,
    }
}

/// `nameserver 192.0.2.53`, a line each; what stands behind a `%` names the link.
fn resolvers(text: &str) -> impl Iterator<Item = IpAddr> + use<> {
    let of = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = (words.next()? == "nameserver").then(|| words.next()).flatten()?;
        address.split('%').next()?.parse().ok()
    };
    text.lines().filter_map(of).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::attribute;

    fn hop(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(HOP_BYTES + attributes.len()).unwrap();
        [length.to_ne_bytes().as_slice(), &[0, 0, 2, 0, 0, 0], attributes].concat()
    }

    #[test]
    fn every_gateway_of_a_route_is_found() {
        let six: Ipv6Addr = "fe80::1".parse().unwrap();
        let via = [[10, 0].as_slice(), &six.octets()].concat();
        let one = [attribute(1, &[192, 0, 2, 0]), attribute(GATEWAY, &[192, 0, 2, 254])].concat();
        assert_eq!(of_route(&one), [IpAddr::from([192, 0, 2, 254])]);
        assert_eq!(of_route(&attribute(VIA, &via)), [IpAddr::from(six)]);
        let several =
            [hop(&attribute(GATEWAY, &[192, 0, 2, 1])), hop(&[]), hop(&attribute(VIA, &via))].concat();
        assert_eq!(of_route(&attribute(SEVERAL, &several)), [IpAddr::from([192, 0, 2, 1]), six.into()]);
    }

    #[test]
    fn what_is_cut_short_is_no_gateway() {
        assert_eq!(of_route(&attribute(GATEWAY, &[192, 0, 2])), Vec::<IpAddr>::new());
        assert!(hops(&[0; 3]).is_empty());
        assert!(hops(&[0; 64]).is_empty(), "a hop without a length is passed over");
        assert!(hops(&[0xff; 16]).is_empty());
    }

    #[test]
    fn resolvers_are_read_from_their_lines() {
        let text = "# nameserver 192.0.2.1\nnameserver 192.0.2.53\n search example\nnameserver fe80::1%eth0\nnameserver\n";
        let found: Vec<_> = resolvers(text).map(|address| address.to_string()).collect();
        assert_eq!(found, ["192.0.2.53", "fe80::1"]);
    }
}
