//! Sockets of threads that are not like the first of their process.

use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{Holder, Scene, Socket, Trouble, holder, listener},
};

pub(super) const CASES: &[Case] = &[
    Case { name: "leaderless", build: leaderless },
    Case { name: "own-table", build: own_table },
    Case { name: "own-table-beside", build: own_table_beside },
];

/// /proc/PID/fd is that of the first thread, and empty once it has ended; the others go on (pthread_exit(3)).
fn leaderless(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process whose first thread has exited";
    let keeper = zoo.at(says, "leaderless.service").odd(&["leaderless", "7013"])?;
    let socket = listener(zoo.netns).held_by(&keeper, "odd");
    Ok(Scene::new(says, 7013, vec![socket], vec![keeper]))
}

/// A thread can leave the table of descriptors that it shares with the others (unshare(2), CLONE_FILES).
fn own_table(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a thread with a table of descriptors of its own";
    let keeper = zoo.at(says, "own-table.service").odd(&["own-table", "7014"])?;
    let socket = listener(zoo.netns).held_by(&keeper, "odd");
    Ok(Scene::new(says, 7014, vec![socket], vec![keeper]))
}

/// Whoever stops at the first holder misses the other.
fn own_table_beside(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a parent, and by its child in a thread with a table of its own";
    let parent = zoo.at(says, "two-tables.service").odd(&["own-table-shared", "7015"])?;
    let child = Holder { pid: Some(parent.child()?), ..holder("the child", &parent, "odd") };
    let holders = vec![holder("the parent", &parent, "odd"), child];
    let socket = Socket { holders, ..listener(zoo.netns).opened_by(&parent) };
    Ok(Scene::new(says, 7015, vec![socket], vec![parent]))
}
