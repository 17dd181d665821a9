//! Advisories in OSV's JSON: one, a list of them, or an object that has them as `vulns` (OSV schema 1.7; A18).

mod bounded;
mod document;
mod range;

use alloc::{
    borrow::Cow,
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
};

use jiff::Timestamp;

use self::range::Range;
use super::{Asked, Told, Unread, ecosystem, newest, oldest};
use crate::{packages::Installed, version::Scheme};

/// By id, of which the last word counts; those of a package by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    by_id: BTreeMap<String, Record>,
    by_package: BTreeMap<String, BTreeSet<String>>,
    /// Which of the ecosystems that were asked for any of them is about, whatever its package.
    spoken_of: BTreeSet<String>,
}

/// What an advisory says. One that was withdrawn, or that speaks of nothing that was asked for, is kept all the same: an older
/// word of it must not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    /// When that was said.
    modified: Option<Timestamp>,
    /// What it is called in the end.
    names: Box<[String]>,
    /// In the order of the packages' names.
    affected: Box<[Affected]>,
}

/// Which versions of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Affected {
    name: String,
    ecosystem: String,
    ranges: Box<[Range]>,
    /// Those that are listed beside the ranges, each with a line's end: there may be thousands.
    versions: String,
}

/// What the document says of what is `asked`, and of how many advisories it consists.
pub(super) fn read(document: &[u8], asked: &Asked) -> Result<(Records, usize), Unread> {
    document::read(document, asked)
}

impl Records {
    pub(super) fn add(&mut self, other: Self) {
        self.spoken_of.extend(other.spoken_of);
        for (id, record) in other.by_id {
            self.put(id, record);
        }
    }

    fn put(&mut self, id: String, record: Record) {
        if self.by_id.get(&id).is_some_and(|known| known.modified >= record.modified) {
            return;
        }
        for affected in &record.affected {
            self.by_package.entry(affected.name.clone()).or_default().insert(id.clone());
        }
        self.by_id.insert(id, record);
    }

    /// Whether any of them is about `ecosystem`, as it was asked for.
    pub(super) fn speak_of(&self, ecosystem: &str) -> bool {
        self.spoken_of.contains(ecosystem)
    }

    /// Tells of each advisory that affects `package`.
    pub(super) fn affecting<'d>(
        &'d self,
        ecosystem: &str,
        scheme: Scheme,
        package: &Installed,
        told: &mut Told<'d>,
    ) {
        self.named(ecosystem, scheme, &package.source, &source_version(scheme, package), told);
        if package.name != package.source && ecosystem::names_installed(ecosystem) {
            self.named(ecosystem, scheme, &package.name, &package.version, told);
        }
    }

    fn named<'d>(&'d self, ecosystem: &str, scheme: Scheme, name: &str, version: &str, told: &mut Told<'d>) {
        let ids = self.by_package.get(name).into_iter().flatten();
        for record in ids.filter_map(|id| self.by_id.get(id)) {
            let Some(fixed) = record.fixed(ecosystem, scheme, name, version) else { continue };
            for name in &record.names {
                told.tell(name, fixed);
            }
        }
    }
}

/// With the epoch of what was built from it: no source of rpm's tells its own, and advisories do.
fn source_version(scheme: Scheme, package: &Installed) -> Cow<'_, str> {
    let source = &package.source_version;
    match package.version.split_once(':') {
        Some((epoch, _)) if scheme == Scheme::Rpm && !source.contains(':') => {
            Cow::Owned(format!("{epoch}:{source}"))
        }
        _ => Cow::Borrowed(source),
    }
}

impl Record {
    /// None where the version is not affected; otherwise the one that is not any more, where there is one.
    fn fixed(&self, ecosystem: &str, scheme: Scheme, name: &str, version: &str) -> Option<Option<&str>> {
        let first = self.affected.partition_point(|affected| affected.name.as_str() < name);
        let named = self.affected.iter().skip(first).take_while(|affected| affected.name == name);
        let spoken_of = named.filter(|affected| ecosystem::speaks_of(&affected.ecosystem, ecosystem));
        let mut fixed = spoken_of.filter_map(|affected| affected.fixed(scheme, version)).peekable();
        fixed.peek()?;
        Some(newest(scheme, fixed.flatten()))
    }
}

impl Affected {
    /// As [`Record::fixed`]. Whoever lies in several ranges must leave all of them.
    fn fixed(&self, scheme: Scheme, version: &str) -> Option<Option<&str>> {
        let mut around = self.ranges.iter().filter(|range| range.holds(scheme, version)).peekable();
        if around.peek().is_some() {
            return Some(newest(scheme, around.filter_map(|range| range.fixed_after(scheme, version))));
        }
        let is_listed = self.versions.split_terminator('\n').any(|listed| listed == version);
        let after = self.ranges.iter().filter_map(|range| range.fixed_after(scheme, version));
        is_listed.then(|| oldest(scheme, after))
    }
}
