//! The elements of sets and maps, named ones and those that stand in a rule (libnftables-json(5), "SET" and "MAP").

use alloc::{collections::BTreeSet, vec::Vec};

use serde_json::Value;

use super::{
    Scope, TableKey,
    meters::{KINDS, Meters},
    several, tagged, text,
};
use crate::firewall::ruleset::Rate;

/// What two rates ask together.
pub(super) fn both(one: Option<Rate>, other: Option<Rate>) -> Option<Rate> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Some(Rate::Share),
        (one, other) => one.or(other),
    }
}

/// A set or map that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) is_map: bool,
    /// Whether rules fill or empty it while packets pass: of what is in it now nothing follows.
    pub(super) is_changing: bool,
    pub(super) object: &'a Value,
}

/// The sets and maps that `rules` fill or empty while packets pass.
///
/// What they do only of more packets than a rate allows does not count: every verdict is for a sender who keeps within
/// all rates.
pub(super) fn changing<'a>(
    rules: impl Iterator<Item = (TableKey<'a>, &'a Value)>,
    meters: &Meters<'_>,
) -> BTreeSet<(TableKey<'a>, &'a str)> {
    let statements = |rule: &'a Value| rule.get("expr").and_then(Value::as_array).into_iter().flatten();
    let updated = |(table, rule)| {
        let certain = statements(rule).take_while(move |statement| !is_beyond(table, statement, meters));
        updated(certain).map(move |name| (table, name))
    };
    rules.flat_map(updated).collect()
}

fn updated<'a>(statements: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = &'a str> {
    let updates = statements.filter_map(tagged);
    updates.filter(|(kind, _)| ["set", "map"].contains(kind)).filter_map(|(_, inner)| name(inner))
}

/// Whether a statement holds only beyond a rate, by itself or by the element that it adds, in which nobody is found but
/// beyond that rate (net/netfilter/nft_lookup.c, `nft_lookup_eval`).
fn is_beyond(table: TableKey<'_>, statement: &Value, meters: &Meters<'_>) -> bool {
    let of_element = tagged(statement).and_then(|(_, inner)| inner.get("stmt"));
    let all = of_element.map_or_else(Vec::new, several).into_iter().chain([statement]);
    let mut rates = all.filter_map(tagged).filter_map(|(kind, inner)| meters.rate(table, kind, inner));
    rates.any(|rate| rate == Rate::Beyond)
}

/// The elements of a set or map.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    /// Each key, and what a map has for it.
    pub(super) list: Vec<(&'a Value, Option<&'a Value>)>,
    /// What it has for every other key (`*`); for a set, that every other key is in it.
    pub(super) rest: Option<Option<&'a Value>>,
    /// The rate that a lookup hangs on too.
    pub(super) rate: Option<Rate>,
}

impl<'a> Elements<'a> {
    /// The elements that `value` means: `@name`, `{"set": […]}`, or one constant; `None` where there is no such set,
    /// where nobody can tell what is in it, or where the rules name too many elements in all.
    pub(super) fn of(value: &'a Value, scope: &Scope<'a>) -> Option<Self> {
        if let Some(name) = value.as_str().and_then(|word| word.strip_prefix('@')) {
            let named = scope.set(name).filter(|named| !named.is_changing)?;
            let rated = named.object.get("stmt").and_then(Value::as_array);
            let elements = named.object.get("elem").and_then(Value::as_array);
            let elements = elements.map_or(&[][..], Vec::as_slice);
            let mut read = Self::listed(elements, named.is_map, scope)?;
            for (kind, inner) in rated.into_iter().flatten().filter_map(tagged) {
                read.rate = both(read.rate, scope.rate(kind, inner));
            }
            return Some(read);
        }
        match tagged(value) {
            Some(("set", Value::Array(elements))) => Self::listed(elements, false, scope),
            Some(("set", element)) => Self::listed(core::slice::from_ref(element), false, scope),
            _ => Some(Self { list: [(value, None)].into(), rest: None, rate: None }),
        }
    }

    /// The elements of a map: `@name` or `{"set": [[key, value], …]}`.
    pub(super) fn of_map(value: &'a Value, scope: &Scope<'a>) -> Option<Self> {
        match tagged(value) {
            Some(("set", Value::Array(elements))) => Self::listed(elements, true, scope),
            _ if value.is_string() => Self::of(value, scope),
            _ => None,
        }
    }

    /// What a map has for its keys.
    pub(super) fn data(&self) -> impl Iterator<Item = &'a Value> {
        self.list.iter().filter_map(|(_, data)| *data).chain(self.rest.flatten())
    }

    fn listed(elements: &'a [Value], is_map: bool, scope: &Scope<'_>) -> Option<Self> {
        if !scope.may_take(elements.len()) {
            return None;
        }
        let mut read = Self { list: Vec::with_capacity(elements.len()), rest: None, rate: None };
        for element in elements {
            let (key, data) = if is_map { pair(element)? } else { (element, None) };
            let (key, rate) = bare(key, scope);
            read.rate = both(read.rate, rate);
            if key.as_str() == Some("*") {
                read.rest = Some(data);
            } else {
                read.list.push((key, data));
            }
        }
        Some(read)
    }
}

/// A key of a map and what it has for it; what it has may be wrapped together with statements.
fn pair(element: &Value) -> Option<(&Value, Option<&Value>)> {
    match element.as_array()?.as_slice() {
        [key, data] => Some((key, Some(data))),
        _ => None,
    }
}

/// The key without its timeout, comment and statements, and the rate among these.
fn bare<'a>(element: &'a Value, scope: &Scope<'_>) -> (&'a Value, Option<Rate>) {
    match tagged(element) {
        Some(("elem", inner)) => {
            let rates = KINDS.iter().map(|kind| scope.rate(kind, inner.get(kind)?));
            (inner.get("val").unwrap_or(element), rates.fold(None, both))
        }
        _ => (element, None),
    }
}

/// The name of a set as a statement names it: with `@` or without.
pub(super) fn name(statement: &Value) -> Option<&str> {
    text(statement, "set").map(|name| name.strip_prefix('@').unwrap_or(name))
}
