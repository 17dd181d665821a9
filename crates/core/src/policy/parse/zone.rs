//! Reads one zone: where packets come from (A15).

use alloc::vec::Vec;

use super::{
    address, ports,
    report::Report,
    tree::Content,
    value::{Key, Table, refuse_kind},
};
use crate::{
    policy::{HOST, Management, WORLD, Zone},
    registry::Registry,
    text,
    words::Words,
};

const FROM: Key = Key { name: "from", example: "from = [\"203.0.113.0/24\"]" };
const INTERFACE: Key = Key { name: "interface", example: "interface = [\"eth1\"]" };
const MANAGEMENT: Key = Key { name: "management", example: "management = true" };

/// What other files call `true` and `false`; no service is called so.
const BOOLEAN_WORDS: [&str; 6] = ["true", "yes", "on", "false", "no", "off"];
const WANTED: Words = Words { en: "true, a port or a list of ports", ja: "true かポート(のリスト)" };

/// The keys of a zone.
pub(super) const KEYS: &[Key] = &[FROM, INTERFACE, MANAGEMENT];

/// Reads the zone `name`.
pub(super) fn read(
    name: &str,
    table: &Table<'_, '_>,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) -> Zone {
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
        management: management(table, registry, report),
        place: report.place(table.at).0,
    }
}

/// `true` stands for the ports of ssh, which need not be known here.
fn management(table: &Table<'_, '_>, registry: Registry<'_>, report: &mut Report<'_>) -> Option<Management> {
    let value = table.get(MANAGEMENT)?;
    match value.content() {
        Content::Boolean => (report.written(value.at()) == "true").then_some(Management::Ssh),
        Content::Text(word) if BOOLEAN_WORDS.iter().any(|other| word.eq_ignore_ascii_case(other)) => {
            refuse_kind(value.at(), MANAGEMENT, WANTED, value, report);
            None
        }
        Content::Text(_) | Content::List(_) => {
            let written = table.strings(MANAGEMENT, report);
            let read = written.into_iter().map(|(at, text)| ports::read(text, at, registry, report));
            let ports: Vec<_> = read.collect::<Vec<_>>().into_iter().flatten().collect();
            (!ports.is_empty()).then_some(Management::Ports(ports))
        }
        _ => {
            refuse_kind(value.at(), MANAGEMENT, WANTED, value, report);
            None
        }
    }
}
