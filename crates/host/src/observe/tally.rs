//! Counts connections by local port and by destination without keeping them (A9, A23).

use std::{cmp::Reverse, collections::HashMap, net::IpAddr};

use portreeve_core::{
    facts::{DestinationCount, Namespace, PortCount},
    port::{PortRange, Protocol},
};

use super::{
    Gaps,
    sockets::{BOUND_INACTIVE, End, Socket},
};

/// The busiest destinations are kept; what is left out is a gap only where it could use up a range.
const DESTINATIONS_MAX: usize = 1000;

/// A local address and the far end.
type Route = (Protocol, IpAddr, End);

/// The connections of one namespace so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    ports: HashMap<(Protocol, u16), u32>,
    destinations: HashMap<Route, u32>,
}

impl Tally {
    /// Counts a connection; towards its destination only where its own number is one that the kernel hands out.
    ///
    /// Each local address counts apart: the kernel may use one number again at another address
    /// (net/ipv4/inet_hashtables.c, __inet_check_established).
    pub(super) fn add(&mut self, socket: &Socket, namespace: &Namespace) {
        if socket.state == BOUND_INACTIVE {
            return;
        }
        *self.ports.entry((socket.protocol, socket.local.port)).or_default() += 1;
        if namespace.hands_out(socket.local.port) {
            *self.destinations.entry((socket.protocol, socket.local.ip, socket.peer)).or_default() += 1;
        }
    }

    /// Puts the counts into the facts: ports in order, destinations by weight.
    pub(super) fn tell(self, namespace: &mut Namespace, gaps: &mut Gaps) {
        namespace.connections_by_port = by_port(self.ports);
        namespace.connections_by_destination =
            by_destination(self.destinations, namespace.client_range, gaps);
    }
}

fn by_port(ports: HashMap<(Protocol, u16), u32>) -> Vec<PortCount> {
    let counts = ports.into_iter();
    let mut counts: Vec<_> =
        counts.map(|((protocol, port), count)| PortCount { protocol, port, count }).collect();
    counts.sort_by_key(|entry| (entry.protocol, entry.port));
    counts
}

fn by_destination(
    destinations: HashMap<Route, u32>,
    client_range: PortRange,
    gaps: &mut Gaps,
) -> Vec<DestinationCount> {
    let mut heaviest: Vec<_> = destinations.into_iter().collect();
    heaviest.sort_by_key(|((protocol, source, end), count)| {
        (Reverse(*count), *protocol, end.ip, end.port, *source)
    });
    let left_out = heaviest.split_off(heaviest.len().min(DESTINATIONS_MAX));
    // What is left out has too few connections to use up a range, unless a thousand others have as many.
    if left_out.first().is_some_and(|(_, count)| *count > client_range.count() / 2) {
        gaps.too_many("connections_by_destination", left_out.len());
    }
    let counts = heaviest.into_iter();
    counts
        .map(|((protocol, source, end), count)| DestinationCount {
            protocol,
            source: Some(source.into()),
            address: end.ip.into(),
            port: end.port,
            count,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::address::Family;

    fn socket(local: u16, peer: u16) -> Socket {
        let end = |port| End { ip: std::net::Ipv4Addr::LOCALHOST.into(), port };
        Socket {
            protocol: Protocol::Tcp,
            mptcp: false,
            family: Family::Ipv4,
            state: 1,
            local: end(local),
            peer: end(peer),
            interface: 0,
            queue_used: 0,
            queue_limit: None,
            uid: 0,
            inode: 1,
            cookie: 1,
            cgroup: None,
            v6only: None,
            chosen: None,
            kernels: None,
            seen_by: portreeve_core::facts::SeenBy::SockDiag,
        }
    }

    #[test]
    fn only_the_clients_end_counts_towards_a_destination_and_each_address_apart() {
        let mut namespace = Namespace {
            id: 1,
            name: None,
            own: true,
            interfaces: Vec::new(),
            client_range: PortRange { first: 32768, last: 60999 },
            reserved: vec![PortRange::one(40000)],
            unprivileged_port_start: 1024,
            connections_by_port: Vec::new(),
            connections_by_destination: Vec::new(),
        };
        let mut other = socket(33000, 443);
        other.local.ip = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
        let sockets = [socket(33000, 443), socket(443, 33000), socket(33001, 443), socket(40000, 443), other];
        let mut tally = Tally::default();
        sockets.iter().for_each(|socket| tally.add(socket, &namespace));
        tally.tell(&mut namespace, &mut Gaps::default());
        let ports: Vec<_> =
            namespace.connections_by_port.iter().map(|entry| (entry.port, entry.count)).collect();
        assert_eq!(ports, [(443, 1), (33000, 2), (33001, 1), (40000, 1)]);
        let destinations = namespace.connections_by_destination.iter();
        let destinations: Vec<_> = destinations
            .map(|entry| {
                (entry.source.as_ref().map(ToString::to_string).unwrap_or_default(), entry.port, entry.count)
            })
            .collect();
        assert_eq!(destinations, [("127.0.0.1".into(), 443, 2), ("127.0.0.2".into(), 443, 1)]);
    }
}
