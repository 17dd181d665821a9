//! What advisories say of the packages whose code runs (A18).

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    advisories::{Advisories, Advisory, Asked},
    facts::{Code, CodeFile, CodeRoot, Gap, GapKind, Package},
    packages::Installed,
};

/// The advisories that affect each package of a look; of a release that they do not speak of nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advised(BTreeMap<(u32, u32), Vec<Advisory>>);

impl Advised {
    /// What affects the package of `file`; `None` where the advisories do not speak of its release.
    #[must_use]
    pub fn of(&self, file: &CodeFile) -> Option<&[Advisory]> {
        self.0.get(&(file.root?, file.package?)).map(Vec::as_slice)
    }

    /// Whether they speak of any package at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they decide what `gap` leaves open: of a root that has no lists of what waits, or none of an archive of security
    /// updates, and is of a release of theirs. Where the host itself has no lists at all, they can be fetched, and tell more.
    #[must_use]
    pub fn settle(&self, gap: &Gap, code: &Code) -> bool {
        let is_meant = |root: &CodeRoot| !root.packages.is_empty() && root.is_hidden_by(gap);
        let mut meant = (0..).zip(&code.roots).filter(|(_, root)| is_meant(root)).peekable();
        let is_left_to_them = match gap.what {
            GapKind::MissingUpdateData => !gap.detail.is_empty(),
            GapKind::MissingSecurityArchive => true,
            _ => false,
        };
        is_left_to_them && meant.peek().is_some() && meant.all(|(place, _)| self.speak_of(place))
    }

    fn speak_of(&self, root: u32) -> bool {
        self.0.range((root, 0)..=(root, u32::MAX)).next().is_some()
    }
}

/// The packages that advisories are to be asked for.
#[must_use]
pub fn asked(code: &Code) -> Asked {
    let mut asked = Asked::on(code.host().and_then(|host| host.release.as_deref()));
    for (_, root, package) in packages(code) {
        if let Some(release) = &root.release {
            asked.add(release, &installed(package));
        }
    }
    asked
}

/// What `advisories` say of them.
#[must_use]
pub fn advise(code: &Code, advisories: &Advisories) -> Advised {
    let told = packages(code).filter_map(|(place, root, package)| {
        let release = root.release.as_ref().filter(|release| advisories.speak_of(release))?;
        Some((place, advisories.affecting(release, &installed(package))))
    });
    Advised(told.collect())
}

/// The roots of which `advisories`, which are those of the file `path`, say nothing: that no hole of them is told is no
/// all-clear.
#[must_use]
pub fn unspoken(code: &Code, advisories: &Advisories, path: &str) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for root in code.roots.iter().filter(|root| !root.packages.is_empty()) {
        let (what, detail) = match &root.release {
            Some(release) if advisories.speak_of(release) => continue,
            Some(release) => (GapKind::SilentAdvisories, format!("{release}: {path}")),
            None => (GapKind::UnknownRelease, root.name.clone().unwrap_or_default()),
        };
        let gap = Gap { detail, ..Gap::new(what, 1) };
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }
    gaps
}

fn packages(code: &Code) -> impl Iterator<Item = ((u32, u32), &CodeRoot, &Package)> {
    (0..).zip(&code.roots).flat_map(|(place, root)| {
        (0..).zip(&root.packages).map(move |(package, facts)| ((place, package), root, facts))
    })
}

fn installed(package: &Package) -> Installed {
    let Package { name, architecture, version, source, source_version, held, .. } = package;
    let or = |told: &Option<String>, own: &String| told.as_ref().unwrap_or(own).clone();
    Installed {
        name: name.clone(),
        architecture: architecture.clone(),
        version: version.clone(),
        source: or(source, name),
        source_version: or(source_version, version),
        held: *held,
    }
}
