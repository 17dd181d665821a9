//! Sockets that go from hand to hand: inherited, sent, or still on the way.

use std::os::{fd::OwnedFd, unix::net::UnixStream};

use super::IN_FLIGHT;
use crate::{
    error::LabError,
    zoo::{
        Case,
        enclosure::Enclosure,
        truth::{Holder, Proof, Scene, Socket, Trouble, holder, listener},
    },
};

pub(super) const CASES: &[Case] = &[
    Case { name: "forked", build: forked },
    Case { name: "passed", build: passed },
    Case { name: "in-flight", build: in_flight },
    Case { name: "in-flight-twice", build: in_flight_twice },
    Case { name: "unaccepted", build: unaccepted },
];

/// A child has what its parent had open (fork(2)).
fn forked(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a parent and its child";
    let parent = zoo.at(says, "forked.service").holder(&["forked", "127.0.0.1:7001"])?;
    let child = Holder { pid: Some(parent.first_child()?), ..holder("the child", &parent, "holder") };
    let holders = vec![holder("the parent", &parent, "holder"), child];
    let socket = Socket { holders, ..listener(zoo.netns).opened_by(&parent) };
    Ok(Scene::new(says, 7001, vec![socket], vec![parent]))
}

/// Who receives a descriptor has the same open socket as who sent it (unix(7), SCM_RIGHTS).
fn passed(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by who received it; its opener has exited";
    let (near, far) = UnixStream::pair().map_err(LabError::file("make", "a pair of Unix sockets"))?;
    let opener = zoo.at(says, "opener.service");
    let mut opener = opener.holder_reading(&["send", "127.0.0.1:7002"], OwnedFd::from(near))?;
    opener.wait();
    let receiver = zoo.at(says, "receiver.service").holder_reading(&["receive"], OwnedFd::from(far))?;
    let holders = vec![holder("the receiver", &receiver, "holder")];
    let socket = Socket { holders, ..listener(zoo.netns).opened_by(&opener) };
    Ok(Scene::new(says, 7002, vec![socket], vec![receiver]))
}

/// The queue has it and goes with its last end; nobody can accept before somebody reads the queue.
fn in_flight(zoo: &Enclosure) -> Result<Scene, Trouble> {
    queued(zoo, "held by no process: it is in the queue of a Unix socket", "in-flight.service", 7003)
}

/// The queue that has it is itself in one.
fn in_flight_twice(zoo: &Enclosure) -> Result<Scene, Trouble> {
    queued(
        zoo,
        "held by no process: it is in the queue of a Unix socket that is in another's",
        "in-flight-twice.service",
        7031,
    )
}

/// Who connected to a Unix socket may send before anybody accepts (unix(7)).
fn unaccepted(zoo: &Enclosure) -> Result<Scene, Trouble> {
    queued(
        zoo,
        "held by no process: it was sent to a Unix socket that has not accepted yet",
        "unaccepted.service",
        7032,
    )
}

fn queued(zoo: &Enclosure, says: &'static str, unit: &'static str, port: u32) -> Result<Scene, Trouble> {
    let queue =
        zoo.at(says, unit).holder(&[unit.trim_end_matches(".service"), &format!("127.0.0.1:{port}")])?;
    let socket = Socket { gap: Some(IN_FLIGHT), ..listener(zoo.netns).opened_by(&queue) };
    let proof = Proof::Deaths { bystanders: vec![], needed: vec![queue.pid] };
    Ok(Scene { proof, ..Scene::new(says, port, vec![socket], vec![queue]) })
}
