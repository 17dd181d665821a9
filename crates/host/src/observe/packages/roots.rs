//! Tells the roots apart below which code stands: the host's own, and those of containers (mount_namespaces(7), A18).

use std::collections::{BTreeMap, HashMap};

use portreeve_core::facts::{Code, CodeFile, CodeRoot, Container, ExeState, Process};

use super::{dpkg, tree::Tree};
use crate::{
    observe::{
        clock,
        holders::threads,
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
    /// Whether nothing tells whose the files below it are.
    is_silent: bool,
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
        let called = Called { name: Some(name), holder: None };
        Self { files, ..Self::new(view, kind, called, key) }
    }

    fn new(view: View, kind: Kind, Called { name, holder }: Called, key: Key) -> Self {
        // What is told apart from the host's has the host's database beside it.
        let is_silent = kind == Kind::None && key.1.is_none();
        Self { view, kind, name, holder, within: String::new(), is_silent, files: Vec::new(), key }
    }

    /// Whether files stand below it of which nothing tells whose they are.
    pub(super) const fn hides_packages(&self) -> bool {
        self.is_silent && !self.files.is_empty()
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
    /// That of portreeve itself.
    own: Option<Own>,
    /// The root of each mount namespace that was met.
    known: HashMap<u64, usize>,
}

impl Roots {
    /// The roots of whatever `processes` run.
    pub(super) fn of(code: &Code, processes: &BTreeMap<u32, Process>) -> Self {
        let mut views = Views::new();
        let own = views.of(std::process::id()).map(Own::of);
        let mut roots = Self { all: Vec::new(), own, known: HashMap::new() };
        let mut is_placed = vec![false; code.files.len()];
        let booted = clock::booted();
        for (&pid, places) in &code.processes {
            let mut new = places.iter().copied().filter(|&place| !is_placed[place as usize]).peekable();
            let Some(process) = processes.get(&pid).filter(|_| new.peek().is_some()) else { continue };
            let thread = threads::with_files(pid);
            let Some(view) = views.of(thread).filter(|_| is_still(pid, process, booted)) else { continue };
            let jail = roots.jail(thread, &view);
            for place in new.collect::<Vec<_>>() {
                is_placed[place as usize] = true;
                let file = &code.files[place as usize];
                let jail = jail.filter(|&jail| roots.all[jail].holds(&file.path));
                let root = jail.unwrap_or_else(|| roots.of_file(file, &view, (pid, process)));
                roots.all[root].files.push(place);
            }
        }
        roots.all.retain(|root| !root.files.is_empty());
        roots
    }

    /// The host's own, where nothing that was looked at runs of it: its kernel does.
    pub(super) fn unused_host(&self) -> Option<Root> {
        self.own.as_ref().filter(|_| !self.all.iter().any(Root::is_host)).map(Own::root)
    }

    /// The root that a process changed to, where packages of its own are kept there; a daemon that locked itself up in an empty
    /// directory runs the host's.
    fn jail(&mut self, thread: u32, view: &View) -> Option<usize> {
        let path = proc::read_link(format!("/proc/{thread}/root")).filter(|root| root != "/")?;
        let below = view.within(&path)?;
        let (kind, key) = database(&below);
        let is_own = kind == Kind::None || self.own.as_ref().is_some_and(|own| own.key == key);
        let called = || Called { name: Some(CodeRoot::name_of_chroot(&path)), holder: None };
        let root = || Root { within: path.clone(), ..Root::new(below.clone(), kind, called(), key) };
        (!is_own).then(|| self.add(root()))
    }

    /// The root of a file that runs in no directory of its own.
    fn of_file(&mut self, file: &CodeFile, view: &View, who: Who<'_>) -> usize {
        let root = self.root(view, who);
        let Some(own) = self.own.as_ref().filter(|own| own.view.mounts != view.mounts) else { return root };
        let (here, there) = (own.view.find(&file.path).ok(), view.find(&file.path).ok());
        let is_same = here == there;
        match &self.all[root] {
            // Whoever may mount puts the host's database beside files of his own.
            of if of.is_host() && !is_same => self.apart(view, who, here == Some(None)),
            of if of.is_silent && is_same && here.flatten().is_some() && is_compared(file) => {
                self.host().unwrap_or(root)
            }
            _ => root,
        }
    }

    /// The root of a view, which may be known by another mount namespace.
    fn root(&mut self, view: &View, who: Who<'_>) -> usize {
        if let Some(&known) = self.known.get(&view.mounts) {
            return known;
        }
        let (kind, key) = database(view);
        let is_own = self.own.as_ref().is_some_and(|own| own.view.mounts == view.mounts || own.key == key);
        let host = if is_own { self.host() } else { None };
        let root = host.unwrap_or_else(|| self.add(Root::new(view.clone(), kind, called(view, who), key)));
        self.known.insert(view.mounts, root);
        root
    }

    /// The host's own, as portreeve sees it: beside its database a stranger may have mounted what he likes.
    fn host(&mut self) -> Option<usize> {
        let own = self.own.as_ref().map(Own::root)?;
        Some(self.add(own))
    }

    /// What stands beside the host's root without being the host's: of no package where the host `has_none` there, which its
    /// own database would tell of.
    fn apart(&mut self, view: &View, who: Who<'_>, has_none: bool) -> usize {
        let key = (None, Some(view.mounts));
        let root = self.add(Root::new(view.clone(), Kind::None, called(view, who), key));
        self.all[root].is_silent |= !has_none;
        root
    }

    fn add(&mut self, new: Root) -> usize {
        let is_same = |root: &Root| root.key == new.key && root.within == new.within;
        self.all.iter().position(is_same).unwrap_or_else(|| {
            self.all.push(new);
            self.all.len() - 1
        })
    }
}

/// The root of portreeve itself.
#[derive(Debug)]
struct Own {
    view: View,
    kind: Kind,
    key: Key,
}

impl Own {
    fn of(view: View) -> Self {
        let (kind, key) = database(&view);
        Self { view, kind, key }
    }

    fn root(&self) -> Root {
        Root::new(self.view.clone(), self.kind, Called::default(), self.key)
    }
}

/// Whether what stands at its path is known to be what runs, or to have taken its place.
const fn is_compared(file: &CodeFile) -> bool {
    matches!(file.state, ExeState::Same | ExeState::Replaced)
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
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    #[test]
    fn the_host_is_looked_at_for_its_kernel_where_nothing_of_it_runs() {
        let mut roots = Roots::of(&Code::default(), &BTreeMap::new());
        let host = roots.unused_host().expect("/proc is there");
        assert!(host.is_host() && host.tree().stat("/proc").is_some());
        roots.all.push(host);
        assert!(roots.unused_host().is_none(), "it is read with what runs of it");
    }

    /// A folder of the host that a stranger has too, and his root beside it; they go when this value does.
    struct Shared(PathBuf);

    impl Shared {
        fn create() -> Self {
            let folder = std::env::temp_dir().join(format!("portreeve-roots-{}", std::process::id()));
            let shared = Self(folder);
            fs::create_dir_all(shared.inside("").parent().unwrap()).unwrap();
            shared
        }

        /// Where the host's file of that name stands.
        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn root(&self) -> PathBuf {
            self.0.join("root")
        }

        /// Where the stranger has the file that he calls as the host does.
        fn inside(&self, name: &str) -> PathBuf {
            self.root().join(self.path(name).strip_prefix("/").unwrap())
        }
    }

    impl Drop for Shared {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_hosts_own_file_is_the_hosts_in_a_root_without_packages_and_no_other_is() {
        let shared = Shared::create();
        for name in ["same", "other", "covered"] {
            fs::write(shared.path(name), name).unwrap();
        }
        fs::create_dir_all(shared.inside("")).unwrap();
        fs::hard_link(shared.path("same"), shared.inside("same")).unwrap();
        fs::hard_link(shared.path("covered"), shared.inside("covered")).unwrap();
        fs::copy(shared.path("other"), shared.inside("other")).unwrap();
        let mut roots = Roots::of(&Code::default(), &BTreeMap::new());
        let view = View::below(&shared.root()).unwrap();
        let process = Process::default();
        let mut ask = |name: &str, state: ExeState| {
            let path = shared.path(name).to_string_lossy().into_owned();
            let file = CodeFile { path, state, since: None, root: None, package: None, build: None };
            let root = roots.of_file(&file, &view, (1, &process));
            roots.all[root].files = vec![0];
            (roots.all[root].is_host(), roots.all[root].hides_packages())
        };
        let host = (true, own_kind() == Kind::None);
        assert_eq!(ask("same", ExeState::Same), host);
        assert_eq!(ask("same", ExeState::Replaced), host, "of the package in whose older version it was");
        for (name, state) in
            [("other", ExeState::Same), ("covered", ExeState::Unknown), ("gone", ExeState::Deleted)]
        {
            assert_eq!(ask(name, state), (false, true), "{name}");
        }
    }

    fn own_kind() -> Kind {
        database(&Views::new().of(std::process::id()).unwrap()).0
    }

    #[test]
    fn beside_the_hosts_database_a_file_is_nobodys_only_where_the_host_has_none() {
        let mut roots = Roots::of(&Code::default(), &BTreeMap::new());
        let view = View::below(&std::env::temp_dir()).unwrap();
        let process = Process::default();
        for (has_none, hides) in [(true, false), (false, true), (true, true)] {
            let root = roots.apart(&view, (1, &process), has_none);
            roots.all[root].files = vec![0];
            assert_eq!(roots.all[root].hides_packages(), hides);
        }
    }

    #[test]
    fn whoever_mounted_the_hosts_database_is_not_asked_for_the_rest_of_it() {
        let mut roots = Roots::of(&Code::default(), &BTreeMap::new());
        let foreign = View::below(Path::new("/")).unwrap();
        let root = roots.root(&foreign, (1, &Process::default()));
        let own = Views::new().of(std::process::id()).unwrap();
        assert!(roots.all[root].is_host() && own.mounts != foreign.mounts);
        assert_eq!(roots.all[root].view.mounts, own.mounts);
    }
}
