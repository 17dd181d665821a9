//! Reads where the logs of services are (A19).

use alloc::{format, vec::Vec};

use super::super::{
    lines::Mark,
    owner,
    report::{Report, clip, did_you_mean},
    value::{Key, Table, is_too_long, refuse_kind},
};
use crate::{
    policy::{LogChoice, LogPlace, Service},
    text,
    words::Words,
};

const SERVICE: Key = Key { name: "service", example: "service = \"ssh\"" };
const FILE: Key = Key { name: "file", example: "file = \"/var/log/auth.log\"" };
const UNIT: Key = Key { name: "unit", example: "unit = \"dovecot.service\"" };

/// The keys of one.
pub(in crate::policy::parse) const KEYS: &[Key] = &[SERVICE, FILE, UNIT];

/// Longer than any path that can be opened (PATH_MAX, path_resolution(7)).
const PATH_BYTES_MAX: usize = 4_095;
const TABLES: Words =
    Words { en: "a table or a list of tables", ja: "テーブルかテーブルのリスト" };

/// Reads them, and puts where each names its service into `places`.
pub(super) fn read(
    table: &Table<'_, '_>,
    key: Key,
    places: &mut Vec<Mark>,
    report: &mut Report<'_>,
) -> Vec<LogChoice> {
    let Some(value) = table.get(key) else { return Vec::new() };
    if is_too_long(value, key, report) {
        return Vec::new();
    }
    let mut logs = Vec::new();
    for item in value.items() {
        if !item.is_table() {
            refuse_kind(item.at(), key, TABLES, item, report);
            continue;
        }
        if let Some((at, log)) = one(&Table { entries: item, at: item.at() }, report) {
            logs.push(log);
            places.push(at);
        }
    }
    logs
}

/// Refuses those of services that are none of `services`.
pub(in crate::policy::parse) fn check<'l>(
    logs: impl Iterator<Item = (&'l LogChoice, &'l Mark)>,
    services: &[Service],
    report: &mut Report<'_>,
) {
    let names = || services.iter().map(|service| service.name.as_str());
    for (log, &at) in logs.filter(|(log, _)| !names().any(|name| name == log.service)) {
        let guess = report.guess(&log.service, names());
        let guess = guess.map(|guess| format!("\"{guess}\""));
        let name = clip(&log.service);
        report.unknown(
            at,
            text!("no service is called `{name}`", "`{name}` というサービスはありません"),
            did_you_mean(
                guess.as_deref(),
                text!(
                    "name a service of this policy",
                    "この policy で定義したサービスの名前を書いてください"
                ),
            ),
        );
    }
}

fn one(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<(Mark, LogChoice)> {
    table.refuse_unknown(KEYS, report);
    let (file, unit) = (table.string(FILE, report), table.string(UNIT, report));
    let place = match (file, unit) {
        (Some((at, path)), None) => file_at(at, path, report),
        (None, Some((at, name))) => unit_of(at, name, report),
        _ => {
            report.missing(
                table.at,
                text!(
                    "a log is in one place: `file` or `unit`",
                    "ログの場所は `file` と `unit` のどちらか 1 つです"
                ),
                text!(
                    "write it like {{ service = \"ssh\", file = \"/var/log/auth.log\" }}",
                    "{{ service = \"ssh\", file = \"/var/log/auth.log\" }} のように書いてください"
                ),
            );
            None
        }
    };
    if table.get(SERVICE).is_none() {
        report.missing(
            table.at,
            text!("this log names no service", "このログには service がありません"),
            text!("add service = \"ssh\"", "service = \"ssh\" のように書き足してください"),
        );
    }
    let (at, service) = table.string(SERVICE, report)?;
    Some((at, LogChoice { service: service.into(), place: place? }))
}

fn file_at(at: Mark, path: &str, report: &mut Report<'_>) -> Option<LogPlace> {
    let names_a_file = path.starts_with('/') && !path.ends_with('/');
    let can_be = path.len() <= PATH_BYTES_MAX && !path.contains('\0');
    if names_a_file && can_be {
        doubt_errors(at, path, report);
        return Some(LogPlace::File(path.into()));
    }
    let path = clip(path);
    report.wrong(
        at,
        text!("`{path}` is no absolute path of a file", "`{path}` はファイルの絶対パスではありません"),
        text!("write it like \"/var/log/auth.log\"", "\"/var/log/auth.log\" のように書いてください"),
    );
    None
}

/// A name is no proof of what is in a file, so it is a warning.
fn doubt_errors(at: Mark, path: &str, report: &mut Report<'_>) {
    if path.contains("nginx") && path.ends_with("error.log") {
        report.doubt(
            at,
            text!(
                "no line of nginx's errors counts, since anybody can have it write some",
                "nginx のエラーログの行は、誰でも書き込ませることができるため判定しません"
            ),
            text!(
                "name its log of requests, like \"/var/log/nginx/access.log\"",
                "\"/var/log/nginx/access.log\" のようにアクセスログを指定してください"
            ),
        );
    }
}

fn unit_of(at: Mark, name: &str, report: &mut Report<'_>) -> Option<LogPlace> {
    match owner::of(UNIT.name, name) {
        Ok(_) => Some(LogPlace::Unit(name.into())),
        Err((text, fix)) => {
            report.wrong(at, text, fix);
            None
        }
    }
}
