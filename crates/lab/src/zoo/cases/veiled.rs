//! Ordinary listeners, looked at through a /proc that lists nobody else's processes (proc(5), hidepid=2).

use crate::zoo::{
    Case,
    enclosure::Enclosure,
    truth::{Holder, Proof, Scene, Socket, Trouble, Viewer, holder, listener},
};

pub(super) const CASES: &[Case] =
    &[Case { name: "hidepid-root", build: to_root }, Case { name: "hidepid-user", build: to_a_user }];

/// nobody, who owns none of the zoo's processes.
const NOBODY: u32 = 65_534;

/// It hides nothing from whoever may trace every process.
fn to_root(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process; /proc hides nothing from root";
    let keeper = zoo.at(says, "veiled.service").holder(&["listen", "127.0.0.1:7016"])?;
    let socket = listener(zoo.netns).held_by(&keeper, "holder");
    Ok(Scene { viewer: Viewer::Veiled(0), ..Scene::new(says, 7016, vec![socket], vec![keeper]) })
}

/// A user must not be told which process it is; the socket still tells its unit, and the rest is a reason why.
fn to_a_user(zoo: &Enclosure) -> Result<Scene, Trouble> {
    let says = "held by a process of a unit; /proc hides the process from a user";
    let keeper = zoo.at(says, "hidden.service").holder(&["listen", "127.0.0.1:7017"])?;
    let unseen = Holder { pid: None, name: None, exe_state: "unknown", ..holder("its process", &keeper, "") };
    let gap = Some("the process belongs to another user");
    let socket = Socket { holders: vec![unseen], gap, ..listener(zoo.netns).opened_by(&keeper) };
    let proof = Proof::Deaths { bystanders: vec![], needed: vec![keeper.pid] };
    let viewer = Viewer::Veiled(NOBODY);
    Ok(Scene { viewer, proof, ..Scene::new(says, 7017, vec![socket], vec![keeper]) })
}
