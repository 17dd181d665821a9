//! Sockets of which something in the kernel knows that is no descriptor: a ring, an epoll set, a map.

use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{Holder, Proof, Scene, Socket, Trouble, holder, listener},
};

pub(super) const CASES: &[Case] = &[
    Case { name: "io-uring", build: io_uring },
    Case { name: "epoll-closed", build: epoll_closed },
    Case { name: "epoll-elsewhere", build: epoll_elsewhere },
    Case { name: "sockmap-closed", build: sockmap_closed },
    Case { name: "sockmap", build: sockmap },
];

/// Registered files are open files of the ring: whoever has the ring accepts on them (io_uring_register(2)).
fn io_uring(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process through its ring's registered files, without a descriptor";
    let ring = zoo.at(says, "ring.service").odd(&["ring", "7004"])?;
    let socket = listener(zoo.netns).held_by(&ring, "odd");
    Ok(Scene::new(says, 7004, vec![socket], vec![ring]))
}

/// An epoll set keeps no file open, so there is no listener that only a set holds (epoll(7)).
fn epoll_closed(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "gone with its last descriptor, whatever epoll set it was in";
    let set = zoo.at(says, "set.service").odd(&["epoll-closed", "7005"])?;
    Ok(Scene { proof: Proof::Free, ..Scene::new(says, 7005, vec![], vec![set]) })
}

/// The set reports it while somebody else has it, and its process has nothing to accept with.
fn epoll_elsewhere(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by the child alone; the parent only hears of it, through an epoll set";
    let set = zoo.at(says, "watcher.service").odd(&["epoll-elsewhere", "7006"])?;
    let child = Holder { pid: Some(set.child()?), ..holder("the child", &set, "odd") };
    let proof = Proof::Deaths { bystanders: vec![set.pid], needed: vec![set.child()?] };
    let socket = Socket { holders: vec![child], ..listener(zoo.netns).opened_by(&set) };
    Ok(Scene { proof, ..Scene::new(says, 7006, vec![socket], vec![set]) })
}

/// A sockmap forgets a socket that is closed, so there is none that only a map holds (sock_map_close).
fn sockmap_closed(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "gone with its last descriptor, whatever sockmap it was in";
    let map = zoo.at(says, "map.service").odd(&["sockmap-closed", "7007"])?;
    Ok(Scene { proof: Proof::Free, ..Scene::new(says, 7007, vec![], vec![map]) })
}

/// With the map alone nobody can accept: packets are led to the socket, and its holder answers.
fn sockmap(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by the parent alone; the child only has the sockmap that it is in";
    let owner = zoo.at(says, "mapped.service").odd(&["sockmap", "7008"])?;
    let proof = Proof::Deaths { bystanders: vec![owner.child()?], needed: vec![owner.pid] };
    let socket = listener(zoo.netns).held_by(&owner, "odd");
    Ok(Scene { proof, ..Scene::new(says, 7008, vec![socket], vec![owner]) })
}
