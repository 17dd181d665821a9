//! Which ports packets get to from outside while nobody listens there for others (A17, A20).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{How, Row, ports_of, range};
use crate::{
    address::Breadth,
    facts::Listener,
    firewall::Intervals,
    policy::HOST,
    port::{PortRange, PortSpec, Protocol},
};

/// The ports of `rows` to which packets of others than the host itself get, and on which none of `listeners` hears them: where
/// nobody listens, or for the host alone. What a rule leads elsewhere somebody else may hear.
#[must_use]
pub fn unheard<'a>(rows: &[Row<'_>], listeners: impl Iterator<Item = &'a Listener>) -> BTreeSet<PortSpec> {
    let mut found: BTreeMap<Protocol, Intervals> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.zone != Some(HOST) && !row.exposure.ways.is_empty()) {
        let ports = found.entry(row.protocol).or_default();
        *ports = ports.or(&ports_of(row.exposure.range()));
    }
    let is_led = |row: &&Row<'_>| row.exposure.ways.iter().any(|way| way.how != How::Local);
    let led = rows.iter().filter(is_led).map(|row| (row.protocol, row.exposure.range()));
    let others = listeners.filter(|listener| listener.breadth() != Breadth::Loopback);
    let heard = others.map(|listener| (listener.protocol, PortRange::one(listener.port)));
    for (protocol, range) in led.chain(heard) {
        if let Some(ports) = found.get_mut(&protocol) {
            *ports = ports.except(&ports_of(range));
        }
    }
    let specs = |(protocol, ports): (&Protocol, &Intervals)| {
        let spec = |ports| PortSpec { range: range(ports), protocol: *protocol };
        ports.iter().map(spec).collect::<Vec<_>>()
    };
    found.iter().flat_map(specs).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;
    use crate::{
        address::Family,
        exposure::{From, Senders, To, rows_to},
        facts::testing::listener,
        policy::WORLD,
        rules::testing::{published, scene},
    };

    /// What is said where these listen, of ports of a host that lets in all but 23/tcp, and sends 8080/tcp on to a container.
    fn told(listeners: &[Listener], from: &From<'_>) -> Vec<String> {
        let rules = "-A INPUT -p tcp -m tcp --dport 23 -j DROP\n-A INPUT -j ACCEPT\n";
        scene().filtered(published(rules), &[]).with_world(|world| {
            let ports = [(22, 25), (8080, 8080)].map(|(first, last)| PortRange { first, last });
            let to = |ports| {
                Family::ALL.map(|family| To { family, protocol: Protocol::Tcp, addresses: None, ports })
            };
            let rows = rows_to(world.filter().unwrap(), core::slice::from_ref(from), &ports.map(to).concat());
            unheard(&rows, listeners.iter()).iter().map(PortSpec::to_string).collect()
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
}
