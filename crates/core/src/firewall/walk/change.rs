//! What rules write into packets (nft(8), "STATEMENTS").

use crate::firewall::{
    intervals::Intervals,
    packets::{Field, Packets},
    ruleset::Value,
};

/// `packets` with another value of `field`.
pub(super) fn set(packets: &Packets, field: Field, value: &Value) -> Packets {
    let own = packets.clone();
    match value {
        Value::Number(number) => own.with(field, Intervals::one(*number)),
        Value::Of(other) => {
            let values = packets.of(*other).clone();
            own.with_one_of(field, values)
        }
        Value::Bits { mask, flip } => match packets.of(field).only() {
            Some(number) => own.with(field, Intervals::one((number & mask) ^ flip)),
            None => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Mixed { keep, from, take } => match (packets.of(field).only(), packets.of(*from).only()) {
            (Some(own_number), Some(number)) => {
                own.with(field, Intervals::one((own_number & keep) ^ (number & take)))
            }
            _ => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Unknown => own.with_one_of(field, field.all(packets.family)),
    }
}
