//! Interfaces, addresses and routes, written as `ip -j` prints them (rtnetlink(7), A4).

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    observe::links,
    sys::netlink::{Family, Netlink, NetlinkError, attributes, bytes_at},
};

/// RTM_GETADDR and RTM_GETROUTE.
const GET_ADDRESS: u16 = 22;
const GET_ROUTE: u16 = 26;
/// The sizes of struct ifaddrmsg and struct rtmsg.
const ADDRESS_BYTES: usize = 8;
const ROUTE_BYTES: usize = 12;
/// And of struct rtnexthop.
const HOP_BYTES: usize = 8;
/// RTA_DST, RTA_OIF, RTA_PRIORITY, RTA_MULTIPATH, RTA_TABLE.
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;
const PRIORITY: u16 = 6;
const SEVERAL: u16 = 9;
const TABLE: u16 = 15;
/// RT_TABLE_DEFAULT and RT_TABLE_MAIN; those of the table `local` are the host's own addresses.
const TABLES: [u32; 2] = [253, 254];
/// RTN_UNICAST, and the kinds that end packets: RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW.
const KINDS: [(u8, &str); 5] =
    [(1, "unicast"), (6, "blackhole"), (7, "unreachable"), (8, "prohibit"), (9, "throw")];
/// AF_INET6.
const IPV6: u8 = 10;

/// `ip -j addr`.
pub(super) fn addresses() -> Result<String, NetlinkError> {
    let links = links::list()?;
    let mut found = Vec::new();
    Netlink::open(Family::Route)?.dump(GET_ADDRESS, &[0; ADDRESS_BYTES], |bytes| {
        found.extend(links::read_address(bytes).zip(bytes.get(1).copied()));
    })?;
    let of = |index: u32| {
        let own = found.iter().filter(move |((at, _), _)| *at == index);
        own.map(|((_, ip), length)| json!({"local": ip, "prefixlen": length})).collect::<Vec<_>>()
    };
    let list = links.iter().map(|link| {
        let mut entry = json!({"ifname": link.name, "addr_info": of(link.index)});
        // So ip marks bonds, whose ports are no bridge's.
        if matches!(link.kind.as_str(), "bond" | "team") {
            entry["flags"] = json!(["MASTER"]);
        }
        if let Some(master) = master(link, &links) {
            entry["master"] = master.into();
        }
        entry
    });
    Ok(Value::Array(list.collect()).to_string())
}

/// What takes over all that a link hands over; a VRF only routes it apart (Documentation/networking/vrf.rst).
fn master<'a>(link: &links::Link, links: &'a [links::Link]) -> Option<&'a str> {
    let master = links.iter().find(|other| other.index == link.master && link.master != 0)?;
    (master.kind != "vrf").then_some(master.name.as_str())
}

/// `ip -j route` and `ip -j -6 route`.
pub(super) fn routes() -> Result<String, NetlinkError> {
    let links = links::list()?;
    let mut found = Vec::new();
    Netlink::open(Family::Route)?.dump(GET_ROUTE, &[0; ROUTE_BYTES], |bytes| {
        found.extend(route(bytes, &links));
    })?;
    Ok(Value::Array(found).to_string())
}

fn route(bytes: &[u8], links: &[links::Link]) -> Option<Value> {
    let [family, length, _, _, table, _, _, kind] = bytes_at::<8>(bytes, 0)?;
    let (_, kind) = KINDS.into_iter().find(|(number, _)| *number == kind)?;
    let (mut to, mut interface, mut metric, mut table) = (None, None, 0, u32::from(table));
    let mut hops = Vec::new();
    for (name, value) in attributes(bytes.get(ROUTE_BYTES..)?) {
        let number = || bytes_at(value, 0).map(u32::from_ne_bytes);
        match name {
            DESTINATION => to = links::ip(value),
            INTERFACE => interface = number(),
            SEVERAL => hops = self::hops(value),
            PRIORITY => metric = number()?,
            TABLE => table = number()?,
            _ => {}
        }
    }
    if !TABLES.contains(&table) {
        return None;
    }
    let name = interface.and_then(|index| links::name_of(index, links));
    let mut route = json!({"type": kind, "dst": network(to, length), "metric": metric});
    if let Some(name) = name {
        route["dev"] = name.into();
    }
    if !hops.is_empty() {
        let named = hops.into_iter().filter_map(|index| links::name_of(index, links));
        route["nexthops"] = named.map(|name| json!({ "dev": name })).collect();
    }
    if family == IPV6 {
        route["pref"] = "medium".into();
    }
    Some(route)
}

/// The interfaces of a list of struct rtnexthop: length, flags, weight and interface, and then attributes.
fn hops(mut list: &[u8]) -> Vec<u32> {
    let mut found = Vec::new();
    while let Some(length) = bytes_at(list, 0).map(u16::from_ne_bytes) {
        found.extend(bytes_at(list, 4).map(u32::from_ne_bytes));
        // NLMSG_ALIGN; what is shorter than itself would never end.
        let next = usize::from(length).next_multiple_of(4);
        list = list.get(next.max(HOP_BYTES)..).unwrap_or_default();
    }
    found
}

fn network(to: Option<IpAddr>, length: u8) -> String {
    to.map_or_else(|| "default".into(), |to| format!("{to}/{length}"))
}
