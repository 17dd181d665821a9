//! Which ports a person wants to hear of, and what is told of each (A15, A17, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Exposure, How, Senders, To, Way, exposures, ports_of, sent::sent_but};
use crate::{
    address::{Breadth, Family},
    facts::Listener,
    firewall::{Filter, Interval, Intervals, Surroundings, number},
    policy::WORLD,
    port::{PortRange, PortSpec, Protocol},
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
        runs(filter, &from.senders, to, &Intervals::none()).into_iter().map(row).collect::<Vec<_>>()
    };
    to.iter().flat_map(|to| places.iter().flat_map(move |from| told(to, from))).collect()
}

/// Where packets are led to, whoever is bound there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leads {
    /// Those that somebody takes.
    pub live: Vec<To>,
    /// Those that nobody takes, and that are refused.
    pub dead: Vec<To>,
}

impl Leads {
    /// The addresses at which who is bound to every one hears nothing on `port`.
    fn deaf(&self, protocol: Protocol, family: Family, port: u16) -> Intervals {
        let is_there = |to: &&To| {
            (to.protocol, to.family) == (protocol, family) && to.ports.overlaps(PortRange::one(port))
        };
        let every = || Intervals::span(0, u128::MAX);
        let addresses =
            self.dead.iter().filter(is_there).map(|to| to.addresses.clone().unwrap_or_else(every));
        addresses.fold(Intervals::none(), |all, some| all.or(&some))
    }
}

/// Ports of which the same is asked.
struct Door {
    to: To,
    /// The addresses of them at which nobody hears.
    deaf: Intervals,
    ports: BTreeSet<PortRange>,
}

/// What becomes of the packets from each of `places` to every port that somebody listens on, at the addresses where it
/// is bound, to those that a rule sends on, and to those that are led to somebody; in order of the number.
#[must_use]
pub fn rows<'a>(
    filter: &Filter,
    places: &[From<'a>],
    listeners: &[&Listener],
    leads: &Leads,
) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for Door { to, deaf, ports } in doors(filter, listeners, leads) {
        for from in places {
            let runs = runs(filter, &from.senders, &to, &deaf);
            let row = |exposure| Row { zone: from.zone, family: to.family, protocol: to.protocol, exposure };
            rows.extend(ports.iter().flat_map(|range| within(&runs, *range)).map(row));
        }
    }
    // By number, and of one number as the places and families stand.
    rows.sort_by_key(|row| (row.exposure.ports.first, row.exposure.ports.last, row.protocol));
    rows
}

/// What becomes of the packets, but for those to addresses where nobody hears; of a place that was asked about by its address or
/// interface, and from where none come that a kernel takes, that they are lost.
fn runs(filter: &Filter, senders: &Senders<'_>, to: &To, deaf: &Intervals) -> Vec<Exposure> {
    let runs = exposures(filter, &sent_but(filter, senders, to, deaf));
    let is_asked = match senders {
        Senders::Network(network) => Family::of(network.addr()) == to.family,
        Senders::Interface(_) => true,
        _ => false,
    };
    if runs.is_empty() && is_asked { [Exposure::lost(&filter.around, to.ports)].into() } else { runs }
}

/// What of `runs`, which ascend, is within `range`.
pub fn within(runs: &[Exposure], range: PortRange) -> impl Iterator<Item = Exposure> {
    let (first, last) = (u128::from(range.first), u128::from(range.last));
    let from = runs.partition_point(|run| run.ports.last < first);
    runs[from..].iter().take_while(move |run| run.ports.first <= last).map(move |run| {
        let ports = Interval { first: run.ports.first.max(first), last: run.ports.last.min(last) };
        Exposure { ports, ..run.clone() }
    })
}

/// The one of `runs`, which ascend, that `port` is in.
#[must_use]
pub fn at(runs: &[Exposure], port: u16) -> Option<&Exposure> {
    let number = u128::from(port);
    let run = runs.get(runs.partition_point(|run| run.ports.last < number))?;
    (run.ports.first <= number).then_some(run)
}

/// The ports that packets may get in by: those with a listener, by where they can be heard, the runs that are sent on, and
/// those that are led to somebody.
fn doors(filter: &Filter, listeners: &[&Listener], leads: &Leads) -> Vec<Door> {
    let mut wide = sent_on(filter);
    let mut bound: BTreeMap<(Protocol, Family, u16), Intervals> = BTreeMap::new();
    for listener in listeners {
        for family in families(listener) {
            if let Some(address) = self::bound(listener, family) {
                let key = (listener.protocol, family, listener.port);
                let all = bound.entry(key).or_insert_with(Intervals::none);
                *all = all.or(&address);
            } else {
                let deaf = leads.deaf(listener.protocol, family, listener.port);
                let key = (listener.protocol, family, deaf);
                wide.entry(key).or_default().insert(PortRange::one(listener.port));
            }
        }
    }
    let mut narrow: BTreeMap<_, BTreeSet<PortRange>> = BTreeMap::new();
    for ((protocol, family, port), addresses) in bound {
        let port = PortRange::one(port);
        let is_wide = |((other, of, _), ports): (&(Protocol, Family, _), &BTreeSet<_>)| {
            (*other, *of) == (protocol, family) && ports.contains(&port)
        };
        if !wide.iter().any(is_wide) {
            narrow.entry((protocol, family, addresses)).or_default().insert(port);
        }
    }
    let to = |protocol, family, addresses| To { family, protocol, addresses, ports: PortRange::EVERY };
    let narrow = narrow.into_iter().map(|((protocol, family, addresses), ports)| Door {
        to: to(protocol, family, Some(addresses)),
        deaf: Intervals::none(),
        ports,
    });
    let wide = wide.into_iter().map(|((protocol, family, deaf), ports)| Door {
        to: to(protocol, family, None),
        deaf,
        ports,
    });
    let led = leads.live.iter().map(|to| Door {
        to: to.clone(),
        deaf: Intervals::none(),
        ports: [to.ports].into(),
    });
    wide.chain(narrow).chain(led).collect()
}

/// The runs of ports at which a rule sends packets from the world on to somebody else, or to another socket of this host,
/// to whom they get.
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
    let leads = |way: &Way| matches!(way.how, How::Forwarded(_) | How::Redirected(_));
    rows.retain(|row| row.exposure.ways.iter().any(leads));
    rows
}

/// Those ports of `to` to which a rule leads packets from the world, each with the ports that these were sent to.
#[must_use]
pub fn leading_to(filter: &Filter, to: &[To]) -> BTreeSet<(PortSpec, PortSpec)> {
    let mut found = BTreeSet::new();
    for Row { protocol, exposure, .. } in passages(filter) {
        let from = exposure.range();
        let leads_into = |ports: PortRange| {
            let ports = ports_of(ports);
            exposure.ways.iter().any(|way| {
                let How::Redirected(to) = &way.how else { return false };
                to.port.as_ref().is_some_and(|inner| !inner.and(&ports).is_empty())
            })
        };
        let is_led = |to: &&To| to.protocol == protocol && !to.ports.overlaps(from) && leads_into(to.ports);
        let spec = |range| PortSpec { range, protocol };
        found.extend(to.iter().filter(is_led).map(|to| (spec(to.ports), spec(from))));
    }
    found
}

/// The ports of all passages.
fn sent_on(filter: &Filter) -> BTreeMap<(Protocol, Family, Intervals), BTreeSet<PortRange>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in passages(filter) {
        let key = (row.protocol, row.family, Intervals::none());
        found.entry(key).or_default().insert(row.exposure.range());
    }
    found
}

/// The number of the address of `family` that `listener` is bound to; `None` for every one. One that is tied to `lo` hears
/// on any address what goes to the loopback's alone.
#[must_use]
pub(crate) fn bound(listener: &Listener, family: Family) -> Option<Intervals> {
    let loopback = || match family {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let ip = match (listener.address.breadth(), listener.breadth()) {
        (Breadth::Wildcard, Breadth::Wildcard) => return None,
        (own, Breadth::Loopback) if own != Breadth::Loopback => loopback(),
        _ => listener.address.ip.to_canonical(),
    };
    Some(Intervals::one(number(ip)))
}

/// The interface by which all comes in that `listener` hears from others, where it is tied to one.
#[must_use]
pub(crate) fn only_by(listener: &Listener, around: &Surroundings) -> Option<Intervals> {
    let device = listener.device.as_deref().or(listener.address.interface.as_deref())?;
    around.only_by(device)
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
        filtered(RULES)
    }

    fn filtered(rules: &str) -> Filter {
        let listings = [
            (Listing::Addresses, ADDRESSES.into()),
            (Listing::Settings, "net.ipv4.ip_forward = 1\n".into()),
            (Listing::Routes, r#"[{"dst":"172.17.0.0/16","dev":"docker0"}]"#.into()),
            (Listing::IptablesLegacy, rules.into()),
        ];
        read(&Firewall { listings: listings.into() }).unwrap()
    }

    fn told(spots: &[&str], senders: Senders<'_>) -> Vec<(u128, Family, Reached)> {
        let listeners: Vec<_> = spots.iter().map(|spot| listener(spot)).collect();
        let listeners: Vec<_> = listeners.iter().collect();
        let rows = rows(&filter(), &[From { zone: None, senders }], &listeners, &Leads::default());
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
    fn from_where_nobody_sends_nothing_arrives() {
        let from = |network: &str| told(&["[::]:22/tcp"], Senders::Network(network.parse().unwrap()))[0];
        for nobody in ["240.0.0.1/32", "224.0.0.5/32"] {
            assert_eq!(from(nobody), (22, Family::Ipv4, Reached::Dropped), "{nobody}");
        }
        // From its own addresses this host sends to itself.
        for own in ["127.0.0.1/32", "203.0.113.2/32"] {
            assert_eq!(from(own), (22, Family::Ipv4, Reached::Reachable), "{own}");
        }
    }

    #[test]
    fn what_is_tied_to_the_loopback_is_the_hosts_own() {
        let told = |spot: &str, senders| {
            let tied = Listener { device: Some("lo".into()), ..listener(spot) };
            let rows = rows(&filter(), &[From { zone: None, senders }], &[&tied], &Leads::default());
            let of = |row: &Row<'_>| (row.family, row.exposure.reached);
            rows.iter().filter(|row| row.exposure.range() == PortRange::one(22)).map(of).collect::<Vec<_>>()
        };
        let both = |reached| Family::ALL.map(|family| (family, reached));
        assert_eq!(told("[::]:22/tcp", Senders::Host), both(Reached::Reachable));
        for spot in ["[::]:22/tcp", "203.0.113.1:22/tcp"] {
            let told = told(spot, Senders::World);
            assert!(told.iter().all(|(_, reached)| *reached == Reached::Dropped), "{spot}");
        }
    }

    #[test]
    fn a_port_that_is_sent_on_needs_no_listener() {
        let from = [From { zone: Some("world"), senders: Senders::World }];
        let rows = rows(&filter(), &from, &[], &Leads::default());
        assert_eq!(rows.len(), 1);
        let Row { zone, exposure, .. } = &rows[0];
        assert_eq!((*zone, exposure.ports.first, exposure.reached), (Some("world"), 8080, Reached::Partly));
        let [Way { how: How::Forwarded(to), .. }] = exposure.ways.as_slice() else {
            panic!("{:?}", exposure.ways)
        };
        assert_eq!(to.port, Some(Intervals::one(80)));
        // From docker0 it is this host's own, which drops it.
        assert_eq!(exposure.passing[0].interfaces, Some(Intervals::one(1)));
        assert_eq!(exposure.passing[0].sources, None);
    }

    /// The rows of [`RULES`] with one rule of address translation instead of its own.
    fn translated(rule: &str, spots: &[&str]) -> Vec<Row<'static>> {
        let (before, _) = RULES.split_once("-A PREROUTING").unwrap();
        let filter = filtered(&alloc::format!("{before}-A PREROUTING {rule}\nCOMMIT\n"));
        let listeners: Vec<_> = spots.iter().map(|spot| listener(spot)).collect();
        let listeners: Vec<_> = listeners.iter().collect();
        rows(&filter, &[From { zone: Some(WORLD), senders: Senders::World }], &listeners, &Leads::default())
    }

    #[test]
    fn a_port_that_leads_to_another_of_this_host_needs_no_listener() {
        let to_22 = "-i wan0 -d 203.0.113.1/32 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 22";
        let rows = translated(to_22, &[]);
        assert_eq!(rows.len(), 1, "{rows:?}");
        let exposure = &rows[0].exposure;
        assert_eq!(exposure.range(), PortRange::one(2222));
        // To the other addresses, and by docker0, it stays 2222, which is closed.
        assert_eq!((exposure.reached, exposure.heard), (Reached::Partly, Reached::Dropped));
        let [Way { how: How::Redirected(to), .. }] = exposure.ways.as_slice() else {
            panic!("{:?}", exposure.ways)
        };
        assert_eq!(to.port, Some(Intervals::one(22)));
    }

    #[test]
    fn an_address_that_is_not_the_hosts_own_is_asked_for_where_a_rule_sends_it_on() {
        for (to, rule) in [
            (0xc612_0909, "-d 198.18.9.9/32 -p tcp -m tcp --dport 2005"),
            (0x7f00_0001, "-d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 2005"),
        ] {
            let rows = translated(&alloc::format!("{rule} -j DNAT --to-destination 172.17.0.2:80"), &[]);
            let [Row { exposure, .. }] = rows.as_slice() else { panic!("{rows:?}") };
            assert_eq!((exposure.range(), exposure.reached), (PortRange::one(2005), Reached::Partly));
            assert_eq!(exposure.passing[0].destinations, Some(Intervals::one(to)));
            assert!(matches!(exposure.ways[0].how, How::Forwarded(_)), "{exposure:?}");
        }
        // Nobody can tell whether this holds.
        let rows = translated(
            "-d 198.18.9.9/32 -p tcp -m tcp --dport 22 -m string --string x --algo bm -j DNAT --to-destination 172.17.0.2",
            &["0.0.0.0:22/tcp"],
        );
        assert!(!rows[0].exposure.doubts.is_empty(), "{rows:?}");
    }

    #[test]
    fn who_is_bound_everywhere_hears_nothing_where_what_comes_is_led_to_nobody() {
        let to = |address, ports| To {
            family: Family::Ipv4,
            protocol: Protocol::Tcp,
            addresses: Some(Intervals::one(address)),
            ports,
        };
        let told = |dead: &[To]| {
            let leads = Leads { dead: dead.into(), ..Leads::default() };
            let listeners = ["0.0.0.0:22/tcp", "[::]:25/tcp"].map(listener);
            let from = [From { zone: None, senders: Senders::World }];
            let rows = rows(&filter(), &from, &listeners.each_ref(), &leads);
            let of_22 = rows.iter().filter(|row| row.exposure.range() == PortRange::one(22));
            of_22.map(|row| row.exposure.reached).collect::<Vec<_>>()
        };
        // It is let in at 203.0.113.1 alone.
        assert_eq!(told(&[to(0xcb00_7101, PortRange::one(25))]), [Reached::Partly]);
        assert_eq!(told(&[to(0xcb00_7101, PortRange { first: 20, last: 30 })]), [Reached::Dropped]);
        let others = [to(0xcb00_7102, PortRange::one(22)), to(0xac11_0001, PortRange::one(22))];
        assert_eq!(told(&others), [Reached::Reachable]);
        let all = [others.as_slice(), &[to(0xcb00_7101, PortRange::one(22))]].concat();
        assert_eq!(told(&all), [], "there is no address left");
        assert_eq!(told(&[To { addresses: None, ..to(0, PortRange::one(22)) }]), [], "nor here");
    }

    #[test]
    fn what_is_sent_elsewhere_is_not_heard_here() {
        let rows = translated("-p tcp -j DNAT --to-destination 172.17.0.2", &["0.0.0.0:22/tcp"]);
        let heard: Vec<_> =
            rows.iter().map(|row| (row.exposure.range(), row.exposure.reached, row.exposure.heard)).collect();
        assert!(heard.contains(&(PortRange::one(22), Reached::Reachable, Reached::Dropped)), "{heard:?}");
    }

    #[test]
    fn a_rule_for_ten_thousand_ports_is_one_row() {
        let sent = "-p udp -m udp --dport 20000:29999 -j DNAT --to-destination 172.17.0.2";
        let rows = translated(sent, &["0.0.0.0:20005/udp"]);
        let ports: Vec<_> = rows.iter().map(|row| row.exposure.range()).collect();
        assert_eq!(ports, [PortRange { first: 20_000, last: 29_999 }, PortRange::one(20_005)]);
    }

    #[test]
    fn a_mapped_address_is_asked_for_in_ipv4() {
        let told = told(&["[::ffff:203.0.113.1]:22/tcp"], Senders::World);
        assert_eq!(told[0], (22, Family::Ipv4, Reached::Reachable));
    }
}
