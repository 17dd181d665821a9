//! Who is connected to a port now, counted by the network that they come from (A4, A12).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{
    cmp::Reverse,
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::{
    facts::{Connection, Listener, Namespace, TcpState},
    port::Protocol,
};

/// A person's network or site is seldom smaller.
const PREFIX_IPV4: u8 = 24;
/// A network of IPv6 has this many bits (RFC 4291, §2.5.1).
const PREFIX_IPV6: u8 = 64;

/// Where peers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// This very host: loopback, or an address of its own.
    Host,
    /// A network.
    Net(IpNet),
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Net(net) => write!(f, "{net}"),
        }
    }
}

/// How many peers come from one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peers {
    /// From where.
    pub network: Network,
    /// How many connections.
    pub count: u32,
}

/// The peers of everybody who was let in through `listeners`, the largest network first; `namespace` is where those are.
#[must_use]
pub fn peers(
    connections: &[Connection],
    listeners: &[&Listener],
    namespace: Option<&Namespace>,
) -> Vec<Peers> {
    let doors: BTreeSet<_> =
        listeners.iter().map(|listener| (listener.netns, listener.protocol, listener.port)).collect();
    let own: BTreeSet<IpAddr> = namespace
        .into_iter()
        .flat_map(|namespace| &namespace.interfaces)
        .flat_map(|interface| interface.addresses.iter().map(|address| address.ip.to_canonical()))
        .collect();
    let mut counts: BTreeMap<Network, u32> = BTreeMap::new();
    for connection in connections.iter().filter(|connection| is_open(connection)) {
        if doors.contains(&(connection.netns, connection.protocol, connection.port)) {
            *counts.entry(network(connection.peer.address.ip.to_canonical(), &own)).or_default() += 1;
        }
    }
    let mut peers: Vec<_> = counts.into_iter().map(|(network, count)| Peers { network, count }).collect();
    peers.sort_by_key(|peers| (Reverse(peers.count), peers.network));
    peers
}

/// Whether somebody is at the other end still.
fn is_open(connection: &Connection) -> bool {
    let open = [TcpState::Established, TcpState::CloseWait, TcpState::FinWait1, TcpState::FinWait2];
    open.contains(&connection.state) || connection.protocol == Protocol::Udp
}

fn network(ip: IpAddr, own: &BTreeSet<IpAddr>) -> Network {
    if ip.is_loopback() || own.contains(&ip) {
        return Network::Host;
    }
    let prefix = match ip {
        IpAddr::V4(_) => PREFIX_IPV4,
        IpAddr::V6(ip) if is_alone(ip) => 128,
        IpAddr::V6(_) => PREFIX_IPV6,
    };
    let net = IpNet::new(ip, prefix).expect("a prefix is no longer than its address");
    Network::Net(net.trunc())
}

/// A link-local network is as large as the link, and all of them have the same prefix.
fn is_alone(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Family,
        facts::{
            Peer,
            testing::{interface, listener, namespace},
        },
    };
    use alloc::string::{String, ToString};

    fn connection(peer: &str, state: TcpState) -> Connection {
        Connection {
            protocol: Protocol::Tcp,
            family: Family::Ipv4,
            address: "203.0.113.5".parse().unwrap(),
            port: 443,
            peer: Peer { address: peer.parse().unwrap(), port: 5000 },
            state,
            netns: 1,
            inode: 1,
            cookie: 1,
            pids: crate::facts::Pids::default(),
            socket_unit: None,
        }
    }

    fn counted(connections: &[Connection]) -> Vec<(String, u32)> {
        let mut own = namespace();
        own.interfaces = [interface("eth0", &["203.0.113.5"])].into();
        let door = listener("0.0.0.0:443/tcp");
        let found = peers(connections, &[&door], Some(&own));
        found.iter().map(|peers| (peers.network.to_string(), peers.count)).collect()
    }

    #[test]
    fn peers_are_counted_by_network_the_largest_first() {
        let from = |peer: &str| connection(peer, TcpState::Established);
        let connections = [
            from("192.0.2.1"),
            from("198.51.100.7"),
            from("198.51.100.200"),
            from("::ffff:198.51.100.9"),
            from("2001:db8:1:2::3"),
            from("2001:db8:1:2:ffff::4"),
            from("127.0.0.1"),
            from("203.0.113.5"),
            from("fe80::1%eth0"),
        ];
        let expected = [
            ("198.51.100.0/24", 3),
            ("host", 2),
            ("2001:db8:1:2::/64", 2),
            ("192.0.2.0/24", 1),
            ("fe80::1/128", 1),
        ];
        assert_eq!(counted(&connections), expected.map(|(network, count)| (network.to_string(), count)));
    }

    #[test]
    fn whoever_has_gone_or_is_at_another_door_does_not_count() {
        let gone = connection("192.0.2.1", TcpState::TimeWait);
        let mut client = connection("192.0.2.1", TcpState::Established);
        client.port = 40000;
        let mut elsewhere = connection("192.0.2.1", TcpState::Established);
        elsewhere.netns = 2;
        assert!(counted(&[gone, client, elsewhere]).is_empty());
    }
}
