//! What advisories say of a package: which security holes it has, and which version is without them (A18).
//!
//! Nothing is ever fetched. The documents are files that somebody laid down, in one of two formats: OSV's JSON (schema 1.7,
//! <https://ossf.github.io/osv-schema/>) and what debsecan reads (`fetch_data` of debsecan 0.4.20).

mod asked;
mod debsecan;
mod ecosystem;
mod osv;
mod unread;

pub use self::{
    asked::Asked,
    ecosystem::{ecosystem, has_security_archive},
    unread::{Malformed, Unread},
};

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use crate::{
    packages::Installed,
    version::{Scheme, compare},
};

/// A longer document is not read.
pub const DOCUMENT_BYTES_MAX: usize = 64 << 20;
/// No more advisories are read, of all documents together.
pub const ADVISORIES_MAX: usize = 1_000_000;

/// A security hole that a package has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advisory {
    /// Its CVE number where one is told, else what the advisory calls itself: a stranger's word.
    pub id: String,
    /// The oldest version without it that is newer than the installed one, where there is one.
    pub fixed: Option<String>,
}

/// What documents say of the packages that were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advisories {
    osv: osv::Records,
    debsecan: debsecan::Statements,
    count: usize,
}

/// Reads a document, as far as it speaks of what is `asked`.
///
/// # Errors
///
/// What is wrong with it, and where. Then nothing of it counts: half a document would keep silent about the other half.
pub fn read(document: &[u8], asked: &Asked) -> Result<Advisories, Unread> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(Unread::TooLong);
    }
    let mut advisories = Advisories::default();
    match document.trim_ascii_start() {
        [b'{' | b'[', ..] => (advisories.osv, advisories.count) = osv::read(document, asked)?,
        _ => (advisories.debsecan, advisories.count) = debsecan::read(document, asked)?,
    }
    Ok(advisories)
}

impl Advisories {
    /// Takes in what another document says.
    ///
    /// # Errors
    ///
    /// There would be more than [`ADVISORIES_MAX`]; then nothing of it is taken in.
    pub fn add(&mut self, other: Self) -> Result<(), Unread> {
        let count = self.count.saturating_add(other.count);
        if count > ADVISORIES_MAX {
            return Err(Unread::TooMany);
        }
        self.count = count;
        self.osv.add(other.osv);
        self.debsecan.add(other.debsecan);
        Ok(())
    }

    /// How many advisories were read, of whatever package.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether any of them is about the release of this [`ecosystem()`], of whatever package. Of what was not [`Asked`] for
    /// nothing is known.
    #[must_use]
    pub fn speak_of(&self, ecosystem: &str) -> bool {
        ecosystem::scheme(ecosystem).is_some()
            && (self.osv.speak_of(ecosystem) || self.debsecan.speak_of(ecosystem))
    }

    /// Which of them affect a package that is installed in a root of this [`ecosystem()`], in the order of their names. Of what
    /// was not [`Asked`] for nothing is known.
    #[must_use]
    pub fn affecting(&self, ecosystem: &str, package: &Installed) -> Vec<Advisory> {
        let Some(scheme) = ecosystem::scheme(ecosystem) else { return Vec::new() };
        let mut told = Told { scheme, fixed: BTreeMap::new() };
        self.osv.affecting(ecosystem, scheme, package, &mut told);
        self.debsecan.affecting(ecosystem, package, &mut told);
        let advisory =
            |(id, fixed): (&str, Option<&str>)| Advisory { id: id.into(), fixed: fixed.map(Into::into) };
        told.fixed.into_iter().map(advisory).collect()
    }
}

/// What affects a package, each once.
struct Told<'d> {
    scheme: Scheme,
    fixed: BTreeMap<&'d str, Option<&'d str>>,
}

impl<'d> Told<'d> {
    /// Where two speak of one hole, only the newer version is without it for both.
    fn tell(&mut self, id: &'d str, fixed: Option<&'d str>) {
        let known = self.fixed.entry(id).or_default();
        *known = newest(self.scheme, known.iter().copied().chain(fixed));
    }
}

fn newest<'d>(scheme: Scheme, versions: impl Iterator<Item = &'d str>) -> Option<&'d str> {
    versions.max_by(|one, other| compare(scheme, one, other))
}

fn oldest<'d>(scheme: Scheme, versions: impl Iterator<Item = &'d str>) -> Option<&'d str> {
    versions.min_by(|one, other| compare(scheme, one, other))
}

#[cfg(test)]
mod tests;
