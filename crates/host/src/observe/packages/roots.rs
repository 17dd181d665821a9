//! Tells the roots apart below which code stands: the host's own, and those of containers (mount_namespaces(7), A18).

use std::collections::{BTreeMap, HashMap};

use portreeve_core::facts::{Code, Container, Process};

use super::{dpkg, tree::Tree};
use crate::{
    observe::{
        clock,
        processes::view::{View, Views},
    },
    proc::{self, stat},
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
    let dpkg = [(Kind::Dpkg, dpkg::STATUS), (Kind::DpkgParts, dpkg::STATUS_PARTS), (Kind::Dpkg, dpkg::INFO)];
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
    /// One of whoever is below it, where its name says nothing to a person: `lc, 4711`.
    holder: Option<String>,
    /// What stands before the paths of its files: the directory of a chroot.
    within: String,
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
        Self { view, kind, name: Some(name), holder: None, within: String::new(), files, key }
    }

    /// Whether the file at `path` stands below it.
    fn holds(&self, path: &str) -> bool {
        self.inner(path).starts_with('/') && path.starts_with(&self.within)
    }

    /// A path of one of its files, as it is meant below the root.
    pub(super) fn inner<'p>(&self, path: &'p str) -> &'p str {
        path.strip_prefix(&self.within).unwrap_or(path)
    }

    /// How a gap calls it: nothing for the host's own.
    pub(super) fn label(&self) -> String {
        let name = self.name.clone().unwrap_or_default();
        match &self.holder {
            Some(holder) => format!("{name} ({holder})"),
            None => name,
        }
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
            let jail = roots.jail(pid, &view);
            for place in new.collect::<Vec<_>>() {
                is_placed[place as usize] = true;
                let path = &code.files[place as usize].path;
                match jail.filter(|&jail| roots.all[jail].holds(path)) {
                    Some(jail) => roots.all[jail].files.push(place),
                    None => roots.put(place, path, &view, (pid, process)),
                }
            }
        }
        roots
    }

    /// The host's own, where nothing that was looked at runs of it: its kernel does.
    pub(super) fn unused_host(&self) -> Option<Root> {
        let (view, _) = self.own.as_ref().filter(|_| !self.all.iter().any(Root::is_host))?;
        let (kind, key) = database(view);
        let (name, holder, within) = (None, None, String::new());
        Some(Root { view: view.clone(), kind, name, holder, within, files: Vec::new(), key })
    }

    /// The root that a process changed to, where packages of its own are kept there; a daemon that locked itself up in an empty
    /// directory runs the host's.
    fn jail(&mut self, pid: u32, view: &View) -> Option<usize> {
        let path = proc::read_link(format!("/proc/{pid}/root")).filter(|root| root != "/")?;
        let below = view.within(&path)?;
        let (kind, key) = database(&below);
        let is_own = kind == Kind::None || self.own.as_ref().is_some_and(|(_, own)| *own == key);
        let called = || Called { name: Some(format!("chroot {path}")), holder: None };
        (!is_own).then(|| self.add_within(&below, kind, called(), key, &path))
    }

    fn put(&mut self, place: u32, path: &str, view: &View, who: Who<'_>) {
        let root = self.root(view, who);
        let root = if self.is_the_hosts(root, view, path) { root } else { self.apart(view, who) };
        self.all[root].files.push(place);
    }

    /// The root of a view, which may be known by another mount namespace.
    fn root(&mut self, view: &View, who: Who<'_>) -> usize {
        if let Some(&known) = self.known.get(&view.mounts) {
            return known;
        }
        let (kind, key) = database(view);
        let is_own = self.own.as_ref().is_some_and(|(own, known)| own.mounts == view.mounts || *known == key);
        let called = if is_own { Called::default() } else { called(view, who) };
        let root = self.add(view, kind, called, key);
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
    fn apart(&mut self, view: &View, who: Who<'_>) -> usize {
        self.add(view, Kind::None, called(view, who), (None, Some(view.mounts)))
    }

    fn add(&mut self, view: &View, kind: Kind, called: Called, key: Key) -> usize {
        self.add_within(view, kind, called, key, "")
    }

    fn add_within(&mut self, view: &View, kind: Kind, called: Called, key: Key, within: &str) -> usize {
        if let Some(known) = self.all.iter().position(|root| root.key == key && root.within == within) {
            return known;
        }
        let Called { name, holder } = called;
        self.all.push(Root {
            view: view.clone(),
            kind,
            name,
            holder,
            within: within.into(),
            files: Vec::new(),
            key,
        });
        self.all.len() - 1
    }
}

/// Where the packages are kept, and which file that is; without any, the root itself tells roots apart.
///
/// One that cannot be looked at is there all the same: a link that leads in circles hides no packages.
fn database(view: &View) -> (Kind, Key) {
    let found = places().find_map(|(kind, path)| match view.find(path) {
        // A status that is lost leaves the lists of files, beside which another's database may stand.
        Ok(found) => {
            found.filter(|_| path != dpkg::INFO || dpkg::has_lists(Tree(view))).map(|id| (kind, Some(id)))
        }
        Err(_) => Some((kind, None)),
    });
    let (kind, id) = found.unwrap_or((Kind::None, None));
    let root = || view.find("/").ok().flatten();
    (kind, (id.or_else(root), None))
}

/// Whose root is looked for.
type Who<'p> = (u32, &'p Process);

/// How a root is called; nothing of the host's own.
#[derive(Debug, Default)]
struct Called {
    name: Option<String>,
    holder: Option<String>,
}

/// `container NAME`, else the mount namespace as /proc shows it (namespaces(7)), with one who is in it.
fn called(view: &View, (pid, process): Who<'_>) -> Called {
    let (name, holder) = match &process.container {
        Some(Container { name: Some(name), .. }) => (format!("container {name}"), None),
        Some(Container { id, .. }) => (format!("container {id}"), None),
        None => (format!("mnt:[{}]", view.mounts), Some(format!("{}, {pid}", process.called()))),
    };
    Called { name: Some(name), holder }
}

/// How much the clocks of two looks may differ.
const CLOCKS_DIFFER_SECONDS: i64 = 1;

/// Whether the number is still that of the process that was looked at.
fn is_still(pid: u32, process: &Process, booted: i128) -> bool {
    let now = stat::of(pid).map(|stat| clock::start(booted, stat.started_ticks));
    let (Some(now), Some(then)) = (now, process.started) else { return false };
    (now.as_second() - then.as_second()).abs() <= CLOCKS_DIFFER_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_looked_at_for_its_kernel_where_nothing_of_it_runs() {
        let mut roots = Roots::of(&Code::default(), &BTreeMap::new());
        let host = roots.unused_host().expect("/proc is there");
        assert!(host.is_host() && host.tree().stat("/proc").is_some());
        roots.all.push(host);
        assert!(roots.unused_host().is_none(), "it is read with what runs of it");
    }
}
