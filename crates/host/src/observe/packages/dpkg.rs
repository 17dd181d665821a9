//! Finds the packages of files in dpkg's database (dpkg(1), A18).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::packages::{
    Installed, Owners, Paths, control,
    dpkg::{Diversions, Name, Search, installed, is_journal, is_named, listed, named, summed},
    sought::{Claims, Found},
};

use super::tree::{Folder, Tree, Unread};

/// Where it is.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";
/// Where a distroless image has a file a package instead.
pub(super) const STATUS_PARTS: &str = "/var/lib/dpkg/status.d";
const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
/// What dpkg has not written into its status yet: it does so at the end of a run, or of the next one where it was stopped.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// A host with ten thousand packages has 20 MB.
const STATUS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The longest list of files of Debian 12 has 4 MB.
const LIST_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// All lists of a host with ten thousand packages have 100 MB.
const LISTS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What decides whose a file is.
pub(super) const SOURCES: [&str; 5] = [STATUS, STATUS_PARTS, INFO, DIVERSIONS, UPDATES];

/// What was found.
pub(super) struct Told {
    pub(super) owners: Owners,
    /// Where an installed package should have its list of files, and has none, so that files may be its.
    pub(super) missing: Option<String>,
}

/// The packages of the files `wanted`.
pub(super) fn read(tree: Tree<'_>, wanted: &Paths) -> Result<Told, Unread> {
    let diversions = tree.read(DIVERSIONS, STATUS_BYTES_MAX)?.unwrap_or_default();
    let search = Search::new(wanted, Diversions::read(&String::from_utf8_lossy(&diversions)));
    let lists = lists(tree, &search)?;
    // The journal first: what dpkg takes up from there meanwhile stands in the status that is read then.
    let journal = journal(tree)?;
    let status = tree.read(STATUS, STATUS_BYTES_MAX)?.unwrap_or_default();
    Ok(joined(&lists, &journal, &status, wanted))
}

/// The lists of files.
#[derive(Default)]
struct FileLists {
    /// Of whom there are any.
    names: BTreeSet<Name>,
    /// Which of the wanted files are in them.
    owning: Vec<(Name, Found)>,
}

impl FileLists {
    fn has(&self, package: &Installed) -> bool {
        let architectures = [None, package.architecture.clone()];
        architectures.into_iter().any(|of| self.names.contains(&(package.name.clone(), of)))
    }

    /// The wanted files of a package; the lists are in their order.
    fn of(&self, package: &Installed) -> Found {
        let first = self.owning.partition_point(|((name, _), _)| *name < package.name);
        let named = self.owning[first..].iter().take_while(|((name, _), _)| *name == package.name);
        let lists = named.filter(|(name, _)| is_named(package, name));
        lists.flat_map(|(_, found)| found.clone()).collect()
    }
}

fn lists(tree: Tree<'_>, search: &Search) -> Result<FileLists, Unread> {
    let mut lists = FileLists::default();
    let Some(info) = tree.folder(INFO)? else { return Ok(lists) };
    let mut left = LISTS_BYTES_MAX;
    for file in info.names()? {
        let Some(name) = listed(&file) else { continue };
        let Some(list) = info.read(&file, LIST_BYTES_MAX.min(left))? else { continue };
        left = left.saturating_sub(list.len() as u64);
        let found = search.find(&name.0, &list);
        if !found.is_empty() {
            lists.owning.push((name.clone(), found));
        }
        lists.names.insert(name);
    }
    lists.owning.sort_unstable();
    Ok(lists)
}

/// What dpkg knows of packages since it wrote its status: `None` of those that are installed no more.
type Journal = BTreeMap<Name, Option<Installed>>;

fn journal(tree: Tree<'_>) -> Result<Journal, Unread> {
    let mut journal = Journal::new();
    let Some(updates) = tree.folder(UPDATES)? else { return Ok(journal) };
    let mut left = STATUS_BYTES_MAX;
    for file in updates.names()?.iter().filter(|name| is_journal(name)) {
        let bytes = updates.read(file, left)?.unwrap_or_default();
        left = left.saturating_sub(bytes.len() as u64);
        control::every(&bytes, |stanza| {
            journal.extend(named(stanza).map(|name| (name, installed(stanza))));
        });
    }
    Ok(journal)
}

fn joined(lists: &FileLists, journal: &Journal, status: &[u8], wanted: &Paths) -> Told {
    let mut claims = Claims::default();
    let mut missing = None;
    let mut join = |package: Installed| {
        if !lists.has(&package) {
            missing.get_or_insert_with(|| format!("{INFO}/{}.list", package.name));
        }
        let found = lists.of(&package);
        claims.add(package, found);
    };
    control::every(status, |stanza| {
        let is_newer = !journal.is_empty() && named(stanza).is_some_and(|name| journal.contains_key(&name));
        installed(stanza).filter(|_| !is_newer).into_iter().for_each(&mut join);
    });
    journal.values().flatten().cloned().for_each(&mut join);
    let owners = claims.owners();
    // Where every file is somebody's, a list more changes nothing.
    let missing = missing.filter(|_| wanted.iter().any(|path| owners.of(path).is_none()));
    Told { owners, missing }
}

/// The same of a distroless image, whose packages have a file of their own each, and another with the sums of its files.
pub(super) fn read_parts(tree: Tree<'_>, wanted: &Paths) -> Result<Owners, Unread> {
    let Some(parts) = tree.folder(STATUS_PARTS)? else { return Ok(Owners::default()) };
    let mut claims = Claims::default();
    let search = Search::new(wanted, Diversions::default());
    let mut left = LISTS_BYTES_MAX;
    for file in parts.names()?.iter().filter(|name| !name.ends_with(".md5sums")) {
        let (package, bytes) = part(&parts, file, left)?;
        left = left.saturating_sub(bytes.len() as u64);
        let Some(package) = package else { continue };
        let found = search.find(&package.name, &bytes);
        claims.add(package, found);
    }
    Ok(claims.owners())
}

fn part(parts: &Folder, file: &str, left: u64) -> Result<(Option<Installed>, Vec<u8>), Unread> {
    let stanza = parts.read(file, LIST_BYTES_MAX.min(left))?.unwrap_or_default();
    let sums = parts.read(&format!("{file}.md5sums"), LIST_BYTES_MAX.min(left))?.unwrap_or_default();
    Ok((installed(control::Stanza::whole(&stanza)), summed(&sums)))
}
