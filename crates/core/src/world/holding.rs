//! What a person means by "nginx on 443": one owner's sockets on one number (A4, A12).

use alloc::{collections::BTreeMap, collections::BTreeSet, format, string::String, vec::Vec};
use core::cmp::Reverse;

use crate::{
    address::{Address, Breadth},
    desired::DesiredPort,
    facts::{HolderGap, Listener, Process, Snapshot},
    kinds::{self, Kind},
    owner::Identity,
    port::{PortSpec, Protocol},
    text,
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
}

/// What tells two owners apart; more than `Identity::lasting` where that is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OwnerKey<'a> {
    lasting: Option<String>,
    unit: Option<&'a str>,
    uid: Option<u32>,
}

/// Where a holding stands: its listeners differ in nothing of this.
type Key<'a> = (u64, Protocol, u16, OwnerKey<'a>, Option<(&'a str, PortSpec)>, Hearing);

/// Whether anything can arrive; the deaf sort before those who hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hearing {
    Deaf,
    Hears,
}

/// The holdings of `listeners` in an order that does not depend on theirs.
///
/// `declared` says on which declared port a listener stands that belongs to an identity.
pub(super) fn gather<'a>(
    snapshot: &'a Snapshot,
    listeners: impl Iterator<Item = &'a Listener>,
    declared: impl Fn(&'a Listener, &Identity<'a>) -> Option<DesiredPort<'a>>,
) -> Vec<Holding<'a>> {
    let mut gathered: BTreeMap<Key<'a>, Holding<'a>> = BTreeMap::new();
    for listener in listeners {
        let identity = main_identity(snapshot, listener);
        let port = declared(listener, &identity);
        let service = port.map(|port| (port.service.name.as_str(), port.spec));
        let owner = owner_key(&identity);
        let hearing = if listener.hears() { Hearing::Hears } else { Hearing::Deaf };
        let key = (listener.netns, listener.protocol, listener.port, owner, service, hearing);
        gathered
            .entry(key)
            .or_insert_with(|| Holding {
                listeners: Vec::new(),
                holders: Vec::new(),
                identity,
                declared: port,
            })
            .listeners
            .push(listener);
    }
    drop_deaf_doubles(&mut gathered);
    gathered.into_values().map(|holding| settle(snapshot, holding)).collect()
}

/// A socket that is merely bound adds nothing where its owner listens on the same number.
fn drop_deaf_doubles<'a>(gathered: &mut BTreeMap<Key<'a>, Holding<'a>>) {
    let as_hearing = |mut key: Key<'a>| {
        key.5 = Hearing::Hears;
        key
    };
    let deaf = gathered.keys().filter(|key| key.5 == Hearing::Deaf);
    let doubles: Vec<_> =
        deaf.filter(|key| gathered.contains_key(&as_hearing((*key).clone()))).cloned().collect();
    for key in doubles {
        gathered.remove(&key);
    }
}

/// The same holding with its sockets and processes in order.
fn settle<'a>(snapshot: &'a Snapshot, mut holding: Holding<'a>) -> Holding<'a> {
    holding.listeners.sort_by_key(|listener| place(listener));
    let mut seen = BTreeSet::new();
    for listener in &holding.listeners {
        for (hold, process) in snapshot.holders(listener) {
            if seen.insert(hold.pid) {
                holding.holders.push((hold.pid, process));
            }
        }
    }
    if let Some(listener) = holding.listeners.first() {
        holding.identity = main_identity(snapshot, listener);
    }
    holding
}

fn place(listener: &Listener) -> (Reverse<Breadth>, &Address, &Option<String>, u64, u64) {
    (Reverse(listener.breadth()), &listener.address, &listener.device, listener.inode, listener.cookie)
}

fn main_identity<'a>(snapshot: &'a Snapshot, listener: &'a Listener) -> Identity<'a> {
    match snapshot.holders(listener).next() {
        Some((_, process)) => Identity::of_holder(process, listener),
        None => Identity::of_socket(listener),
    }
}

fn owner_key<'a>(identity: &Identity<'a>) -> OwnerKey<'a> {
    match identity.lasting() {
        Some(lasting) => OwnerKey { lasting: Some(lasting), unit: None, uid: None },
        None => OwnerKey { lasting: None, unit: identity.unit, uid: identity.uid },
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

    /// What kind of service it is, as far as programs and number tell.
    #[must_use]
    pub fn kind(&self) -> Option<&'static Kind> {
        let spec = self.spec();
        kinds::kind_of(&self.programs(), spec.range.first, spec.protocol)
    }

    /// The names of its program: comm or script, file name, and the unit's where those tell nothing.
    #[must_use]
    pub fn programs(&self) -> Vec<&'a str> {
        let mut names: Vec<&str> = Vec::new();
        if let Some((_, process)) = self.holders.first() {
            names.push(&process.name);
            names.extend(process.exe.as_deref().and_then(|exe| exe.rsplit('/').next()));
        }
        if names.iter().all(|name| kinds::is_carrier(name)) {
            names.extend(self.identity.unit.filter(|unit| is_telling(unit)).map(stem_of));
        }
        names
    }

    /// Who it is, in a word or two that stand at the beginning of a sentence.
    #[must_use]
    pub fn who(&self) -> Text {
        let Identity { container, unit, .. } = self.identity;
        if let Some(container) = container {
            let name = container.name.as_deref().unwrap_or(&container.id);
            return text!("container {name}", "コンテナ {name}");
        }
        if let Some(unit) = unit.filter(|unit| is_telling(unit) && !unit.starts_with("user@")) {
            let name = stem_of(unit);
            return text!("{name}", "{name}");
        }
        match self.holders.first() {
            Some((_, process)) => name_of(process),
            None if self.widest().gap == Some(HolderGap::Kernel) => text!("the kernel", "カーネル"),
            None => self.unseen(),
        }
    }

    /// Somebody of whom only the socket tells.
    fn unseen(&self) -> Text {
        match (self.identity.unit, self.identity.uid) {
            (Some(unit), _) => {
                text!("a process of {unit} that cannot be seen", "{unit} の(ここからは見えない)プロセス")
            }
            (None, Some(uid)) => {
                text!(
                    "a process of uid {uid} that cannot be seen",
                    "uid {uid} の(ここからは見えない)プロセス"
                )
            }
            (None, None) => text!("a process that cannot be seen", "(ここからは見えない)プロセス"),
        }
    }
}

/// A process as a sentence names it: its name and its user.
#[must_use]
pub fn name_of(process: &Process) -> Text {
    let name = &process.name;
    match &process.user {
        Some(user) => text!("{name} (user {user})", "{name}(ユーザー {user})"),
        None => text!("{name}", "{name}"),
    }
}

/// Scopes are places where programs run (session-4.scope), not names of services; a device is none either.
fn is_telling(unit: &str) -> bool {
    unit.ends_with(".service") || unit.ends_with(".socket")
}

/// `postfix@-.service` is postfix to a person, `postgresql@15-main.service` is postgresql@15-main.
fn stem_of(unit: &str) -> &str {
    let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
    stem.strip_suffix("@-").unwrap_or(stem)
}

/// The command that restarts the service, where its unit's name is surely nothing but a name to a shell.
#[must_use]
pub fn restart_command(identity: &Identity<'_>) -> Option<String> {
    let unit = identity.unit.filter(|_| identity.container.is_none())?;
    let stem = unit.strip_suffix(".service")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@-_.:".contains(&byte);
    let safe = !stem.is_empty() && stem.len() <= 100 && !stem.starts_with('-') && stem.bytes().all(plain);
    (safe && !stem.starts_with("user@")).then(|| format!("systemctl restart {unit}"))
}
