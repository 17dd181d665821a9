//! Interfaces, addresses and routes, written as `ip -j` prints them (rtnetlink(7), A4).

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::{
    observe::{
        links,
        rules::{self, Rule},
    },
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
/// RT_TABLE_DEFAULT, RT_TABLE_MAIN and RT_TABLE_LOCAL.
const TABLES: [u32; 3] = [253, 254, 255];
/// RTN_UNICAST, RTN_LOCAL, RTN_ANYCAST, and the kinds that end packets: RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW.
const KINDS: [(u8, &str); 7] = [
    (1, "unicast"),
    (2, "local"),
    (4, "anycast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
    (9, "throw"),
];
/// AF_INET and AF_INET6.
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// The names of the tables that every host has (ip-rule(8)).
const NAMED_TABLES: [(u32, &str); 3] = [(255, "local"), (254, "main"), (253, "default")];

const VRF: &str = "vrf";

/// `ip -j addr`, and of VRFs what `ip -d` adds.
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
        // A VRF only routes apart what it is given (Documentation/networking/vrf.rst); anything else takes it over.
        match master(link, &links) {
            Some(master) if master.kind == VRF => entry["linkinfo"] = json!({"info_slave_kind": VRF}),
            Some(master) => entry["master"] = master.name.as_str().into(),
            None if link.kind == VRF => entry["linkinfo"] = json!({"info_kind": VRF}),
            None => {}
        }
        entry
    });
    Ok(Value::Array(list.collect()).to_string())
}

/// What a link is given to.
fn master<'a>(link: &links::Link, links: &'a [links::Link]) -> Option<&'a links::Link> {
    links.iter().find(|other| other.index == link.master && link.master != 0)
}

/// `ip -j route` and `ip -j -6 route`, with those of the table `local`.
pub(super) fn routes() -> Result<String, NetlinkError> {
    let links = links::list()?;
    let mut found = Vec::new();
    Netlink::open(Family::Route)?.dump(GET_ROUTE, &[0; ROUTE_BYTES], |bytes| {
        found.extend(route(bytes, &links));
    })?;
    Ok(Value::Array(found).to_string())
}

/// `ip -j rule` and `ip -j -6 rule`; of a rule for some packets alone it is only told that it is one.
pub(super) fn rules() -> Result<String, NetlinkError> {
    let found = rules::list()?;
    let of = |family| {
        let own = found.iter().filter(move |rule| rule.family == family);
        Value::Array(own.map(rule).collect()).to_string()
    };
    Ok([of(IPV4), of(IPV6)].join("\n"))
}

fn rule(rule: &Rule) -> Value {
    let named = NAMED_TABLES.into_iter().find(|(number, _)| *number == rule.table);
    let table = named.map_or_else(|| rule.table.to_string(), |(_, name)| name.into());
    let mut told = json!({"priority": rule.priority, "src": "all", "table": table});
    if !rule.is_for_all {
        told["some"] = true.into();
    }
    told
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_all_packets_is_told_from_one_for_some() {
        let main = Rule { family: IPV4, priority: 32766, table: 254, is_for_all: true, is_by_port: false };
        assert_eq!(rule(&main).to_string(), r#"{"priority":32766,"src":"all","table":"main"}"#);
        let some = Rule { priority: 0, table: 7, is_for_all: false, ..main };
        assert_eq!(rule(&some).to_string(), r#"{"priority":0,"some":true,"src":"all","table":"7"}"#);
    }

    #[test]
    fn every_hop_has_an_interface() {
        let hop = |length: u16, interface: u32| {
            let mut bytes = [length.to_ne_bytes(), [0, 0]].concat();
            bytes.extend(interface.to_ne_bytes());
            bytes
        };
        assert_eq!(hops(&[hop(8, 3), hop(8, 4)].concat()), [3, 4]);
        let gateway = [hop(16, 3), vec![0; 8], hop(8, 4)].concat();
        assert_eq!(hops(&gateway), [3, 4]);
        assert_eq!(hops(&[hop(0, 3), hop(8, 4)].concat()), [3, 4]);
        assert_eq!(hops(&hop(u16::MAX, 3)), [3]);
        assert_eq!(hops(&[8]), [0; 0]);
    }

    #[test]
    fn both_families_have_their_rules() {
        let listed = rules().unwrap();
        let lists: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lists.len(), 2);
        assert_eq!(lists[0][0]["table"], "local");
    }
}
