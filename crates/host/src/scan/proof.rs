//! Whether an address is on this host, or in a network namespace that whoever asks may enter and to which packets from here
//! lead over wires of this host alone (rtnetlink(7), veth(4)); nothing is sent to find that out.
//!
//! That some namespace has an address proves nothing: whoever may make one gives it any. So the route to it must leave by a
//! wire whose other end the kernel itself says is in that namespace, without a router between.

mod neighbor;
mod rooms;
mod route;

use std::net::IpAddr;

use rustix::io::Errno;

use self::{
    rooms::{Room, rooms},
    route::{Kind, Route, route},
};
use crate::{
    observe::{
        links::{self, Link},
        rules::{self, LOCAL},
        share::apart,
    },
    sys::netlink::NetlinkError,
};

/// What made a pair of interfaces with a wire between them.
const WIRE: &str = "veth";
const BRIDGE: &str = "bridge";
/// AF_INET6.
const IPV6: u8 = 10;

/// Why an address is this host's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is one of its own, of this interface.
    Own(String),
    /// A namespace has it to which this interface leads; by its name, or its inode where it has none.
    Joined {
        /// The namespace.
        namespace: String,
        /// The interface by which packets leave.
        interface: String,
    },
}

/// What is missing for a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is no address of one host: all hosts of a link, a group, or nobody.
    NotOne,
    /// No route leads there.
    NoRoute,
    /// Packets leave by this interface to a router, and whoever is behind it is not of this host.
    Router(String),
    /// Packets leave by this interface, which is no wire to a namespace of this host.
    NoWire(String),
    /// The route to it wraps or rewrites packets before they leave, in the way that ip-route(8) calls so.
    Wrapped(&'static str),
    /// Rules of routing choose by port, and may lead packets to some ports to a router.
    RuledByPort,
    /// They leave by such a wire, and no namespace that may be entered has the address at its other end.
    NobodyThere(String),
}

/// Proves that `target`, on the interface with this index where it is not 0, is this host's, or says what is missing.
///
/// # Errors
///
/// Where the kernel or a sandbox refuses rtnetlink.
pub fn proof(target: IpAddr, interface: u32) -> Result<Result<Proof, Missing>, NetlinkError> {
    if target.is_unspecified() || target.is_multicast() {
        return Ok(Err(Missing::NotOne));
    }
    let links = links::list()?;
    let Some(route) = route(target, interface)? else { return Ok(Err(Missing::NoRoute)) };
    let name = name(&links, route.interface);
    if let Some(how) = route.wrapping {
        return Ok(Err(Missing::Wrapped(how)));
    }
    // Only by IPv4 is a socket kept from routers whatever a rule says.
    if target.is_ipv6() && choose_by_port(route.kind == Kind::Local)? {
        return Ok(Err(Missing::RuledByPort));
    }
    Ok(match route.kind {
        // That an interface has the address is not enough: as long as it is down, or others may have it too, packets leave. And the
        // kernel takes all of 127.0.0.0/8 for its own.
        Kind::Local => {
            let link = links.iter().find(|link| has(link, target, interface));
            Ok(Proof::Own(link.map_or(name, |link| link.name.clone())))
        }
        Kind::Several => Err(Missing::NotOne),
        Kind::Nowhere => Err(Missing::NoRoute),
        Kind::One if route.has_router => Err(Missing::Router(name)),
        Kind::One => joined(target, &route, &links, name)?,
    })
}

/// Whether a rule by ports is asked, by IPv6, for packets to others, or, where `is_own`, for those to addresses of this host.
fn choose_by_port(is_own: bool) -> Result<bool, NetlinkError> {
    let rules = rules::list()?.into_iter().filter(|rule| rule.family == IPV6);
    let is_all_local = |rule: &rules::Rule| is_own && rule.is_for_all && rule.table == LOCAL;
    let first = rules.into_iter().find(|rule| rule.is_by_port || is_all_local(rule));
    Ok(first.is_some_and(|rule| rule.is_by_port))
}

/// Whether packets to `target` leave for a link on which nobody answers for it; the interface is as of [`proof`].
#[must_use]
pub fn is_unanswered(target: IpAddr, interface: u32) -> bool {
    let route = route(target, interface).ok().flatten();
    let is_direct = |route: &Route| route.kind == Kind::One && !route.has_router && route.wrapping.is_none();
    let direct = route.filter(is_direct);
    direct.is_some_and(|route| neighbor::is_unanswered(target, route.interface))
}

fn has(link: &Link, target: IpAddr, interface: u32) -> bool {
    (interface == 0 || interface == link.index) && link.addresses.contains(&target)
}

fn name(links: &[Link], index: u32) -> String {
    links::name_of(index, links).unwrap_or_default()
}

/// Whether a wire by which packets leave ends in a namespace that has the address there, and none of them leads any further.
fn joined(
    target: IpAddr,
    route: &Route,
    links: &[Link],
    interface: String,
) -> Result<Result<Proof, Missing>, NetlinkError> {
    let Some(wires) = wires(route.interface, links) else { return Ok(Err(Missing::NoWire(interface))) };
    let no_thread = |error| {
        NetlinkError::Call("start a thread for", Errno::from_io_error(&error).unwrap_or(Errno::AGAIN))
    };
    let rooms = apart(rooms).map_err(no_thread)??;
    let has_it = |(_, link): &&(&Room, &Link)| link.addresses.contains(&target);
    let ends: Vec<_> = wires.iter().map(|wire| end(wire, &rooms)).collect();
    let known: Vec<_> = ends.iter().flatten().copied().collect();
    let Some((room, _)) = known.iter().find(has_it) else { return Ok(Err(Missing::NobodyThere(interface))) };
    // Behind a bridge at the other end, or an end that nobody sees, may be anybody.
    if known.len() < ends.len() || known.iter().any(|(_, link)| link.master != 0) {
        return Ok(Err(Missing::NoWire(interface)));
    }
    Ok(Ok(Proof::Joined { namespace: room.name.clone(), interface }))
}

/// The other end of a wire, in the namespace that the kernel says it is in.
fn end<'r>(wire: &Link, rooms: &'r [Room]) -> Option<(&'r Room, &'r Link)> {
    let ends = rooms.iter().flat_map(|room| room.links.iter().map(move |link| (room, link)));
    let mut ours = ends.filter(|(room, link)| {
        link.kind == WIRE && link.peer_namespace.is_some() && link.peer_namespace == room.ours
    });
    ours.find(|(_, link)| wire.index == link.peer && wire.peer == link.index)
}

/// The wires by which packets leave that leave by the interface with this index: itself, or the ports of a bridge that has no
/// others, since behind those may be anybody.
fn wires(index: u32, links: &[Link]) -> Option<Vec<&Link>> {
    let link = links.iter().find(|link| link.index == index)?;
    let is_wire = |link: &&Link| link.kind == WIRE && link.peer_namespace.is_some();
    match link.kind.as_str() {
        WIRE => Some(vec![link]).filter(|_| is_wire(&link)),
        BRIDGE => {
            let ports: Vec<_> = links.iter().filter(|port| port.master == index).collect();
            ports.iter().all(is_wire).then_some(ports)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, kind: &str, master: u32, peer: u32) -> Link {
        Link {
            index,
            name: format!("i{index}"),
            kind: kind.into(),
            master,
            peer,
            peer_namespace: (kind == WIRE).then_some(0),
            has_xdp: false,
            addresses: Vec::new(),
        }
    }

    #[test]
    fn own_addresses_are_proven_and_those_of_many_are_not() {
        let of = |text: &str| proof(text.parse().unwrap(), 0).unwrap();
        assert_eq!(of("127.0.0.1"), Ok(Proof::Own("lo".into())));
        assert_eq!(of("127.200.0.9"), Ok(Proof::Own("lo".into())));
        for text in ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1", "127.255.255.255"] {
            assert_eq!(of(text), Err(Missing::NotOne), "{text}");
        }
    }

    #[test]
    fn a_bridge_with_a_port_that_is_no_wire_may_lead_to_anybody() {
        let mut links =
            vec![link(2, BRIDGE, 0, 0), link(3, WIRE, 2, 9), link(4, WIRE, 0, 7), link(5, "", 0, 0)];
        let indices = |links: &[Link], index| {
            wires(index, links).map(|wires| wires.iter().map(|wire| wire.index).collect::<Vec<_>>())
        };
        assert_eq!(indices(&links, 2), Some(vec![3]));
        assert_eq!(indices(&links, 4), Some(vec![4]));
        assert_eq!((indices(&links, 5), indices(&links, 99)), (None, None));
        links.push(link(6, "", 2, 0));
        assert_eq!(indices(&links, 2), None);
    }

    #[test]
    fn a_wire_whose_ends_are_both_here_leads_into_no_namespace() {
        let mut near = link(4, WIRE, 0, 5);
        near.peer_namespace = None;
        assert_eq!(wires(4, &[near]), None);
    }
}
