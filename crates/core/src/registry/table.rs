//! A table in the making: assignments are put in one by one, and its binary form comes out.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use super::{
    Registry,
    layout::{
        BLOCK, BUCKETS, DESCRIPTIONS_MAGIC, ENTRY_BYTES, INDEX_MAX, NUMBERS_MAGIC, PAGES, RANGES_MAX,
        RECORDS_MAX, VERSION, bit, bucket, digest,
    },
};
use crate::{
    port::{PortRange, Protocol},
    words::Text,
};

/// The longest name; RFC 6335 §5.1 allows 15 characters, but older names run to 36.
pub const NAME_BYTES_MAX: usize = 63;
/// The longest list of names of one number, with one space between.
pub const LIST_BYTES_MAX: usize = 255;
/// The longest description; what is longer is cut.
pub const DESCRIPTION_BYTES_MAX: usize = 255;
/// Twice what can be numbered, since protocols share records: it bounds what a hostile list may take.
const ENTRIES_MAX: usize = 2 * RECORDS_MAX;
const SOURCE_BYTES_MAX: usize = 1024;

/// Where a table comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Whose list it is.
    pub name: &'a str,
    /// Its versions; may be empty.
    pub version: &'a str,
    /// From when it is (RFC 3339 full-date); may be empty.
    pub date: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn split(bytes: &'a [u8]) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok().filter(|text| text.len() <= SOURCE_BYTES_MAX)?;
        let mut lines = text.split('\n');
        let source = Self { name: lines.next()?, version: lines.next()?, date: lines.next()? };
        let is_proper = [source.name, source.version, source.date].into_iter().all(is_line);
        (is_proper && lines.next().is_none()).then_some(source)
    }
}

/// What is said of one (range, protocol).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    names: Vec<String>,
    description: String,
}

/// Assignments in order of number and protocol, and where they come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    name: String,
    version: String,
    date: String,
    said: BTreeMap<(PortRange, Protocol), Said>,
}

/// The two files of a table: see [`Registry::from_bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// Numbers and names.
    pub numbers: Vec<u8>,
    /// Descriptions.
    pub descriptions: Vec<u8>,
}

/// Why something cannot be put into a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Empty, too long, or not of printable ASCII alone.
    #[error("`{0}` is no name: it takes 1 to 63 printable ASCII characters")]
    Name(String),
    /// More names than fit on one number.
    #[error("{0} has too many names")]
    TooManyNames(PortRange),
    /// More records than a table may hold.
    #[error("there are more assignments than a table may hold")]
    TooMany,
    /// The source has lines of its own or is longer than a head may be.
    #[error("the source is not three short lines of text")]
    Source,
}

impl EntryError {
    /// The reason as a person reads it.
    #[must_use]
    pub fn text(&self) -> Text {
        let ja = match self {
            Self::Name(name) => format!("`{name}` は名前として使えません(印字可能な ASCII 1〜63 文字)"),
            Self::TooManyNames(range) => format!("{range} に付けられた名前が多すぎます"),
            Self::TooMany => "割り当ての件数が表の上限を超えています".into(),
            Self::Source => "出典は短い 3 行の文字列でなければなりません".into(),
        };
        Text { en: self.to_string(), ja }
    }
}

impl Table {
    /// A table of nothing yet, from this source.
    #[must_use]
    pub fn new(source: Source<'_>) -> Self {
        Self {
            name: source.name.to_owned(),
            version: source.version.to_owned(),
            date: source.date.to_owned(),
            said: BTreeMap::new(),
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        Source { name: &self.name, version: &self.version, date: &self.date }
    }

    pub(super) fn date(&mut self, date: String) {
        self.date = date;
    }

    /// How many (range, protocol) it says something of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Says that `range` carries `name` too, behind the names it has; the first description stays.
    ///
    /// # Errors
    ///
    /// When `name` is none, or it or the assignment is one too many.
    pub fn add(
        &mut self,
        range: PortRange,
        protocol: Protocol,
        name: &str,
        description: &str,
    ) -> Result<(), EntryError> {
        if !is_name(name) {
            return Err(EntryError::Name(name.chars().take(NAME_BYTES_MAX).collect()));
        }
        if self.said.len() >= ENTRIES_MAX && !self.said.contains_key(&(range, protocol.assigned_as())) {
            return Err(EntryError::TooMany);
        }
        let said = self.said.entry((range, protocol.assigned_as())).or_default();
        if said.description.is_empty() {
            said.description = one_line(description);
        }
        said.add(name).then_some(()).ok_or(EntryError::TooManyNames(range))
    }

    /// Puts the first name that `registry` has for a number first here too, where it is among the names here.
    ///
    /// IANA lists `urd` before `submissions` on 465/tcp; people know the second.
    pub fn prefer(&mut self, registry: Registry<'_>) {
        for ((range, protocol), said) in &mut self.said {
            let preferred = registry.name(range.first, *protocol);
            if let Some(place) = said.names.iter().position(|name| Some(name.as_str()) == preferred) {
                said.names[..=place].rotate_right(1);
            }
        }
    }

    /// Every (range, protocol) with its names and description, in order.
    pub fn entries(&self) -> impl Iterator<Item = (PortRange, Protocol, &[String], &str)> {
        self.said
            .iter()
            .map(|(&(range, protocol), said)| (range, protocol, &said.names[..], said.description.as_str()))
    }

    /// The table as two files of bytes.
    ///
    /// # Errors
    ///
    /// When it says more than the layout can hold, or its source is not three lines.
    pub fn build(&self) -> Result<Binary, EntryError> {
        let source = [&self.name, &self.version, &self.date].map(String::as_str).join("\n");
        if Source::split(source.as_bytes()).is_none() {
            return Err(EntryError::Source);
        }
        let is_range = |(range, _): &&(PortRange, Protocol)| !range.is_one();
        if self.said.keys().filter(is_range).count() > RANGES_MAX {
            return Err(EntryError::TooMany);
        }
        let (singles, ranges) = self.records();
        let records: Vec<&Record> = singles.iter().chain(&ranges).collect();
        let index = Index::of(&records);
        if records.len() > RECORDS_MAX || index.entries.len() > ENTRY_BYTES * INDEX_MAX {
            return Err(EntryError::TooMany);
        }
        let mut numbers = head(NUMBERS_MAGIC);
        for count in [source.len(), singles.len(), ranges.len(), index.entries.len() / ENTRY_BYTES] {
            numbers.extend(four(count));
        }
        numbers.extend(source.bytes());
        numbers.extend(pages(&singles));
        numbers.extend(singles.iter().map(|record| record.range.first.to_le_bytes()[0]));
        numbers.extend(singles.iter().map(|record| record.bits));
        for Record { range, bits, .. } in &ranges {
            numbers
                .extend(range.first.to_le_bytes().into_iter().chain(range.last.to_le_bytes()).chain([*bits]));
        }
        numbers.extend(index.starts);
        numbers.extend(index.entries);
        numbers.extend(strings(records.iter().map(|record| record.names.as_str())));
        let mut descriptions = head(DESCRIPTIONS_MAGIC);
        descriptions.extend(digest(&numbers).to_le_bytes());
        descriptions.extend(strings(records.iter().map(|record| record.description)));
        Ok(Binary { numbers, descriptions })
    }

    /// The records of single numbers and of ranges.
    ///
    /// Protocols that say the same share a record as long as the protocols of a number stay in order.
    fn records(&self) -> (Vec<Record<'_>>, Vec<Record<'_>>) {
        let ranges: Vec<_> = self.said.iter().filter(|((range, _), _)| !range.is_one()).collect();
        let mut records: Vec<Record<'_>> = Vec::new();
        for (&(range, protocol), said) in &self.said {
            let inherited = enclosing(&ranges, range, protocol);
            let names = said.with(inherited);
            match records.last_mut() {
                Some(last) if last.says(range, &names, &said.description) => last.bits |= bit(protocol),
                _ => records.push(Record {
                    range,
                    bits: bit(protocol),
                    names,
                    inherited,
                    description: &said.description,
                }),
            }
        }
        records.into_iter().partition(|record| record.range.is_one())
    }
}

/// What is said of the narrowest range that a single number lies in: the number carries that name too.
fn enclosing<'a>(
    ranges: &[(&(PortRange, Protocol), &'a Said)],
    single: PortRange,
    protocol: Protocol,
) -> Option<&'a Said> {
    let around = ranges
        .iter()
        .filter(|((range, its), _)| single.is_one() && *its == protocol && range.contains(single.first));
    around.min_by_key(|((range, _), _)| range.count()).map(|(_, said)| *said)
}

impl Said {
    /// Adds a name unless it is there; whether there was room.
    fn add(&mut self, name: &str) -> bool {
        if self.names.iter().any(|other| other == name) {
            return true;
        }
        let bytes: usize = self.names.iter().map(|name| name.len() + 1).sum();
        if bytes + name.len() > LIST_BYTES_MAX {
            return false;
        }
        self.names.push(name.to_owned());
        true
    }

    /// The names in one line, followed by the inherited ones that fit.
    fn with(&self, inherited: Option<&Self>) -> String {
        let mut all = self.clone();
        for name in inherited.into_iter().flat_map(|said| &said.names) {
            all.add(name);
        }
        all.names.join(" ")
    }
}

struct Record<'a> {
    range: PortRange,
    bits: u8,
    names: String,
    inherited: Option<&'a Said>,
    description: &'a str,
}

impl Record<'_> {
    fn says(&self, range: PortRange, names: &str, description: &str) -> bool {
        self.range == range && self.names == names && self.description == description
    }

    /// The names under which it is found: a name that its range has too is the range's.
    fn own_names(&self) -> impl Iterator<Item = &str> {
        let inherited = self.inherited.map_or(&[][..], |said| &said.names);
        self.names.split(' ').filter(|name| !inherited.iter().any(|other| other == name))
    }
}

/// Which records have a name in which bucket.
struct Index {
    starts: Vec<u8>,
    entries: Vec<u8>,
}

impl Index {
    fn of(records: &[&Record<'_>]) -> Self {
        let mut buckets = vec![BTreeSet::new(); BUCKETS];
        for (id, record) in records.iter().enumerate() {
            for name in record.own_names() {
                let (bucket, tag) = bucket(name);
                buckets[bucket].insert((record.range, id, tag));
            }
        }
        let (mut starts, mut entries) = (two(0), Vec::new());
        for bucket in buckets {
            for (_, id, tag) in bucket {
                entries.push(tag);
                entries.extend(two(id));
            }
            starts.extend(two(entries.len() / ENTRY_BYTES));
        }
        Self { starts, entries }
    }
}

/// Where the numbers of each page begin, and where the last page ends.
fn pages(singles: &[Record<'_>]) -> Vec<u8> {
    let begin = |place: usize| singles.partition_point(|record| usize::from(record.range.first >> 8) < place);
    (0..=PAGES).flat_map(|place| two(begin(place))).collect()
}

fn head(magic: [u8; 7]) -> Vec<u8> {
    magic.into_iter().chain([VERSION]).collect()
}

/// What does not fit is refused before the bytes are used: see `RECORDS_MAX`.
fn two(number: usize) -> Vec<u8> {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes().to_vec()
}

fn four(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<u8> {
    let (mut blocks, mut pool) = (Vec::new(), Vec::new());
    for (index, text) in texts.enumerate() {
        if index % BLOCK == 0 {
            blocks.extend(four(pool.len()));
        }
        let length = u8::try_from(text.len()).expect("names and descriptions are cut to 255 bytes");
        pool.push(length);
        pool.extend(text.bytes());
    }
    blocks.extend(pool);
    blocks
}

/// Whether `text` can be a name of a number.
pub(super) fn is_name(text: &str) -> bool {
    is_name_bytes(text.as_bytes())
}

fn is_name_bytes(bytes: &[u8]) -> bool {
    (1..=NAME_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

/// Whether `text` is names with one space between.
pub(super) fn is_name_list(text: &str) -> bool {
    text.as_bytes().split(|byte| *byte == b' ').all(is_name_bytes)
}

/// Whether `text` has no control character, so that it is one line and leaves a terminal alone.
pub(super) fn is_line(text: &str) -> bool {
    // Of ASCII alone, which almost every line is, bytes tell as much and are read faster.
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    is_plain || !text.chars().any(char::is_control)
}

/// The text in one line, cut to what a description may be long.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > DESCRIPTION_BYTES_MAX {
            let end = (0..=DESCRIPTION_BYTES_MAX).rev().find(|&end| line.is_char_boundary(end)).unwrap_or(0);
            line.truncate(end);
            break;
        }
    }
    line
}
