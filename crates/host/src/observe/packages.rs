//! Finds whose the running code is, and what would be installed in its place (A18).

mod build_info;
mod changelog;
mod dpkg;
mod kernels;
mod known;
mod lists;
mod preferences;
mod roots;
mod rpm;
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    io, mem,
    path::Path,
};

use portreeve_core::{
    advisories::{ecosystem, has_security_archive},
    facts::{
        Build, Code, CodeFile, CodeRoot, Database, ExeState, Gap, GapKind, InstalledKernel, ListsLack,
        Package, Snapshot,
    },
    packages::{Installed, Owners, Paths, apk, candidate::offer, pins::Pins},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use self::{
    dpkg::Told,
    lists::{Lists, Source, of},
    roots::{Kind, Root, Roots},
    tree::{Tree, Unread},
};
use super::{clock, gaps::Gaps, processes::view::View};
use crate::proc::maps::{self, Mapping};

const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const OS_RELEASE_BYTES_MAX: u64 = 64 * 1024;
/// A host of a thousand packages has 3 MB.
const APK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Clocks that are set at all are closer together.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_hours(1);

/// Adds the packages of whatever code a look found running; what was found of the host's own may be kept below `cache`.
pub fn add(cache: Option<&Path>, snapshot: &mut Snapshot) {
    let Some(mut code) = snapshot.code.take() else { return };
    let mut gaps = Gaps::of(mem::take(&mut snapshot.gaps));
    let roots = Roots::of(&code, &snapshot.processes);
    for (place, root) in (0..).zip(&roots.all) {
        add_root(root, place, &mut code, cache, &mut gaps);
    }
    if let Some(host) = roots.unused_host() {
        code.kernel = kernels::read(found(&host, cache, &Paths::default(), &mut gaps).kernels);
    }
    snapshot.code = Some(code);
    snapshot.gaps = gaps.into_sorted();
}

fn add_root(root: &Root, place: u32, code: &mut Code, cache: Option<&Path>, gaps: &mut Gaps) {
    let path = |&file: &u32| root.inner(&code.files[file as usize].path).to_owned();
    let paths: Paths = root.files.iter().map(path).collect();
    let found = found(root, cache, &paths, gaps);
    if root.is_host() {
        code.kernel = kernels::read(found.kernels.clone());
    }
    let facts = settle(root, place, &found, code);
    if facts.lists_known().is_some_and(is_to_come) {
        gaps.detailed(GapKind::FutureUpdateData, &root.label());
    }
    code.roots.push(facts);
}

/// What was found of a root; a container comes and goes, and what was kept of it would stay.
fn found(root: &Root, cache: Option<&Path>, paths: &Paths, gaps: &mut Gaps) -> Found {
    let cache = cache.filter(|_| root.is_host());
    known::of(root.tree(), cache, paths, |paths| Reading::new(root, gaps).read(paths))
}

/// Whether the clock is behind by more than those of two hosts differ.
fn is_to_come(time: Timestamp) -> bool {
    time.duration_since(clock::now()) > CLOCKS_APART_MAX
}

/// Says of each file of `root` of which package it is, and gives the root with these packages alone.
fn settle(root: &Root, place: u32, found: &Found, code: &mut Code) -> CodeRoot {
    let mut facts = CodeRoot { name: root.name.clone(), packages: Vec::new(), ..found.facts.clone() };
    let mut places: BTreeMap<u32, u32> = BTreeMap::new();
    for &file in &root.files {
        let file = &mut code.files[file as usize];
        file.root = Some(place);
        let Some(known) = found.owners.get(root.inner(&file.path)).copied().flatten() else {
            file.build = build(root.tree(), root.inner(&file.path));
            continue;
        };
        let own = *places.entry(known).or_insert_with(|| {
            facts.packages.push(found.facts.packages[known as usize].clone());
            u32::try_from(facts.packages.len() - 1).unwrap_or(u32::MAX)
        });
        file.package = Some(own);
        if file.state == ExeState::Replaced {
            tell_where_from(root.tree(), &mut facts.packages[own as usize]);
        }
    }
    facts
}

/// What a file of no package tells of itself.
fn build(tree: Tree<'_>, path: &str) -> Option<Build> {
    let opened = tree.open(path, u64::MAX).ok()??;
    Some(build_info::read(&opened.file)?.into_build())
}

/// Lists have a version no more once a newer one is out, or have it elsewhere once it moved on with a point release.
fn tell_where_from(tree: Tree<'_>, package: &mut Package) {
    if package.is_from_security != Some(true) {
        let told = changelog::is_from_security(tree, package);
        package.is_from_security = told.or(package.is_from_security);
    }
}

/// Whether anything in `bytes` is as /proc/PID/maps has it.
#[must_use]
pub fn are_maps(bytes: &[u8]) -> bool {
    maps::is_one(bytes)
}

/// The code that `maps`, as /proc/PID/maps has it, tells of, of whom it is below `root`, and what could not be seen.
///
/// # Errors
///
/// `root` cannot be opened.
pub fn of_root(root: &Path, maps: &[u8]) -> io::Result<(Code, Vec<Gap>)> {
    let view = View::below(root)?;
    let mut code = Code::default();
    let (mappings, are_all) = maps::read(&maps::as_saved(maps));
    for mapping in mappings {
        code.files.push(offline(&view, mapping));
    }
    let count = u32::try_from(code.files.len()).unwrap_or(u32::MAX);
    code.processes.insert(NOBODY, (0..count).collect());
    let mut gaps = Gaps::default();
    if !are_all {
        gaps.add(GapKind::HiddenFiles, 1);
    }
    let name = root.to_string_lossy().into_owned();
    let root = Root::offline(view, name, (0..count).collect());
    add_root(&root, 0, &mut code, None, &mut gaps);
    Ok((code, gaps.into_sorted()))
}

/// Whose code it is that no running process maps.
pub const NOBODY: u32 = 0;

/// A mapped file beside what stands below a root that is looked at later or elsewhere: that another file stands there now
/// proves nothing.
fn offline(view: &View, mapping: Mapping) -> CodeFile {
    let found = mapping.readings.iter().find_map(|path| view.find(path).ok().flatten());
    let state = match found {
        Some((_, inode)) if inode == mapping.inode => ExeState::Same,
        _ => ExeState::Unknown,
    };
    CodeFile { path: mapping.path, state, since: None, root: None, package: None, build: None }
}

/// What was found of one root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    /// The packages of paths, as places in those of the facts; `None` of what is of no package.
    owners: BTreeMap<String, Option<u32>>,
    facts: CodeRoot,
    /// The kernels that packages put there.
    kernels: Vec<InstalledKernel>,
    /// Whether all that was there could be read.
    is_whole: bool,
}

/// The reading of one root.
struct Reading<'r> {
    root: &'r Root,
    label: String,
    gaps: &'r mut Gaps,
    found: Found,
}

impl<'r> Reading<'r> {
    fn new(root: &'r Root, gaps: &'r mut Gaps) -> Self {
        Self { root, label: root.label(), gaps, found: Found { is_whole: true, ..Found::default() } }
    }

    fn read(mut self, paths: &Paths) -> Found {
        let tree = self.root.tree();
        let images = if self.root.is_host() { kernels::images(tree) } else { BTreeMap::new() };
        let wanted = paths.iter().chain(images.keys()).cloned().collect();
        let owners = self.owners(&wanted);
        self.found.kernels = kernels::installed(&images, &owners);
        let mut owning: Vec<&Installed> = Vec::new();
        for path in paths {
            let place = owners.of(path).map(|package| {
                owning.iter().position(|known| *known == package).unwrap_or_else(|| {
                    owning.push(package);
                    owning.len() - 1
                })
            });
            self.found.owners.insert(path.clone(), place.and_then(|place| u32::try_from(place).ok()));
        }
        self.found.facts.release = release(tree);
        self.find_offers(&owning);
        self.found
    }

    fn miss(&mut self, what: GapKind, path: &str) {
        self.found.is_whole = false;
        self.gaps.detailed(what, path);
    }

    /// A file that tells nothing, or too little, of whose the code is.
    fn miss_file(&mut self, unread: &Unread) {
        let path = of(&self.label, unread.path());
        match unread.gap(GapKind::UnreadPackages) {
            what @ GapKind::UnreadPackages => {
                self.miss(what, &unread.flaw().map_or(path.clone(), |flaw| flaw.of(&path)));
            }
            what => self.miss(what, &path),
        }
    }

    fn owners(&mut self, wanted: &Paths) -> Owners {
        let tree = self.root.tree();
        let (database, told) = match self.root.kind {
            Kind::Dpkg => (Database::Dpkg, dpkg::read(tree, wanted)),
            Kind::DpkgParts => (Database::Dpkg, dpkg::read_parts(tree, wanted)),
            Kind::Rpm(path) => {
                unwritten(tree, path).iter().for_each(|unread| self.miss_file(unread));
                (Database::Rpm, from_rpm(tree, path, wanted))
            }
            Kind::Apk(path) => (Database::Apk, from_apk(tree, path, wanted)),
            Kind::OldRpm(path) => {
                self.miss(GapKind::OldPackages, &of(&self.label, path));
                return Owners::default();
            }
            Kind::None => {
                if self.root.hides_packages() {
                    self.miss(GapKind::MissingPackages, &self.label.clone());
                }
                return Owners::default();
            }
        };
        let missing = match told {
            Ok(Told { owners, missing }) => {
                self.found.facts.database = Some(database);
                missing.iter().for_each(|unread| self.miss_file(unread));
                return owners;
            }
            Err(unread) => unread,
        };
        self.miss_file(&missing);
        Owners::default()
    }

    /// What a gap names where nothing tells what waits: the root, and its database where apt's lists are not of it.
    fn unlisted(&self) -> String {
        without_lists(self.root.kind).map_or_else(|| self.label.clone(), |path| of(&self.label, path))
    }

    /// Whether its distribution has archives of security updates beside the others.
    fn follows_security(&self) -> bool {
        self.found.facts.release.as_deref().is_some_and(has_security_archive)
    }

    fn find_offers(&mut self, owning: &[&Installed]) {
        let tree = self.root.tree();
        let is_asked = self.root.kind == Kind::Dpkg && !owning.is_empty();
        let names = owning.iter().map(|package| package.name.as_str()).collect();
        let architectures = owning.iter().filter_map(|package| package.architecture.as_deref()).collect();
        let is_trusted = self.root.is_host();
        let (root, release) = (&*self.label, self.found.facts.release.as_deref());
        let source = Source { tree, names: &names, architectures: &architectures, root, release, is_trusted };
        let mut missed = Gaps::default();
        let lists = if is_asked { lists::read(&source, &mut missed) } else { Lists::default() };
        // Lists that hide are there.
        if !owning.is_empty() && !lists.are_there && !missed.has(GapKind::HiddenPackages) {
            missed.detailed(GapKind::MissingUpdateData, &self.unlisted());
        }
        let lack = lack(&lists, &missed);
        if lack == Some(ListsLack::Security)
            && self.follows_security()
            && !missed.has(GapKind::UnnamedArchive)
        {
            missed.detailed(GapKind::MissingSecurityArchive, &self.label);
        }
        let told = if is_asked { preferences::read(tree) } else { Ok(preferences::Told::default()) };
        let mut told = told.unwrap_or_else(|unread| {
            missed.detailed(unread.gap(GapKind::UnreadPreferences), &of(&self.label, unread.path()));
            preferences::Told::unread()
        });
        if lists.are_there && lack.is_none_or(|lack| lack == ListsLack::Security) {
            told.compare(lists.archives.iter().map(|(archive, _)| archive));
        }
        told.pins.native = told.pins.native.take().or_else(|| only_architecture(owning, &lists));
        for path in &told.strange {
            missed.detailed(GapKind::UnreadPreferences, &of(&self.label, path));
        }
        self.found.is_whole &= missed.is_empty();
        self.gaps.merge(missed);
        let facts = &mut self.found.facts;
        (facts.lists_made, facts.lists_fetched, facts.lists_lack) = (lists.made, lists.fetched, lack);
        facts.packages = owning.iter().map(|package| self::told(package, &lists, &told.pins)).collect();
    }
}

/// What the packages of a host are built for that takes those of no other architecture.
fn only_architecture(owning: &[&Installed], lists: &Lists) -> Option<String> {
    let built = owning.iter().filter_map(|package| package.architecture.as_deref());
    let listed = lists.archives.iter().map(|(archive, _)| &*archive.architecture);
    let all: BTreeSet<_> = built.chain(listed).filter(|of| !matches!(*of, "" | "all")).collect();
    let mut all = all.into_iter();
    all.next().filter(|_| all.next().is_none()).map(Into::into)
}

/// What is missing of lists, some of which may not have been read.
fn lack(lists: &Lists, missed: &Gaps) -> Option<ListsLack> {
    const UNREAD: [GapKind; 4] =
        [GapKind::UnreadUpdateData, GapKind::MissingList, GapKind::HiddenPackages, GapKind::UnsteadyRead];
    if UNREAD.into_iter().any(|what| missed.has(what)) {
        return Some(ListsLack::Part);
    }
    (lists.are_there && !lists.have_security).then_some(ListsLack::Security)
}

/// Where the packages of a root are kept whose archives nobody here knows; `None` of those that apt has lists of.
const fn without_lists(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::DpkgParts => Some(dpkg::STATUS_PARTS),
        Kind::Rpm(path) | Kind::Apk(path) => Some(path),
        Kind::Dpkg | Kind::OldRpm(_) | Kind::None => None,
    }
}

/// What rpm wrote beside its database and did not put there yet, which is not read.
fn unwritten(tree: Tree<'_>, path: &str) -> Option<Unread> {
    let beside = format!("{path}-wal");
    let opened = tree.open(&beside, u64::MAX).ok()??;
    (opened.stat.stx_size > 0).then_some(Unread::Unwritten(beside))
}

fn from_rpm(tree: Tree<'_>, path: &str, wanted: &Paths) -> Result<Told, Unread> {
    let Some(opened) = tree.open(path, u64::MAX)? else { return Ok(Told::whole(Owners::default())) };
    let strange = |_| Unread::Strange(path.to_owned());
    let owners = rpm::read(&opened.file, wanted).map_err(strange)?;
    opened.settle()?;
    Ok(Told::whole(owners))
}

fn from_apk(tree: Tree<'_>, path: &str, wanted: &Paths) -> Result<Told, Unread> {
    let told = apk::read(&tree.read(path, APK_BYTES_MAX)?.unwrap_or_default(), wanted);
    if told.is_empty {
        return Err(Unread::Empty(path.to_owned()));
    }
    let missing = told.is_cut.then(|| Unread::Incomplete(path.to_owned()));
    Ok(Told::of(told.owners, missing, wanted))
}

/// A package beside what lists offer of it.
fn told(installed: &Installed, lists: &Lists, pins: &Pins) -> Package {
    let entries = lists.offers(&installed.name);
    let here: Vec<_> = entries.iter().filter(|(_, listed)| listed.version == installed.version).collect();
    let is_secure = here.iter().any(|(archive, _)| archive.release.is_security());
    let other = |told: &str, own: &str| (told != own).then(|| told.to_owned());
    Package {
        name: installed.name.clone(),
        source: other(&installed.source, &installed.name),
        is_foreign: pins.is_foreign(installed.architecture.as_deref()),
        architecture: installed.architecture.clone(),
        version: installed.version.clone(),
        source_version: other(&installed.source_version, &installed.version),
        held: installed.held,
        offer: (!lists.archives.is_empty()).then(|| offer(installed, &entries, pins)),
        is_from_security: (!here.is_empty()).then_some(is_secure),
    }
}

/// What a root says of its release, as advisories name it (os-release(5)).
fn release(tree: Tree<'_>) -> Option<String> {
    let read = |path| tree.read(path, OS_RELEASE_BYTES_MAX).ok().flatten();
    ecosystem(&String::from_utf8_lossy(&OS_RELEASE.iter().find_map(|path| read(path))?))
}
