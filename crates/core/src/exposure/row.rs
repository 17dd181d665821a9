//! Which ports a person wants to hear of, and what is told of each (A15, A17, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::IpAddr;

use super::{Exposure, How, Senders, To, exposed};
use crate::{
    address::{Breadth, Family},
    facts::Listener,
    firewall::{Filter, Interval, Intervals, number},
    policy::WORLD,
    port::{PortRange, Protocol},
};

/// What becomes of packets from a zone to a port, or to a run of ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The zone; `None` where something else was asked about.
    pub zone: Option<&'a str>,
    /// IPv4 or IPv6.
    pub family: Family,
    /// The protocol.
    pub protocol: Protocol,
    /// The ports, and what becomes of the packets.
    pub exposure: Exposure,
}

/// Packets from a place with a name.
#[derive(Clone, Debug)]
pub struct From<'a> {
    /// The zone, where it is one.
    pub zone: Option<&'a str>,
    /// Whose packets.
    pub senders: Senders<'a>,
}

/// What becomes of the packets from each of `places` to a run of ports, in order of these and of the number.
#[must_use]
pub fn rows_to<'a>(filter: &Filter, places: &[From<'a>], to: &[To]) -> Vec<Row<'a>> {
    let told = |to: &To, from: &From<'a>| {
        let row = |exposure| Row { zone: from.zone, family: to.family, protocol: to.protocol, exposure };
        exposed(filter, &from.senders, to).into_iter().map(row).collect::<Vec<_>>()
    };
    to.iter().flat_map(|to| places.iter().flat_map(move |from| told(to, from))).collect()
}

/// What becomes of the packets from each of `places` to every port that somebody listens on, at the addresses where it
/// is bound, and to those that a rule sends on; in order of the number.
#[must_use]
pub fn rows<'a>(filter: &Filter, places: &[From<'a>], listeners: &[&Listener]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (to, ports) in doors(filter, listeners) {
        for from in places {
            let runs = exposed(filter, &from.senders, &to);
            rows.extend(ports.iter().filter_map(|&port| {
                let ports = Interval { first: port.into(), last: port.into() };
                let exposure = Exposure { ports, ..at(&runs, port)?.clone() };
                Some(Row { zone: from.zone, family: to.family, protocol: to.protocol, exposure })
            }));
        }
    }
    // By number, and of one number as the places and families stand.
    rows.sort_by_key(|row| (row.exposure.ports.first, row.protocol));
    rows
}

/// The one of `runs`, which ascend, that `port` is in.
#[must_use]
pub fn at(runs: &[Exposure], port: u16) -> Option<&Exposure> {
    let number = u128::from(port);
    let run = runs.get(runs.partition_point(|run| run.ports.last < number))?;
    (run.ports.first <= number).then_some(run)
}

/// The ports that packets may get in by: those with a listener, by where they can be heard, and those sent on.
fn doors(filter: &Filter, listeners: &[&Listener]) -> Vec<(To, BTreeSet<u16>)> {
    let mut wide: BTreeMap<(Protocol, Family), BTreeSet<u16>> = sent_on(filter);
    let mut bound: BTreeMap<(Protocol, Family, u16), Intervals> = BTreeMap::new();
    for listener in listeners {
        for family in families(listener) {
            if listener.breadth() == Breadth::Wildcard {
                wide.entry((listener.protocol, family)).or_default().insert(listener.port);
            } else {
                let key = (listener.protocol, family, listener.port);
                let address = Intervals::one(number(listener.address.ip.to_canonical()));
                let all = bound.entry(key).or_insert_with(Intervals::none);
                *all = all.or(&address);
            }
        }
    }
    let is_wide =
        |protocol, family, port| wide.get(&(protocol, family)).is_some_and(|ports| ports.contains(&port));
    let mut narrow: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
    for ((protocol, family, port), addresses) in bound {
        if !is_wide(protocol, family, port) {
            narrow.entry((protocol, family, addresses)).or_default().insert(port);
        }
    }
    let to = |protocol, family, addresses| To { family, protocol, addresses, ports: PortRange::EVERY };
    let narrow = narrow
        .into_iter()
        .map(|((protocol, family, addresses), ports)| (to(protocol, family, Some(addresses)), ports));
    let wide = wide.into_iter().map(|((protocol, family), ports)| (to(protocol, family, None), ports));
    wide.chain(narrow).collect()
}

/// Of more ports than this that a rule sends on together, none is a service of its own.
const RUN_PORTS_MAX: u128 = 1_024;

/// The runs of ports at which a rule sends packets from the world on to somebody else, to whom they get.
#[must_use]
pub fn passages(filter: &Filter) -> Vec<Row<'static>> {
    if !filter.ruleset.rewrites() {
        return Vec::new();
    }
    let world = [From { zone: Some(WORLD), senders: Senders::World }];
    let to = |protocol| {
        Family::ALL.map(|family| To { family, protocol, addresses: None, ports: PortRange::EVERY })
    };
    let mut rows = rows_to(filter, &world, &[Protocol::Tcp, Protocol::Udp].map(to).concat());
    rows.retain(|row| {
        let Interval { first, last } = row.exposure.ports;
        last - first < RUN_PORTS_MAX && row.exposure.ways.iter().any(|way| matches!(way, How::Forwarded(_)))
    });
    rows
}

/// The ports of all passages.
fn sent_on(filter: &Filter) -> BTreeMap<(Protocol, Family), BTreeSet<u16>> {
    let mut found: BTreeMap<_, BTreeSet<u16>> = BTreeMap::new();
    for row in passages(filter) {
        let ports = row.exposure.range();
        found.entry((row.protocol, row.family)).or_default().extend(ports.first..=ports.last);
    }
    found
}

/// The families of the packets that `listener` hears.
#[must_use]
pub fn families(listener: &Listener) -> Vec<Family> {
    let mapped = matches!(listener.address.ip.to_canonical(), IpAddr::V4(_));
    let hears = [(listener.hears_ipv4() || mapped, Family::Ipv4), (listener.hears_ipv6(), Family::Ipv6)];
    hears.into_iter().filter(|(hears, _)| *hears).map(|(_, family)| family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exposure::Reached,
        facts::{Firewall, Listing, testing::listener},
        firewall::read,
    };

    const ADDRESSES: &str = r#"[{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
        {"ifname":"wan0","addr_info":[{"local":"203.0.113.1","prefixlen":24},{"local":"203.0.113.2","prefixlen":24}]},
        {"ifname":"docker0","addr_info":[{"local":"172.17.0.1","prefixlen":16}]}]"#;
    /// 22 is let in, 8080 is a container's, and all else is dropped.
    const RULES: &str = "*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -d 203.0.113.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
";

    fn filter() -> Filter {
        let listings = [
            (Listing::Addresses, ADDRESSES.into()),
            (Listing::Settings, "net.ipv4.ip_forward = 1\n".into()),
            (Listing::Routes, r#"[{"dst":"172.17.0.0/16","dev":"docker0"}]"#.into()),
            (Listing::IptablesLegacy, RULES.into()),
        ];
        read(&Firewall { listings: listings.into() }).unwrap()
    }

    fn told(spots: &[&str], senders: Senders<'_>) -> Vec<(u128, Family, Reached)> {
        let listeners: Vec<_> = spots.iter().map(|spot| listener(spot)).collect();
        let listeners: Vec<_> = listeners.iter().collect();
        let rows = rows(&filter(), &[From { zone: None, senders }], &listeners);
        rows.iter().map(|row| (row.exposure.ports.first, row.family, row.exposure.reached)).collect()
    }

    #[test]
    fn a_port_is_asked_for_where_it_is_bound() {
        let wide = told(&["0.0.0.0:22/tcp"], Senders::World);
        // One of the host's addresses is closed to it.
        assert_eq!(wide[0], (22, Family::Ipv4, Reached::Partly));
        assert_eq!(told(&["203.0.113.1:22/tcp"], Senders::World)[0], (22, Family::Ipv4, Reached::Reachable));
        assert_eq!(told(&["203.0.113.2:22/tcp"], Senders::World)[0], (22, Family::Ipv4, Reached::Dropped));
        assert_eq!(told(&["127.0.0.1:22/tcp"], Senders::World)[0], (22, Family::Ipv4, Reached::Dropped));
        assert_eq!(told(&["127.0.0.1:22/tcp"], Senders::Host)[0], (22, Family::Ipv4, Reached::Reachable));
    }

    #[test]
    fn a_port_that_is_sent_on_needs_no_listener() {
        let rows = rows(&filter(), &[From { zone: Some("world"), senders: Senders::World }], &[]);
        assert_eq!(rows.len(), 1);
        let Row { zone, exposure, .. } = &rows[0];
        assert_eq!((*zone, exposure.ports.first, exposure.reached), (Some("world"), 8080, Reached::Partly));
        let [How::Forwarded(to)] = exposure.ways.as_slice() else { panic!("{:?}", exposure.ways) };
        assert_eq!(to.port, Some(Intervals::one(80)));
        // From docker0 it is this host's own, which drops it.
        assert_eq!(exposure.passing[0].interfaces, Some(Intervals::one(1)));
        assert_eq!(exposure.passing[0].sources, None);
    }

    #[test]
    fn a_mapped_address_is_asked_for_in_ipv4() {
        let told = told(&["[::ffff:203.0.113.1]:22/tcp"], Senders::World);
        assert_eq!(told[0], (22, Family::Ipv4, Reached::Reachable));
    }
}
