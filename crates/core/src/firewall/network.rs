//! Reads what `ip -j addr`, `ip -j route` and `sysctl -a` print (ip-address(8), ip-route(8), sysctl(8), A4).

use alloc::{
    collections::BTreeSet,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::{
    quote::quote,
    surroundings::{Interface, Route, Surroundings, WayBack},
};
use crate::address::Family;

/// More interfaces than this are not read.
const INTERFACES_MAX: usize = 100_000;
/// More routes than this are not read; it is twice what the whole internet has.
const ROUTES_MAX: usize = 4_000_000;

/// Why a listing cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON, or is nested deeper than 128 levels.
    #[error("not JSON, line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 at the end of a line.
        column: usize,
    },
    /// It is something else than a list of objects.
    #[error("not a list, as ip -j prints one")]
    NoList,
    /// An entry says something that cannot be read.
    #[error("entry {entry}: `{value}` is no {expected}")]
    Entry {
        /// Which one, from 1.
        entry: usize,
        /// What it says.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Nothing is listed where every host has something.
    #[error("no interface is listed, and every host has one")]
    NoInterface,
    /// There is too much of something.
    #[error("more than {most} entries")]
    TooMany {
        /// The most that are read.
        most: usize,
    },
}

/// Puts the interfaces with their addresses, as `ip -j addr` lists them, into `around`.
///
/// # Errors
///
/// The first entry that cannot be read; `around` is as it was then.
pub fn read_addresses(text: &str, around: &mut Surroundings) -> Result<(), ReadError> {
    let list = list(text, INTERFACES_MAX)?;
    if list.is_empty() {
        return Err(ReadError::NoInterface);
    }
    let interfaces = list.iter().zip(1..).map(|(entry, number)| interface(entry, number));
    let mut interfaces: Vec<_> = interfaces.collect::<Result<_, _>>()?;
    let masters: BTreeSet<&str> = list.iter().filter_map(|entry| entry.get("master")?.as_str()).collect();
    for (interface, entry) in interfaces.iter_mut().zip(&list) {
        interface.is_bridge = masters.contains(interface.name.as_str()) && !is_bundle(entry);
    }
    around.interfaces = interfaces;
    Ok(())
}

/// Puts the routes, as `ip -j route` and `ip -j -6 route` list them, one list or several, behind those of `around`, whose
/// interfaces are known. Of the table `local`, where that is listed too, the networks count of which this host has no
/// address.
///
/// # Errors
///
/// The first entry that cannot be read; `around` is as it was then.
pub fn read_routes(text: &str, around: &mut Surroundings) -> Result<(), ReadError> {
    let list = list(text, ROUTES_MAX)?;
    let main = list.iter().zip(1..).filter(|(entry, _)| is_way(entry));
    let routes: Vec<_> = main.map(|(entry, number)| hops(entry, number, around)).collect::<Result<_, _>>()?;
    let taken = |kind: &str| {
        let own = list.iter().zip(1..).filter(|(entry, _)| leads_here(entry, kind));
        own.map(|(entry, number)| Ok(route(entry, number, around)?.to)).collect::<Result<Vec<_>, _>>()
    };
    let (mut local, mut anycast) = (taken("local")?, taken("anycast")?);
    local.retain(|to| !has_address(around, to));
    // To the kernel those of IPv4 are no way (net/ipv4/route.c, `ip_route_input_slow`).
    anycast.retain(|to| to.addr().is_ipv6());
    around.routes.extend(routes.into_iter().flatten());
    around.local.extend(local);
    around.anycast.extend(anycast);
    Ok(())
}

/// Puts into `around` whether other rules choose the route of a packet than those that every host has, as `ip -j rule` and
/// `ip -j -6 rule` list them, one list after the other; of one list alone both families are meant.
///
/// # Errors
///
/// What is no such list; `around` is as it was then.
pub fn read_rules(text: &str, around: &mut Surroundings) -> Result<(), ReadError> {
    let lists = lists(text, ROUTES_MAX)?;
    around.has_rules = match lists.as_slice() {
        [ipv4, ipv6] => [!are_plain(ipv4), !are_plain(ipv6)],
        [] => [false; 2],
        others => [others.iter().any(|list| !are_plain(list)); 2],
    };
    Ok(())
}

/// The tables that every host asks, in this order and whatever the packet is.
const PLAIN_TABLES: [&str; 3] = ["local", "main", "default"];

fn are_plain(rules: &[Value]) -> bool {
    let is_plain = |rule: &Value, table: &str| {
        let keys = rule.as_object().is_some_and(|rule| rule.len() == ["priority", "src", "table"].len());
        let is = |key: &str, word: &str| rule.get(key).and_then(Value::as_str) == Some(word);
        keys && rule.get("priority").is_some() && is("src", "all") && is("table", table)
    };
    // IPv6 has no table `default`.
    (2..=PLAIN_TABLES.len()).contains(&rules.len())
        && rules.iter().zip(PLAIN_TABLES).all(|(rule, table)| is_plain(rule, table))
}

/// Puts what `sysctl` prints about the way of packets into `around`; other lines are passed over.
pub fn read_settings(text: &str, around: &mut Surroundings) {
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else { continue };
        let (name, value) = (name.trim().replace('/', "."), value.trim());
        let is_on = value != "0";
        match name.as_str() {
            "net.ipv4.ip_forward" => around.forwards[0] = is_on,
            "net.ipv6.conf.all.forwarding" => around.forwards[1] = is_on,
            _ => interface_setting(&name, value, around),
        }
    }
}

/// `net.ipv4.conf.eth0.route_localnet`; `all` holds for each, where it says so (Documentation/networking/ip-sysctl.rst).
fn interface_setting(name: &str, value: &str, around: &mut Surroundings) {
    let is_on = value != "0";
    let of = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.rsplit_once('.'));
    let (version, Some((device, setting))) =
        of("net.ipv4.conf.").map_or_else(|| (6, of("net.ipv6.conf.")), |setting| (4, Some(setting)))
    else {
        return;
    };
    for interface in &mut around.interfaces {
        let is_own = device == interface.name;
        let is_set = is_on && (is_own || device == "all");
        match (version, setting) {
            (4, "route_localnet") => interface.routes_localnet |= is_set,
            (4, "accept_local") => interface.accepts_local |= is_set,
            // The higher one counts.
            (4, "rp_filter") if is_set => interface.way_back = interface.way_back.max(way_back(value)),
            // What `all` says was written to each.
            (4, "forwarding") if is_own => interface.forwards = Some(is_on),
            (6, "force_forwarding") if is_own => interface.forces_forwarding = is_on,
            (6, "disable_ipv6") if is_own => interface.refuses_ipv6 = is_on,
            _ => {}
        }
    }
}

/// 1 is strict and 2 is loose; whatever else is set the kernel takes for loose (`__fib_validate_source`).
fn way_back(value: &str) -> WayBack {
    match value {
        "0" => WayBack::Any,
        "1" => WayBack::Same,
        _ => WayBack::Some,
    }
}

/// The entries of one list after the other.
fn list(text: &str, most: usize) -> Result<Vec<Value>, ReadError> {
    Ok(lists(text, most)?.into_iter().flatten().collect())
}

/// One list after the other.
fn lists(text: &str, most: usize) -> Result<Vec<Vec<Value>>, ReadError> {
    let (mut lists, mut count) = (Vec::new(), 0);
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value =
            value.map_err(|error| ReadError::Syntax { line: error.line(), column: error.column() })?;
        let Value::Array(list) = value else { return Err(ReadError::NoList) };
        count += list.len();
        lists.push(list);
        if count > most {
            return Err(ReadError::TooMany { most });
        }
    }
    Ok(lists)
}

/// `eth0` of `eth0`, and of `eth0@if7`, as some versions write one end of a pair.
fn interface(entry: &Value, number: usize) -> Result<Interface, ReadError> {
    let name = entry.get("ifname").and_then(Value::as_str);
    let name = name.ok_or_else(|| wrong(number, entry, "interface"))?;
    let addresses = entry.get("addr_info").and_then(Value::as_array);
    let is_vrf = |kind: &str| entry.pointer(kind).and_then(Value::as_str) == Some("vrf");
    let networks = addresses.into_iter().flatten().map(|address| network(address, number));
    Ok(Interface {
        name: name.split('@').next().unwrap_or(name).into(),
        networks: networks.collect::<Result<_, _>>()?,
        is_port: entry.get("master").is_some(),
        is_of_vrf: ["/linkinfo/info_kind", "/linkinfo/info_slave_kind"].into_iter().any(is_vrf),
        ..Interface::default()
    })
}

/// Whether what has ports is one of them by turns (IFF_MASTER, include/uapi/linux/if.h), and no bridge between them.
fn is_bundle(entry: &Value) -> bool {
    let flags = entry.get("flags").and_then(Value::as_array);
    flags.is_some_and(|flags| flags.iter().any(|flag| flag.as_str() == Some("MASTER")))
}

fn network(address: &Value, number: usize) -> Result<IpNet, ReadError> {
    let ip = address.get("local").and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
    let length =
        address.get("prefixlen").and_then(Value::as_u64).and_then(|length| u8::try_from(length).ok());
    let network = ip.zip(length).and_then(|(ip, length)| IpNet::new(ip, length).ok());
    network.ok_or_else(|| wrong(number, address, "address"))
}

/// Whether a route leads to other hosts: those of the table `local` lead to this one, which its addresses tell.
fn is_way(entry: &Value) -> bool {
    let kind = entry.get("type").and_then(Value::as_str);
    !matches!(kind, Some("local" | "broadcast" | "anycast" | "multicast"))
}

/// Whether a route of this kind leads to this host itself, in the table that is asked first.
fn leads_here(entry: &Value, kind: &str) -> bool {
    let is = |key: &str, word: &str| entry.get(key).and_then(Value::as_str).map(|own| own == word);
    is("type", kind) == Some(true) && is("table", "local") != Some(false)
}

/// Whether a network is one address that an interface has, or the loopback's.
fn has_address(around: &Surroundings, to: &IpNet) -> bool {
    let networks = around.interfaces.iter().flat_map(|interface| &interface.networks);
    to.addr().is_loopback()
        || to.prefix_len() == to.max_prefix_len() && networks.into_iter().any(|own| own.addr() == to.addr())
}

/// A route for each of the hops among which it chooses, the first one first.
fn hops(entry: &Value, number: usize, around: &Surroundings) -> Result<Vec<Route>, ReadError> {
    let route = route(entry, number, around)?;
    let hops = entry.get("nexthops").and_then(Value::as_array).filter(|hops| !hops.is_empty());
    let Some(hops) = hops else { return Ok([route].into()) };
    let by = |hop: &Value| {
        let device = hop.get("dev").and_then(Value::as_str);
        Route { interface: device.and_then(|device| around.interface(device)), ..route.clone() }
    };
    Ok(hops.iter().map(by).collect())
}

fn route(entry: &Value, number: usize, around: &Surroundings) -> Result<Route, ReadError> {
    let to = match entry.get("dst").and_then(Value::as_str) {
        Some("default") => Some(whole(family(entry))),
        Some(text) => text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)),
        None => None,
    };
    let device = entry.get("dev").and_then(Value::as_str);
    // `blackhole`, `prohibit`, `unreachable`: packets end there whatever device stands behind it.
    let kind = entry.get("type").and_then(Value::as_str);
    let is_end = kind.is_some_and(|kind| kind != "unicast");
    let metric = entry.get("metric").and_then(Value::as_u64).unwrap_or(0);
    Ok(Route {
        to: to.ok_or_else(|| wrong(number, entry, "route"))?,
        interface: device.filter(|_| !is_end).and_then(|device| around.interface(device)),
        // Of a black hole nothing is told; `throw` goes on to tables that have no way either.
        refuses: is_end && kind != Some("blackhole"),
        metric: u32::try_from(metric).unwrap_or(u32::MAX),
    })
}

/// The family of a route that names no network: ip prints how much IPv6 prefers it (RFC 4191), of IPv4 nothing like it.
fn family(entry: &Value) -> Family {
    let via = entry.get("gateway").and_then(Value::as_str);
    if entry.get("pref").is_some() || via.is_some_and(|via| via.contains(':')) {
        Family::Ipv6
    } else {
        Family::Ipv4
    }
}

fn whole(family: Family) -> IpNet {
    IpNet::new_assert(family.wildcard(), 0)
}

fn wrong(entry: usize, value: &Value, expected: &'static str) -> ReadError {
    ReadError::Entry { entry, value: quote(&value.to_string()), expected }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::{AddressKind, number};

    const ADDRESSES: &str = r#"[
        {"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8}]},
        {"ifname":"veth1","link_index":7,"addr_info":[
            {"family":"inet","local":"198.51.100.2","prefixlen":24,"broadcast":"198.51.100.255"},
            {"family":"inet6","local":"2001:db8::2","prefixlen":64}]},
        {"ifname":"idle0"}]"#;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn around() -> Surroundings {
        let mut around = Surroundings::default();
        read_addresses(ADDRESSES, &mut around).unwrap();
        around
    }

    #[test]
    fn interfaces_come_with_their_networks() {
        let around = around();
        let named: Vec<_> = around.interfaces.iter().map(|interface| interface.name.as_str()).collect();
        assert_eq!(named, ["lo", "veth1", "idle0"]);
        assert_eq!(around.interfaces[1].networks, [net("198.51.100.2/24"), net("2001:db8::2/64")]);
    }

    #[test]
    fn a_port_of_a_bridge_is_known() {
        let mut around = Surroundings::default();
        let text = r#"[{"ifname":"br0"},{"ifname":"veth1","master":"br0"},{"ifname":"bond0","flags":["MASTER","UP"]},
            {"ifname":"eth0","master":"bond0"}]"#;
        read_addresses(text, &mut around).unwrap();
        let ports: Vec<_> = around.interfaces.iter().map(|interface| interface.is_port).collect();
        assert_eq!(ports, [false, true, false, true]);
        let bridges: Vec<_> = around.interfaces.iter().map(|interface| interface.is_bridge).collect();
        assert_eq!(bridges, [true, false, false, false]);
    }

    #[test]
    fn routes_lead_to_interfaces_or_nowhere() {
        let mut around = around();
        let text = r#"[{"dst":"default","gateway":"198.51.100.1","dev":"veth1","metric":100},
            {"dst":"203.0.113.7","dev":"veth1"},{"type":"blackhole","dst":"10.0.0.0/8","dev":"lo"},
            {"type":"prohibit","dst":"11.0.0.0/8"}]"#;
        read_routes(text, &mut around).unwrap();
        let told: Vec<_> =
            around.routes.iter().map(|it| (it.to, it.interface, it.metric, it.refuses)).collect();
        assert_eq!(
            told,
            [
                (net("0.0.0.0/0"), Some(1), 100, false),
                (net("203.0.113.7/32"), Some(1), 0, false),
                (net("10.0.0.0/8"), None, 0, false),
                (net("11.0.0.0/8"), None, 0, true)
            ]
        );
    }

    #[test]
    fn a_network_may_be_this_hosts_own_without_an_address() {
        let mut around = around();
        let text = r#"[{"dst":"default","dev":"veth1"}] [{"type":"local","dst":"198.18.9.0/24","dev":"lo"},
            {"type":"local","dst":"198.51.100.2","dev":"veth1"},{"type":"local","dst":"127.0.0.0/8","dev":"lo"},
            {"type":"broadcast","dst":"198.51.100.255","dev":"veth1"},{"type":"local","dst":"10.0.0.0/8","dev":"lo","table":"7"}]"#;
        read_routes(text, &mut around).unwrap();
        assert_eq!(around.local, [net("198.18.9.0/24")]);
        assert!(
            around.is_own("198.18.9.9".parse().unwrap()) && !around.is_own("198.18.8.9".parse().unwrap())
        );
        assert_eq!(around.routes.len(), 1);
    }

    #[test]
    fn whoever_passes_on_is_a_router_to_a_network() {
        let mut around = around();
        let text = r#"[{"type":"anycast","dst":"2001:db8::","dev":"veth1","metric":0,"pref":"medium"},
            {"type":"anycast","dst":"10.0.0.0","dev":"veth1"}]"#;
        read_routes(text, &mut around).unwrap();
        assert_eq!(around.anycast, [net("2001:db8::/128")]);
        let of = |kind| around.of_kind(kind, Family::Ipv6).contains(number("2001:db8::".parse().unwrap()));
        use AddressKind::{Anycast, Local, Unicast};
        assert_eq!([of(Anycast), of(Local), of(Unicast)], [true, false, false]);
        assert!(around.routes.is_empty() && around.local.is_empty());
    }

    #[test]
    fn lists_of_both_families_stand_one_after_the_other() {
        let mut around = around();
        let text = r#"[{"dst":"default","gateway":"198.51.100.1","dev":"veth1"},{"type":"local","dst":"10.0.0.0/8","dev":"lo"}]
            [{"dst":"default","dev":"veth1","metric":1024,"pref":"medium"},{"dst":"default","gateway":"fe80::1","dev":"veth1"}]"#;
        read_routes(text, &mut around).unwrap();
        let told: Vec<_> = around.routes.iter().map(|it| it.to).collect();
        assert_eq!(told, [net("0.0.0.0/0"), net("::/0"), net("::/0")]);
        read_routes("", &mut around).unwrap();
        assert_eq!(around.routes.len(), 3);
    }

    #[test]
    fn settings_are_read_as_sysctl_prints_them() {
        let mut around = around();
        let text = "net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding=0\nnet.ipv4.conf.veth1.route_localnet = 1\nnet.ipv4.conf.all.accept_local = 1\nnet.ipv4.conf.lo.accept_local = 0\nkernel.x = 1\nnet.ipv4.conf.veth1.forwarding = 0\nnet.ipv4.conf.all.forwarding = 1\nnet.ipv6.conf.idle0.force_forwarding = 1\nnet.ipv6.conf.veth1.forwarding = 0\nnet.ipv6.conf.all.disable_ipv6 = 1\nnet.ipv6.conf.veth1.disable_ipv6 = 1\n";
        read_settings(text, &mut around);
        let forwards: Vec<_> =
            around.interfaces.iter().map(|it| (it.forwards, it.forces_forwarding)).collect();
        assert_eq!(forwards, [(None, false), (Some(false), false), (None, true)]);
        assert_eq!(around.forwards, [true, false]);
        let localnet: Vec<_> = around.interfaces.iter().map(|it| it.routes_localnet).collect();
        assert_eq!(localnet, [false, true, false]);
        assert!(around.interfaces.iter().all(|interface| interface.accepts_local));
        // What `all` says was written to each.
        let refusing: Vec<_> = around.interfaces.iter().map(|it| it.refuses_ipv6).collect();
        assert_eq!(refusing, [false, true, false]);
    }

    #[test]
    fn rules_that_every_host_has_are_none() {
        let rule = |table: &str| alloc::format!(r#"{{"priority":1,"src":"all","table":"{table}"}}"#);
        let list = |rules: &[String]| alloc::format!("[{}]", rules.join(","));
        let told = |text: &str| {
            let mut around = around();
            read_rules(text, &mut around).unwrap();
            around.has_rules
        };
        let ipv4 = list(&[rule("local"), rule("main"), rule("default")]);
        let ipv6 = list(&[rule("local"), rule("main")]);
        let marked = rule("7").replace("\"src\"", "\"fwmark\":\"0x1\",\"src\"");
        let other = list(&[rule("local"), marked, rule("main")]);
        assert_eq!(told(&[ipv4.clone(), ipv6.clone()].join("\n")), [false, false]);
        assert_eq!(told(&[ipv4.clone(), other.clone()].join("\n")), [false, true]);
        assert_eq!(told(&[other.clone(), ipv6].join("\n")), [true, false]);
        assert_eq!([told(&other), told(&ipv4), told("")], [[true, true], [false, false], [false, false]]);
        // Its own addresses would not come first.
        assert_eq!(told(&list(&[rule("main"), rule("local")])), [true, true]);
    }

    #[test]
    fn of_two_ways_back_the_wider_one_counts() {
        let told = |text: &str| {
            let mut around = around();
            read_settings(text, &mut around);
            around.interfaces.iter().map(|it| it.way_back).collect::<Vec<_>>()
        };
        let all = "net.ipv4.conf.all.rp_filter = 1\n";
        let one = "net.ipv4.conf.veth1.rp_filter = 2\nnet.ipv4.conf.idle0.rp_filter = 0\n";
        let (same, some) = (WayBack::Same, WayBack::Some);
        assert_eq!(told(&[all, one].concat()), [same, some, same]);
        assert_eq!(told(&[one, all].concat()), [same, some, same]);
        assert_eq!(told(one), [WayBack::Any, some, WayBack::Any]);
    }

    #[test]
    fn several_hops_are_several_routes() {
        let mut around = around();
        let text = r#"[{"dst":"default","metric":5,"nexthops":[{"gateway":"198.51.100.1","dev":"veth1","weight":1},
            {"dev":"idle0","weight":1}]}]"#;
        read_routes(text, &mut around).unwrap();
        let told: Vec<_> = around.routes.iter().map(|it| (it.to, it.interface, it.metric)).collect();
        assert_eq!(told, [(net("0.0.0.0/0"), Some(1), 5), (net("0.0.0.0/0"), Some(2), 5)]);
    }

    #[test]
    fn what_ip_does_not_print_is_refused_with_its_place() {
        let refused = |text: &str| read_addresses(text, &mut around()).unwrap_err().to_string();
        assert_eq!(refused("{"), "not JSON, line 1, column 1");
        assert_eq!(refused("{}"), "not a list, as ip -j prints one");
        assert_eq!([refused(""), refused("[]")], ["no interface is listed, and every host has one"; 2]);
        assert_eq!(refused(r#"[{"ifname":"a"},{"x":1}]"#), r#"entry 2: `{"x":1}` is no interface"#);
        let bad = r#"[{"ifname":"a","addr_info":[{"local":"1.2.3.4","prefixlen":33}]}]"#;
        assert!(refused(bad).ends_with("is no address"), "{}", refused(bad));
        let route = read_routes(r#"[{"dst":"nowhere"}]"#, &mut around()).unwrap_err();
        assert_eq!(route.to_string(), r#"entry 1: `{"dst":"nowhere"}` is no route"#);
    }
}
