//! Reads what `nft -j list ruleset` prints (libnftables-json(5), A17).

mod chain;
mod constant;
mod expression;
mod fib;
mod mangle;
mod matching;
mod meters;
mod names;
mod nat;
mod netlink;
mod render;
mod rule;
mod sets;
mod verdict;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::cell::Cell;

use serde_json::Value;

pub use self::netlink::{Details, essence};
use self::{chain::Reading, meters::Meters, netlink::Asked, sets::Named};
use super::{
    ruleset::{ChainId, Layer, Rate, Ruleset},
    surroundings::Surroundings,
};

/// More bytes than this are not read.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// More chains than this are not read.
const CHAINS_MAX: usize = 100_000;
/// More rules than this are not read.
const RULES_MAX: usize = 1_000_000;

/// Why a listing cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There is too much of something.
    #[error("more than {most} {of}")]
    TooMany {
        /// Of what.
        of: &'static str,
        /// The most that are read.
        most: usize,
    },
    /// It is not JSON, or is nested deeper than 128 levels.
    #[error("not JSON, line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 at the end of a line.
        column: usize,
    },
    /// Something that every listing has is not there.
    #[error("{path}: expected {expected}")]
    Missing {
        /// Where, as a path in the JSON: `nftables[3].chain`.
        path: String,
        /// What should be there.
        expected: &'static str,
    },
}

/// The rules of a listing that ask or do something that it only names, an extension of iptables: each by its chain and
/// handle.
pub type Hidden = BTreeSet<(ChainId, u64)>;

/// Appends the chains of a listing to `into`; on an error nothing is appended.
///
/// `text` is what `nft -j list ruleset` prints, and `details` what it leaves out, as far as another listing tells. `around`
/// says which interfaces, addresses and routes there are, by whose numbers rules compare.
///
/// A set has the elements that it has now, and of one that rules fill while packets pass nobody can tell. Whatever is not understood is never guessed at: a match is a question that
/// nobody can answer, a statement that may decide leaves the packet's fate open. Of several extension headers of IPv6
/// the first is taken for the transport protocol, and fragments for whole packets.
///
/// # Errors
///
/// The first thing that is not as libnftables-json(5) says, or beyond the limits.
pub fn read(
    text: &str,
    details: &Details<'_>,
    around: &Surroundings,
    into: &mut Ruleset,
) -> Result<Hidden, ReadError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ReadError::TooMany { of: "bytes", most: TEXT_BYTES_MAX });
    }
    let root: Value = serde_json::from_str(text)
        .map_err(|error| ReadError::Syntax { line: error.line(), column: error.column() })?;
    let objects = root.get("nftables").and_then(Value::as_array);
    let objects = objects.ok_or(ReadError::Missing { path: "nftables".into(), expected: "an array" })?;
    let mut reading = Reading::of(objects, details, into.chains.len())?;
    reading.rules(objects, details, around)?;
    into.chains.extend(reading.chains);
    Ok(reading.hidden)
}

/// A table by its layer and name.
type TableKey<'a> = (Layer, &'a str);

/// More elements of sets than this, counted each time that a rule names the set, are not taken apart.
const ELEMENTS_MAX: usize = 20_000_000;

/// What the rules of a listing refer to by name.
#[derive(Debug, Default)]
struct Names<'a> {
    sets: BTreeMap<(TableKey<'a>, &'a str), Named<'a>>,
    chains: BTreeMap<(TableKey<'a>, &'a str), ChainId>,
    meters: Meters<'a>,
    /// How many elements were taken apart so far.
    elements: Cell<usize>,
}

/// Where a rule stands: its names mean what they mean in its table.
#[derive(Clone, Copy, Debug)]
struct Scope<'a> {
    table: TableKey<'a>,
    names: &'a Names<'a>,
    around: &'a Surroundings,
    /// Whether the chain is gone through before the packet's connection is looked up.
    is_before_conntrack: bool,
    /// What the rule asks that the listing may hide; `None` where nobody can tell.
    hidden: Option<&'a [Asked]>,
}

impl<'a> Scope<'a> {
    fn set(&self, name: &str) -> Option<Named<'a>> {
        self.names.sets.get(&(self.table, name)).copied()
    }

    /// Whether `count` more elements may be taken apart.
    fn may_take(&self, count: usize) -> bool {
        let taken = self.names.elements.get().saturating_add(count);
        self.names.elements.set(taken);
        taken <= ELEMENTS_MAX
    }

    /// Of which packets a statement holds, where it is a meter that the listing shows.
    fn rate(&self, kind: &str, inner: &Value) -> Option<Rate> {
        self.names.meters.rate(self.table, kind, inner)
    }

    fn chain(&self, name: &str) -> Option<ChainId> {
        self.names.chains.get(&(self.table, name)).copied()
    }
}

/// The one key of an object and what it holds, as every expression and statement is written.
fn tagged(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(key, value)| (key.as_str(), value))
}

/// The text at `key`.
fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// The members of an array, or the value itself as the only one.
fn several(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| [value].into(), |members| members.iter().collect())
}

#[cfg(test)]
mod tests;
