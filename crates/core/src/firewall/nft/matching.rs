//! What a rule asks of a packet (libnftables-json(5), "MATCH").

use alloc::{boxed::Box, vec, vec::Vec};

use serde_json::Value;

use super::{
    Scope, constant,
    expression::{Expression, Key, Part, either, kind, reply},
    fib::{self, Reach},
    names::Type,
    sets::Elements,
    text,
};
use crate::{
    address::Family,
    firewall::{
        intervals::{Interval, Intervals},
        packets::Field,
        ruleset::{AddressKind, Bits, Layer, Question, Rate, Tuple},
    },
};

/// More combinations than this of what the parts of one element mean are not listed.
const COMBINATIONS_MAX: usize = 256;
/// Fields with more bits than this are compared bit by bit rather than as lists of numbers.
const NARROW_BITS_MAX: u32 = 8;
/// Where a fragment begins (RFC 791 §3.1).
const OFFSET_BITS: u64 = 0x1fff;

/// What a match asks: all of these must hold.
pub(super) fn questions(matching: &Value, scope: &Scope<'_>) -> Vec<Question> {
    let (Some(left), Some(right)) = (matching.get("left"), matching.get("right")) else {
        return vec![Question::Unknown];
    };
    let op = text(matching, "op").unwrap_or_default();
    if let Some(question) = fragment(left, op, right, scope) {
        return vec![question];
    }
    let expression = Expression::read(left, scope);
    let mut all = needs(&expression);
    if expression.is_rate() {
        all.push(Question::Rate(Rate::Share));
        return all;
    }
    let holds = compare(op, &expression, right, scope).unwrap_or(Question::Unknown);
    all.push(guarded(&expression, holds));
    // Whoever is in no such set is within every rate.
    let rate = rate(right, scope).map(|rate| if op == "!=" { Rate::Share } else { rate });
    all.extend(rate.map(Question::Rate));
    all
}

/// `ip frag-off & 0x1fff != 0`, as iptables writes `-f`: packets that have ports are no later fragments.
fn fragment(left: &Value, op: &str, right: &Value, scope: &Scope<'_>) -> Option<Question> {
    let sides = left.get("&")?.as_array()?;
    let [payload, mask] = sides.as_slice() else { return None };
    let payload = payload.get("payload")?;
    let is_offset = (text(payload, "protocol"), text(payload, "field")) == (Some("ip"), Some("frag-off"));
    let is_asked = mask.as_u64() == Some(OFFSET_BITS) && right.as_u64() == Some(0);
    let first = Question::All(Vec::new());
    match op {
        _ if !is_offset || !is_asked || scope.table.0 != Layer::Ip => None,
        "==" => Some(first),
        "!=" => Some(not(first)),
        _ => None,
    }
}

/// What a packet must be, else the rule does not even ask.
pub(super) fn needs(expression: &Expression) -> Vec<Question> {
    let mut needs: Vec<Question> = Vec::new();
    for (field, values) in expression.needs() {
        let need = Question::Is(*field, values.clone());
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    needs
}

/// `question`, but of packets of which nobody can tell what they have there, that.
fn guarded(expression: &Expression, question: Question) -> Question {
    match expression.doubt() {
        Some(doubt) if question != Question::Unknown => {
            let sure = Question::Not(Box::new(doubt.clone()));
            either(Question::All(vec![sure, question]), Question::All(vec![doubt, Question::Unknown]))
        }
        _ => question,
    }
}

fn rate(right: &Value, scope: &Scope<'_>) -> Option<Rate> {
    Elements::of(right, scope)?.rate
}

fn compare(op: &str, expression: &Expression, right: &Value, scope: &Scope<'_>) -> Option<Question> {
    match op {
        "==" => among(expression, right, scope),
        "!=" => Some(not(among(expression, right, scope)?)),
        "in" => bits(expression, right, scope),
        "!" => Some(not(bits(expression, right, scope)?)),
        "<" | ">" | "<=" | ">=" => ordered(op, expression, right),
        _ => None,
    }
}

fn not(question: Question) -> Question {
    match question {
        Question::Not(question) => *question,
        question => Question::Not(Box::new(question)),
    }
}

/// Whether what is looked at is one of the elements of `right`.
pub(super) fn among(expression: &Expression, right: &Value, scope: &Scope<'_>) -> Option<Question> {
    let elements = Elements::of(right, scope)?;
    if elements.rest.is_some() {
        return Some(Question::All(Vec::new()));
    }
    let keys: Vec<&Value> = elements.list.iter().map(|(key, _)| *key).collect();
    one_of(expression, &keys, scope)
}

/// Whether what is looked at is one of `keys`.
pub(super) fn one_of(expression: &Expression, keys: &[&Value], scope: &Scope<'_>) -> Option<Question> {
    if let [part] = expression.parts.as_slice() {
        return one_part(part, keys, scope);
    }
    let mut all = Vec::new();
    for key in keys {
        all.extend(tuples(expression, key, scope)?);
    }
    Some(Question::Any(all))
}

fn one_part(part: &Part, keys: &[&Value], scope: &Scope<'_>) -> Option<Question> {
    match part.key {
        Key::Field(field, typed) => {
            let mut all: Vec<Interval> = Vec::with_capacity(keys.len());
            for key in keys {
                all.extend(constant::values(key, typed, scope.around)?.iter());
            }
            let values: Intervals = all.into_iter().collect();
            Some(match part.mask {
                _ if field == Field::Direction => direction(&values),
                Some(mask) => narrow(field, Bits { mask, values }),
                None => Question::Is(field, values),
            })
        }
        Key::Kind(field, Reach::Host) => Some(Question::Kind(field, kinds(keys)?)),
        Key::Kind(field, reach) => {
            Some(Question::Any(fib::of_kinds(field, &kinds(keys)?, reach, scope.around)))
        }
        Key::WayBack => way_back(keys, scope),
        Key::PacketType => Some(Question::Kind(Field::Destination, receivers(keys)?)),
        Key::Rate | Key::Unknown => None,
    }
}

fn direction(values: &Intervals) -> Question {
    match (values.contains(0), values.contains(1)) {
        (true, true) => Question::All(Vec::new()),
        (true, false) => not(reply()),
        (false, true) => reply(),
        (false, false) => not(Question::All(Vec::new())),
    }
}

fn kinds(keys: &[&Value]) -> Option<Vec<AddressKind>> {
    keys.iter().map(|key| kind(key.as_str()?)).collect()
}

/// The destinations of frames that are for this host, for everybody or for a group: who wants to be heard sends a packet in
/// the frame that its destination calls for, and in another one TCP and what is passed on get nowhere
/// (net/ipv4/tcp_ipv4.c, `tcp_v4_rcv`; net/ipv4/ip_forward.c, `ip_forward`).
fn receivers(keys: &[&Value]) -> Option<Vec<AddressKind>> {
    let mut all = Vec::new();
    for key in keys {
        all.extend_from_slice(match key.as_str()? {
            "host" | "unicast" => &AddressKind::OF_ONE_HOST,
            "broadcast" => &[AddressKind::Broadcast],
            "multicast" => &[AddressKind::Multicast],
            _ => return None,
        });
    }
    Some(all)
}

/// `missing` is printed as `false`, and by nft 1.0.6 also as `"0"`.
fn way_back(keys: &[&Value], scope: &Scope<'_>) -> Option<Question> {
    let [key] = keys else { return None };
    let exists = Question::Any(fib::way_back(scope.around)?);
    match key {
        Value::Bool(true) => Some(exists),
        Value::Bool(false) => Some(not(exists)),
        Value::String(word) if word == "0" => Some(not(exists)),
        Value::Number(number) if number.as_u64() == Some(0) => Some(not(exists)),
        _ => None,
    }
}

/// Whether some of the bits of `right` are set; of a set, whether it is one of its elements.
fn bits(expression: &Expression, right: &Value, scope: &Scope<'_>) -> Option<Question> {
    let is_set = right.get("set").is_some() || right.as_str().is_some_and(|word| word.starts_with('@'));
    if is_set {
        return among(expression, right, scope);
    }
    let [Part { key: Key::Field(field, typed), mask, .. }] = expression.parts.as_slice() else { return None };
    let mask = constant::number(right, *typed)? & mask.unwrap_or(u128::MAX);
    if *field == Field::Direction {
        return None;
    }
    Some(not(narrow(*field, Bits { mask, values: Intervals::one(0) })))
}

/// A question about bits; of a field of few bits as the list of its values.
fn narrow(field: Field, bits: Bits) -> Question {
    let width = field.bits(Family::Ipv4);
    let values = (width <= NARROW_BITS_MAX).then(|| bits.intervals(&field.all(Family::Ipv4), width));
    match values.flatten() {
        Some(values) => Question::Is(field, values),
        None => Question::Has(field, bits),
    }
}

fn ordered(op: &str, expression: &Expression, right: &Value) -> Option<Question> {
    let [Part { key: Key::Field(field, typed), mask, .. }] = expression.parts.as_slice() else { return None };
    if matches!(typed, Type::Interface | Type::Link | Type::Direction) {
        return None;
    }
    let number = constant::number(right, *typed)?;
    let values = match op {
        "<" => number.checked_sub(1).map_or_else(Intervals::none, |last| Intervals::span(0, last)),
        "<=" => Intervals::span(0, number),
        ">" => Intervals::span(number.checked_add(1)?, u128::MAX),
        _ => Intervals::span(number, u128::MAX),
    };
    Some(match *mask {
        Some(mask) => narrow(*field, Bits { mask, values }),
        None => Question::Is(*field, values),
    })
}

/// Values of fields of which some are those of the packets that `key` means; `None` where fields do not tell.
pub(super) fn tuples(expression: &Expression, key: &Value, scope: &Scope<'_>) -> Option<Vec<Tuple>> {
    let concatenated = key.get("concat").and_then(Value::as_array).map(Vec::as_slice);
    let values = concatenated.unwrap_or(core::slice::from_ref(key));
    if values.len() != expression.parts.len() {
        return None;
    }
    let mut all: Vec<Tuple> = vec![Vec::new()];
    for (part, value) in expression.parts.iter().zip(values) {
        let own = part_tuples(part, value, scope)?;
        if all.len().saturating_mul(own.len()) > COMBINATIONS_MAX {
            return None;
        }
        let joined =
            |left: &Tuple| own.iter().map(|right| [left.as_slice(), right].concat()).collect::<Vec<_>>();
        all = all.iter().flat_map(joined).collect();
    }
    Some(all)
}

fn part_tuples(part: &Part, value: &Value, scope: &Scope<'_>) -> Option<Vec<Tuple>> {
    match part.key {
        Key::Field(Field::Direction, _) => None,
        Key::Field(field, typed) => {
            let values = constant::values(value, typed, scope.around)?;
            let values = match part.mask {
                None => values,
                Some(mask) => masked(field, typed, &Bits { mask, values })?,
            };
            Some(vec![vec![(field, values)]])
        }
        Key::Kind(field, reach) => {
            let kinds = [kind(value.as_str()?)?];
            Some(fib::of_kinds(field, &kinds, reach, scope.around))
        }
        Key::PacketType => {
            let kinds = receivers(&[value])?;
            Some(fib::of_kinds(Field::Destination, &kinds, Reach::Host, scope.around))
        }
        Key::WayBack | Key::Rate | Key::Unknown => None,
    }
}

fn masked(field: Field, typed: Type, bits: &Bits) -> Option<Intervals> {
    let family = match typed {
        Type::Address(family) => family,
        _ => Family::Ipv4,
    };
    bits.intervals(&field.all(family), field.bits(family))
}
