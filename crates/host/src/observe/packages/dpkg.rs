//! Finds the packages of files in dpkg's database (dpkg(1), A18).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::packages::{
    Installed, Owners, Paths,
    control::{self, Stanza},
    dpkg::{
        Diversions, Name, Search, State, installed, is_journal, is_named, list, listed, named, state, summed,
    },
    sought::{Claims, Found},
};

use super::tree::{Folder, Tree, Unread};

/// Where it is.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";
/// Where a distroless image has a file a package instead.
pub(super) const STATUS_PARTS: &str = "/var/lib/dpkg/status.d";
/// The lists of files, which stay where the status is lost.
pub(super) const INFO: &str = "/var/lib/dpkg/info";
const DIVERSIONS: &str = "/var/lib/dpkg/diversions";
/// What dpkg has not written into its status yet: it does so at the end of a run, or of the next one where it was stopped.
const UPDATES: &str = "/var/lib/dpkg/updates";

/// A host with ten thousand packages has 20 MB.
const STATUS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// What dpkg keeps beside it is of few packages: all diversions, or all that its journal holds.
const ASIDE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The longest list of files of Debian 12 has 4 MB.
const LIST_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// All lists of a host with ten thousand packages have 100 MB.
const LISTS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// What decides whose a file is.
pub(super) const SOURCES: [&str; 5] = [STATUS, STATUS_PARTS, INFO, DIVERSIONS, UPDATES];

/// What was found.
pub(super) struct Told {
    pub(super) owners: Owners,
    /// What tells too little of whose the files are: a database without their packages, or a list of files that an installed
    /// package should have.
    pub(super) missing: Option<Unread>,
}

impl Told {
    /// Where every file is somebody's, what is `missing` changes nothing.
    pub(super) fn of(owners: Owners, missing: Option<Unread>, wanted: &Paths) -> Self {
        let missing = missing.filter(|_| wanted.iter().any(|path| owners.of(path).is_none()));
        Self { owners, missing }
    }

    /// From a database that tells all or nothing.
    pub(super) const fn whole(owners: Owners) -> Self {
        Self { owners, missing: None }
    }
}

/// The packages of the files `wanted`.
pub(super) fn read(tree: Tree<'_>, wanted: &Paths) -> Result<Told, Unread> {
    let diversions = tree.read(DIVERSIONS, ASIDE_BYTES_MAX)?.unwrap_or_default();
    let search = Search::new(wanted, Diversions::read(&String::from_utf8_lossy(&diversions)));
    let lists = lists(tree, &search)?;
    // The journal first: what dpkg takes up from there meanwhile stands in the status that is read then.
    let journal = journal(tree)?;
    let status = tree.read(STATUS, STATUS_BYTES_MAX)?.unwrap_or_default();
    // A database that tells of no package at all is none by which a file is nobody's.
    joined(&lists, &journal, &status, wanted).ok_or_else(|| Unread::Empty(STATUS.to_owned()))
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

/// Whether any package has a list of files there; one that hides them may have.
pub(super) fn has_lists(tree: Tree<'_>) -> bool {
    match tree.folder(INFO).and_then(|info| info.map(|info| info.names()).transpose()) {
        Ok(names) => names.into_iter().flatten().any(|name| listed(&name).is_some()),
        Err(_) => true,
    }
}

fn lists(tree: Tree<'_>, search: &Search) -> Result<FileLists, Unread> {
    let mut lists = FileLists::default();
    let Some(info) = tree.folder(INFO)? else { return Ok(lists) };
    let mut left = LISTS_BYTES_MAX;
    for file in info.names()? {
        let Some(name) = listed(&file) else { continue };
        let Some(list) = info.read(&file, LIST_BYTES_MAX.min(left))? else { continue };
        // A package without files has a line all the same, of the root itself: an empty list is one that was lost.
        if list.is_empty() {
            continue;
        }
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
type Journal = BTreeMap<Name, Option<Listed>>;

/// A package, and how its list of files is called.
#[derive(Clone, Debug)]
struct Listed {
    package: Installed,
    list: String,
}

impl Listed {
    fn of(stanza: Stanza<'_>) -> Option<Self> {
        Some(Self { package: installed(stanza)?, list: list(stanza) })
    }
}

fn journal(tree: Tree<'_>) -> Result<Journal, Unread> {
    let mut journal = Journal::new();
    let Some(updates) = tree.folder(UPDATES)? else { return Ok(journal) };
    let mut left = ASIDE_BYTES_MAX;
    for file in updates.names()?.iter().filter(|name| is_journal(name)) {
        let bytes = updates.read(file, left)?.unwrap_or_default();
        left = left.saturating_sub(bytes.len() as u64);
        control::every(&bytes, |stanza| {
            journal.extend(named(stanza).map(|name| (name, Listed::of(stanza))));
        });
    }
    Ok(journal)
}

fn joined(lists: &FileLists, journal: &Journal, status: &[u8], wanted: &Paths) -> Option<Told> {
    let mut claims = Claims::default();
    let mut missing = None;
    let mut untold = Untold::new(lists, status);
    let mut join = |package: Installed, list: &dyn Fn() -> String| {
        if !lists.has(&package) {
            missing.get_or_insert_with(|| Unread::Missing(format!("{INFO}/{}", list())));
        }
        let found = lists.of(&package);
        claims.add(package, found);
    };
    control::every(status, |stanza| {
        let state = state(stanza);
        state.iter().for_each(|state| untold.hear(state));
        let is_newer = !journal.is_empty() && named(stanza).is_some_and(|name| journal.contains_key(&name));
        if let Some(State::Installed(package)) = state.filter(|_| !is_newer) {
            join(package, &|| list(stanza));
        }
    });
    if untold.is_empty && journal.is_empty() {
        return None;
    }
    for Listed { package, list } in journal.values().flatten() {
        join(package.clone(), &|| list.clone());
    }
    let owners = claims.owners();
    let left_out = || Unread::Incomplete(STATUS.to_owned());
    let missing = untold.leaves_out(journal, &owners).then(left_out).or(missing);
    Some(Told::of(owners, missing, wanted))
}

/// What a status leaves out of which there are lists of files.
struct Untold<'l> {
    /// Whose lists have which wanted files.
    owning: BTreeMap<Name, &'l Found>,
    is_cut: bool,
    is_empty: bool,
}

impl<'l> Untold<'l> {
    fn new(lists: &'l FileLists, status: &[u8]) -> Self {
        let owning = lists.owning.iter().map(|(name, found)| (name.clone(), found)).collect();
        // dpkg itself refuses a last line without an end.
        Self { owning, is_cut: !status.ends_with(b"\n"), is_empty: true }
    }

    fn hear(&mut self, state: &State) {
        self.is_empty = false;
        match state {
            State::Installed(package) => self.know(&package.name, package.architecture.as_ref()),
            State::Gone((name, architecture)) => self.know(name, architecture.as_ref()),
        }
    }

    fn know(&mut self, name: &str, architecture: Option<&String>) {
        for of in [None, architecture.cloned()] {
            self.owning.remove(&(name.to_owned(), of));
        }
    }

    /// Whether packages are missing from the status that the journal does not know either, and whose files are nobody else's.
    fn leaves_out(mut self, journal: &Journal, owners: &Owners) -> bool {
        journal.keys().for_each(|(name, architecture)| self.know(name, architecture.as_ref()));
        let mut claimed = self.owning.values().flat_map(|found| found.keys());
        self.is_cut || self.is_empty || claimed.any(|path| owners.of(path).is_none())
    }
}

/// The same of a distroless image, whose packages have a file of their own each, and another with the sums of its files.
pub(super) fn read_parts(tree: Tree<'_>, wanted: &Paths) -> Result<Told, Unread> {
    let Some(parts) = tree.folder(STATUS_PARTS)? else { return Ok(Told::whole(Owners::default())) };
    let (mut missing, mut is_empty) = (None, true);
    let mut claims = Claims::default();
    let search = Search::new(wanted, Diversions::default());
    let mut left = LISTS_BYTES_MAX;
    for file in parts.names()?.iter().filter(|name| !name.ends_with(SUMS)) {
        let part = Part::read(&parts, file, left)?;
        left = left.saturating_sub(part.sums.as_ref().map_or(0, |sums| sums.len() as u64));
        missing = missing.or_else(|| part.missing(file));
        let Some(package) = part.package else { continue };
        is_empty = false;
        let found = search.find(&package.name, &part.sums.unwrap_or_default());
        claims.add(package, found);
    }
    if is_empty {
        return Err(Unread::Empty(STATUS_PARTS.to_owned()));
    }
    Ok(Told::of(claims.owners(), missing, wanted))
}

/// How the sums of a package's files are called there.
const SUMS: &str = ".md5sums";

/// A package of a distroless image.
struct Part {
    package: Option<Installed>,
    sums: Option<Vec<u8>>,
}

impl Part {
    fn read(parts: &Folder, file: &str, left: u64) -> Result<Self, Unread> {
        let stanza = parts.read(file, LIST_BYTES_MAX.min(left))?.unwrap_or_default();
        let sums = parts.read(&format!("{file}{SUMS}"), LIST_BYTES_MAX.min(left))?;
        Ok(Self { package: installed(Stanza::whole(&stanza)), sums: sums.map(|sums| summed(&sums)) })
    }

    /// What of it is lost: a package without any files has an empty list of sums all the same.
    fn missing(&self, file: &str) -> Option<Unread> {
        let path = format!("{STATUS_PARTS}/{file}");
        match self {
            Self { package: None, .. } => Some(Unread::Incomplete(path)),
            Self { sums: None, .. } => Some(Unread::Missing(format!("{path}{SUMS}"))),
            Self { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::observe::processes::view::View;

    #[test]
    fn a_list_that_is_missing_is_called_as_dpkg_calls_it() {
        let wanted = Paths::from(["/usr/lib/libexpat.so.1".to_owned()]);
        let missing = |field: &str| {
            let status = format!(
                "Package: libexpat1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n{field}"
            );
            joined(&FileLists::default(), &Journal::new(), status.as_bytes(), &wanted)
                .unwrap()
                .missing
                .map(|unread| unread.path().to_owned())
        };
        let list = |name: &str| Some(format!("/var/lib/dpkg/info/{name}.list"));
        assert_eq!(missing("Multi-Arch: same\n"), list("libexpat1:amd64"));
        assert_eq!(missing("Multi-Arch: foreign\n"), list("libexpat1"));
        assert_eq!(missing(""), list("libexpat1"));
    }

    /// What is read of a root with that status, in which a list tells of one program.
    fn told(status: &str) -> Result<Told, Unread> {
        let root = std::env::temp_dir().join(format!("portreeve-dpkg-{}", std::process::id()));
        fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
        fs::write(root.join("var/lib/dpkg/info/quay.list"), "/.\n/usr/bin/quay\n").unwrap();
        fs::write(root.join("var/lib/dpkg/status"), status).unwrap();
        let wanted = Paths::from(["/usr/bin/quay".into()]);
        let told = read(Tree(&View::below(&root).unwrap()), &wanted);
        fs::remove_dir_all(root).unwrap();
        told
    }

    #[test]
    fn what_tells_of_no_package_is_no_database_and_what_leaves_one_out_is_a_gap() {
        assert_eq!(told("").err().unwrap().path(), STATUS);
        assert_eq!(told("Package: quay\nSta").err().unwrap().path(), STATUS);
        let other = told("Package: buoy\nStatus: install ok installed\nVersion: 1\n\n").unwrap();
        assert!(matches!(&other.missing, Some(Unread::Incomplete(path)) if path == STATUS));
        let whole = told("Package: quay\nStatus: install ok installed\nVersion: 1\n\n").unwrap();
        assert!(whole.missing.is_none() && whole.owners.of("/usr/bin/quay").is_some());
    }
}
