//! The program code behind the ports: which files run, whose they are, and what would be installed in their place (A18).

use alloc::{borrow::Cow, collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ExeState, Gap, GapKind};
use crate::version::{Scheme, compare};

/// What processes run, as places in lists: many of them run the same libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Code {
    /// Every file that one of the processes has mapped as code, or runs as its script.
    pub files: Vec<CodeFile>,
    /// The files of each process, as places in `files`.
    pub processes: BTreeMap<u32, Vec<u32>>,
    /// The roots below which these files stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<CodeRoot>,
    /// The kernel that runs and those that are installed; `None` where no package of this root has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<Kernels>,
}

/// A file whose code runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeFile {
    /// Its path, as whoever runs it has it.
    pub path: String,
    /// Whether the file on disk is still the one that runs.
    pub state: ExeState,
    /// Since when another file has stood at the path, where one does; where that is unknown, since when one may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    /// The root below which it stands, as a place in the roots; `None` where that could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<u32>,
    /// Its package, as a place in those of the root; `None` where it is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<u32>,
    /// What the file tells of its own build, where it is of no package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
}

/// What an executable carries about its build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Build {
    /// What built it: `go1.22.1`, `rust`.
    pub by: String,
    /// What it is, as its makers call it: a module, a crate.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

/// A tree of files with at most one package database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CodeRoot {
    /// What it is called where it is not the host's own: `container NAME`, `chroot PATH`, or a mount
    /// namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How its packages are kept; `None` where there is no database, or none that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// The release, as advisories name it: `Debian:12`, `Alpine:v3.20`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The packages of the files that run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// When the lists of what could be installed were made, the newest of them; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lists_made: Option<Timestamp>,
    /// When they were fetched last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub lists_fetched: Option<Timestamp>,
    /// What is missing of them; `None` where nothing is, or there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists_lack: Option<ListsLack>,
}

/// What is missing of the lists of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ListsLack {
    /// Some that should be there, or could not be read.
    Part,
    /// None is of an archive of security updates.
    Security,
}

/// How packages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// dpkg's (dpkg(1)).
    Dpkg,
    /// rpm's (rpm(8)).
    Rpm,
    /// Alpine's (apk(8)).
    Apk,
}

impl Database {
    /// By which order its versions are compared.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::Dpkg => Scheme::Debian,
            Self::Rpm => Scheme::Rpm,
            Self::Apk => Scheme::Apk,
        }
    }
}

/// A package some of whose files run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The architecture that it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Whether that is another than the host's own.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_foreign: bool,
    /// The version that is installed.
    pub version: String,
    /// The source package, where it is called otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The version of the source, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// Whether a person had it kept as it is (apt-mark(8), hold).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub held: bool,
    /// What could be installed in its place; `None` where no list was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<Offer>,
    /// Whether the installed version stands in a security archive; `None` where no list has it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_from_security: Option<bool>,
}

impl Package {
    /// The name by which dpkg and apt take it for no other: with the architecture, where that is not the host's own.
    #[must_use]
    pub fn called(&self) -> Cow<'_, str> {
        match &self.architecture {
            Some(built) if self.is_foreign => Cow::Owned(format!("{}:{built}", self.name)),
            _ => Cow::Borrowed(&self.name),
        }
    }
}

/// What archives offer of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offer {
    /// The version that would be installed, the installed one where nothing else would be (`apt-cache policy`); `None`
    /// where that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// The newest version that any archive has; `None` where none has the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The newest version in a security archive, where it is newer than the installed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
}

/// The kernel that runs and those that are installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Kernels {
    /// The release that runs (uname(2)).
    pub running: String,
    /// The version of the package that it came from, where the kernel itself tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_version: Option<String>,
    /// The installed ones.
    pub installed: Vec<InstalledKernel>,
}

/// A kernel that a package put on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstalledKernel {
    /// Its release: the name of its directory of modules.
    pub release: String,
    /// The package.
    pub package: String,
    /// The package's version.
    pub version: String,
}

/// How the kernel that runs stands to those that are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelStanding<'k> {
    /// None is newer.
    Newest,
    /// This one is.
    Older(&'k InstalledKernel),
    /// It is of none of their packages, and nothing else tells which is the newer one.
    Unknown,
}

impl Kernels {
    /// The newest of those that could be what runs, as whoever has several kinds installed chose one of them; of any, where none is
    /// of its kind.
    #[must_use]
    pub fn newest(&self) -> Option<&InstalledKernel> {
        let of_any = || self.installed.iter().max_by(|a, b| compare(Scheme::Debian, &a.version, &b.version));
        self.newest_of_kind().or_else(of_any)
    }

    /// The newest, where it is newer than the one that runs; `None` also where nothing tells whether it is.
    #[must_use]
    pub fn waiting(&self) -> Option<&InstalledKernel> {
        match self.standing() {
            KernelStanding::Older(newest) => Some(newest),
            KernelStanding::Newest | KernelStanding::Unknown => None,
        }
    }

    /// How the one that runs stands to those that are installed.
    #[must_use]
    pub fn standing(&self) -> KernelStanding<'_> {
        let own = self.installed.iter().find(|kernel| kernel.release == self.running);
        let Some(running) = self.running_version.as_deref().or(own.map(|own| own.version.as_str())) else {
            return self.newer_of_kind().map_or(KernelStanding::Unknown, KernelStanding::Older);
        };
        let is_newer = |newest: &&InstalledKernel| is_newer(&newest.version, running);
        self.newest_of_kind().filter(is_newer).map_or(KernelStanding::Newest, KernelStanding::Older)
    }

    fn newest_of_kind(&self) -> Option<&InstalledKernel> {
        self.of_kind().max_by(|a, b| compare(Scheme::Debian, &a.version, &b.version))
    }

    /// The newest of those of the same kind as the one that runs, where its release is a newer one: of a kernel whose package
    /// was removed nothing else tells.
    fn newer_of_kind(&self) -> Option<&InstalledKernel> {
        kind(&self.running)?;
        let newest = self.of_kind().max_by(|a, b| compare(Scheme::Debian, &a.release, &b.release));
        newest.filter(|newest| is_newer(&newest.release, &self.running))
    }

    /// Those of the same kind as the one that runs; all, where its release names none.
    fn of_kind(&self) -> impl Iterator<Item = &InstalledKernel> {
        let own = kind(&self.running);
        self.installed.iter().filter(move |kernel| own.is_none() || kind(&kernel.release) == own)
    }
}

fn is_newer(version: &str, than: &str) -> bool {
    compare(Scheme::Debian, version, than).is_gt()
}

/// What stands behind the numbers of a kernel's release, without any of its own: `amd64` of `6.1.0-10-amd64`, `el.x86_64` of
/// `5.14.0-427.el9_4.x86_64`. Releases of two kinds are numbered apart: `6.8.0-1012-aws` is as new as `6.8.0-40-generic`.
fn kind(release: &str) -> Option<String> {
    let is_letter = |letter: char| letter.is_ascii_alphabetic();
    // A backport has letters among its numbers: `6.12.9+bpo-amd64`, `6.1.0-0.deb11.7-amd64`.
    let named: Vec<&str> = release.split('-').skip(1).filter(|part| part.starts_with(is_letter)).collect();
    if !named.is_empty() {
        return Some(named.join("-"));
    }
    let tag = release.get(release.find(is_letter)?..)?;
    let (distribution, rest) = tag.split_once('.').unwrap_or((tag, ""));
    let unnumbered = distribution.chars().filter(|sign| !sign.is_ascii_digit() && *sign != '_');
    Some(unnumbered.chain(['.']).chain(rest.chars()).collect())
}

/// How the name of a root begins that is a directory of another one (chroot(2)).
const CHROOT: &str = "chroot ";

impl CodeRoot {
    /// The name of the root that `path` leads to from another one.
    #[must_use]
    pub fn name_of_chroot(path: &str) -> String {
        format!("{CHROOT}{path}")
    }

    /// A path of one of its files as it is meant below it: that of a chroot(2) is told from outside.
    #[must_use]
    pub fn inner<'p>(&self, path: &'p str) -> &'p str {
        let within = self.name.as_deref().and_then(|name| name.strip_prefix(CHROOT));
        within.and_then(|within| path.strip_prefix(within)).unwrap_or(path)
    }

    /// Whether what `gap` hides of packages is below it.
    #[must_use]
    pub fn is_hidden_by(&self, gap: &Gap) -> bool {
        match gap.what {
            GapKind::SilentAdvisories => gap.silent_release() == self.release.as_deref(),
            _ => gap.is_of_root(self.name.as_deref()),
        }
    }

    /// When the lists were fetched last, as far as anything tells: an archive cannot have been fetched before it was made.
    #[must_use]
    pub fn lists_known(&self) -> Option<Timestamp> {
        self.lists_fetched.max(self.lists_made)
    }
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.by)?;
        [&self.name, &self.version].into_iter().flatten().try_for_each(|told| write!(f, " {told}"))
    }
}

impl Code {
    /// The root of whoever looked, where code below it runs.
    #[must_use]
    pub fn host(&self) -> Option<&CodeRoot> {
        self.roots.iter().find(|root| root.name.is_none())
    }

    /// The files that a process runs.
    pub fn of(&self, pid: u32) -> impl Iterator<Item = &CodeFile> {
        let places = self.processes.get(&pid).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|&place| self.files.get(place as usize))
    }

    /// The root of a file.
    #[must_use]
    pub fn root(&self, file: &CodeFile) -> Option<&CodeRoot> {
        self.roots.get(file.root? as usize)
    }

    /// The package of a file.
    #[must_use]
    pub fn package(&self, file: &CodeFile) -> Option<&Package> {
        self.root(file)?.packages.get(file.package? as usize)
    }
}
