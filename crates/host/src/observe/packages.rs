//! Finds whose the running code is, and what would be installed in its place (A18).

mod build_info;
mod changelog;
mod dpkg;
mod kernels;
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
    advisories::ecosystem,
    facts::{Build, Code, CodeFile, CodeRoot, Database, ExeState, Gap, GapKind, Package, Snapshot},
    packages::{Installed, Owners, Paths, apk, candidate::offer, pins::Pins},
};

use self::{
    lists::{Lists, Source, of},
    roots::{Kind, Root, Roots},
    tree::{Tree, Unread},
};
use super::{gaps::Gaps, processes::view::View};
use crate::proc::maps::{self, Mapping};

/// Below which name of the cache what lists say is kept.
const CACHE: &str = "lists";
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
const OS_RELEASE_BYTES_MAX: u64 = 64 * 1024;
/// A host of a thousand packages has 3 MB.
const APK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Adds the packages of whatever code a look found running; what lists say may be kept below `cache`.
pub fn add(cache: Option<&Path>, snapshot: &mut Snapshot) {
    let Some(mut code) = snapshot.code.take() else { return };
    let mut gaps = Gaps::of(mem::take(&mut snapshot.gaps));
    let roots = Roots::of(&code, &snapshot.processes);
    for (place, root) in (0..).zip(&roots.all) {
        add_root(root, place, &mut code, cache, &mut gaps);
    }
    snapshot.code = Some(code);
    snapshot.gaps = gaps.into_sorted();
}

fn add_root(root: &Root, place: u32, code: &mut Code, cache: Option<&Path>, gaps: &mut Gaps) {
    // A container comes and goes, and what was kept of it would stay.
    let cache = cache.filter(|_| root.is_host()).map(|cache| cache.join(CACHE));
    let mut reading = Reading::new(root, code);
    reading.find_owners(gaps);
    reading.place_files(place, code);
    reading.find_offers(cache.as_deref(), gaps);
    if root.is_host() {
        code.kernel = kernels::read(&reading.images, &reading.owners);
    }
    code.roots.push(reading.facts);
}

/// The code that `maps`, as /proc/PID/maps has it, tells of, of whom it is below `root`, and what could not be seen.
///
/// # Errors
///
/// `root` cannot be opened.
pub fn of_root(root: &Path, maps: &[u8]) -> io::Result<(Code, Vec<Gap>)> {
    let view = View::below(root)?;
    let mut code = Code::default();
    for mapping in maps::read(maps) {
        code.files.push(offline(&view, mapping));
    }
    let count = u32::try_from(code.files.len()).unwrap_or(u32::MAX);
    code.processes.insert(NOBODY, (0..count).collect());
    let mut gaps = Gaps::default();
    let root = Root::offline(view, (0..count).collect());
    add_root(&root, 0, &mut code, None, &mut gaps);
    // What runs here has nothing to do with it.
    code.kernel = None;
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

/// What is read of one root.
struct Reading<'r> {
    root: &'r Root,
    label: &'r str,
    wanted: Paths,
    /// The kernels of the host's own root, by path.
    images: BTreeMap<String, String>,
    owners: Owners,
    /// The packages that own a file that runs, in the order of the facts.
    owning: Vec<Installed>,
    /// Those of them that were replaced while they ran, as places.
    replaced: BTreeSet<usize>,
    facts: CodeRoot,
}

impl<'r> Reading<'r> {
    fn new(root: &'r Root, code: &Code) -> Self {
        let images = if root.is_host() { kernels::images(root.tree()) } else { BTreeMap::new() };
        let paths = root.files.iter().map(|&place| code.files[place as usize].path.clone());
        let wanted = paths.chain(images.keys().cloned()).collect();
        let facts =
            CodeRoot { name: root.name.clone(), release: release(root.tree()), ..CodeRoot::default() };
        let label = root.name.as_deref().unwrap_or_default();
        let (owners, owning, replaced) = (Owners::default(), Vec::new(), BTreeSet::new());
        Self { root, label, wanted, images, owners, owning, replaced, facts }
    }

    fn find_owners(&mut self, gaps: &mut Gaps) {
        let (tree, wanted) = (self.root.tree(), &self.wanted);
        let (database, owners) = match self.root.kind {
            Kind::Dpkg => (Database::Dpkg, dpkg::read(tree, wanted)),
            Kind::DpkgParts => (Database::Dpkg, dpkg::read_parts(tree, wanted)),
            Kind::Rpm(path) => {
                tell_unwritten(tree, path, self.label, gaps);
                (Database::Rpm, from_rpm(tree, path, wanted))
            }
            Kind::Apk(path) => (Database::Apk, from_apk(tree, path, wanted)),
            Kind::OldRpm(path) => return gaps.detailed(GapKind::OldPackages, &of(self.label, path)),
            Kind::None => return,
        };
        match owners {
            Ok(owners) => {
                self.facts.database = Some(database);
                self.owners = owners;
            }
            Err(unread) => gaps.detailed(GapKind::UnreadPackages, &of(self.label, unread.path())),
        }
    }

    /// Says of each file below which root it stands, and of which package it is.
    fn place_files(&mut self, place: u32, code: &mut Code) {
        for &file in &self.root.files {
            let file = &mut code.files[file as usize];
            file.root = Some(place);
            let Some(package) = self.owners.of(&file.path) else {
                file.build = self.build(&file.path);
                continue;
            };
            let known = self.owning.iter().position(|known| known == package).unwrap_or_else(|| {
                self.owning.push(package.clone());
                self.owning.len() - 1
            });
            if file.state == ExeState::Replaced {
                self.replaced.insert(known);
            }
            file.package = u32::try_from(known).ok();
        }
    }

    /// What a file of no package tells of itself.
    fn build(&self, path: &str) -> Option<Build> {
        let opened = self.root.tree().open(path, u64::MAX).ok()??;
        Some(build_info::read(&opened.file)?.into_build())
    }

    fn find_offers(&mut self, cache: Option<&Path>, gaps: &mut Gaps) {
        let tree = self.root.tree();
        let is_asked = matches!(self.root.kind, Kind::Dpkg) && !self.owning.is_empty();
        let source = Source { tree, cache, root: self.label, is_trusted: self.root.is_host() };
        let lists = if is_asked { lists::read(&source, gaps) } else { Lists::default() };
        if is_asked && lists.archives.is_empty() {
            gaps.detailed(GapKind::MissingUpdateData, self.label);
        }
        let pins = preferences::read(tree).unwrap_or_else(|unread| {
            gaps.detailed(GapKind::UnreadUpdateData, &of(self.label, unread.path()));
            Pins::unread()
        });
        (self.facts.lists_made, self.facts.lists_fetched) = (lists.made, lists.fetched);
        self.facts.packages = self.owning.iter().map(|package| told(package, &lists, &pins)).collect();
        for &place in &self.replaced {
            let facts = &mut self.facts.packages[place];
            if facts.is_from_security != Some(true) {
                let told = changelog::is_from_security(tree, &self.owning[place]);
                facts.is_from_security = told.or(facts.is_from_security);
            }
        }
    }
}

/// What rpm wrote beside its database and did not put there yet is not read.
fn tell_unwritten(tree: Tree<'_>, path: &str, label: &str, gaps: &mut Gaps) {
    let beside = format!("{path}-wal");
    if tree.open(&beside, u64::MAX).ok().flatten().is_some_and(|opened| opened.stat.stx_size > 0) {
        gaps.detailed(GapKind::UnreadPackages, &of(label, &beside));
    }
}

fn from_rpm(tree: Tree<'_>, path: &str, wanted: &Paths) -> Result<Owners, Unread> {
    let Some(opened) = tree.open(path, u64::MAX)? else { return Ok(Owners::default()) };
    let strange = |_| Unread::Strange(path.to_owned());
    let owners = rpm::read(&opened.file, wanted).map_err(strange)?;
    opened.settle()?;
    Ok(owners)
}

fn from_apk(tree: Tree<'_>, path: &str, wanted: &Paths) -> Result<Owners, Unread> {
    Ok(apk::read(&tree.read(path, APK_BYTES_MAX)?.unwrap_or_default(), wanted))
}

/// A package beside what lists offer of it.
fn told(installed: &Installed, lists: &Lists, pins: &Pins) -> Package {
    let entries = lists.offers(&installed.name);
    let here: Vec<_> = entries.iter().filter(|(_, entry)| entry.version == installed.version).collect();
    let is_secure = here.iter().any(|(archive, _)| archive.release.is_security());
    let other = |told: &str, own: &str| (told != own).then(|| told.to_owned());
    Package {
        name: installed.name.clone(),
        architecture: installed.architecture.clone(),
        version: installed.version.clone(),
        source: other(&installed.source, &installed.name),
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
