//! Every network namespace that can be entered, and what a look into one finds (network_namespaces(7), A5).

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    os::{fd::AsFd, linux::fs::MetadataExt},
    thread,
};

use portreeve_core::facts::{GapKind, Namespace, OtherSocket, SeenBy};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{
    Connections, Gaps, Namespaces, ObserveError, Wanted, links,
    share::share,
    sockets::{self, Side, Socket},
    sysctls, tally, unported,
};
use crate::proc;

/// Where `ip netns` keeps the namespaces that have a name (ip-netns(8)).
const NAMED: &str = "/run/netns";
/// Far above what any host runs; further ones become a gap.
const NAMESPACES_MAX: usize = 4096;
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
    let names = names();
    let name = names.iter().find(|(_, id)| Some(**id) == own).map(|(name, _)| name.clone());
    let mut looks = vec![look_here(wanted, own.unwrap_or(0), name, gaps)?];
    looks[0].namespace.own = true;
    if let (Namespaces::All, Some(own)) = (wanted.namespaces, own) {
        looks.extend(look_abroad(wanted, &doors(own, &names, pids, gaps), gaps));
    }
    Ok(looks)
}

fn own_id() -> Option<u64> {
    Some(fs::metadata("/proc/thread-self/ns/net").ok()?.st_ino())
}

/// The named namespaces with their inodes.
fn names() -> BTreeMap<String, u64> {
    let Ok(entries) = fs::read_dir(NAMED) else { return BTreeMap::new() };
    let named = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let id = fs::metadata(entry.path()).ok()?.st_ino();
        Some((entry.file_name().to_string_lossy().into_owned(), id))
    });
    named.take(NAMESPACES_MAX).collect()
}

/// A way into another namespace.
struct Door {
    id: u64,
    name: Option<String>,
    path: String,
}

/// A door to each namespace that a process or a name keeps alive, but the caller's own.
fn doors(own: u64, names: &BTreeMap<String, u64>, pids: &[u32], gaps: &mut Gaps) -> Vec<Door> {
    let mut seen = HashSet::from([own]);
    let mut doors = Vec::new();
    let named = names.iter().map(|(name, &id)| (id, format!("{NAMED}/{name}"), Some(name.clone())));
    let held = held(pids).into_iter().map(|(id, pid)| (id, format!("/proc/{pid}/ns/net"), None));
    for (id, path, name) in named.chain(held) {
        if seen.insert(id) {
            doors.push(Door { id, name, path });
        }
    }
    gaps.too_many("namespaces", doors.len().saturating_sub(NAMESPACES_MAX));
    doors.truncate(NAMESPACES_MAX);
    doors
}

/// The namespaces that processes are in, each with one of them.
fn held(pids: &[u32]) -> BTreeMap<u64, u32> {
    let parts = share(pids, BTreeMap::new, |held, &pid| {
        held.extend(of_process(pid).map(|id| (id, pid)));
        1
    });
    parts.into_iter().flatten().collect()
}

/// The link's text costs less than the file it leads to (namespaces(7)).
fn of_process(pid: u32) -> Option<u64> {
    let link = proc::read_link(format!("/proc/{pid}/ns/net"))?;
    link.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
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
    let links = links::list().unwrap_or_else(|_| {
        gaps.missing("rtnetlink");
        Vec::new()
    });
    let sysctls = sysctls::read();
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
    let (listening, seen_by) = sockets::listening(wanted, gaps)?;
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
