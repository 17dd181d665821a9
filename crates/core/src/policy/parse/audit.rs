//! Reads what is told of an audit that runs by itself, and whom (A17, A20).

use alloc::{string::String, vec::Vec};

use super::{
    report::Report,
    value::{Key, Table},
};
use crate::text;

const COMMAND: Key = Key { name: "command", example: "command = [\"/usr/sbin/sendmail\", \"root\"]" };

/// The keys of the section.
pub(super) const KEYS: &[Key] = &[COMMAND];

/// Arguments of a command, itself among them.
const WORDS_MAX: usize = 64;

/// Reads the command that is told; none where nobody is, or where it cannot be one.
pub(super) fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<String> {
    table.refuse_unknown(KEYS, report);
    let words = table.strings(COMMAND, report);
    let Some((at, program)) = words.first().copied() else { return Vec::new() };
    if !program.starts_with('/') {
        report.wrong(
            at,
            text!(
                "the program of `command` is not an absolute path",
                "`command` のプログラムが絶対パスではありません"
            ),
            text!(
                "write it with its arguments, each by itself: [\"/usr/sbin/sendmail\", \"root\"]; no shell reads it",
                "[\"/usr/sbin/sendmail\", \"root\"] のように、引数を分けて書いてください(シェルは使われません)"
            ),
        );
    }
    if let Some((at, _)) = words.get(WORDS_MAX) {
        report.wrong(
            *at,
            text!(
                "`command` has more than {WORDS_MAX} words",
                "`command` の語数が {WORDS_MAX} を超えています"
            ),
            text!("put them into a script", "スクリプトにまとめてください"),
        );
    }
    if let Some((at, _)) = words.iter().find(|(_, word)| word.contains('\0')) {
        report.wrong(
            *at,
            text!("an argument cannot hold a NUL", "引数に NUL は使えません"),
            text!("leave it out", "取り除いてください"),
        );
    }
    words.into_iter().map(|(_, word)| word.into()).collect()
}
