//! What is known of a packet's connection (nft(8), "CONNTRACK EXPRESSIONS").

use serde_json::Value;

use super::{Doubt, Key, Part};
use crate::{
    address::Family,
    firewall::{
        nft::{names::Type, text},
        packets::{Field, State, family_number},
        ruleset::Layer,
    },
};

pub(super) fn part(inner: &Value, layer: Layer) -> Option<Part> {
    let key = text(inner, "key")?;
    if key == "state" {
        return Some(Part::of(Field::State, Type::State));
    }
    let part = match text(inner, "dir") {
        None => of_connection(key),
        Some("original") => of_tuple(key, layer, Side::Original),
        Some("reply") => of_tuple(key, layer, Side::Reply),
        Some(_) => Part::new(Key::Unknown),
    };
    Some(tracked(part))
}

/// Whatever is invalid or not tracked has no connection, and a rule that asks about it is none of its
/// (net/netfilter/nft_ct.c, `nft_ct_get_eval`).
fn tracked(mut part: Part) -> Part {
    part.needs.push((Field::State, State::tracked()));
    part
}

fn of_connection(key: &str) -> Part {
    match key {
        "status" => Part::of(Field::Status, Type::Status),
        "direction" => Part::of(Field::Direction, Type::Direction),
        "mark" => Part::of(Field::ConnectionMark, Type::Mark),
        "protocol" => Part::of(Field::Protocol, Type::Protocol),
        "l3proto" => Part::of(Field::Family, Type::Family),
        _ => Part::new(Key::Unknown),
    }
}

/// One of the two tuples of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// As its first packet was sent.
    Original,
    /// As the answers to it are sent.
    Reply,
}

/// Of packets that go the way of the first one: as these arrived, and as answers to what has become of them are sent.
fn of_tuple(key: &str, layer: Layer, side: Side) -> Part {
    let (family, end) = match key.split_once(' ') {
        Some(("ip", end)) => (Some(Family::Ipv4), end),
        Some(("ip6", end)) => (Some(Family::Ipv6), end),
        Some(_) => return Part::new(Key::Unknown),
        None => (of_layer(layer), key),
    };
    let field = match (side, end) {
        (Side::Original, "saddr") | (Side::Reply, "daddr") => Field::Source,
        (Side::Original, "daddr") => Field::OriginalDestination,
        (Side::Reply, "saddr") => Field::Destination,
        (Side::Original, "proto-src") | (Side::Reply, "proto-dst") => Field::SourcePort,
        (Side::Original, "proto-dst") => Field::OriginalDestinationPort,
        (Side::Reply, "proto-src") => Field::DestinationPort,
        (_, "protocol" | "l3proto") => return of_connection(end),
        _ => return Part::new(Key::Unknown),
    };
    if end.starts_with("proto") {
        return Part::of(field, Type::Port).doubting(Doubt::Reply);
    }
    match family {
        Some(family) => {
            let part = Part::of(field, Type::Address(family)).doubting(Doubt::Reply);
            part.where_only(Field::Family, family_number(family))
        }
        None => Part::new(Key::Unknown),
    }
}

const fn of_layer(layer: Layer) -> Option<Family> {
    match layer {
        Layer::Ip => Some(Family::Ipv4),
        Layer::Ip6 => Some(Family::Ipv6),
        _ => None,
    }
}
