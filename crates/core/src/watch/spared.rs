//! Whom the watch never has kept out, however he behaves: those on whom the host depends, and those who run it (A19).

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::{
    facts::{Connection, Foothold, Lifelines, Snapshot},
    policy::Policy,
    port::Protocol,
    text,
    words::Text,
};

const NTP: u16 = 123;

/// What somebody is to this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bond {
    /// No outsider: an address of this host, or one that nobody outside of its links has.
    Own,
    /// A router that it sends by.
    Gateway,
    /// Whom it asks for names.
    Resolver,
    /// Whom it asks for the time.
    TimeServer,
    /// The policy has a zone of this name, and he is in it.
    Zone(String),
    /// The policy allows him.
    Allowed,
    /// Somebody is on this host from there, by this.
    Operator(String),
    /// Somebody has logged in from there lately.
    Welcome,
    /// This host consents to be scanned from there.
    Scanner,
}

impl Bond {
    /// Why he is not kept out, after "not blocked:".
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Own => {
                text!("an address of this host or its links", "このホスト自身またはリンク内のアドレス")
            }
            Self::Gateway => text!("a gateway of this host", "このホストのゲートウェイ"),
            Self::Resolver => text!("a resolver of this host", "このホストの DNS リゾルバー"),
            Self::TimeServer => text!("a time server of this host", "このホストの NTP サーバー"),
            Self::Zone(zone) => text!("in zone {zone}", "ゾーン {zone} 内"),
            Self::Allowed => text!("allowed by the policy", "policy の allow による"),
            Self::Welcome => {
                text!("somebody logged in from there within a day", "24 時間以内にログインに成功している")
            }
            Self::Scanner => text!(
                "this host consents to be scanned from there",
                "このホストがスキャンを許可している送信元"
            ),
            Self::Operator(who) => text!("somebody is here from there, by {who}", "{who} 経由で操作中"),
        }
    }
}

/// Everybody who has a bond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bonds {
    all: Vec<(IpNet, Bond)>,
    /// To whose scans this host consents, and until when.
    consents: Vec<(IpAddr, Timestamp)>,
}

impl Bonds {
    /// Those of a host as it was seen, and of its policy.
    #[must_use]
    pub fn of(
        snapshot: &Snapshot,
        policy: Option<&Policy>,
        lifelines: &Lifelines,
        footholds: &[Foothold],
    ) -> Self {
        let one = |bond: Bond| move |address: &IpAddr| (IpNet::from(address.to_canonical()), bond.clone());
        let interfaces = snapshot.own_namespace().into_iter().flat_map(|own| &own.interfaces);
        let own = interfaces.flat_map(|it| &it.addresses).map(|address| address.ip);
        let asked = snapshot.connections.iter().flatten().filter(|connection| asks_the_time(connection));
        let time_servers = asked.map(|connection| &connection.peer.address.ip);
        let given = snapshot.consents.iter().filter(|consent| consent.holds(snapshot.taken));
        let consents = given.flat_map(|it| it.answered.iter().map(|from| (from.to_canonical(), it.until)));
        let consents: Vec<_> = consents.collect();
        let zones = policy.into_iter().flat_map(|policy| &policy.zones);
        let zones = zones.flat_map(|zone| zone.from.iter().map(|net| (*net, Bond::Zone(zone.name.clone()))));
        let allowed = policy.into_iter().flat_map(|policy| &policy.watch.allow);
        let operators = footholds.iter().map(|foothold| {
            (IpNet::from(foothold.peer.ip.to_canonical()), Bond::Operator(foothold.who.clone()))
        });
        let all = own
            .map(|address| one(Bond::Own)(&address))
            .chain(lifelines.gateways.iter().map(one(Bond::Gateway)))
            .chain(lifelines.resolvers.iter().map(one(Bond::Resolver)))
            .chain(time_servers.map(one(Bond::TimeServer)))
            .chain(operators)
            .chain(zones)
            .chain(allowed.map(|net| (*net, Bond::Allowed)))
            .chain(consents.iter().map(|(from, _)| one(Bond::Scanner)(from)));
        Self { all: all.collect(), consents }
    }

    /// To whose scans this host consents, and until when.
    pub(super) fn consents(&self) -> &[(IpAddr, Timestamp)] {
        &self.consents
    }

    /// What `source` is to this host, where it is anything; of IPv6 what anybody in its network is.
    #[must_use]
    pub fn of_source(&self, source: Source) -> Option<Bond> {
        let prefix = source.prefix();
        if is_of_links(source.address()) {
            return Some(Bond::Own);
        }
        let meets = |net: &IpNet| net.contains(&prefix) || prefix.contains(net);
        self.all.iter().find(|(net, _)| meets(net)).map(|(_, bond)| bond.clone())
    }
}

/// Whether its other end is asked for the time (RFC 5905 §7.2).
fn asks_the_time(connection: &Connection) -> bool {
    connection.protocol == Protocol::Udp && connection.peer.port == NTP
}

/// Whether nobody outside of the host and its links sends from it (RFC 6890): to keep such a one out is to keep out neighbours
/// or nobody.
fn is_of_links(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(four) => four.is_link_local() || four.is_broadcast(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    address.is_loopback() || address.is_unspecified() || address.is_multicast() || is_link_local
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::testing::{interface, namespace, snapshot},
        policy::{Place, Zone},
    };

    fn bonds() -> Bonds {
        let own = crate::facts::Namespace {
            interfaces: alloc::vec![interface("eth0", &["192.0.2.1", "2001:db8:1::1"])],
            ..namespace()
        };
        let snapshot = Snapshot {
            connections: Some(alloc::vec![asks(123, "198.51.100.123"), asks(53, "198.51.100.124")]),
            namespaces: alloc::vec![own],
            ..snapshot(Timestamp::UNIX_EPOCH)
        };
        let place = Place { file: "policy.toml".into(), line: 1, column: 1 };
        let office = Zone {
            name: "office".into(),
            from: ["10.1.0.0/16", "2001:db8:2::/48"].map(|net| net.parse().unwrap()).into(),
            interfaces: Vec::new(),
            management: None,
            place,
        };
        let mut policy = Policy { zones: alloc::vec![office], ..Policy::default() };
        policy.watch.allow = ["203.0.113.0/24", "2001:db8:3:0:5::/80"].map(|net| net.parse().unwrap()).into();
        let addresses = |text: &[&str]| text.iter().map(|text| text.parse().unwrap()).collect();
        let lifelines = Lifelines {
            gateways: addresses(&["192.0.2.254", "fe80::1"]),
            resolvers: addresses(&["192.0.2.53", "2001:db8:4::53"]),
        };
        let foothold = Foothold {
            protocol: Protocol::Tcp,
            peer: "::ffff:198.51.100.7".parse().unwrap(),
            local: "::ffff:192.0.2.1".parse().unwrap(),
            port: 22,
            interface: None,
            who: "sshd (pid 811)".into(),
        };
        Bonds::of(&snapshot, Some(&policy), &lifelines, &[foothold])
    }

    fn asks(port: u16, peer: &str) -> Connection {
        Connection {
            protocol: Protocol::Udp,
            family: crate::address::Family::Ipv4,
            address: "192.0.2.1".parse().unwrap(),
            port: 40_000,
            peer: crate::facts::Peer { address: peer.parse().unwrap(), port },
            state: crate::facts::TcpState::Established,
            netns: 1,
            inode: 7,
            cookie: 7,
            pids: crate::facts::Pids::default(),
            socket_unit: None,
        }
    }

    #[test]
    fn whoever_the_host_needs_or_knows_has_a_bond() {
        let bonds = bonds();
        let of = |address: &str| bonds.of_source(Source::of(address.parse().unwrap()));
        for own in
            ["192.0.2.1", "2001:db8:1::9", "127.0.0.5", "169.254.3.4", "fe80::7", "224.0.0.1", "0.0.0.0"]
        {
            assert_eq!(of(own), Some(Bond::Own), "{own}");
        }
        assert_eq!(of("192.0.2.254"), Some(Bond::Gateway));
        assert_eq!(of("192.0.2.53"), Some(Bond::Resolver));
        assert_eq!(of("2001:db8:4::7"), Some(Bond::Resolver), "it would be blocked with its neighbour");
        assert_eq!(of("198.51.100.123"), Some(Bond::TimeServer));
        assert_eq!(of("10.1.255.1"), Some(Bond::Zone("office".into())));
        assert_eq!(of("2001:db8:2:7::1"), Some(Bond::Zone("office".into())));
        assert_eq!(of("::ffff:203.0.113.9"), Some(Bond::Allowed));
        assert_eq!(of("2001:db8:3::1"), Some(Bond::Allowed), "a part of its network is");
        assert_eq!(of("198.51.100.7"), Some(Bond::Operator("sshd (pid 811)".into())));
        for nobody in ["192.0.2.2", "2001:db8:5::1", "10.2.0.1", "198.51.100.8", "198.51.100.124"] {
            assert_eq!(of(nobody), None, "{nobody}");
        }
    }
}
