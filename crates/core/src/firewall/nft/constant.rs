//! The constants that rules compare with (libnftables-json(5), "EXPRESSIONS").

use core::net::IpAddr;

use serde_json::Value;

use super::{names::Type, tagged};
use crate::{
    address::Family,
    firewall::{
        intervals::{Interval, Intervals},
        surroundings::{Surroundings, number as address_number},
    },
};

/// The numbers that `value` means: one, a range or a prefix; for a pattern of interfaces, those of all that it fits.
pub(super) fn values(value: &Value, typed: Type, around: &Surroundings) -> Option<Intervals> {
    match typed {
        Type::Interface => return interface(value, around),
        // Of the other kinds of link nothing here tells which interface has them.
        Type::Link => return (value.as_str() == Some("loopback")).then(|| around.named("lo")),
        _ => {}
    }
    let interval = match tagged(value) {
        Some(("range", ends)) => range(ends, typed)?,
        Some(("prefix", prefix)) => return self::prefix(prefix, typed),
        _ => {
            let number = number(value, typed)?;
            Interval { first: number, last: number }
        }
    };
    Some(Intervals::span(interval.first, interval.last))
}

fn range(ends: &Value, typed: Type) -> Option<Interval> {
    match ends.as_array()?.as_slice() {
        [first, last] => Some(Interval { first: number(first, typed)?, last: number(last, typed)? }),
        _ => None,
    }
}

fn prefix(prefix: &Value, typed: Type) -> Option<Intervals> {
    let length = u32::try_from(prefix.get("len")?.as_u64()?).ok()?;
    let free = typed.bits().checked_sub(length)?;
    Some(Intervals::prefix(number(prefix.get("addr")?, typed)?, free))
}

/// The number that `value` means; several bits, `["syn", "ack"]` or `{"|": ["syn", "ack"]}`, are one number.
///
/// The nesting is bounded by that of the JSON.
pub(super) fn number(value: &Value, typed: Type) -> Option<u128> {
    match value {
        Value::Number(number) => number.as_u64().map(u128::from),
        Value::Bool(is) => Some(u128::from(*is)),
        Value::String(word) => of_word(word, typed),
        Value::Array(bits) => joined(bits, typed),
        Value::Object(_) => match tagged(value)? {
            ("|", Value::Array(bits)) => joined(bits, typed),
            _ => None,
        },
        Value::Null => None,
    }
}

fn joined(bits: &[Value], typed: Type) -> Option<u128> {
    if !typed.is_bits() {
        return None;
    }
    bits.iter().try_fold(0, |all, bit| Some(all | number(bit, typed)?))
}

fn of_word(word: &str, typed: Type) -> Option<u128> {
    if let Type::Address(family) = typed {
        let address: IpAddr = word.parse().ok()?;
        let is_of_family = address.is_ipv4() == (family == Family::Ipv4);
        return is_of_family.then(|| address_number(address));
    }
    typed.number(word).or_else(|| bare_number(word))
}

/// A number in a word. nft 1.0.6 prints ports of conntrack in sets as `0x1bb [invalid type]`.
fn bare_number(word: &str) -> Option<u128> {
    let word = word.strip_suffix(" [invalid type]").unwrap_or(word);
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse::<u64>(),
    }
    .ok()
    .map(u128::from)
}

/// An interface that is gone is printed by its number, and is none of those that are there.
fn interface(value: &Value, around: &Surroundings) -> Option<Intervals> {
    let name = match value {
        Value::String(name) => name,
        Value::Number(_) => return Some(Intervals::none()),
        _ => return None,
    };
    let Some(stem) = name.strip_suffix("\\*") else { return Some(around.named(name)) };
    let is_it = |own: &str| own.strip_suffix('*') == Some(stem);
    let found = around.interfaces.iter().position(|interface| is_it(&interface.name));
    Some(found.map_or_else(Intervals::none, |at| Intervals::one(at as u128)))
}
