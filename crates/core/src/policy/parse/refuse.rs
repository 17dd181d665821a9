//! Reads what becomes of packets that are not let in (A15, A16).

use super::{
    lines::Mark,
    report::Report,
    value::{Key, Table},
};
use crate::{gate::Refusal, text};

/// The key, which stands beside `version`.
pub(super) const REFUSE: Key = Key { name: "refuse", example: "refuse = \"reject\"" };

/// The words that a person may write.
const WORDS: [(&str, Refusal); 2] = [("drop", Refusal::Drop), ("reject", Refusal::Reject)];

/// Reads it, where the file says it, with the place where it does.
pub(super) fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<(Mark, Refusal)> {
    let odd = |written: &str| {
        text!("nothing is refused by `{written}`", "`{written}` という遮断の方法はありません")
    };
    let fix = text!(
        "write \"drop\" (the sender hears nothing) or \"reject\" (he is told)",
        "\"drop\"(応答しない)か \"reject\"(拒否を通知する)と書いてください"
    );
    table.one_of(REFUSE, WORDS, odd, fix, report)
}
