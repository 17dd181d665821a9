//! Reads one zone: where packets come from (A15).

use super::{
    address,
    report::Report,
    value::{Key, Table},
};
use crate::{
    policy::{HOST, WORLD, Zone},
    text,
};

const FROM: Key = Key { name: "from", example: "from = [\"203.0.113.0/24\"]" };
const INTERFACE: Key = Key { name: "interface", example: "interface = [\"eth1\"]" };

/// The keys of a zone.
pub(super) const KEYS: &[Key] = &[FROM, INTERFACE];

/// Reads the zone `name`.
pub(super) fn read(name: &str, table: &Table<'_, '_>, report: &mut Report<'_>) -> Zone {
    if name == WORLD || name == HOST {
        report.wrong(
            table.at,
            text!("the zone {name} is built in", "{name} は組み込みのゾーンです"),
            text!("give this zone another name", "別の名前を付けてください"),
        );
    }
    table.refuse_unknown(KEYS, report);
    if table.get(FROM).is_none() && table.get(INTERFACE).is_none() {
        report.missing(
            table.at,
            text!("zone.{name} is empty", "zone.{name} が空です"),
            text!(
                "add from = [\"203.0.113.0/24\"] or interface = [\"eth1\"]; `world` is everything",
                "from = [\"203.0.113.0/24\"] か interface = [\"eth1\"] を書き足してください。すべての送信元を指すには `world` を使います"
            ),
        );
    }
    Zone {
        name: name.into(),
        from: address::networks(&table.strings(FROM, report), report),
        interfaces: address::interfaces(&table.strings(INTERFACE, report), report),
        place: report.place(table.at).0,
    }
}
