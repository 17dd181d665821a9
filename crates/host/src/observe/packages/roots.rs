//! Tells the roots apart below which code stands: the host's own, and those of containers (mount_namespaces(7), A18).

use std::collections::{BTreeMap, HashMap};

use portreeve_core::facts::{Code, Container, Process};

use super::{dpkg, tree::Tree};
use crate::{
    observe::{
        clock,
        processes::view::{View, Views},
    },
    proc::stat,
};

/// rpm's database, where it has been and where it is (rpm(8), %_dbpath).
const RPM: [&str; 2] = ["/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite"];
/// rpm's databases of other kinds, which only rpm reads.
const OLD_RPM: [&str; 4] = [
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/Packages",
    "/usr/lib/sysimage/rpm/Packages.db",
];
/// apk's database, where it has been and where it is (apk(8)).
const APK: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// Where a root keeps its packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// dpkg's status.
    Dpkg,
    /// A file a package, as distroless images have them.
    DpkgParts,
    /// rpm's, at this path.
    Rpm(&'static str),
    /// One of rpm's that only rpm reads.
    OldRpm(&'static str),
    /// apk's, at this path.
    Apk(&'static str),
    /// Nowhere.
    None,
}

/// Where each kind is, the first that is there counts.
fn places() -> impl Iterator<Item = (Kind, &'static str)> {
    let dpkg = [(Kind::Dpkg, dpkg::STATUS), (Kind::DpkgParts, dpkg::STATUS_PARTS)];
    let rpm = RPM.map(|path| (Kind::Rpm(path), path));
    let apk = APK.map(|path| (Kind::Apk(path), path));
    let old = OLD_RPM.map(|path| (Kind::OldRpm(path), path));
    dpkg.into_iter().chain(rpm).chain(apk).chain(old)
}

/// A root with the code below it.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) view: View,
    pub(super) kind: Kind,
    /// What it is called; `None` for the host's own, which alone is its administrator's.
    pub(super) name: Option<String>,
    /// The files that stand below it, as places in the code's.
    pub(super) files: Vec<u32>,
    key: Key,
}

/// By what a root is known: its database; and whether it is the host's without having the host's file.
type Key = (Option<(u64, u64)>, Option<u64>);

impl Root {
    /// A tree of files in which nothing of what runs here stands.
    pub(super) fn offline(view: View, name: String, files: Vec<u32>) -> Self {
        let (kind, key) = database(&view);
        Self { view, kind, name: Some(name), files, key }
    }

    /// Whether it is portreeve's own.
    pub(super) const fn is_host(&self) -> bool {
        self.name.is_none()
    }

    pub(super) const fn tree(&self) -> Tree<'_> {
        Tree(&self.view)
    }
}

/// The roots of a look.
#[derive(Debug)]
pub(super) struct Roots {
    pub(super) all: Vec<Root>,
    /// The view of portreeve itself, with the key of its root.
    own: Option<(View, Key)>,
    /// The root of each mount namespace that was met.
    known: HashMap<u64, usize>,
}

impl Roots {
    /// The roots of whatever `processes` run.
    pub(super) fn of(code: &Code, processes: &BTreeMap<u32, Process>) -> Self {
        let mut views = Views::new();
        let own = views.of(std::process::id()).map(|view| {
            let (_, key) = database(&view);
            (view, key)
        });
        let mut roots = Self { all: Vec::new(), own, known: HashMap::new() };
        let mut is_placed = vec![false; code.files.len()];
        let booted = clock::booted();
        for (&pid, places) in &code.processes {
            let mut new = places.iter().copied().filter(|&place| !is_placed[place as usize]).peekable();
            let Some(process) = processes.get(&pid).filter(|_| new.peek().is_some()) else { continue };
            let Some(view) = views.of(pid).filter(|_| is_still(pid, process, booted)) else { continue };
            for place in new.collect::<Vec<_>>() {
                is_placed[place as usize] = true;
                roots.put(place, &code.files[place as usize].path, &view, process);
            }
        }
        roots
    }

    fn put(&mut self, place: u32, path: &str, view: &View, process: &Process) {
        let root = self.root(view, process);
        let root = if self.is_the_hosts(root, view, path) { root } else { self.apart(view, process) };
        self.all[root].files.push(place);
    }

    /// The root of a view, which may be known by another mount namespace.
    fn root(&mut self, view: &View, process: &Process) -> usize {
        if let Some(&known) = self.known.get(&view.mounts) {
            return known;
        }
        let (kind, key) = database(view);
        let is_own = self.own.as_ref().is_some_and(|(own, known)| own.mounts == view.mounts || *known == key);
        let name = (!is_own).then(|| name(view, process));
        let root = self.add(view, kind, name, key);
        self.known.insert(view.mounts, root);
        root
    }

    /// Whether the file that a foreign mount namespace has at `path` below the host's root is the host's own: whoever may
    /// mount puts the host's database beside files of his own.
    fn is_the_hosts(&self, root: usize, view: &View, path: &str) -> bool {
        let Some((own, _)) = self.own.as_ref().filter(|_| self.all[root].is_host()) else { return true };
        own.mounts == view.mounts || view.find(path).ok() == own.find(path).ok()
    }

    /// What stands beside the host's root without being the host's.
    fn apart(&mut self, view: &View, process: &Process) -> usize {
        self.add(view, Kind::None, Some(name(view, process)), (None, Some(view.mounts)))
    }

    fn add(&mut self, view: &View, kind: Kind, name: Option<String>, key: Key) -> usize {
        if let Some(known) = self.all.iter().position(|root| root.key == key) {
            return known;
        }
        self.all.push(Root { view: view.clone(), kind, name, files: Vec::new(), key });
        self.all.len() - 1
    }
}

/// Where the packages are kept, and which file that is; without any, the root itself tells roots apart.
///
/// One that cannot be looked at is there all the same: a link that leads in circles hides no packages.
fn database(view: &View) -> (Kind, Key) {
    let found = places().find_map(|(kind, path)| match view.find(path) {
        Ok(found) => found.map(|id| (kind, Some(id))),
        Err(_) => Some((kind, None)),
    });
    let (kind, id) = found.unwrap_or((Kind::None, None));
    let root = || view.find("/").ok().flatten();
    (kind, (id.or_else(root), None))
}

/// `container NAME`, else the mount namespace as /proc shows it (namespaces(7)).
fn name(view: &View, process: &Process) -> String {
    match &process.container {
        Some(Container { name: Some(name), .. }) => format!("container {name}"),
        Some(Container { id, .. }) => format!("container {id}"),
        None => format!("mnt:[{}]", view.mounts),
    }
}

/// How much the clocks of two looks may differ.
const CLOCKS_DIFFER_SECONDS: i64 = 1;

/// Whether the number is still that of the process that was looked at.
fn is_still(pid: u32, process: &Process, booted: i128) -> bool {
    let now = stat::of(pid).map(|stat| clock::start(booted, stat.started_ticks));
    let (Some(now), Some(then)) = (now, process.started) else { return false };
    (now.as_second() - then.as_second()).abs() <= CLOCKS_DIFFER_SECONDS
}
