//! What IANA says a number is for, and what it is used for in practice (A6, A7).
//!
//! The built-in table is `data/registry.txt`, which a reader can review, and the same in two binary files, which
//! lookups read where they lie. `cargo xtask registry` makes all three.

pub mod iana;
mod layout;
mod practice;
pub mod table;
pub mod text;
mod validate;

pub use practice::{PRACTICES, Practice, in_practice};
pub use table::{Binary, EntryError, Source, Table};
pub use validate::TableError;

use core::fmt;

use crate::port::{PortRange, Protocol};
use layout::{Descriptions, Numbers, bit, protocols};

/// The table of assigned numbers; a view that is free to copy.
///
/// ```
/// use portreeve_core::{port::Protocol, registry::Registry};
///
/// let registry = Registry::builtin();
/// assert_eq!(registry.name(443, Protocol::Tcp), Some("https"));
/// assert_eq!(registry.name(6042, Protocol::Tcp), Some("x11"));
/// assert_eq!(registry.name(50000, Protocol::Tcp), None);
/// assert_eq!(registry.find("https").map(|found| found.range.first).next(), Some(443));
/// ```
#[derive(Clone, Copy)]
pub struct Registry<'a> {
    numbers: Numbers<'a>,
    descriptions: Descriptions<'a>,
}

/// What a number, or a range of them, is assigned to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The numbers.
    pub range: PortRange,
    /// The protocol.
    pub protocol: Protocol,
    /// The names, the first one first, with one space between.
    names: &'a [u8],
    description: &'a [u8],
}

impl<'a> Assignment<'a> {
    /// The names, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        layout::text(self.names).split(' ')
    }

    /// What the registry says of it; may be empty.
    #[must_use]
    pub fn description(&self) -> &'a str {
        layout::text(self.description)
    }
}

impl fmt::Debug for Assignment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {} # {}", self.range, self.protocol, layout::text(self.names), self.description())
    }
}

const NUMBERS: &[u8] = include_bytes!("../data/numbers.bin");
const DESCRIPTIONS: &[u8] = include_bytes!("../data/descriptions.bin");
/// Empty where the files are of another layout, so that the chore that writes them anew still compiles; a test
/// proves that they are of this one.
const BUILTIN: Registry<'static> = match Registry::split(NUMBERS, DESCRIPTIONS) {
    Some(registry) => registry,
    None => Registry { numbers: Numbers::EMPTY, descriptions: Descriptions::EMPTY },
};

impl<'a> Registry<'a> {
    /// The table that is built in.
    #[must_use]
    pub const fn builtin() -> Registry<'static> {
        BUILTIN
    }

    /// A table from the two files that [`Table::build`] makes, whoever wrote them: every byte is checked once.
    ///
    /// # Errors
    ///
    /// What is wrong with them, also where they come from a newer version.
    pub fn from_bytes(numbers: &'a [u8], descriptions: &'a [u8]) -> Result<Self, TableError> {
        let (numbers, descriptions) = validate::validate(numbers, descriptions)?;
        Ok(Self { numbers, descriptions })
    }

    const fn split(numbers: &'a [u8], descriptions: &'a [u8]) -> Option<Self> {
        let Some(numbers) = Numbers::split(numbers) else { return None };
        let Some(descriptions) = Descriptions::split(descriptions, numbers.count()) else { return None };
        Some(Self { numbers, descriptions })
    }

    /// Where the table comes from.
    #[must_use]
    pub fn source(&self) -> Source<'a> {
        Source::split(self.numbers.source).unwrap_or(Source { name: "", version: "", date: "" })
    }

    /// What `port` is assigned to: by itself before by a range around it.
    #[must_use]
    pub fn assignment(&self, port: u16, protocol: Protocol) -> Option<Assignment<'a>> {
        Some(self.record(self.lookup(port, protocol)?)?.of(protocol.assigned_as()))
    }

    /// The first name of a number, if it has one.
    #[must_use]
    pub fn name(&self, port: u16, protocol: Protocol) -> Option<&'a str> {
        let names = self.numbers.names.at(self.lookup(port, protocol)?);
        let first = names.split(|byte| *byte == b' ').next()?;
        Some(layout::text(first))
    }

    /// Every name of a number, the first one first.
    pub fn names(&self, port: u16, protocol: Protocol) -> impl Iterator<Item = &'a str> + use<'a> {
        let names = self.lookup(port, protocol).map(|id| layout::text(self.numbers.names.at(id)));
        names.into_iter().flat_map(|names| names.split(' '))
    }

    /// Every assignment that carries `name`, in order of number; case does not matter (RFC 6335 §5.1).
    ///
    /// A number within a range is not listed beside the range for a name that both carry.
    pub fn find<'n>(&self, name: &'n str) -> impl Iterator<Item = Assignment<'a>> + use<'a, 'n> {
        let registry = *self;
        let carriers = registry.numbers.carriers(name);
        carriers.filter_map(move |(id, names)| registry.named(id, names)).flat_map(Record::assignments)
    }

    /// Every assignment, in order of number and protocol; a range before the numbers in it that have names of their own.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment<'a>> + use<'a> {
        let registry = *self;
        registry.ids().filter_map(move |id| registry.record(id)).flat_map(Record::assignments)
    }

    /// The record of `port`.
    fn lookup(&self, port: u16, protocol: Protocol) -> Option<usize> {
        self.numbers.single(port, bit(protocol)).or_else(|| self.numbers.around(port, bit(protocol)))
    }

    /// Every record, single numbers and ranges merged in order of their first number.
    fn ids(&self) -> impl Iterator<Item = usize> + use<'a> {
        let numbers = self.numbers;
        let (mut single, mut range) = (0, numbers.lows.len());
        core::iter::from_fn(move || {
            let first_of = |id| numbers.record(id).map(|(range, _)| range.first);
            let next_single = if single < numbers.lows.len() { first_of(single) } else { None };
            let takes_range = match (next_single, first_of(range)) {
                (None, None) => return None,
                (single, Some(range)) => single.is_none_or(|single| range <= single),
                (Some(_), None) => false,
            };
            let next = if takes_range { &mut range } else { &mut single };
            *next += 1;
            Some(*next - 1)
        })
    }

    fn record(&self, id: usize) -> Option<Record<'a>> {
        self.named(id, self.numbers.names.at(id))
    }

    fn named(&self, id: usize, names: &'a [u8]) -> Option<Record<'a>> {
        let (range, bits) = self.numbers.record(id)?;
        Some(Record { range, bits, names, description: self.descriptions.strings.at(id) })
    }
}

/// What several protocols have in common.
struct Record<'a> {
    range: PortRange,
    bits: u8,
    names: &'a [u8],
    description: &'a [u8],
}

impl<'a> Record<'a> {
    fn of(&self, protocol: Protocol) -> Assignment<'a> {
        Assignment { range: self.range, protocol, names: self.names, description: self.description }
    }

    fn assignments(self) -> impl Iterator<Item = Assignment<'a>> {
        protocols(self.bits).map(move |protocol| self.of(protocol))
    }
}

impl fmt::Debug for Registry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("source", &self.source()).finish_non_exhaustive()
    }
}
