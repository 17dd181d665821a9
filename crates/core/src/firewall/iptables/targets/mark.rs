//! Marks of packets and of connections (net/netfilter/{xt_mark,xt_connmark}.c).

use alloc::{vec, vec::Vec};

use super::{Given, Scope, Target};
use crate::firewall::{
    iptables::{
        numbers::mark,
        questions::{has_no_connection, not},
    },
    packets::Field,
    ruleset::{Step, Value},
};

const ALL: u128 = u32::MAX as u128;

pub(super) const MARK: Target = Target {
    name: "MARK",
    options: &[("--set-xmark", 1), ("--set-mark", 1), ("--and-mark", 1), ("--or-mark", 1), ("--xor-mark", 1)],
    read: |given, _| Some(vec![Step::Set(Field::Mark, written(given.last()?)?)]),
};

pub(super) const CONNMARK: Target = Target {
    name: "CONNMARK",
    options: &[
        ("--set-xmark", 1),
        ("--set-mark", 1),
        ("--and-mark", 1),
        ("--or-mark", 1),
        ("--xor-mark", 1),
        ("--save-mark", 0),
        ("--restore-mark", 0),
        ("--nfmask", 1),
        ("--ctmask", 1),
        ("--mask", 1),
        ("--left-shift-mark", 1),
        ("--right-shift-mark", 1),
    ],
    read: connection,
};

/// A mark that is a digest of the packet.
pub(super) const HMARK: Target = Target {
    name: "HMARK",
    options: &[
        ("--hmark-tuple", 1),
        ("--hmark-mod", 1),
        ("--hmark-offset", 1),
        ("--hmark-src-prefix", 1),
        ("--hmark-dst-prefix", 1),
        ("--hmark-sport-mask", 1),
        ("--hmark-dport-mask", 1),
        ("--hmark-spi-mask", 1),
        ("--hmark-proto-mask", 1),
        ("--hmark-rnd", 1),
    ],
    read: |_, _| Some(vec![Step::Set(Field::Mark, Value::Unknown)]),
};

/// Elements are added to sets and taken out of them, which the next packet may notice; or the packet is marked with what
/// a set says.
pub(super) const SET: Target = Target {
    name: "SET",
    options: &[
        ("--add-set", 2),
        ("--del-set", 2),
        ("--timeout", 1),
        ("--exist", 0),
        ("--map-set", 2),
        ("--map-mark", 0),
        ("--map-prio", 0),
        ("--map-queue", 0),
    ],
    read: |given, _| {
        let is_marked = given.iter().any(|option| option.name == "--map-mark");
        Some(is_marked.then_some(Step::Set(Field::Mark, Value::Unknown)).into_iter().collect::<Vec<_>>())
    },
};

/// What a mark becomes.
fn written(option: &Given<'_>) -> Option<Value> {
    let (value, mask) = mark(option.value())?;
    let (cleared, flip) = match option.name {
        "--set-xmark" => (mask, value),
        "--set-mark" => (mask | value, value),
        "--and-mark" => (!value & ALL, 0),
        "--or-mark" => (value, value),
        "--xor-mark" => (0, value),
        _ => return None,
    };
    Some(if cleared == ALL { Value::Number(flip) } else { Value::Bits { mask: ALL & !cleared, flip } })
}

/// What has no connection keeps its mark, and the rule ends there.
fn connection(given: &[Given<'_>], _: &Scope<'_>) -> Option<Vec<Step>> {
    let find = |name: &str| given.iter().find(|option| option.name == name);
    let mask = |name: &str| match find(name).or_else(|| find("--mask")) {
        Some(option) => mark(option.value()).map(|(value, _)| value),
        None => Some(ALL),
    };
    let (packet, connection) = (mask("--nfmask")?, mask("--ctmask")?);
    let is_shifted = find("--left-shift-mark").or_else(|| find("--right-shift-mark")).is_some();
    let (field, value) = if find("--save-mark").is_some() {
        (Field::ConnectionMark, copied(Field::Mark, connection, packet))
    } else if find("--restore-mark").is_some() {
        (Field::Mark, copied(Field::ConnectionMark, packet, connection))
    } else {
        (Field::ConnectionMark, written(given.iter().find(|option| option.name.ends_with("mark"))?)?)
    };
    let value = if is_shifted { Value::Unknown } else { value };
    Some(vec![Step::Ask(not(has_no_connection())), Step::Set(field, value)])
}

/// The bits of `take` of another field, after those of `clear` were made zero.
const fn copied(from: Field, clear: u128, take: u128) -> Value {
    if clear == ALL && take == ALL {
        Value::Of(from)
    } else {
        Value::Mixed { keep: ALL & !clear, from, take }
    }
}
