//! What each open port runs, beside what is installed and what waits to be installed (A18).

mod order;
#[cfg(test)]
pub(crate) mod testing;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    advised::Advised,
    advisories::Advisory,
    facts::{Code, CodeFile, CodeRoot, Database, ExeState, ListsLack, Offer, Package, Process},
    owner::Identity,
    port::PortSpec,
    version::{Scheme, compare},
    words::Text,
    world::{Holding, World, name_of, renew_command},
};

/// What one port, or one process without any, runs of one package.
#[derive(Clone, Debug)]
pub struct Patch<'a> {
    /// The port and the network namespace; `None` of a process that listens nowhere.
    pub place: Option<(PortSpec, u64)>,
    /// The processes, the main one first.
    pub holders: Vec<(u32, &'a Process)>,
    /// Who they are.
    pub identity: Identity<'a>,
    /// Who they are, in a word or two.
    pub who: Text,
    /// The package; `None` where the files are of none.
    pub package: Option<&'a Package>,
    /// Where the files stand; `None` where that could not be looked at.
    pub root: Option<&'a CodeRoot>,
    /// The files, those first that run as they are not on the disk any more.
    pub files: Vec<&'a CodeFile>,
    /// Whether a security update waits.
    pub security: Security,
    /// Which advisories affect the installed version.
    pub advisories: &'a [Advisory],
}

/// Whether a security update waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// None does.
    No,
    /// It cannot be told.
    Unknown,
    /// One does, or an advisory affects what is installed.
    Yes,
}

impl<'a> Patch<'a> {
    /// The worst of what its files are on the disk.
    #[must_use]
    pub fn running(&self) -> ExeState {
        self.files.first().map_or(ExeState::Unknown, |file| file.state)
    }

    /// Since when another file has stood in the place of the one that runs, the first time.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.files.iter().filter(|file| file.state == ExeState::Replaced).filter_map(|file| file.since).min()
    }

    /// Whether what runs is no longer what is installed.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.files.iter().any(|file| is_stale_of(self.root, file, &self.holders))
    }

    /// The version that waits to be installed, and whether it is what would be installed.
    #[must_use]
    pub fn waiting(&self) -> Option<(&'a str, Waits)> {
        let package = self.package?;
        let offer = package.offer.as_ref()?;
        let (version, waits) = match &offer.candidate {
            Some(candidate) => (candidate, Waits::Candidate),
            None => (offer.newest.as_ref()?, Waits::Newest),
        };
        let scheme = self.root.and_then(|root| root.database).unwrap_or(Database::Dpkg).scheme();
        compare(scheme, version, &package.version).is_gt().then_some((version, waits))
    }

    /// Whether lists say that nothing newer is to be installed, and no advisory names what is.
    #[must_use]
    pub fn is_newest(&self) -> bool {
        let offer = self.package.and_then(|package| package.offer.as_ref());
        let is_listed = offer.is_some_and(|offer| offer.newest.is_some()) && self.candidate().is_some();
        is_listed && self.security == Security::No && self.waiting().is_none() && self.advisories.is_empty()
    }

    /// The version that would be installed now, which is the installed one where nothing waits; `None` where that cannot be
    /// told.
    #[must_use]
    pub fn candidate(&self) -> Option<&'a str> {
        // A list that was not read may have a newer one than the installed.
        let is_partial = self.root.is_some_and(|root| root.lists_lack == Some(ListsLack::Part));
        let candidate = self.package?.offer.as_ref()?.candidate.as_deref();
        candidate.filter(|_| !is_partial || self.waiting().is_some())
    }

    /// Whether an advisory affects what is installed, and none knows a version without the hole.
    #[must_use]
    pub fn has_open_hole(&self) -> bool {
        self.security == Security::No && !self.advisories.is_empty()
    }

    /// Whether an advisory affects what is installed, and no list has a version without the hole; where source and package count
    /// differently, none does where nothing waits.
    #[must_use]
    pub fn lacks_fix(&self) -> bool {
        let offer = self.package.and_then(|package| package.offer.as_ref());
        let newest = offer.and_then(|offer| offer.newest.as_deref().or(offer.candidate.as_deref()));
        let is_alike = self.package.is_some_and(|package| package.source_version.is_none());
        let scheme = self.root.and_then(|root| root.database).unwrap_or(Database::Dpkg).scheme();
        let mends = |fixed: &str| newest.is_some_and(|newest| compare(scheme, newest, fixed).is_ge());
        let is_mended = if is_alike {
            self.advisories.iter().filter_map(|advisory| advisory.fixed.as_deref()).any(mends)
        } else {
            self.waiting().is_some()
        };
        !self.advisories.is_empty() && !is_mended
    }

    /// Whether there is anything to say of it.
    #[must_use]
    pub fn needs_a_word(&self) -> bool {
        self.is_stale()
            || self.security == Security::Yes
            || self.waiting().is_some()
            || self.has_open_hole()
            || self.package.is_none()
            || self.running() != ExeState::Same
    }

    /// What to type: first what installs, then what starts again what runs old code.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        let install = self.install().unwrap_or_default();
        let restarts = self.is_stale() || !install.is_empty();
        install.into_iter().chain(restarts.then(|| self.restart()).flatten()).collect()
    }

    /// A container's packages come with its image, which is nobody's here to change.
    fn install(&self) -> Option<Vec<String>> {
        let root = self.root.filter(|root| root.name.is_none())?;
        let package = self.package.filter(|package| is_plain(&package.name))?;
        if root.database != Some(Database::Dpkg) {
            return None;
        }
        let offer = package.offer.as_ref()?;
        let name = package.called();
        let unhold = package.held.then(|| format!("apt-mark unhold {name}"));
        let is_candidate = self.waiting().is_some_and(|(_, waits)| waits == Waits::Candidate);
        let install = if is_candidate {
            format!("apt-get install --only-upgrade {name}")
        } else {
            // What a pin keeps back is installed by its version alone.
            let version = offer.security.as_ref().filter(|version| is_plain(version))?;
            format!("apt-get install {name}={version}")
        };
        Some(unhold.into_iter().chain([install]).collect())
    }

    /// Of whom nobody here can start again, old code leaves to look who it is.
    fn restart(&self) -> Option<String> {
        let renew = self.holders.first().and_then(|(_, process)| renew_command(process, &self.identity));
        let look = || self.place.filter(|_| self.is_stale()).map(|(spec, _)| format!("portreeve who {spec}"));
        renew.or_else(look)
    }
}

/// What to type for all of them, each once: what starts again comes behind all that is installed before it.
#[must_use]
pub fn commands<'p, 'a: 'p>(patches: impl IntoIterator<Item = &'p Patch<'a>>) -> Vec<String> {
    let all: Vec<_> = patches.into_iter().flat_map(Patch::commands).collect();
    let mut known = BTreeSet::new();
    let mut commands: Vec<_> = all.iter().rev().filter(|command| known.insert(*command)).cloned().collect();
    commands.reverse();
    commands
}

/// What kind of version waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// The one that would be installed.
    Candidate,
    /// The newest that there is, as nobody here can tell which would be.
    Newest,
}

/// Whether a name is nothing but a name to a shell and to apt (deb-version(7), Debian policy §5.6.1).
fn is_plain(name: &str) -> bool {
    name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.:~".contains(&byte))
}

/// Whether a file below `root` runs in `process` as it is not on the disk any more.
///
/// What was deleted without being a package's is a library that a program unpacked for itself, as JNA does; the program itself
/// and its script are none.
#[must_use]
pub fn is_stale(root: Option<&CodeRoot>, file: &CodeFile, process: &Process) -> bool {
    let inner = || root.map_or(&*file.path, |root| root.inner(&file.path));
    match file.state {
        ExeState::Replaced => true,
        ExeState::Deleted => file.package.is_some() || is_packages(inner()) || is_itself(&file.path, process),
        ExeState::Same | ExeState::Memfd | ExeState::Unknown => false,
    }
}

fn is_itself(path: &str, process: &Process) -> bool {
    [&process.exe, &process.script].into_iter().flatten().any(|own| own == path)
}

fn is_stale_of(root: Option<&CodeRoot>, file: &CodeFile, holders: &[(u32, &Process)]) -> bool {
    holders.iter().any(|(_, process)| is_stale(root, file, process))
}

/// Where nothing but packages puts files (hier(7)): what is gone from there went with an older package.
fn is_packages(path: &str) -> bool {
    const OF_PACKAGES: [&str; 4] = ["/usr/", "/lib", "/bin/", "/sbin/"];
    OF_PACKAGES.iter().any(|place| path.starts_with(place)) && !path.starts_with("/usr/local/")
}

/// What every port runs, the worst first.
#[must_use]
pub fn patches<'a>(world: &'a World<'a>) -> Vec<Patch<'a>> {
    let mut patches: Vec<_> = world.holdings().flat_map(|holding| of_holding(world, holding)).collect();
    patches.sort_by_cached_key(|patch| order::order(world, patch));
    patches
}

/// What processes run that listen nowhere.
#[must_use]
pub fn unlistening<'a>(world: &'a World<'a>) -> Vec<Patch<'a>> {
    let listening: Vec<u32> = world.every_holding().iter().flat_map(Holding::pids).collect();
    let others = world.snapshot.processes.iter().filter(|(pid, _)| !listening.contains(pid));
    let of = |(&pid, process): (&u32, &'a Process)| {
        let subject = Subject {
            place: None,
            holders: [(pid, process)].into(),
            identity: Identity::of_process(process),
            who: name_of(process),
        };
        of_subject(world, &subject)
    };
    let mut patches: Vec<_> = others.flat_map(of).collect();
    patches.sort_by_cached_key(|patch| order::order(world, patch));
    patches
}

/// Whose code is looked at.
struct Subject<'a> {
    place: Option<(PortSpec, u64)>,
    holders: Vec<(u32, &'a Process)>,
    identity: Identity<'a>,
    who: Text,
}

/// What one holding runs, by package.
pub(crate) fn of_holding<'a>(world: &World<'a>, holding: &Holding<'a>) -> Vec<Patch<'a>> {
    let subject = Subject {
        place: Some((holding.spec(), holding.netns())),
        holders: holding.holders.clone(),
        identity: holding.identity.clone(),
        who: holding.who(),
    };
    of_subject(world, &subject)
}

fn of_subject<'a>(world: &World<'a>, subject: &Subject<'a>) -> Vec<Patch<'a>> {
    let Some(code) = &world.snapshot.code else { return Vec::new() };
    let mut by_package: BTreeMap<(Option<u32>, Option<u32>), Vec<&CodeFile>> = BTreeMap::new();
    for file in subject.holders.iter().flat_map(|(pid, _)| code.of(*pid)) {
        let files = by_package.entry((file.root, file.package)).or_default();
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let patch = |files| patch((code, world.advised()), subject, files);
    by_package.into_values().map(patch).collect()
}

fn patch<'a>(
    (code, advised): (&'a Code, Option<&'a Advised>),
    subject: &Subject<'a>,
    mut files: Vec<&'a CodeFile>,
) -> Patch<'a> {
    // All are of one package.
    let root = files.first().and_then(|file| code.root(file));
    files.sort_by_key(|file| (!is_stale_of(root, file, &subject.holders), file.state == ExeState::Same));
    let first = files.first().copied();
    let package = first.and_then(|file| code.package(file));
    let told = first.zip(advised).and_then(|(file, advised)| advised.of(file));
    Patch {
        place: subject.place,
        holders: subject.holders.clone(),
        identity: subject.identity.clone(),
        who: subject.who.clone(),
        package,
        root,
        files,
        security: security(package, root, told),
        advisories: told.unwrap_or_default(),
    }
}

/// Yes where a security archive has a newer version, whatever advisories say: those at hand may not be all. Else what they say,
/// where a version is without the hole; without them unknown where only other archives have a newer version, as those take up
/// security fixes too, and where no list was read, or not every one, or none of an archive of security updates.
fn security(package: Option<&Package>, root: Option<&CodeRoot>, advisories: Option<&[Advisory]>) -> Security {
    let offer = package.and_then(|package| package.offer.as_ref());
    if offer.is_some_and(|offer| offer.security.is_some()) {
        return Security::Yes;
    }
    if let Some(advisories) = advisories {
        let is_mended = advisories.iter().any(|advisory| advisory.fixed.is_some());
        return if is_mended { Security::Yes } else { Security::No };
    }
    let Some(offer) = offer else { return Security::Unknown };
    let known = offer.candidate.as_ref().or(offer.newest.as_ref());
    match known {
        _ if offer.newest.is_none() || root.is_some_and(|root| root.lists_lack.is_some()) => {
            Security::Unknown
        }
        Some(version) if package.is_some_and(|package| package.version != *version) => Security::Unknown,
        // Nobody who is known made it.
        _ if package.is_some_and(|package| is_newer_than_all(package, offer)) => Security::Unknown,
        _ => Security::No,
    }
}

/// Whether every archive has only older ones.
fn is_newer_than_all(package: &Package, offer: &Offer) -> bool {
    let newest = offer.newest.as_deref();
    newest.is_some_and(|newest| compare(Scheme::Debian, newest, &package.version).is_lt())
}

#[cfg(test)]
mod tests;
