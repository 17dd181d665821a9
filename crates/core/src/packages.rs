//! What package databases and archives say: whose a file is, and what would be installed in its place (A18).

pub mod apk;
pub mod apt_settings;
pub mod candidate;
pub mod changelog;
pub mod control;
pub mod dpkg;
pub mod list;
pub mod pins;
pub mod release;
pub mod rpm;
pub mod sought;
pub mod spelling;
mod sqlite;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// A package as the database of a root has it installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// The architecture it was built for, where the database tells.
    pub architecture: Option<String>,
    /// Its version, as the database writes it: epoch, version and revision.
    pub version: String,
    /// The source package that it was built from, by which advisories are written; its own name where none is told.
    pub source: String,
    /// The version of that source.
    pub source_version: String,
    /// Whether a person had it kept as it is.
    pub held: bool,
}

/// The packages of some files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    packages: Vec<Installed>,
    by_path: BTreeMap<String, usize>,
}

impl Owners {
    /// Notes that `package` is the one of those `paths`.
    pub fn add(&mut self, package: Installed, paths: impl IntoIterator<Item = String>) {
        let place = self.packages.len();
        self.packages.push(package);
        self.by_path.extend(paths.into_iter().map(|path| (path, place)));
    }

    /// The package of the file at `path`.
    #[must_use]
    pub fn of(&self, path: &str) -> Option<&Installed> {
        self.packages.get(*self.by_path.get(path)?)
    }
}

/// The paths whose packages are asked for.
pub type Paths = BTreeSet<String>;
