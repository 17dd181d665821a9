//! Every network namespace that can be entered, and what a look into one finds (network_namespaces(7), A5).

mod doors;
mod outside;

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::{fd::AsFd, linux::fs::MetadataExt},
};

use portreeve_core::facts::{GapKind, Namespace, OtherSocket};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use self::doors::{Door, Known};
use super::{
    Connections, Gaps, Namespaces, ObserveError,
    connected::Connected,
    descriptors,
    holders::Search,
    links,
    pids::Pids,
    share::{apart, share},
    sockets::{self, Socket},
    sysctls,
    tally::Tally,
    unported,
    ways::Sources,
};
use crate::sys::netlink::NetlinkError;

/// Looking into one takes a few milliseconds, which is far more than a thread costs.
const STEPS_EACH: usize = 256;

/// What one look into one namespace found.
pub(super) struct Look {
    pub(super) namespace: Namespace,
    pub(super) links: Vec<links::Link>,
    pub(super) listening: Vec<Socket>,
    pub(super) connected: Connected,
    pub(super) other: Vec<OtherSocket>,
}

impl Look {
    /// The inodes of all its sockets that a process can hold.
    pub(super) fn inodes(&self) -> impl Iterator<Item = u64> {
        let listening = self.listening.iter().filter(|socket| socket.kernels != Some(true));
        let listening = listening.map(|socket| socket.inode);
        listening.chain(self.connected.inodes()).chain(self.other.iter().map(|socket| socket.inode))
    }

    /// The cgroups of all its sockets; one that many share may come more than once.
    pub(super) fn cgroups(&self) -> impl Iterator<Item = u64> {
        self.listening.iter().filter_map(|socket| socket.cgroup).chain(self.connected.cgroups())
    }

    /// Whether one that waits for somebody was not seen to be held.
    pub(super) fn lacks_holder(&self, search: &Search) -> bool {
        self.listening.iter().any(|socket| search.holds(socket.inode).next().is_none())
    }

    /// Whether another socket takes IPv4 on the same number, which a dual-stack one would not allow.
    ///
    /// This is how /proc/net tells what it has no column for.
    pub(super) fn has_ipv4_twin(&self, socket: &Socket) -> bool {
        // Listening sockets are in order of protocol, port and address.
        let twin = (socket.protocol, socket.local.port, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        socket.local.ip == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
            && self
                .listening
                .binary_search_by_key(&twin, |other| (other.protocol, other.local.port, other.local.ip))
                .is_ok()
    }
}

/// Looks into the caller's namespace and, where they are wanted and can be entered, into all others.
pub(super) fn look(sources: Sources<'_>, pids: &Pids, gaps: &mut Gaps) -> Result<Vec<Look>, ObserveError> {
    let own = own_id();
    let names = doors::names();
    let name = names.iter().find(|(_, id)| Some(**id) == own).map(|(name, _)| name.clone());
    let all = sources.wanted.namespaces == Namespaces::All;
    // First, as another thread is still at what the rest waits for.
    let threads = all.then(|| descriptors::elsewhere(sources.wanted)).flatten();
    let mut looks = vec![look_here(sources, own.unwrap_or(0), name, gaps)?];
    looks[0].namespace.own = true;
    if let (true, Some(own)) = (all, own) {
        let none = BTreeMap::new();
        let sockets = sources.descriptors().map_or(&none, |descriptors| &descriptors.guides);
        let known = Known { names: &names, mounts: sources.mounts, sockets, threads: threads.as_ref() };
        looks.extend(look_abroad(sources, &doors::find(own, known, pids, gaps), gaps));
        if let Some(descriptors) = sources.descriptors() {
            looks.extend(outside::tell(descriptors, &looks, &names, gaps));
        }
    }
    Ok(looks)
}

fn own_id() -> Option<u64> {
    Some(fs::metadata("/proc/thread-self/ns/net").ok()?.st_ino())
}

/// Entering moves a thread for good, so threads of our own go round and end.
fn look_abroad(sources: Sources<'_>, doors: &[Door], gaps: &mut Gaps) -> Vec<Look> {
    if doors.is_empty() {
        return Vec::new();
    }
    let enter = |(looks, gaps): &mut (Vec<Look>, Gaps), door: &Door| {
        looks.extend(enter(sources, door, gaps));
        STEPS_EACH
    };
    let round = || share(doors, || (Vec::new(), Gaps::default()), enter);
    let Ok(parts) = apart(round) else {
        gaps.add(GapKind::ForeignNamespaces, doors.len().try_into().unwrap_or(u32::MAX));
        return Vec::new();
    };
    let mut looks = Vec::new();
    for (part, found) in parts {
        looks.extend(part);
        gaps.merge(found);
    }
    looks.sort_by_key(|look: &Look| look.namespace.id);
    looks
}

fn enter(sources: Sources<'_>, door: &Door, gaps: &mut Gaps) -> Option<Look> {
    let look = door.open().and_then(|namespace| {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|_| GapKind::ForeignNamespaces)?;
        // A process may have gone elsewhere, or another have its number, since its door was found.
        if own_id() != Some(door.id) {
            return Err(GapKind::VanishedProcesses);
        }
        look_here(sources, door.id, door.name.clone(), gaps).map_err(|_| GapKind::ForeignNamespaces)
    });
    // What was unmounted meanwhile is closed to nobody.
    let kind = |kind| if door.has_gone() { GapKind::VanishedProcesses } else { kind };
    look.map_err(|error| gaps.add(kind(error), 1)).ok()
}

/// Looks into the namespace of the calling thread.
fn look_here(
    sources: Sources<'_>,
    id: u64,
    name: Option<String>,
    gaps: &mut Gaps,
) -> Result<Look, ObserveError> {
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
    // Those that take long and need no descriptors come first: another thread may still be at these.
    let connected = connections(sources, &mut namespace, &links, gaps)?;
    let listening = sockets::listening(sources, id, gaps)?;
    let other = unported::list(sources, id, gaps);
    Ok(Look { namespace, links, listening, connected, other })
}

/// Counts the connections as far as that is wanted, and keeps them only where each is wanted.
fn connections(
    sources: Sources<'_>,
    namespace: &mut Namespace,
    links: &[links::Link],
    gaps: &mut Gaps,
) -> Result<Connected, ObserveError> {
    let wanted = sources.wanted;
    if wanted.connections == Connections::Skip {
        return Ok(Connected::default());
    }
    let start = || (Tally::default(), Connected::default());
    let add = |(tally, kept): &mut (Tally, Connected), socket: Socket| {
        tally.add(&socket, namespace);
        if wanted.connections == Connections::List {
            kept.push(&socket, namespace.id, links);
        }
    };
    let (tally, kept) = sockets::connected(sources, namespace.id, gaps, start, add)?;
    tally.tell(namespace, gaps);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Wanted,
        observe::{Holders, descriptors::Pass},
    };
    use rustix::process::geteuid;

    /// The namespace that is found behind this door, and what is a gap.
    fn enter(way: doors::Way, id: u64) -> (Option<u64>, Vec<GapKind>) {
        let mut gaps = Gaps::default();
        let door = Door { id, name: None, way };
        let wanted = Wanted { holders: Holders::Skip, ..Wanted::LISTENERS };
        let sources = Sources { wanted: &wanted, pass: &Pass::over(&wanted), tables: None, mounts: &[] };
        let look = super::enter(sources, &door, &mut gaps);
        (look.map(|look| look.namespace.id), gaps.into_sorted().iter().map(|gap| gap.what).collect())
    }

    #[test]
    fn a_namespace_that_is_not_behind_its_door_is_a_gap() {
        let own = own_id().unwrap();
        let here = || doors::Way::Thread(std::process::id());
        // Only root may go even where it is.
        let (there, elsewhere) = if geteuid().is_root() {
            ((Some(own), vec![]), (None, vec![GapKind::VanishedProcesses]))
        } else {
            let shut = (None, vec![GapKind::ForeignNamespaces]);
            (shut.clone(), shut)
        };
        assert_eq!(enter(here(), own), there);
        assert_eq!(enter(here(), own + 1), elsewhere);
        // Whoever led there has ended, and root could not enter it either; so it is of what is mounted no more.
        assert_eq!(enter(doors::Way::Thread(u32::MAX), own), (None, vec![GapKind::VanishedProcesses]));
        let unmounted = doors::Way::Path("/run/netns/portreeve/nothing".into());
        assert_eq!(enter(unmounted, own), (None, vec![GapKind::VanishedProcesses]));
    }
}
