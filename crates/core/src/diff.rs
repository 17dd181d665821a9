//! What changed between two looks at a host: opened, closed, other hands, wider, narrower, older code (A17, A18, A20).
//!
//! A new pid of the same owner is no change, nor is an owner that one of the looks could not see.

mod pair;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::net::IpAddr;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    facts::{Code, CodeFile, ExeState, Hold, HolderGap, Listener, Namespace, Process, Snapshot, SocketState},
    owner::{Identity, is_service_manager},
    patches::is_stale,
    port::Protocol,
    world::Scope,
};

/// How a port changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is open and was not.
    Opened,
    /// It was open and is not.
    Closed,
    /// Somebody else holds it.
    ChangedHands,
    /// The same owner can be heard from further away.
    Widened,
    /// The same owner can be heard from less far.
    Narrowed,
    /// The same owner runs code now that was replaced on the disk.
    Outdated,
    /// The same owner did, and does no more.
    Renewed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// How it changed.
    pub kind: ChangeKind,
    /// The protocol.
    pub protocol: Protocol,
    /// The number.
    pub port: u16,
    /// Where it is bound now, or was where it is closed.
    pub address: Address,
    /// The namespace by inode: that of the look in which it is open.
    pub netns: u64,
    /// What was there.
    pub before: Option<&'a Listener>,
    /// What is there.
    pub after: Option<&'a Listener>,
}

/// All that changed, and how much could not be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference<'a> {
    /// The changes, in order of number.
    pub changes: Vec<Change<'a>>,
    /// On how many places an owner was not seen before or after, so that other hands cannot be told.
    pub unknown: u32,
}

/// What changed from `before` to `after` in the namespaces of `scope`.
///
/// The observers' own namespaces are the same place even after a reboot gave them other inodes; others are known by
/// name, or within one boot by inode.
#[must_use]
pub fn diff<'a>(before: &'a Snapshot, after: &'a Snapshot, scope: &Scope) -> Difference<'a> {
    let same_boot = before.host.boot_id == after.host.boot_id;
    let mut ports: BTreeMap<PortKey<'a>, [Vec<&'a Listener>; 2]> = BTreeMap::new();
    for (side, snapshot) in [before, after].into_iter().enumerate() {
        let rooms = rooms(snapshot, scope, same_boot);
        for listener in snapshot.listeners.iter().filter(|listener| is_compared(snapshot, listener)) {
            if let Some(&room) = rooms.get(&listener.netns) {
                let key = (listener.protocol, listener.port, room);
                ports.entry(key).or_default()[side].push(listener);
            }
        }
    }
    let mut difference = Difference::default();
    for [was, is] in ports.into_values() {
        let (was, is) = (
            places(Look { own: before, other: same_boot.then_some(after) }, was),
            places(Look { own: after, other: same_boot.then_some(before) }, is),
        );
        compare(&mut difference, &was, &is);
    }
    difference.changes.sort_by(|a, b| order(a).cmp(&order(b)));
    difference
}

/// A number of one namespace.
type PortKey<'a> = (Protocol, u16, Room<'a>);

/// A namespace as two looks can both know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Room<'a> {
    Own,
    Named(&'a str),
    Inode(u64),
}

fn rooms<'a>(snapshot: &'a Snapshot, scope: &Scope, same_boot: bool) -> BTreeMap<u64, Room<'a>> {
    let room = |namespace: &'a Namespace| {
        if namespace.own {
            return Room::Own;
        }
        match &namespace.name {
            Some(name) if !same_boot => Room::Named(name),
            _ => Room::Inode(namespace.id),
        }
    };
    let judged = snapshot.namespaces.iter().filter(|namespace| scope.holds(namespace));
    judged.map(|namespace| (namespace.id, room(namespace))).collect()
}

/// A client's datagram socket comes and goes, as does one that is asked for a consent, and one that is merely bound is not open.
fn is_compared(snapshot: &Snapshot, listener: &Listener) -> bool {
    let is_clients = listener.ephemeral && listener.state == SocketState::Unconnected;
    listener.hears() && !is_clients && !snapshot.is_asked_for_consent(listener)
}

fn order<'c>(change: &'c Change<'_>) -> impl Ord + use<'c> {
    (change.port, change.protocol, change.netns, &change.address, change.kind)
}

/// Where sockets are bound: address, the interface that belongs to it, device.
type PlaceKey<'a> = (IpAddr, Option<&'a str>, Option<&'a str>);

fn place_key(listener: &Listener) -> PlaceKey<'_> {
    let Address { ip, interface } = &listener.address;
    (ip.to_canonical(), interface.as_deref(), listener.device.as_deref())
}

/// The sockets of one number that are bound alike (SO_REUSEPORT), and whose they are.
#[derive(Clone, Debug)]
struct BoundPlace<'a> {
    listener: &'a Listener,
    dual: bool,
    /// Whether somebody there runs code that was replaced; `None` where nobody looked for it.
    is_stale: Option<bool>,
    /// `None`: somebody whose owner is not known.
    owners: Option<BTreeSet<String>>,
    /// Every socket with whose it is, where that is known.
    sockets: Vec<(&'a Listener, Vec<String>)>,
}

impl<'a> BoundPlace<'a> {
    /// A socket of somebody who is not at `other`, else the first.
    fn socket_beyond(&self, other: &Self) -> &'a Listener {
        let strange = |owner: &String| other.owners.as_ref().is_some_and(|known| !known.contains(owner));
        let own = self.sockets.iter().find(|(_, owners)| owners.iter().any(strange));
        own.map_or(self.listener, |(listener, _)| *listener)
    }
}

/// A look, and the other one where both are of one boot, so that their pids may be the same processes.
#[derive(Clone, Copy, Debug)]
struct Look<'a> {
    own: &'a Snapshot,
    other: Option<&'a Snapshot>,
}

impl<'a> Look<'a> {
    /// The script that the other look still found on the disk for a process of this one, which does not tell any: whoever reads it
    /// has it as long as he lives.
    fn lost_script(self, pid: u32, process: &Process) -> Option<&'a str> {
        let known = self.other?.processes.get(&pid).filter(|_| process.script.is_none())?;
        let is_same = is_one(known, process) && (&known.exe, &known.user) == (&process.exe, &process.user);
        known.script.as_deref().filter(|_| is_same)
    }

    fn identity(self, pid: u32, process: &'a Process, listener: &'a Listener) -> Identity<'a> {
        let told = Identity::of_holder(process, listener);
        Identity { script: told.script.or_else(|| self.lost_script(pid, process)), ..told }
    }

    /// Whether a file that is gone was old code to the other look, and is run yet: that it went from where it was replaced renews
    /// nothing.
    fn is_old_yet(self, pid: u32, process: &Process, file: &CodeFile) -> bool {
        let Some(other) = self.other.filter(|_| file.state == ExeState::Deleted) else { return false };
        let is_same = other.processes.get(&pid).is_some_and(|known| is_one(known, process));
        let is_old = |code: &Code, known: &CodeFile| {
            known.path == file.path && is_stale(code.root(known), known, process)
        };
        is_same && other.code.iter().any(|code| code.of(pid).any(|known| is_old(code, known)))
    }

    /// Whether the script that was lost had been replaced before.
    fn lost_old_script(self, pid: u32, process: &Process) -> bool {
        let (Some(script), Some(other)) = (self.lost_script(pid, process), self.other) else { return false };
        let is_old = |code: &Code, file: &CodeFile| is_stale(code.root(file), file, process);
        other.code.iter().any(|code| code.of(pid).any(|file| file.path == script && is_old(code, file)))
    }
}

/// Two looks read the start of a process off clocks that differ by so much at most.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(1);

fn is_one(one: &Process, other: &Process) -> bool {
    let starts = one.started.zip(other.started);
    starts.is_some_and(|(one, other)| one.duration_since(other).abs() <= CLOCKS_DIFFER)
}

fn places<'a>(look: Look<'a>, mut listeners: Vec<&'a Listener>) -> BTreeMap<PlaceKey<'a>, BoundPlace<'a>> {
    listeners.sort_by_key(|listener| (listener.inode, listener.cookie));
    let mut places: BTreeMap<PlaceKey<'a>, BoundPlace<'a>> = BTreeMap::new();
    for listener in listeners {
        let key = place_key(listener);
        let dual = listener.hears_ipv4() && listener.hears_ipv6();
        let place = places.entry(key).or_insert_with(|| BoundPlace {
            listener,
            dual,
            is_stale: None,
            owners: Some(BTreeSet::new()),
            sockets: Vec::new(),
        });
        place.dual |= dual;
        place.is_stale = place.is_stale.max(runs_old_code(look, listener));
        let known = owners(look, listener);
        place.sockets.push((listener, known.clone().unwrap_or_default()));
        place.owners = place.owners.take().zip(known).map(|(mut all, more)| {
            all.extend(more);
            all
        });
    }
    places
}

/// Whether a holder of `listener` runs code that was replaced; `None` where nobody looked for it.
fn runs_old_code(look: Look<'_>, listener: &Listener) -> Option<bool> {
    let code = look.own.code.as_ref()?;
    let runs_old = |pid: u32, process| {
        let is_old = |file| is_stale(code.root(file), file, process) || look.is_old_yet(pid, process, file);
        code.of(pid).any(is_old) || look.lost_old_script(pid, process)
    };
    Some(look.own.holders(listener).any(|(hold, process)| runs_old(hold.pid, process)))
}

/// Everybody who holds `listener`, or `None` where somebody could not be told.
fn owners(look: Look<'_>, listener: &Listener) -> Option<Vec<String>> {
    if listener.gap == Some(HolderGap::Kernel) {
        return Some(alloc::vec!["the kernel".into()]);
    }
    let holders: Vec<_> = look.own.holders(listener).collect();
    // What the service manager holds is the unit's, started or not.
    if holders.is_empty() || holders.iter().any(|(_, process)| is_service_manager(process)) {
        return Some(alloc::vec![Identity::of_socket(listener).lasting()?]);
    }
    let lasting = |(hold, process): (Hold, _)| look.identity(hold.pid, process, listener).lasting();
    holders.into_iter().map(lasting).collect()
}

fn compare<'a>(
    difference: &mut Difference<'a>,
    was: &BTreeMap<PlaceKey<'a>, BoundPlace<'a>>,
    is: &BTreeMap<PlaceKey<'a>, BoundPlace<'a>>,
) {
    for (key, before) in was {
        if let Some(after) = is.get(key) {
            stayed(difference, before, after);
        }
    }
    let left: Vec<_> = was.iter().filter(|(key, _)| !is.contains_key(*key)).map(|(_, place)| place).collect();
    let come: Vec<_> = is.iter().filter(|(key, _)| !was.contains_key(*key)).map(|(_, place)| place).collect();
    if !left.is_empty() || !come.is_empty() {
        let all = |places: &BTreeMap<_, BoundPlace<'a>>| places.values().cloned().collect::<Vec<_>>();
        difference.changes.extend(pair::moves(&left, &come, &all(was), &all(is)));
    }
}

/// The same place before and after: other hands, older or newer code, or one family more or less.
fn stayed<'a>(difference: &mut Difference<'a>, before: &BoundPlace<'a>, after: &BoundPlace<'a>) {
    match (&before.owners, &after.owners) {
        (Some(one), Some(other)) if one != other => {
            let (gone, new) = (before.socket_beyond(after), after.socket_beyond(before));
            let hands = change(ChangeKind::ChangedHands, Some(before), Some(after));
            difference.changes.push(Change { before: Some(gone), after: Some(new), ..hands });
        }
        (Some(_), Some(_)) => {}
        _ => difference.unknown += 1,
    }
    match (before.is_stale, after.is_stale) {
        (Some(false), Some(true)) => {
            difference.changes.push(change(ChangeKind::Outdated, Some(before), Some(after)));
        }
        (Some(true), Some(false)) => {
            difference.changes.push(change(ChangeKind::Renewed, Some(before), Some(after)));
        }
        _ => {}
    }
    match (before.dual, after.dual) {
        (false, true) => difference.changes.push(change(ChangeKind::Widened, Some(before), Some(after))),
        (true, false) => difference.changes.push(change(ChangeKind::Narrowed, Some(before), Some(after))),
        _ => {}
    }
}

fn change<'a>(
    kind: ChangeKind,
    before: Option<&BoundPlace<'a>>,
    after: Option<&BoundPlace<'a>>,
) -> Change<'a> {
    let (before, after) = (before.map(|place| place.listener), after.map(|place| place.listener));
    let shown = after.or(before).expect("a change has a before or an after");
    Change {
        kind,
        protocol: shown.protocol,
        port: shown.port,
        address: shown.address.clone(),
        netns: shown.netns,
        before,
        after,
    }
}

#[cfg(test)]
mod tests;
