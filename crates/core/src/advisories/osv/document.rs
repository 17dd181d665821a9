//! A document of OSV's, advisory by advisory: never more of it is held than one of them (OSV schema 1.7; A18).

use alloc::{boxed::Box, collections::BTreeSet, string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor},
};

use super::{
    Affected, Record, Records,
    bounded::Bounded,
    range::{Event, Range},
};
use crate::{
    advisories::{ADVISORIES_MAX, Asked, Unread, ecosystem::scheme},
    version::Scheme,
};

/// How many packages an advisory is about.
const AFFECTED_MAX: usize = 100_000;
const NAMES_MAX: usize = 10_000;
const RANGES_MAX: usize = 1_000;
const EVENTS_MAX: usize = 1_000;
const VERSIONS_MAX: usize = 100_000;
/// Each version of a list is held against no more of them; whoever writes the list has made it from about two.
const EVENTS_TRIED_MAX: usize = 16;

pub(super) fn read(document: &[u8], asked: &Asked) -> Result<(Records, usize), Unread> {
    let mut reader = Reader { asked, records: Records::default(), count: 0 };
    let mut json = serde_json::Deserializer::from_slice(document);
    let outcome =
        Node { reader: &mut reader, level: Level::Document }.deserialize(&mut json).and_then(|()| json.end());
    match outcome {
        _ if reader.count > ADVISORIES_MAX => Err(Unread::TooMany),
        Ok(()) => Ok((reader.records, reader.count)),
        Err(error) => Err(error.into()),
    }
}

struct Reader<'a> {
    asked: &'a Asked,
    records: Records,
    count: usize,
}

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// An advisory, a list of them, or an object that has one.
    Document,
    List,
    Advisory,
}

struct Node<'r, 'a> {
    reader: &'r mut Reader<'a>,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Document => "an advisory, a list of them, or an object with `vulns`",
            Level::List => "a list of advisories",
            Level::Advisory => "an advisory",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.level {
            Level::List => Ok(()),
            _ => Err(E::invalid_type(Unexpected::Unit, &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        if self.level == Level::Advisory {
            return Err(A::Error::invalid_type(Unexpected::Seq, &self));
        }
        let reader = self.reader;
        while elements.next_element_seed(Node { reader: &mut *reader, level: Level::Advisory })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        if self.level == Level::List {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let (reader, mut advisory, mut has_list) = (self.reader, Advisory::default(), false);
        while let Some(field) = fields.next_key()? {
            if field == Field::Vulns && self.level == Level::Document {
                fields.next_value_seed(Node { reader: &mut *reader, level: Level::List })?;
                has_list = true;
            } else {
                advisory.read(field, &mut fields, reader.asked)?;
            }
        }
        match advisory.id.take() {
            Some(id) => reader.take(id, advisory),
            None if has_list => Ok(()),
            None => Err(A::Error::missing_field("id")),
        }
    }
}

impl Reader<'_> {
    fn take<E: Error>(&mut self, id: String, mut advisory: Advisory) -> Result<(), E> {
        self.count = self.count.saturating_add(1);
        if self.count > ADVISORIES_MAX {
            return Err(E::custom("too many advisories"));
        }
        if !advisory.is_withdrawn {
            self.records.spoken_of.append(&mut advisory.spoken_of);
        }
        let record = advisory.record(&id);
        self.records.put(id, record);
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    Modified,
    Withdrawn,
    Aliases,
    Upstream,
    Affected,
    Vulns,
    #[serde(other)]
    Other,
}

/// What of an advisory has been read.
#[derive(Default)]
struct Advisory {
    id: Option<String>,
    modified: Option<String>,
    is_withdrawn: bool,
    other_names: Vec<String>,
    affected: Vec<Affected>,
    spoken_of: BTreeSet<String>,
}

impl Advisory {
    fn read<'de, A: MapAccess<'de>>(
        &mut self,
        field: Field,
        fields: &mut A,
        asked: &Asked,
    ) -> Result<(), A::Error> {
        match field {
            Field::Id => self.id = Some(fields.next_value()?),
            Field::Modified => self.modified = fields.next_value()?,
            Field::Withdrawn => self.is_withdrawn = fields.next_value::<Option<IgnoredAny>>()?.is_some(),
            Field::Aliases | Field::Upstream => {
                let Bounded::<String, NAMES_MAX>(names) = fields.next_value()?;
                self.other_names.extend(names.into_iter().filter(|name| is_cve(name)));
            }
            Field::Affected => {
                let Self { affected: into, spoken_of, .. } = self;
                fields.next_value_seed(Packages { asked, into, spoken_of })?;
            }
            Field::Vulns | Field::Other => {
                let _: IgnoredAny = fields.next_value()?;
            }
        }
        Ok(())
    }

    fn record(self, id: &str) -> Record {
        let modified = self.modified.and_then(|modified| modified.parse().ok());
        if self.is_withdrawn || self.affected.is_empty() {
            return Record { modified, ..Record::default() };
        }
        let is_named = is_cve(id) || self.other_names.is_empty();
        let names: BTreeSet<_> = self.other_names.into_iter().chain(is_named.then(|| id.into())).collect();
        let mut affected = self.affected;
        affected.sort_by(|one, other| one.name.cmp(&other.name));
        Record { modified, names: names.into_iter().collect(), affected: affected.into() }
    }
}

/// CVE-1999-0067 (CVE Record Format, `cveId`).
fn is_cve(name: &str) -> bool {
    let parts = name.strip_prefix("CVE-").and_then(|number| number.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(year, number)| is_number(year) && is_number(number))
}

/// Takes those that are asked for.
struct Packages<'r, 'a> {
    asked: &'a Asked,
    into: &'r mut Vec<Affected>,
    spoken_of: &'r mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for Packages<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {AFFECTED_MAX} affected packages")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(stated) = elements.next_element::<Stated>()? {
            if count == AFFECTED_MAX {
                return Err(A::Error::invalid_length(AFFECTED_MAX.saturating_add(1), &self));
            }
            count += 1;
            let told = stated.package.iter().flat_map(|package| self.asked.told_of(&package.ecosystem));
            let new = told.filter(|asked| !self.spoken_of.contains(*asked)).cloned().collect::<Vec<_>>();
            self.spoken_of.extend(new);
            self.into.extend(stated.affected(self.asked));
        }
        Ok(())
    }
}

/// An element of `affected`.
#[derive(Deserialize)]
struct Stated {
    package: Option<Package>,
    #[serde(default)]
    ranges: Bounded<StatedRange, RANGES_MAX>,
    #[serde(default)]
    versions: Bounded<String, VERSIONS_MAX>,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct StatedRange {
    r#type: String,
    #[serde(default)]
    events: Bounded<Event, EVENTS_MAX>,
}

impl Stated {
    /// None where it is not asked for. Ranges of commits say nothing of what is installed.
    fn affected(self, asked: &Asked) -> Option<Affected> {
        let is_told = |package: &Package| asked.is_told(&package.ecosystem, &package.name);
        let Package { ecosystem, name } = self.package.filter(is_told)?;
        let scheme = scheme(&ecosystem)?;
        let stated = self.ranges.0.into_iter().filter(|range| range.r#type == "ECOSYSTEM");
        let ranges: Box<[_]> = stated.map(|range| Range::of(scheme, range.events.0)).collect();
        let versions = beside(&ranges, scheme, &self.versions.0);
        Some(Affected { name, ecosystem, ranges, versions })
    }
}

/// The versions that the ranges do not hold anyway: a list mostly repeats what they say, at fifty times the length.
fn beside(ranges: &[Range], scheme: Scheme, versions: &[String]) -> String {
    let are_few = ranges.iter().map(Range::events_count).sum::<usize>() <= EVENTS_TRIED_MAX;
    let is_held = |version: &str| are_few && ranges.iter().any(|range| range.holds(scheme, version));
    let mut lines = String::new();
    for version in versions.iter().filter(|version| !version.contains('\n') && !is_held(version)) {
        lines.push_str(version);
        lines.push('\n');
    }
    lines.shrink_to_fit();
    lines
}
