//! What a rule changes in a packet or its connection (libnftables-json(5), "MANGLE").

use alloc::{vec, vec::Vec};
use core::ops::Range;

use serde_json::Value as Json;

use super::{
    Scope, constant,
    expression::{Expression, Key, Part},
    matching::{self, needs},
    names::Type,
    rule::Outcome,
    sets::Elements,
    tagged, text,
};
use crate::firewall::{
    packets::Field,
    ruleset::{Question, Step, Value},
};

/// Of either header of IP, where its destination may be (RFC 791 §3.1, RFC 8200 §3).
const DESTINATION_BITS: Range<u64> = 128..320;
/// The bits of a mark.
const ALL: u128 = 0xffff_ffff;
/// What of a packet no rule here asks about and no way hangs on.
const HARMLESS: [&str; 16] = [
    "dscp",
    "ecn",
    "ttl",
    "hoplimit",
    "flowlabel",
    "id",
    "checksum",
    "window",
    "priority",
    "nftrace",
    "secmark",
    "label",
    "event",
    "helper",
    "zone",
    "secctx",
];

/// What `mangle` does.
pub(super) fn mangle(inner: &Json, scope: &Scope<'_>) -> Outcome {
    let Some((kind, key)) = inner.get("key").and_then(tagged) else { return Outcome::open() };
    let field = match (kind, text(key, "key").or_else(|| text(key, "field"))) {
        ("meta", Some("mark")) => Field::Mark,
        ("ct", Some("mark")) => Field::ConnectionMark,
        ("tcp option", _) => return Outcome::Steps(Vec::new()),
        (_, Some(name)) if HARMLESS.contains(&name) => return Outcome::Steps(Vec::new()),
        ("payload", _) if may_be_destination(key) => return Outcome::Ways(vec![vec![Step::Overwrite]]),
        // Another source, port or protocol, rewritten behind the back of conntrack.
        _ => return Outcome::open(),
    };
    let Some(value) = inner.get("value") else { return Outcome::open() };
    let steps = match value.get("map") {
        Some(map) => by_map(field, map, scope),
        None => computed(field, value, scope).unwrap_or_else(|| vec![Step::Set(field, Value::Unknown)]),
    };
    Outcome::Steps(steps)
}

/// Whether what is written of a packet may be its destination: by name, or as bits of any header up to that of IP.
fn may_be_destination(key: &Json) -> bool {
    if let Some(field) = text(key, "field") {
        return field == "daddr";
    }
    let number = |name| key.get(name).and_then(Json::as_u64);
    let (Some(offset), Some(length)) = (number("offset"), number("len")) else { return true };
    match text(key, "base") {
        Some("th" | "ih") => false,
        Some("nh") => offset < DESTINATION_BITS.end && offset.saturating_add(length) > DESTINATION_BITS.start,
        _ => true,
    }
}

/// A mark by a map: a packet that has no entry there is none of the rule's.
fn by_map(field: Field, map: &Json, scope: &Scope<'_>) -> Vec<Step> {
    let mut steps = lookup(map, scope);
    let data = map.get("data").and_then(|data| Elements::of_map(data, scope));
    let number = |data: &&Json| constant::number(data, Type::Mark);
    let numbers: Option<Vec<u128>> =
        data.and_then(|elements| elements.data().map(|data| number(&data)).collect());
    let value = match numbers.as_deref() {
        Some([first, others @ ..]) if others.iter().all(|other| other == first) => Value::Number(*first),
        _ => Value::Unknown,
    };
    steps.push(Step::Set(field, value));
    steps
}

/// Whether a map has an entry for a packet, as steps.
pub(super) fn lookup(map: &Json, scope: &Scope<'_>) -> Vec<Step> {
    let (Some(key), Some(data)) = (map.get("key"), map.get("data")) else {
        return vec![Step::Ask(Question::Unknown)];
    };
    let expression = Expression::read(key, scope);
    let mut asked = needs(&expression);
    let entries = Elements::of_map(data, scope).filter(|_| expression.doubt().is_none());
    let has_entry = entries.and_then(|elements| {
        let keys: Vec<&Json> = elements.list.iter().map(|(key, _)| *key).collect();
        let has_rest = elements.rest.is_some();
        if has_rest { Some(Question::All(Vec::new())) } else { matching::one_of(&expression, &keys, scope) }
    });
    asked.push(has_entry.unwrap_or(Question::Unknown));
    asked.into_iter().map(Step::Ask).collect()
}

/// A mark by another one and some of its bits: `mark & 0xff | 0x100`.
fn computed(field: Field, value: &Json, scope: &Scope<'_>) -> Option<Vec<Step>> {
    if let Some(number) = constant::number(value, Type::Mark) {
        return Some(vec![Step::Set(field, Value::Number(number))]);
    }
    let Computed { from, mask, flip } = compute(value, scope)?;
    let mut steps = Vec::new();
    if from != field {
        steps.push(Step::Set(field, Value::Of(from)));
    }
    if (mask, flip) != (ALL, 0) {
        steps.push(Step::Set(field, Value::Bits { mask, flip }));
    }
    Some(steps)
}

/// A field of which some bits stay and some are turned over then.
struct Computed {
    from: Field,
    mask: u128,
    flip: u128,
}

/// The nesting is bounded by that of the JSON.
fn compute(value: &Json, scope: &Scope<'_>) -> Option<Computed> {
    let (name, inner) = tagged(value)?;
    if !["&", "|", "^"].contains(&name) {
        let expression = Expression::read(value, scope);
        let [Part { key: Key::Field(from, Type::Mark), mask: None, .. }] = expression.parts.as_slice() else {
            return None;
        };
        return Some(Computed { from: *from, mask: ALL, flip: 0 });
    }
    let (left, numbers) = inner.as_array()?.split_first()?;
    let mut computed = compute(left, scope)?;
    for number in numbers {
        computed = computed.then(name, constant::number(number, Type::Mark)?);
    }
    Some(computed)
}

impl Computed {
    fn then(self, sign: &str, number: u128) -> Self {
        let Self { from, mask, flip } = self;
        match sign {
            "&" => Self { from, mask: mask & number, flip: flip & number },
            "|" => Self { from, mask: mask & !number, flip: flip & !number | number },
            _ => Self { from, mask, flip: flip ^ number },
        }
    }
}
