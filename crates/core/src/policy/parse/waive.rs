//! Reads one waiver: a finding that a person has looked at and lives with (A20).

use jiff::civil::Date;

use super::{
    lines::Mark,
    ports,
    report::{Report, clip, did_you_mean},
    tree::Content,
    value::{Key, Table},
};
use crate::{policy::Waiver, registry::Registry, rules, text};

const RULE: Key = Key { name: "rule", example: "rule = \"cleartext-service\"" };
const PORTS: Key = Key { name: "ports", example: "ports = [\"51820/udp\"]" };
const WHY: Key = Key { name: "why", example: "why = \"the peer chose it\"" };
const UNTIL: Key = Key { name: "until", example: "until = \"2027-06-30\"" };

/// The keys of a waiver.
pub(super) const KEYS: &[Key] = &[RULE, PORTS, WHY, UNTIL];

/// Reads a waiver; `None` where it says too little to be one.
pub(super) fn read(table: &Table<'_, '_>, registry: Registry<'_>, report: &mut Report<'_>) -> Option<Waiver> {
    table.refuse_unknown(KEYS, report);
    let rule = read_rule(table, report);
    let why = table.string(WHY, report);
    if table.get(WHY).is_none() {
        report.missing(
            table.at,
            text!("this waiver has no reason", "この容認(waive)には理由がありません"),
            text!(
                "add why = \"…\": whoever reads it next year wants to know",
                "後で読む人のために why = \"…\" を書き足してください"
            ),
        );
    }
    let written = table.strings(PORTS, report);
    let mut ports = alloc::vec::Vec::with_capacity(written.len());
    for (at, text) in written {
        ports.extend(ports::read(text, at, registry, report));
    }
    let until = read_until(table, report);
    Some(Waiver { rule: rule?.into(), ports, why: why?.1.into(), until, place: report.place(table.at).0 })
}

fn read_rule<'v>(table: &Table<'v, '_>, report: &mut Report<'_>) -> Option<&'v str> {
    if table.get(RULE).is_none() {
        report.missing(
            table.at,
            text!("this waiver names no rule", "この容認(waive)には rule がありません"),
            text!(
                "add rule = \"…\" with the name that `portreeve audit` prints",
                "`portreeve audit` に出るルール名を rule = \"…\" のように書き足してください"
            ),
        );
        return None;
    }
    let (at, name) = table.string(RULE, report)?;
    if rules::find(name).is_none() {
        let guess = report.guess(name, rules::all().map(|rule| rule.name));
        let guess = guess.map(|guess| alloc::format!("\"{guess}\""));
        let name = clip(name);
        report.wrong(
            at,
            text!("no rule is called `{name}`", "`{name}` というルールはありません"),
            did_you_mean(
                guess.as_deref(),
                text!(
                    "copy the name that `portreeve audit` prints",
                    "`portreeve audit` に出るルール名を書いてください"
                ),
            ),
        );
    }
    Some(name)
}

/// A waiver's last day, as TOML's own date or as text.
fn read_until(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<Date> {
    let value = table.get(UNTIL)?;
    let date = match value.content() {
        Content::Text(written) => written_date(written),
        Content::Date(written) => written_date(written),
        _ => None,
    };
    if date.is_none() {
        refuse_date(value.at(), report);
    }
    date
}

/// RFC 3339 full-date and nothing more.
fn written_date(text: &str) -> Option<Date> {
    let shape = |(index, byte): (usize, u8)| {
        if index == 4 || index == 7 { byte == b'-' } else { byte.is_ascii_digit() }
    };
    (text.len() == 10 && text.bytes().enumerate().all(shape)).then(|| text.parse().ok()).flatten()
}

fn refuse_date(at: Mark, report: &mut Report<'_>) {
    let written = clip(report.written(at));
    report.wrong(
        at,
        text!("{written} is not a day of the calendar", "{written} は存在しない日付です"),
        text!("write it like until = \"2027-06-30\"", "until = \"2027-06-30\" のように書いてください"),
    );
}
