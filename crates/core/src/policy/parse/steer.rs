//! Reads whether packets for a service are led to its socket, and what becomes of them while it has none (A5, A12).

use super::{
    report::{Report, clip},
    tree::{Content, Value},
    value::{Key, Table, refuse_kind},
};
use crate::{
    steer::{Steering, WhenDead},
    text,
    words::Words,
};

const WHEN_DEAD: Key = Key { name: "when_dead", example: "steer = { when_dead = \"refuse\" }" };
const LOCAL: Key = Key { name: "local", example: "local = true" };
const TARGET_PORT: Key = Key { name: "target_port", example: "target_port = 8080" };

/// The keys of the table.
pub(super) const KEYS: &[Key] = &[WHEN_DEAD, LOCAL, TARGET_PORT];

/// The words that a person may write.
const WORDS: [(&str, WhenDead); 2] = [("refuse", WhenDead::Refuse), ("pass", WhenDead::Pass)];

/// Reads it, where the service says it.
pub(super) fn read(table: &Table<'_, '_>, key: Key, report: &mut Report<'_>) -> Option<Steering> {
    let value = table.get(key)?;
    if !matches!(value.content(), Content::Table(_)) {
        let wanted = Words { en: "a table", ja: "テーブル" };
        refuse_kind(value.at(), key, wanted, value, report);
        return None;
    }
    let own = Table { entries: value, at: value.at() };
    own.refuse_unknown(KEYS, report);
    let local = match own.get(LOCAL) {
        Some(_) => own.boolean(LOCAL, report)?.1,
        None => false,
    };
    let target_port = match own.get(TARGET_PORT) {
        Some(value) => Some(port(value, report)?),
        None => None,
    };
    let steering = Steering { local, target_port, ..WhenDead::Refuse.into() };
    if own.get(WHEN_DEAD).is_none() {
        return Some(steering);
    }
    let odd = |written: &str| {
        text!(
            "`{written}` is no answer for a service that is gone",
            "when_dead に `{written}` とは書けません"
        )
    };
    let fix = text!(
        "write \"refuse\" (whoever asks is told at once) or \"pass\" (whoever has bound the port gets it)",
        "\"refuse\"(直ちに拒否を返す)か \"pass\"(そのポートを bind しているプログラムに渡す)と書いてください"
    );
    own.one_of(WHEN_DEAD, WORDS, odd, fix, report).map(|(_, when_dead)| Steering { when_dead, ..steering })
}

/// The number of one port.
fn port(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<u16> {
    let Content::Integer(written) = value.content() else {
        refuse_kind(value.at(), TARGET_PORT, Words { en: "a whole number", ja: "整数" }, value, report);
        return None;
    };
    let port = written.parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        let written = clip(written);
        report.wrong(
            value.at(),
            text!("`{written}` is no port", "`{written}` はポート番号ではありません"),
            text!("write 1 to 65535", "1~65535 の数値を書いてください"),
        );
    }
    port
}
