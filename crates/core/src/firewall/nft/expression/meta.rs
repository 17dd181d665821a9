//! What the kernel knows of a packet beside its bytes (nft(8), "META EXPRESSIONS").

use super::{Key, Part};
use crate::firewall::{nft::names::Type, packets::Field, ruleset::Layer};

pub(super) fn part(key: &str, layer: Layer) -> Part {
    match key {
        // There it is the port of the bridge, of which a packet here does not tell.
        "iif" | "iifname" | "iiftype" | "oif" | "oifname" | "oiftype" if layer == Layer::Bridge => {
            Part::new(Key::Unknown)
        }
        "ibrname" => Part::of(Field::InInterface, Type::Interface),
        "iif" | "iifname" => Part::of(Field::InInterface, Type::Interface),
        "oif" | "oifname" => Part::of(Field::OutInterface, Type::Interface),
        "iiftype" => Part::of(Field::InInterface, Type::Link),
        "oiftype" => Part::of(Field::OutInterface, Type::Link),
        "mark" => Part::of(Field::Mark, Type::Mark),
        "l4proto" => Part::of(Field::Protocol, Type::Protocol),
        "protocol" | "nfproto" => Part::of(Field::Family, Type::Family),
        "pkttype" => Part::new(Key::PacketType),
        // Which group of packets it is told to is the same to each of them.
        "random" => Part::new(Key::Rate),
        // Time, process, size, group and whatever else nothing here tells.
        _ => Part::new(Key::Unknown),
    }
}
