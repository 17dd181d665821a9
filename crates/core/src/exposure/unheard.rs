//! Which ports packets get to from outside while nobody listens there for others (A17, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{How, Row, To, families, only_by, range};
use crate::{
    address::{Breadth, Family},
    facts::Listener,
    firewall::{Interval, Intervals, Surroundings},
    policy::HOST,
    port::{PortRange, PortSpec, Protocol},
};

/// The ports of `rows` to which packets of others than the host itself get, and on which none of `listeners` hears them: where
/// nobody listens, or only for the host, or for whoever comes by another interface. What a rule leads elsewhere somebody else
/// may hear, and what is `led` to a socket somebody does.
#[must_use]
pub fn unheard<'a>(
    rows: &[Row<'_>],
    around: &Surroundings,
    listeners: impl Iterator<Item = &'a Listener>,
    led: &[To],
) -> BTreeSet<PortSpec> {
    let mut by_number: BTreeMap<(Protocol, u16), Vec<&Listener>> = BTreeMap::new();
    for listener in listeners {
        by_number.entry((listener.protocol, listener.port)).or_default().push(listener);
    }
    let (mut open, mut heard) = (Ranges::new(), Ranges::new());
    for row in rows.iter().filter(|row| row.zone != Some(HOST) && !row.exposure.ways.is_empty()) {
        let (protocol, range) = (row.protocol, row.exposure.range());
        open.entry(protocol).or_default().push(range);
        let there = by_number.range((protocol, range.first)..=(protocol, range.last));
        let hear = there.filter(|(_, there)| there.iter().any(|listener| hears(listener, row, around)));
        heard.entry(protocol).or_default().extend(hear.map(|((_, port), _)| PortRange::one(*port)));
    }
    let is_led = |row: &&Row<'_>| row.exposure.ways.iter().any(|way| way.how != How::Local);
    for row in rows.iter().filter(is_led) {
        heard.entry(row.protocol).or_default().push(row.exposure.range());
    }
    for to in led {
        heard.entry(to.protocol).or_default().push(to.ports);
    }
    let silent = |(protocol, ranges): (&Protocol, &Vec<PortRange>)| {
        let heard = heard.get(protocol).map_or_else(Intervals::none, |ranges| numbers(ranges));
        let spec = |ports| PortSpec { range: range(ports), protocol: *protocol };
        numbers(ranges).except(&heard).iter().map(spec).collect::<Vec<_>>()
    };
    open.iter().flat_map(silent).collect()
}

type Ranges = BTreeMap<Protocol, Vec<PortRange>>;

fn numbers(ranges: &[PortRange]) -> Intervals {
    ranges.iter().map(|range| Interval { first: range.first.into(), last: range.last.into() }).collect()
}

/// Whether `listener`, on a port of `row`, may hear any of its packets, which come from others.
fn hears(listener: &Listener, row: &Row<'_>, around: &Surroundings) -> bool {
    if !families(listener).contains(&row.family) {
        return false;
    }
    let mut by = row.exposure.ways.iter().fold(Intervals::none(), |all, way| all.or(&way.interfaces));
    if let Some(own) = only_by(listener, around) {
        by = by.and(&own);
    }
    let heard = match (listener.breadth(), row.family) {
        // A neighbour's packets, where the kernel routes them (ip-sysctl.rst, `route_localnet`).
        (Breadth::Loopback, Family::Ipv4) if listener.device.as_deref() != Some("lo") => {
            by.and(&around.those(|interface| interface.routes_localnet))
        }
        (Breadth::Loopback, _) => Intervals::none(),
        (Breadth::Specific | Breadth::Wildcard, _) => by,
    };
    !heard.is_empty()
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::{
        exposure::{From, Senders, To, rows_to},
        facts::{Listing, testing::listener},
        policy::WORLD,
        rules::testing::{published, scene},
    };

    /// What is said where these listen, of ports of a host that lets in all but 23/tcp, and sends 8080/tcp on to a container.
    fn told(listeners: &[Listener], from: &From<'_>) -> Vec<String> {
        told_with("", listeners, from)
    }

    fn told_with(settings: &str, listeners: &[Listener], from: &From<'_>) -> Vec<String> {
        let rules = "-A INPUT -p tcp -m tcp --dport 23 -j DROP\n-A INPUT -j ACCEPT\n";
        let mut firewall = published(rules);
        *firewall.listings.get_mut(&Listing::Settings).unwrap() += settings;
        scene().filtered(firewall, &[]).with_world(|world| {
            let ports = [(22, 25), (8080, 8080)].map(|(first, last)| PortRange { first, last });
            let to = |ports| {
                Family::ALL.map(|family| To { family, protocol: Protocol::Tcp, addresses: None, ports })
            };
            let rows = rows_to(world.filter().unwrap(), core::slice::from_ref(from), &ports.map(to).concat());
            unheard(&rows, &world.filter().unwrap().around, listeners.iter(), &[])
                .iter()
                .map(PortSpec::to_string)
                .collect()
        })
    }

    #[test]
    fn who_hears_only_the_host_hears_nobody_else() {
        let world = From { zone: Some(WORLD), senders: Senders::World };
        assert_eq!(told(&[], &world), ["22-25/tcp"]);
        let tied = Listener { device: Some("lo".into()), ..listener("0.0.0.0:25/tcp") };
        let own = [listener("127.0.0.1:22/tcp"), listener("0.0.0.0:24/udp"), tied];
        assert_eq!(told(&own, &world), ["22-25/tcp"]);
        assert_eq!(told(&[listener("[::]:24/tcp")], &world), ["22-23/tcp", "25/tcp"]);
        let host = From { zone: Some(HOST), senders: Senders::Host };
        assert_eq!(told(&[], &host), Vec::<String>::new(), "it hears itself");
    }

    #[test]
    fn who_is_tied_to_a_device_hears_nobody_by_another() {
        let tied = |device: &str| Listener { device: Some(device.into()), ..listener("203.0.113.1:22/tcp") };
        let from_eth0 = From { zone: None, senders: Senders::Interface("eth0") };
        assert_eq!(told(&[tied("docker0")], &from_eth0), ["22-25/tcp"]);
        assert_eq!(told(&[tied("eth0")], &from_eth0), ["23-25/tcp"]);
        let world = From { zone: Some(WORLD), senders: Senders::World };
        assert_eq!(told(&[tied("docker0")], &world), ["23-25/tcp"], "some come in by it");
    }

    #[test]
    fn a_neighbour_is_heard_on_the_loopback_where_the_kernel_routes_it() {
        let routed = "net.ipv4.conf.eth0.route_localnet = 1\n";
        let told = |device: &str, spot: &str| {
            let own = listener(spot);
            told_with(routed, &[own], &From { zone: None, senders: Senders::Interface(device) })
        };
        assert_eq!(told("eth0", "127.0.0.1:22/tcp"), ["23-25/tcp"]);
        assert_eq!(told("docker0", "127.0.0.1:22/tcp"), ["22-25/tcp", "8080/tcp"]);
        assert_eq!(told("eth0", "[::1]:22/tcp"), ["22-25/tcp"]);
    }
}
