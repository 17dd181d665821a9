//! Reads how the ports of a service are kept for its owners (A24).

use super::{
    report::Report,
    value::{Key, Table},
};
use crate::{guard::Mode, policy::Guarding, text};

/// The words that a person may write.
const WORDS: [(&str, Guarding); 3] = [
    ("enforce", Guarding::Kept(Mode::Enforce)),
    ("observe", Guarding::Kept(Mode::Observe)),
    ("off", Guarding::Off),
];

/// Reads it, where the service says it.
pub(super) fn read(table: &Table<'_, '_>, key: Key, report: &mut Report<'_>) -> Option<Guarding> {
    let odd = |written: &str| {
        text!("nothing is guarded by `{written}`", "`{written}` というガードの方法はありません")
    };
    let fix = text!(
        "write \"enforce\" (strangers are refused), \"observe\" (they are written down) or \"off\"",
        "\"enforce\"(所有者以外を拒否する)、\"observe\"(記録だけする)、\"off\" のいずれかを書いてください"
    );
    table.one_of(key, WORDS, odd, fix, report).map(|(_, guarding)| guarding)
}
