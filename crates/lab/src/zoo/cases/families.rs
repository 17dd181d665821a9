//! Sockets that are of another family or protocol than they look.

use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{List, Point, Proof, Scene, Socket, Trouble, listener},
};

pub(super) const CASES: &[Case] = &[
    Case { name: "mapped", build: mapped },
    Case { name: "v6only", build: v6only },
    Case { name: "dual-stack", build: dual_stack },
    Case { name: "mptcp", build: mptcp },
    Case { name: "vsock", build: vsock },
    Case { name: "packet", build: packet },
];

/// A type of the experiments that IEEE keeps free, in which nothing arrives.
const ETHERNET_TYPE: u16 = 0x88b5;

/// A socket of IPv6 that hears IPv4 alone (ipv6(7)).
fn mapped(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; IPv6, bound to an IPv4 address";
    let keeper = zoo.at(says, "v4-in-v6.service").holder(&["listen", "[::ffff:127.0.0.1]:7022"])?;
    let socket = Socket { family: "ipv6", address: "::ffff:127.0.0.1".into(), ..listener(zoo.netns) };
    Ok(Scene::new(says, 7022, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// It refuses IPv4 (ipv6(7), IPV6_V6ONLY).
fn v6only(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; IPv6 only";
    let keeper = zoo.at(says, "v6only.service").holder(&["v6only", "[::]:7023"])?;
    let socket = Socket { family: "ipv6", address: "::".into(), v6only: true, ..listener(zoo.netns) };
    let scene = Scene::new(says, 7023, vec![socket.held_by(&keeper, "holder")], vec![keeper]);
    Ok(Scene { point: Point::Property("v6only:1"), ..scene })
}

/// The nearest neighbour: the same address, and both families.
fn dual_stack(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; IPv6 and IPv4";
    let keeper = zoo.at(says, "dual-stack.service").holder(&["listen", "[::]:7024"])?;
    let socket = Socket { family: "ipv6", address: "::".into(), ..listener(zoo.netns) };
    Ok(Scene::new(says, 7024, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// Its process has the socket of Multipath TCP, and the table of TCP lists the one below it (RFC 8684).
fn mptcp(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; Multipath TCP";
    let keeper = zoo.at(says, "mptcp.service").holder(&["mptcp", "127.0.0.1:7025"])?;
    let socket = Socket { mptcp: true, ..listener(zoo.netns) };
    Ok(Scene::new(says, 7025, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// Its numbers are no ports, so it is listed apart and judged by nobody (vsock(7)).
fn vsock(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; AF_VSOCK, no port of TCP or UDP";
    let keeper = zoo.at(says, "vsock.service").odd(&["vsock"])?;
    let port = u32::try_from(keeper.told("port")?).expect("a number of vsock has 32 bits");
    let scene = Scene::new(says, port, vec![other(zoo, "vsock").held_by(&keeper, "odd")], vec![keeper]);
    Ok(Scene { proof: Proof::Seen, ..scene })
}

/// It takes frames off an interface and has no port at all (packet(7)).
fn packet(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; AF_PACKET, no port at all";
    let keeper = zoo.at(says, "packet.service").holder(&["packet", &ETHERNET_TYPE.to_string()])?;
    let socket = other(zoo, "packet").held_by(&keeper, "holder");
    let scene = Scene::new(says, ETHERNET_TYPE.into(), vec![socket], vec![keeper]);
    Ok(Scene { proof: Proof::Seen, ..scene })
}

fn other(zoo: &Enclosure, kind: &'static str) -> Socket {
    Socket { list: List::Other, protocol: kind, ..listener(zoo.netns) }
}
