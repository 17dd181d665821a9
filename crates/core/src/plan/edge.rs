//! Where whoever is on this host by way of a network inside it comes in, as a container that manages its host (A15).

use crate::{
    address::{Address, Family},
    exposure::{Exposure, How, Reached, To, exposed},
    facts::Foothold,
    firewall::{Filter, Intervals, number},
    port::PortRange,
};

use super::protect::senders;

/// The way of a foothold's packets into this host.
pub(super) enum Way {
    /// They come to this end, which is the port of the host that is passed on where the socket's own is none of it.
    To(Foothold),
    /// A program of this host sends them on as its own: who is behind it cannot be told.
    Untold,
    /// Not by this host's network at all, as far as its rules say.
    Elsewhere,
}

/// The way of packets like those of `foothold` by the rules that are in force.
pub(super) fn way(filter: &Filter, foothold: &Foothold) -> Way {
    let [peer, local] = [&foothold.peer, &foothold.local].map(|address| address.ip.to_canonical());
    if filter.around.is_own(local) {
        return Way::To(foothold.clone());
    }
    if filter.around.is_own(peer) {
        return Way::Untold;
    }
    let family = Family::of(local);
    let networks = filter.around.interfaces.iter().flat_map(|interface| &interface.networks);
    let own = networks.map(ipnet::IpNet::addr).filter(|address| Family::of(*address) == family);
    let passed_on = own.filter(|address| !address.is_loopback()).find_map(|address| {
        let runs = runs(filter, foothold, number(address), PortRange::EVERY);
        let run = runs.into_iter().find(|run| leads_to(run, number(local), foothold.port))?;
        let port = run.ways.iter().find_map(|way| changed_port(&way.how, &run))?.unwrap_or(foothold.port);
        Some(Foothold { local: Address { ip: address, interface: None }, port, ..foothold.clone() })
    });
    let is_routed = || {
        let ports = PortRange { first: foothold.port, last: foothold.port };
        runs(filter, foothold, number(local), ports).iter().any(arrives)
    };
    match passed_on {
        Some(foothold) => Way::To(foothold),
        None if is_routed() => Way::To(foothold.clone()),
        None => Way::Elsewhere,
    }
}

fn runs(filter: &Filter, foothold: &Foothold, address: u128, ports: PortRange) -> alloc::vec::Vec<Exposure> {
    let family = Family::of(foothold.local.ip.to_canonical());
    let addresses = Some(Intervals::one(address));
    let to = To { family, protocol: foothold.protocol, addresses, ports };
    exposed(filter, &senders(filter, foothold), &to)
}

fn arrives(run: &Exposure) -> bool {
    run.reached == Reached::Reachable
}

/// Whether packets to a run of ports are sent on to that end.
fn leads_to(run: &Exposure, address: u128, port: u16) -> bool {
    let is_it = |way: &How| match way {
        How::Forwarded(to) => {
            let is_there = to.address.as_ref().is_some_and(|addresses| addresses.contains(address));
            is_there
                && match &to.port {
                    Some(ports) => ports.contains(port.into()),
                    None => run.ports.first <= u128::from(port) && u128::from(port) <= run.ports.last,
                }
        }
        How::Local | How::Redirected(_) | How::Routed => false,
    };
    arrives(run) && run.ways.iter().any(|way| is_it(&way.how))
}

/// The port of the host for one that is sent on; `Some(None)` where it stays the same.
fn changed_port(way: &How, run: &Exposure) -> Option<Option<u16>> {
    match way {
        How::Forwarded(to) => Some(to.port.as_ref().map(|_| run.range().first)),
        How::Local | How::Redirected(_) | How::Routed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{plan::tests::host, port::Protocol, rules::testing::Scene};

    fn edge(scene: &Scene, peer: &str, local: &str, port: u16) -> Option<alloc::string::String> {
        let foothold = Foothold {
            protocol: Protocol::Tcp,
            peer: peer.parse().unwrap(),
            local: local.parse().unwrap(),
            port,
            interface: None,
            who: "sshd (pid 811)".into(),
        };
        scene.with_world(|world| match way(world.filter().unwrap(), &foothold) {
            Way::To(foothold) => Some(alloc::format!("{} {}", foothold.local, foothold.ports())),
            Way::Untold => Some("untold".into()),
            Way::Elsewhere => None,
        })
    }

    #[test]
    fn whoever_is_in_a_container_came_by_the_port_that_leads_there() {
        // The host sends 8080/tcp on to 172.17.0.2:80.
        let rules = "-A INPUT -j ACCEPT\n-A FORWARD -d 192.0.2.78/32 -j DROP\n";
        let scene = host(&[("web", "443/tcp", "world")], rules);
        let from = |peer, local, port| edge(&scene, peer, local, port);
        assert_eq!(from("198.51.100.9", "172.17.0.2", 80).as_deref(), Some("203.0.113.1 8080/tcp"));
        assert_eq!(from("198.51.100.9", "203.0.113.1", 80).as_deref(), Some("203.0.113.1 80/tcp"));
        // The engine's forwarder made the connection.
        assert_eq!(from("203.0.113.1", "172.17.0.2", 80).as_deref(), Some("untold"));
        // A router's transit is none of the gate's.
        assert_eq!(from("198.51.100.9", "192.0.2.77", 22).as_deref(), Some("192.0.2.77 22/tcp"));
        // Nothing leads there.
        assert_eq!(from("198.51.100.9", "192.0.2.78", 22), None);
    }
}
