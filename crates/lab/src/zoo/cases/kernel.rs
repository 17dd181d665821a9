//! Sockets that the kernel itself opened and serves: who asked it to has exited, and no process can accept.

use super::KERNEL;
use crate::zoo::{
    Case,
    enclosure::Enclosure,
    keeper::Keeper,
    truth::{Proof, Scene, Socket, Trouble, listener},
};

pub(super) const CASES: &[Case] =
    &[Case { name: "kernel-tunnel", build: tunnel }, Case { name: "kernel-listener", build: endpoint }];

// The programs are named by their paths: a shell that is busybox would else take its own, which know less.

/// A tunnel over UDP: WireGuard, Geneve and others do the same (vxlan_open, drivers/net/vxlan/vxlan_core.c).
fn tunnel(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by the kernel: the port of a VXLAN tunnel";
    let words = "/bin/ip link add zoo-tunnel type vxlan id 7 dstport 7009 && /bin/ip link set zoo-tunnel up";
    let asked = ask(zoo, says, "VXLAN", words)?;
    let socket = Socket {
        protocol: "udp",
        address: "0.0.0.0".into(),
        state: "unconnected",
        gap: Some(KERNEL),
        ..opened_for(&asked, zoo)
    };
    Ok(Scene { proof: KEPT, ..Scene::new(says, 7009, vec![socket], vec![asked]) })
}

/// A listener for further paths of Multipath TCP connections (mptcp_pm_nl_create_listen_socket, net/mptcp).
fn endpoint(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by the kernel: an endpoint of Multipath TCP";
    let asked = ask(zoo, says, "Multipath TCP", "/bin/ip mptcp endpoint add 127.0.0.1 port 7010 signal")?;
    let socket = Socket { mptcp: true, gap: Some(KERNEL), ..opened_for(&asked, zoo) };
    Ok(Scene { proof: KEPT, ..Scene::new(says, 7010, vec![socket], vec![asked]) })
}

/// Who asked has exited before anybody looks, and the number is taken all the same.
const KEPT: Proof = Proof::Deaths { bystanders: vec![], needed: vec![] };

/// The kernel opens a socket in the group of whoever asks for it (cgroup_sk_alloc, kernel/cgroup/cgroup.c); which
/// process of it that was is nobody's to know any more.
fn opened_for(asked: &Keeper, zoo: &Enclosure) -> Socket {
    Socket { opener: None, ..listener(zoo.netns).opened_by(asked) }
}

/// `ip` as a unit that has done its work.
fn ask(zoo: &Enclosure, says: &'static str, feature: &str, words: &str) -> Result<Keeper, Trouble> {
    let script = format!(
        "{{ {words}; }} >&2 && echo ready || {{ echo \"missing: this kernel has no {feature}\"; exit 3; }}"
    );
    let mut asked = zoo.at(says, "network.service").shell(&script)?;
    asked.wait();
    Ok(asked)
}
