//! The wanted paths as a database looks them up: a folder at a time, in either spelling (A18).

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Installed, Owners, Paths, spelling::spellings};

/// Wanted paths, of which none is built as text again before it is found.
pub(super) struct Sought<'w> {
    wanted: &'w Paths,
    /// By folder, which ends without a slash.
    folders: BTreeMap<String, Folder>,
}

/// What is wanted of one folder.
#[derive(Debug, Default)]
pub(super) struct Folder {
    path: String,
    names: BTreeSet<Vec<u8>>,
}

impl<'w> Sought<'w> {
    /// These paths.
    pub(super) fn new(wanted: &'w Paths) -> Self {
        let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
        for path in wanted.iter().flat_map(|path| spellings(path)) {
            let Some((folder, name)) = path.rsplit_once('/') else { continue };
            let found = folders.entry(folder.to_owned()).or_default();
            found.path = folder.to_owned();
            found.names.insert(name.as_bytes().to_owned());
        }
        Self { wanted, folders }
    }

    /// The folder at `path`, which begins with a slash and may end with one; `None` where nothing of it is wanted.
    pub(super) fn folder(&self, path: &[u8]) -> Option<&Folder> {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        self.folders.get(core::str::from_utf8(path).ok()?)
    }

    /// Adds the wanted paths that mean the file `name` of that folder.
    pub(super) fn find(&self, folder: &Folder, name: &[u8], found: &mut Found) {
        if !folder.names.contains(name) {
            return;
        }
        let path = format!("{}/{}", folder.path, String::from_utf8_lossy(name));
        for spelled in spellings(&path).filter(|spelled| self.wanted.contains(&**spelled)) {
            let spelling = if spelled == path { Spelling::Own } else { Spelling::Other };
            let known = found.entry(spelled.into_owned()).or_insert(spelling);
            *known = spelling.max(*known);
        }
    }
}

/// Wanted paths that a package has.
pub type Found = BTreeMap<String, Spelling>;

/// How a package calls a wanted path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    /// By the other spelling.
    Other,
    /// As it is wanted.
    Own,
}

/// Whose the paths are, as far as packages were read: never more than are wanted, whatever a database says.
#[derive(Debug, Default)]
pub struct Claims {
    packages: Vec<Installed>,
    by_path: BTreeMap<String, (usize, Spelling)>,
}

impl Claims {
    /// Notes what `package` has; where a root has both files, each is of the package that calls it so.
    pub fn add(&mut self, package: Installed, found: Found) {
        let place = self.packages.len();
        let mut is_owner = false;
        for (path, spelling) in found {
            let is_taken = self.by_path.get(&path).is_some_and(|&(_, before)| before >= spelling);
            if !is_taken {
                self.by_path.insert(path, (place, spelling));
                is_owner = true;
            }
        }
        if is_owner {
            self.packages.push(package);
        }
    }

    /// The same by path.
    #[must_use]
    pub fn owners(self) -> Owners {
        let mut paths: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (path, (place, _)) in self.by_path {
            paths.entry(place).or_default().push(path);
        }
        let mut owners = Owners::default();
        for (place, package) in self.packages.into_iter().enumerate() {
            if let Some(paths) = paths.remove(&place) {
                owners.add(package, paths);
            }
        }
        owners
    }
}

/// The longest name or version that is believed to be one: those of real packages end far below.
const TEXT_BYTES_MAX: usize = 1024;

/// A name or a version; `None` where there is none, or one that nobody gives.
pub(super) fn text(bytes: &[u8]) -> Option<String> {
    let is_one = !bytes.is_empty() && bytes.len() <= TEXT_BYTES_MAX;
    is_one.then(|| String::from_utf8_lossy(bytes).to_string())
}
