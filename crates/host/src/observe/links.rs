//! Interfaces and their addresses, from rtnetlink (rtnetlink(7), A4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{address::Address, facts::Interface};

use crate::{
    proc,
    sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at},
};

/// What lists them.
pub(super) const SOURCE: &str = "rtnetlink";

/// RTM_GETLINK and RTM_GETADDR.
const GET_LINK: u16 = 18;
const GET_ADDRESS: u16 = 22;
/// IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_EXT_MASK, IFLA_INFO_KIND, IFLA_XDP, IFLA_XDP_ATTACHED.
const LINK_NAME: u16 = 3;
const LINK_MASTER: u16 = 10;
const LINK_INFO: u16 = 18;
const EXTENSION_MASK: u16 = 29;
const INFO_KIND: u16 = 1;
/// IFLA_LINK, IFLA_LINK_NETNSID.
const LINK_PEER: u16 = 5;
const LINK_PEER_NAMESPACE: u16 = 37;
const LINK_XDP: u16 = 43;
const XDP_ATTACHED: u16 = 2;
/// IFA_ADDRESS, IFA_LOCAL.
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;
/// RTEXT_FILTER_SKIP_STATS.
const SKIP_STATS: u32 = 8;
/// A host whose interfaces change faster than they are listed is asked this often.
const TRIES_MAX: u32 = 4;
/// The sizes of struct ifinfomsg and struct ifaddrmsg.
const LINK_BYTES: usize = 16;
const ADDRESS_BYTES: usize = 8;

/// An interface as the kernel lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What made it (`veth`, `wireguard`, …); empty for hardware and loopback.
    pub kind: String,
    /// The index of the bridge or the like that it is a port of, or 0.
    pub master: u32,
    /// The index of the interface at its other end or below it, or 0.
    pub peer: u32,
    /// The number by which this namespace knows the one that `peer` is in, where that is another.
    pub peer_namespace: Option<i32>,
    /// Whether an XDP program sees what comes in by it.
    pub has_xdp: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl Link {
    /// The interface as a fact; a link-local address says which interface it means.
    pub(super) fn interface(&self) -> Interface {
        let addresses = self.addresses.iter().map(|&ip| scoped(ip, &self.name)).collect();
        Interface { name: self.name.clone(), addresses }
    }
}

/// The address, with the interface where the address alone is not enough (RFC 4007 §11).
pub(super) fn scoped(ip: IpAddr, interface: &str) -> Address {
    Address { ip, interface: needs_interface(ip).then(|| interface.into()) }
}

/// The same of an end of a socket that is tied to the interface with this index, or to none (0).
pub(super) fn tied(ip: IpAddr, index: u32, links: &[Link]) -> Address {
    let name = if needs_interface(ip) { name_of(index, links) } else { None };
    Address { ip, interface: name.map(Into::into) }
}

fn needs_interface(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// The name of an interface; the number as text where it is gone already, and `None` for none (0).
pub(crate) fn name_of(index: u32, links: &[Link]) -> Option<String> {
    if index == 0 {
        return None;
    }
    let link = links.binary_search_by_key(&index, |link| link.index).ok();
    Some(link.map_or_else(|| index.to_string(), |at| links[at].name.clone()))
}

/// The interfaces of the network namespace of the calling thread, in order of index.
///
/// # Errors
///
/// Where the kernel or a sandbox refuses rtnetlink, or the list never holds still.
pub fn list() -> Result<Vec<Link>, NetlinkError> {
    for _ in 1..TRIES_MAX {
        match list_once() {
            Err(NetlinkError::Interrupted) => {}
            answer => return answer,
        }
    }
    list_once()
}

fn list_once() -> Result<Vec<Link>, NetlinkError> {
    let mut netlink = Netlink::open(Family::Route)?;
    let mut links = Vec::new();
    netlink.dump(GET_LINK, &link_request(), |bytes| links.extend(read_link(bytes)))?;
    links.sort_by_key(|link: &Link| link.index);
    netlink.dump(GET_ADDRESS, &[0; ADDRESS_BYTES], |bytes| {
        let Some((index, ip)) = read_address(bytes) else { return };
        if let Ok(at) = links.binary_search_by_key(&index, |link| link.index) {
            links[at].addresses.push(ip);
        }
    })?;
    Ok(links)
}

/// struct ifinfomsg for every family, and the wish to leave the statistics out.
fn link_request() -> Vec<u8> {
    let mut request = vec![0; LINK_BYTES];
    request.extend(8u16.to_ne_bytes());
    request.extend(EXTENSION_MASK.to_ne_bytes());
    request.extend(SKIP_STATS.to_ne_bytes());
    request
}

/// Reads a struct ifinfomsg with its attributes.
#[must_use]
pub fn read_link(bytes: &[u8]) -> Option<Link> {
    let index = u32::from_ne_bytes(bytes_at(bytes, 4)?);
    let (name, kind) = (String::new(), String::new());
    let mut link = Link {
        index,
        name,
        kind,
        master: 0,
        peer: 0,
        peer_namespace: None,
        has_xdp: false,
        addresses: Vec::new(),
    };
    for (kind, value) in attributes(bytes.get(LINK_BYTES..)?) {
        match kind {
            LINK_NAME => link.name = text(value),
            LINK_MASTER => link.master = bytes_at(value, 0).map_or(0, u32::from_ne_bytes),
            LINK_PEER => link.peer = bytes_at(value, 0).map_or(0, u32::from_ne_bytes),
            LINK_PEER_NAMESPACE => link.peer_namespace = bytes_at(value, 0).map(i32::from_ne_bytes),
            LINK_INFO => {
                let made_by = attributes(value).find(|(kind, _)| *kind == INFO_KIND);
                link.kind = made_by.map(|(_, value)| text(value)).unwrap_or_default();
            }
            // XDP_ATTACHED_NONE is 0.
            LINK_XDP => {
                let mut told = attributes(value);
                link.has_xdp = told.any(|(kind, value)| kind == XDP_ATTACHED && value.first() != Some(&0));
            }
            _ => {}
        }
    }
    Some(link)
}

/// Reads a struct ifaddrmsg with its attributes: the interface and its own address, not the peer's.
#[must_use]
pub fn read_address(bytes: &[u8]) -> Option<(u32, IpAddr)> {
    let index = u32::from_ne_bytes(bytes_at(bytes, 4)?);
    let mut found = None;
    for (kind, value) in attributes(bytes.get(ADDRESS_BYTES..)?) {
        match kind {
            LOCAL => found = ip(value),
            ADDRESS => found = found.or_else(|| ip(value)),
            _ => {}
        }
    }
    Some((index, found?))
}

/// An address of either family.
pub(super) fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => bytes_at::<4>(value, 0).map(|octets| Ipv4Addr::from(octets).into()),
        16 => bytes_at::<16>(value, 0).map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    proc::text(value.split(|&byte| byte == 0).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::netlink::attribute;

    #[test]
    fn a_link_has_a_name_and_what_made_it() {
        let mut bytes = vec![0; LINK_BYTES];
        bytes[4] = 7;
        bytes.extend(attribute(LINK_NAME, b"wg0\0"));
        bytes.extend(attribute(LINK_MASTER, &3_u32.to_ne_bytes()));
        bytes.extend(attribute(LINK_INFO, &attribute(INFO_KIND, b"wireguard\0")));
        bytes.extend(attribute(LINK_XDP, &attribute(XDP_ATTACHED, &[0])));
        let link = read_link(&bytes).unwrap();
        assert_eq!((link.index, link.name.as_str(), link.kind.as_str()), (7, "wg0", "wireguard"));
        assert_eq!((link.master, link.has_xdp), (3, false));
        bytes.extend(attribute(LINK_XDP, &attribute(XDP_ATTACHED, &[2])));
        assert!(read_link(&bytes).unwrap().has_xdp);
    }

    #[test]
    fn a_point_to_point_link_tells_its_own_address() {
        let mut bytes = vec![2, 32, 0, 0, 5, 0, 0, 0];
        bytes.extend(attribute(ADDRESS, &[192, 0, 2, 9]));
        bytes.extend(attribute(LOCAL, &[192, 0, 2, 1]));
        assert_eq!(read_address(&bytes), Some((5, Ipv4Addr::new(192, 0, 2, 1).into())));
        assert_eq!(read_address(&bytes[..7]), None);
    }

    #[test]
    fn a_link_local_address_names_its_interface() {
        assert_eq!(scoped("fe80::1".parse().unwrap(), "eth0").to_string(), "fe80::1%eth0");
        assert_eq!(scoped("2001:db8::1".parse().unwrap(), "eth0").to_string(), "2001:db8::1");
    }
}
