//! Network namespaces in which no process is (namespaces(7)).

use super::KERNEL;
use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{Proof, Scene, Socket, Trouble, listener},
};

pub(super) const CASES: &[Case] =
    &[Case { name: "netns-of-a-mount", build: mounted }, Case { name: "netns-of-a-socket", build: socket }];

/// Asks the kernel for a listener, and reads in its table that it is there.
const LISTEN: &str = "/bin/ip mptcp endpoint add 127.0.0.1 port 7011 signal \
    && grep -q ' 0100007F:1B63 ' /proc/self/net/tcp \
    || { echo 'missing: this kernel has no Multipath TCP'; exit 3; }";

/// A mount of its file keeps a namespace, wherever it is; `ip netns` only has a usual place for it.
fn mounted(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by the kernel, in a namespace that only a mount keeps";
    let place = zoo.place("kept");
    let mut keeper =
        zoo.at(says, "mount.service").odd(&["kept", &place.to_string_lossy(), "/bin/sh", "-c", LISTEN])?;
    keeper.wait();
    let socket = listener(keeper.told("netns")?).opened_by(&keeper);
    let socket = Socket { mptcp: true, gap: Some(KERNEL), opener: None, ..socket };
    Ok(Scene { proof: Proof::Seen, ..Scene::new(says, 7011, vec![socket], vec![keeper]) })
}

/// A socket keeps its namespace, and its process may be elsewhere.
fn socket(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process of another namespace than the socket's, which only the socket keeps";
    let keeper = zoo.at(says, "apart.service").odd(&["apart", "7012"])?;
    let socket = listener(keeper.told("netns")?).held_by(&keeper, "odd");
    Ok(Scene { proof: Proof::Seen, ..Scene::new(says, 7012, vec![socket], vec![keeper]) })
}
