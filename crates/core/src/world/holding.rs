//! What a person means by "nginx on 443": one owner's sockets on one number (A4, A12).

use alloc::{collections::BTreeSet, vec::Vec};
use core::cmp::Reverse;

use crate::{
    address::Breadth,
    desired::DesiredPort,
    facts::{HolderGap, Listener, Process, Snapshot},
    kinds::{self, Kind},
    owner::{Evidence, Identity, Lasting},
    port::{PortSpec, Protocol},
    text, unit,
    words::Text,
};

/// The sockets of one owner on one number of one namespace that stand on the same declared port, or on none.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// The sockets, the widest first; at least one.
    pub listeners: Vec<&'a Listener>,
    /// The processes that hold any of them, the main one first.
    pub holders: Vec<(u32, &'a Process)>,
    /// Who the main one is, or what the socket tells where no process can be seen.
    pub identity: Identity<'a>,
    /// The declared port that the sockets stand on.
    pub declared: Option<DesiredPort<'a>>,
    /// What kind of service it is, as far as programs and number tell.
    pub kind: Option<&'static Kind>,
}

/// What tells two owners apart; the unit or user of the socket where nothing lasting is known.
type OwnerKey<'a> = (Option<Lasting<'a>>, Option<&'a str>, Option<u32>);

/// Where a holding stands: its listeners differ in nothing of this.
type Key<'a> = (u64, Protocol, u16, OwnerKey<'a>, Option<(&'a str, PortSpec)>);

/// A socket with what decides to which holding it belongs.
struct Row<'a> {
    key: Key<'a>,
    listener: &'a Listener,
    identity: Identity<'a>,
    declared: Option<DesiredPort<'a>>,
}

/// The holdings of `listeners` in an order that does not depend on theirs.
///
/// `declared` says on which declared port a listener stands that belongs to an identity.
pub(super) fn gather<'a>(
    snapshot: &'a Snapshot,
    listeners: impl Iterator<Item = &'a Listener>,
    declared: impl Fn(&'a Listener, &Identity<'a>) -> Option<DesiredPort<'a>>,
) -> Vec<Holding<'a>> {
    let row = |listener: &'a Listener| {
        let identity = main_identity(snapshot, listener);
        let declared = declared(listener, &identity);
        let service = declared.map(|port| (port.service.name.as_str(), port.spec));
        let owner = owner_key(&identity);
        let key = (listener.netns, listener.protocol, listener.port, owner, service);
        Row { key, listener, identity, declared }
    };
    let mut rows: Vec<_> = listeners.map(row).collect();
    // Sockets that are merely bound come last: they add nothing where their owner listens on the same number.
    rows.sort_unstable_by(|a, b| a.key.cmp(&b.key).then_with(|| rank(a.listener).cmp(&rank(b.listener))));
    rows.chunk_by(|a, b| a.key == b.key).filter_map(|rows| settle(snapshot, rows)).collect()
}

fn settle<'a>(snapshot: &'a Snapshot, rows: &[Row<'a>]) -> Option<Holding<'a>> {
    let first = rows.first()?;
    let same = rows.iter().filter(|row| row.listener.hears() == first.listener.hears());
    let listeners: Vec<_> = same.map(|row| row.listener).collect();
    let holders = holders(snapshot, &listeners);
    let identity = first.identity.clone();
    let mut holding = Holding { listeners, holders, identity, declared: first.declared, kind: None };
    holding.kind = kinds::kind_of(&holding.programs(), first.listener.port, first.listener.protocol);
    Some(holding)
}

/// Each process that holds any of `listeners` once, the main one first.
fn holders<'a>(snapshot: &'a Snapshot, listeners: &[&'a Listener]) -> Vec<(u32, &'a Process)> {
    let all = listeners.iter().flat_map(|listener| snapshot.holders(listener));
    let mut holders: Vec<_> = all.map(|(hold, process)| (hold.pid, process)).collect();
    if holders.len() > 1 {
        let mut seen = BTreeSet::new();
        holders.retain(|(pid, _)| seen.insert(*pid));
    }
    holders
}

/// Those who hear before the deaf, then the widest first; the rest only makes the order certain.
fn rank(listener: &Listener) -> impl Ord + use<'_> {
    let Listener { address, device, inode, cookie, .. } = listener;
    (!listener.hears(), Reverse(listener.breadth()), address, device, *inode, *cookie)
}

/// Who holds `listener` first, or what the socket alone tells.
pub(super) fn main_identity<'a>(snapshot: &'a Snapshot, listener: &'a Listener) -> Identity<'a> {
    match snapshot.holders(listener).next() {
        Some((_, process)) => Identity::of_holder(process, listener),
        None => Identity::of_socket(listener),
    }
}

fn owner_key<'a>(identity: &Identity<'a>) -> OwnerKey<'a> {
    match identity.lasting_owner() {
        Some(lasting) => (Some(lasting), None, None),
        None => (None, identity.unit, identity.uid),
    }
}

impl<'a> Holding<'a> {
    /// The socket that can be heard the furthest.
    #[must_use]
    pub fn widest(&self) -> &'a Listener {
        self.listeners.first().expect("a holding is made of its first listener")
    }

    /// Its number and protocol.
    #[must_use]
    pub fn spec(&self) -> PortSpec {
        self.widest().spec()
    }

    /// The namespace, by inode.
    #[must_use]
    pub fn netns(&self) -> u64 {
        self.widest().netns
    }

    /// How far it can be heard.
    #[must_use]
    pub fn breadth(&self) -> Breadth {
        self.widest().breadth()
    }

    /// Whether something can arrive on it.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.widest().hears()
    }

    /// The processes by pid, the main one first.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.holders.iter().map(|(pid, _)| *pid).collect()
    }

    /// The names of its program: comm or script, file name, and the unit's where those tell nothing.
    #[must_use]
    pub fn programs(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        if let Some((_, process)) = self.holders.first() {
            names.push(&process.name);
            let file = process.exe.as_deref().and_then(|exe| exe.rsplit('/').next());
            names.extend(file.filter(|file| *file != process.name));
        }
        if names.iter().all(|name| kinds::is_carrier(name)) {
            names.extend(self.identity.unit.filter(|unit| unit::is_service_or_socket(unit)).map(spoken));
        }
        names
    }

    /// Who it is, in a word or two that stand at the beginning of a sentence.
    #[must_use]
    pub fn who(&self) -> Text {
        let Identity { container, unit, evidence, .. } = self.identity;
        if let Some(container) = container {
            let name = container.name.as_deref().unwrap_or(&container.id);
            return text!("container {name}", "コンテナ {name}");
        }
        let is_seen = evidence == Evidence::Holder;
        if let Some(unit) = unit.filter(|unit| is_seen && unit::is_service_or_socket(unit)) {
            let name = spoken(unit);
            return text!("{name}", "{name}");
        }
        match self.holders.first() {
            Some((_, process)) => name_of(process),
            None if self.widest().gap == Some(HolderGap::Kernel) => text!("the kernel", "カーネル"),
            None => self.unseen(),
        }
    }

    /// Somebody of whom only the socket tells, and that tells of whoever opened it.
    fn unseen(&self) -> Text {
        match (self.identity.unit, self.identity.uid) {
            (Some(unit), _) => text!(
                "an unseen holder of a socket that {unit} opened",
                "{unit} が開いたソケットの(ここからは見えない)保持者"
            ),
            (None, Some(uid)) => text!(
                "an unseen holder of a socket that uid {uid} opened",
                "uid {uid} が開いたソケットの(ここからは見えない)保持者"
            ),
            (None, None) => text!("a process that cannot be seen", "(ここからは見えない)プロセス"),
        }
    }
}

/// A process as a sentence names it: its name and its user.
#[must_use]
pub fn name_of(process: &Process) -> Text {
    let name = process.called();
    match &process.user {
        Some(user) => text!("{name} (user {user})", "{name}(ユーザー {user})"),
        None => text!("{name}", "{name}"),
    }
}

/// `postfix@-.service` is postfix to a person, `postgresql@15-main.service` is postgresql@15-main.
fn spoken(unit: &str) -> &str {
    let stem = unit::stem(unit);
    stem.strip_suffix("@-").unwrap_or(stem)
}
