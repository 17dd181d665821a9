//! Reads what becomes of packets that are not let in (A15, A16).

use super::{
    lines::Mark,
    report::{Report, clip, did_you_mean},
    value::{Key, Table},
};
use crate::{gate::Refusal, text};

/// The key, which stands beside `version`.
pub(super) const REFUSE: Key = Key { name: "refuse", example: "refuse = \"reject\"" };

/// The words that a person may write.
const WORDS: [(&str, Refusal); 2] = [("drop", Refusal::Drop), ("reject", Refusal::Reject)];

/// Reads it, where the file says it, with the place where it does.
pub(super) fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<(Mark, Refusal)> {
    let (at, written) = table.string(REFUSE, report)?;
    if let Some((_, refusal)) = WORDS.iter().find(|(word, _)| *word == written) {
        return Some((at, *refusal));
    }
    let guess = report.guess(written, WORDS.map(|(word, _)| word));
    let guess = guess.map(|guess| alloc::format!("\"{guess}\""));
    let written = clip(written);
    report.wrong(
        at,
        text!("nothing is refused by `{written}`", "`{written}` という遮断の方法はありません"),
        did_you_mean(
            guess.as_deref(),
            text!(
                "write \"drop\" (the sender hears nothing) or \"reject\" (he is told)",
                "\"drop\"(応答しない)か \"reject\"(拒否を通知する)と書いてください"
            ),
        ),
    );
    None
}
