//! The elements of sets and maps, named ones and those that stand in a rule (libnftables-json(5), "SET" and "MAP").

use alloc::vec::Vec;

use serde_json::Value;

use super::{Scope, tagged, text};

/// Statements of an element, or of every element, of which a lookup may hang (nft(8), "SETS").
const RATES: [&str; 3] = ["limit", "quota", "ct count"];

/// A set or map that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) is_map: bool,
    pub(super) object: &'a Value,
}

/// The elements of a set or map.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    /// Each key, and what a map has for it.
    pub(super) list: Vec<(&'a Value, Option<&'a Value>)>,
    /// What it has for every other key (`*`); for a set, that every other key is in it.
    pub(super) rest: Option<Option<&'a Value>>,
    /// Whether a lookup hangs on a rate too.
    pub(super) is_rated: bool,
}

impl<'a> Elements<'a> {
    /// The elements that `value` means: `@name`, `{"set": […]}`, or one constant; `None` where there is no such set,
    /// or where the rules name too many elements in all.
    pub(super) fn of(value: &'a Value, scope: &Scope<'a>) -> Option<Self> {
        if let Some(name) = value.as_str().and_then(|word| word.strip_prefix('@')) {
            let named = scope.set(name)?;
            let rated = named.object.get("stmt").and_then(Value::as_array);
            let elements = named.object.get("elem").and_then(Value::as_array);
            let elements = elements.map_or(&[][..], Vec::as_slice);
            let mut read = Self::listed(elements, named.is_map, scope)?;
            read.is_rated |= rated.is_some_and(|statements| statements.iter().any(is_rate));
            return Some(read);
        }
        match tagged(value) {
            Some(("set", Value::Array(elements))) => Self::listed(elements, false, scope),
            Some(("set", element)) => Self::listed(core::slice::from_ref(element), false, scope),
            _ => Some(Self { list: [(value, None)].into(), rest: None, is_rated: false }),
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

    fn listed(elements: &'a [Value], is_map: bool, scope: &Scope<'_>) -> Option<Self> {
        if !scope.may_take(elements.len()) {
            return None;
        }
        let mut read = Self { list: Vec::with_capacity(elements.len()), rest: None, is_rated: false };
        for element in elements {
            let (key, data) = if is_map { pair(element)? } else { (element, None) };
            let (key, is_rated) = bare(key);
            read.is_rated |= is_rated;
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

/// The key without its timeout, comment and statements, and whether one of these is a rate.
fn bare(element: &Value) -> (&Value, bool) {
    match tagged(element) {
        Some(("elem", inner)) => {
            let is_rated = RATES.iter().any(|rate| inner.get(rate).is_some());
            (inner.get("val").unwrap_or(element), is_rated)
        }
        _ => (element, false),
    }
}

fn is_rate(statement: &Value) -> bool {
    tagged(statement).is_some_and(|(name, _)| RATES.contains(&name))
}

/// The name of a set as a statement names it: with `@` or without.
pub(super) fn name(statement: &Value) -> Option<&str> {
    text(statement, "set").map(|name| name.strip_prefix('@').unwrap_or(name))
}
