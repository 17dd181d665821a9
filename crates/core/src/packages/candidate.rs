//! Which version of a package would be installed, and whether a newer one is a security update (apt_preferences(5), A18).

use alloc::{string::String, vec::Vec};
use core::cmp::Ordering;

use super::{
    Installed,
    list::{Listed, Rollout},
    pins::{NEVER, Pins, Subject},
    release::{Automation, Release},
};
use crate::{
    facts::Offer,
    version::{Scheme, compare},
};

/// Where versions come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// What it says of itself.
    pub release: Release,
    /// The host that it is fetched from; empty for one on this host.
    pub host: String,
    /// The part of it.
    pub component: String,
    /// The architecture of its list.
    pub architecture: String,
    /// Whether it is what is installed, which apt takes for an archive of its own, called `now`.
    pub is_installed: bool,
    /// Whether it is of another release than the host: its security updates are none of the host's packages.
    pub is_of_another_release: bool,
}

impl Archive {
    /// What is installed.
    fn installed() -> Self {
        let release = Release { suite: "now".into(), ..Release::default() };
        Self { release, is_installed: true, ..Self::default() }
    }

    /// Its priority where nobody told another.
    const fn priority(&self) -> i32 {
        match self.release.automation {
            _ if self.is_installed => 100,
            Automation::Full => 500,
            Automation::Upgrades => 100,
            Automation::None => 1,
        }
    }
}

/// A version with those that offer it.
struct Version<'a> {
    version: &'a str,
    source: &'a str,
    archives: Vec<&'a Archive>,
    rollout: Rollout,
}

impl<'a> Version<'a> {
    /// The package as a pin may mean it: its source may be another's than that of the installed one.
    fn subject(&self, installed: &'a Installed) -> Subject<'a> {
        let architecture = installed.architecture.as_deref();
        Subject { name: &installed.name, source: self.source, architecture }
    }
}

/// From here on a version is installed even where it is older than the installed one.
const DOWNGRADES: i32 = 1000;

/// What would be installed in the place of `installed`, of what is `listed`, each with its archive.
///
/// As apt's `pkgPolicy::GetCandidateVer` chooses: the highest priority, and of these the newest; nothing older than what is
/// installed, except by a priority of 1000 and above.
#[must_use]
pub fn offer(installed: &Installed, listed: &[(&Archive, &Listed)], pins: &Pins) -> Offer {
    let own = installed.architecture.as_deref();
    let fits = |listed: &&(&Archive, &Listed)| pins.is_same_package(own, &listed.1.architecture);
    let listed: Vec<_> = listed.iter().filter(fits).collect();
    let mut versions: Vec<Version<'_>> = Vec::new();
    for (archive, listed) in &listed {
        add(&mut versions, archive, [&listed.version, &listed.source], listed.rollout);
    }
    let here = Archive::installed();
    let newest = newest(versions.iter().map(|version| version.version));
    let is_newer = |version: &str| compare(Scheme::Debian, version, &installed.version) == Ordering::Greater;
    let is_secure = |(archive, listed): &&&(&Archive, &Listed)| {
        archive.release.is_security() && !archive.is_of_another_release && is_newer(&listed.version)
    };
    let security = self::newest(listed.iter().filter(is_secure).map(|(_, listed)| listed.version.as_str()));
    add(&mut versions, &here, [&installed.version, &installed.source], Rollout::Everybody);
    Offer { candidate: candidate(installed, &versions, pins), newest, security }
}

fn newest<'a>(versions: impl Iterator<Item = &'a str>) -> Option<String> {
    versions.max_by(|a, b| compare(Scheme::Debian, a, b)).map(Into::into)
}

fn add<'a>(
    versions: &mut Vec<Version<'a>>,
    archive: &'a Archive,
    [version, source]: [&'a str; 2],
    rollout: Rollout,
) {
    match versions.iter_mut().find(|known| known.version == version) {
        Some(known) => known.archives.push(archive),
        None => versions.push(Version { version, source, archives: [archive].into(), rollout }),
    }
}

/// `None` where a pin is not understood, or where chance decides whether this machine gets it yet.
fn candidate(installed: &Installed, versions: &[Version<'_>], pins: &Pins) -> Option<String> {
    let is_allowed = |version: &Version<'_>, priority: i32| {
        let is_older = compare(Scheme::Debian, version.version, &installed.version) == Ordering::Less;
        priority > 0 && (!is_older || priority >= DOWNGRADES)
    };
    let ranked =
        versions.iter().map(|version| (priority(version, &version.subject(installed), pins), version));
    let allowed = ranked.filter(|(priority, version)| is_allowed(version, *priority));
    let best = allowed.max_by(|(a, one), (b, other)| {
        a.cmp(b).then_with(|| compare(Scheme::Debian, one.version, other.version))
    });
    let best = best.map(|(_, version)| version).filter(|version| version.rollout == Rollout::Everybody)?;
    let is_open = versions.iter().any(|version| pins.is_open(&version.subject(installed)));
    (!is_open).then(|| best.version.into())
}

fn priority(version: &Version<'_>, subject: &Subject<'_>, pins: &Pins) -> i32 {
    let of_archives =
        version.archives.iter().map(|archive| pins.archive(archive).unwrap_or_else(|| archive.priority()));
    let highest = of_archives.max().unwrap_or(0);
    match pins.version(subject, version.version, &version.archives) {
        // Where every archive of it is out of the question, no word about the package brings it back.
        Some(_) if highest == NEVER => NEVER,
        Some(priority) => priority,
        None => highest,
    }
}

#[cfg(test)]
mod tests;
