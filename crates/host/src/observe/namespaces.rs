//! Every network namespace that can be entered, and what a look into one finds (network_namespaces(7), A5).

mod doors;

use std::{
    fs::{self, File},
    os::{fd::AsFd, linux::fs::MetadataExt},
    thread,
};

use portreeve_core::facts::{GapKind, Namespace, OtherSocket, SeenBy};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use self::doors::Door;
use super::{
    Connections, Gaps, Namespaces, ObserveError, Wanted, links,
    share::share,
    sockets::{self, Side, Socket},
    sysctls, tally, unported,
};
use crate::sys::netlink::NetlinkError;

/// Looking into one takes a few milliseconds, which is far more than a thread costs.
const STEPS_EACH: usize = 256;

/// What one look into one namespace found.
pub(super) struct Look {
    pub(super) namespace: Namespace,
    pub(super) links: Vec<links::Link>,
    pub(super) seen_by: SeenBy,
    pub(super) listening: Vec<Socket>,
    pub(super) connected: Vec<Socket>,
    pub(super) other: Vec<OtherSocket>,
}

/// Looks into the caller's namespace and, where they are wanted and can be entered, into all others.
pub(super) fn look(wanted: &Wanted, pids: &[u32], gaps: &mut Gaps) -> Result<Vec<Look>, ObserveError> {
    let own = own_id();
    let names = doors::names();
    let name = names.iter().find(|(_, id)| Some(**id) == own).map(|(name, _)| name.clone());
    let mut looks = vec![look_here(wanted, own.unwrap_or(0), name, gaps)?];
    looks[0].namespace.own = true;
    if let (Namespaces::All, Some(own)) = (wanted.namespaces, own) {
        looks.extend(look_abroad(wanted, &doors::find(own, &names, pids, gaps), gaps));
    }
    Ok(looks)
}

fn own_id() -> Option<u64> {
    Some(fs::metadata("/proc/thread-self/ns/net").ok()?.st_ino())
}

/// Entering moves a thread for good, so threads of our own go round and end.
fn look_abroad(wanted: &Wanted, doors: &[Door], gaps: &mut Gaps) -> Vec<Look> {
    if doors.is_empty() {
        return Vec::new();
    }
    let enter = |(looks, gaps): &mut (Vec<Look>, Gaps), door: &Door| {
        looks.extend(enter(wanted, door, gaps));
        STEPS_EACH
    };
    let round = || share(doors, || (Vec::new(), Gaps::default()), enter);
    let parts = thread::scope(|scope| scope.spawn(round).join())
        .expect("a look returns its errors, it does not panic");
    let mut looks = Vec::new();
    for (part, found) in parts {
        looks.extend(part);
        gaps.merge(found);
    }
    looks.sort_by_key(|look: &Look| look.namespace.id);
    looks
}

fn enter(wanted: &Wanted, door: &Door, gaps: &mut Gaps) -> Option<Look> {
    let entered = File::open(&door.path)
        .is_ok_and(|file| move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).is_ok());
    let look = entered.then(|| look_here(wanted, door.id, door.name.clone(), gaps).ok()).flatten();
    if look.is_none() {
        gaps.add(GapKind::ForeignNamespaces, 1);
    }
    look
}

/// Looks into the namespace of the calling thread.
fn look_here(wanted: &Wanted, id: u64, name: Option<String>, gaps: &mut Gaps) -> Result<Look, ObserveError> {
    let links = links::list().unwrap_or_else(|error| {
        match error {
            NetlinkError::Interrupted => gaps.unsteady(links::SOURCE),
            _ => gaps.missing(links::SOURCE),
        }
        Vec::new()
    });
    let sysctls = sysctls::read(gaps);
    let mut namespace = Namespace {
        id,
        name,
        own: false,
        interfaces: links.iter().map(links::Link::interface).collect(),
        client_range: sysctls.client_range,
        reserved: sysctls.reserved,
        unprivileged_port_start: sysctls.unprivileged_port_start,
        connections_by_port: Vec::new(),
        connections_by_destination: Vec::new(),
    };
    let (listening, seen_by) = sockets::list(wanted, Side::Listening, gaps)?;
    let mut connected = Vec::new();
    if wanted.connections != Connections::Skip {
        (connected, _) = sockets::list(wanted, Side::Connected, gaps)?;
        tally::count(&connected, &mut namespace, gaps);
    }
    let mut other = Vec::new();
    match wanted.connections {
        Connections::List => other = unported::list(id),
        Connections::Count | Connections::Skip => connected = Vec::new(),
    }
    Ok(Look { namespace, links, seen_by, listening, connected, other })
}
