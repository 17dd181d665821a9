//! Reads what is told of an audit that runs by itself, and whom (A17, A20).

use alloc::{string::String, vec::Vec};

use super::{
    lines::Mark,
    report::{Report, clip},
    value::{Key, Table},
};
use crate::text;

const COMMAND: Key = Key { name: "command", example: "command = [\"/usr/sbin/sendmail\", \"root\"]" };

const ADVISORIES: Key = Key { name: "advisories", example: "advisories = \"/var/lib/osv\"" };

/// The keys of the section.
pub(super) const KEYS: &[Key] = &[COMMAND, ADVISORIES];

/// Arguments of a command, itself among them.
const WORDS_MAX: usize = 64;

/// What is said of audits.
#[derive(Debug, Default)]
pub(super) struct Audits {
    /// The command that is told; none where nobody is, or where it cannot be one.
    pub(super) command: Vec<String>,
    /// Where the advisories are that packages are judged by, and where that is written.
    pub(super) advisories: Option<(Mark, String)>,
}

/// Reads the section.
pub(super) fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> Audits {
    table.refuse_unknown(KEYS, report);
    Audits { command: command(table, report), advisories: advisories(table, report) }
}

fn advisories(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<(Mark, String)> {
    let (at, written) = table.string(ADVISORIES, report)?;
    if written.starts_with('/') && !written.contains('\0') {
        return Some((at, written.into()));
    }
    let clipped: String = clip(written);
    report.wrong(
        at,
        text!("`{clipped}` is not an absolute path", "`{clipped}` は絶対パスではありません"),
        text!("write it like \"/var/lib/osv\"", "\"/var/lib/osv\" のように書いてください"),
    );
    None
}

fn command(table: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<String> {
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
