//! Sockets in states in which tools take them for something else.

use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{List, Scene, Socket, Trouble, listener},
};

pub(super) const CASES: &[Case] = &[
    Case { name: "bound", build: bound },
    Case { name: "udp", build: udp },
    Case { name: "udp-connected", build: udp_connected },
    Case { name: "reuseport", build: reuseport },
];

/// It takes the number and hears nothing.
fn bound(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; bound, not listening";
    let keeper = zoo.at(says, "bound.service").holder(&["bound", "127.0.0.1:7018"])?;
    let socket = Socket { list: List::Connections, state: "bound", ..listener(zoo.netns) };
    Ok(Scene::new(says, 7018, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// Whoever sends is heard.
fn udp(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; UDP without a peer";
    let keeper = zoo.at(says, "udp.service").holder(&["udp", "127.0.0.1:7019"])?;
    let socket = Socket { protocol: "udp", state: "unconnected", ..listener(zoo.netns) };
    Ok(Scene::new(says, 7019, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// It hears its peer alone (udp(7)), so it is no listener.
fn udp_connected(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; UDP with a peer, no listener";
    let keeper = zoo.at(says, "peer.service").holder(&["connected", "127.0.0.1:7020", "127.0.0.1:9"])?;
    let socket =
        Socket { list: List::Connections, protocol: "udp", state: "established", ..listener(zoo.netns) };
    Ok(Scene::new(says, 7020, vec![socket.held_by(&keeper, "holder")], vec![keeper]))
}

/// Two sockets share a number, and each has an owner of its own (socket(7), SO_REUSEPORT).
fn reuseport(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "two sockets, held by a process of one unit each";
    let start = |unit| zoo.at(says, unit).holder(&["reuseport", "127.0.0.1:7021"]);
    let keepers = vec![start("one.service")?, start("another.service")?];
    let sockets = keepers.iter().map(|keeper| listener(zoo.netns).held_by(keeper, "holder")).collect();
    Ok(Scene::new(says, 7021, sockets, keepers))
}
