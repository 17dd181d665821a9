//! Reads what the watch does with whom it suspects, and where the logs are (A14, A19).

mod log;

use alloc::vec::Vec;

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::{
    address,
    lines::Mark,
    report::{Report, clip},
    tree::Content,
    value::{Key, Table, refuse_kind},
};
use crate::{
    policy::{WatchChoice, WatchMode},
    text,
    watch::BLOCK_LONGEST,
    words::Words,
};

const MODE: Key = Key { name: "mode", example: "mode = \"block\"" };
const ALLOW: Key = Key { name: "allow", example: "allow = [\"203.0.113.0/24\"]" };
const BLOCK_FOR: Key = Key { name: "block_for", example: "block_for = \"1h\"" };
const MOST: Key = Key { name: "blocks_per_minute_max", example: "blocks_per_minute_max = 30" };
const UNPROVEN: Key = Key { name: "block_unproven", example: "block_unproven = true" };
const SESSIONS: Key = Key { name: "end_sessions", example: "end_sessions = true" };
const LOG: Key = Key { name: "log", example: "log = [{ service = \"ssh\", file = \"/var/log/auth.log\" }]" };

/// The keys of the section.
pub(super) const KEYS: &[Key] = &[MODE, ALLOW, BLOCK_FOR, MOST, UNPROVEN, SESSIONS, LOG];
#[cfg(test)]
pub(super) use self::log::KEYS as KEYS_OF_LOG;
pub(super) use self::log::check;

/// The words that a person may write.
const MODES: [(&str, WatchMode); 2] = [("observe", WatchMode::Observe), ("block", WatchMode::Block)];
/// Whoever is blocked for less comes back before anybody has read of it.
const SHORTEST: SignedDuration = SignedDuration::from_secs(10);
/// More in a minute no person could follow.
const MOST_MAX: u32 = 10_000;

/// Reads the section, and puts where each log names its service into `places`; what is wrong is as if it were not there.
pub(super) fn read(table: &Table<'_, '_>, places: &mut Vec<Mark>, report: &mut Report<'_>) -> WatchChoice {
    table.refuse_unknown(KEYS, report);
    let usual = WatchChoice::default();
    let mode = mode(table, report).unwrap_or(usual.mode);
    WatchChoice {
        mode,
        allow: address::networks(&table.strings(ALLOW, report), report),
        block_for: block_for(table, report).unwrap_or(usual.block_for),
        blocks_per_minute_max: most(table, report).unwrap_or(usual.blocks_per_minute_max),
        block_unproven: unproven(table, mode, report),
        end_sessions: end_sessions(table, mode, report),
        log: log::read(table, LOG, places, report),
    }
}

fn mode(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<WatchMode> {
    let odd =
        |written: &str| text!("`{written}` is no mode of the watch", "mode に `{written}` とは書けません");
    let fix = text!(
        "write \"observe\" (it tells) or \"block\" (the gate keeps proven sources out)",
        "\"observe\"(知らせるだけ)か \"block\"(実在が確認できた送信元をゲートで遮断する)と書いてください"
    );
    table.one_of(MODE, MODES, odd, fix, report).map(|(_, mode)| mode)
}

fn block_for(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<SignedDuration> {
    let (at, written) = table.string(BLOCK_FOR, report)?;
    let length = written.parse::<Span>().ok();
    let length = length.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    let length = length.filter(|length| (SHORTEST..=BLOCK_LONGEST).contains(length));
    if length.is_none() {
        let written = clip(written);
        report.wrong(
            at,
            text!(
                "`{written}` is no time for which somebody can be blocked",
                "遮断する時間として `{written}` とは書けません"
            ),
            text!(
                "write it like \"1h\" or \"30m\": from 10 s to 7 days",
                "\"1h\"、\"30m\" のように、10 秒から 7 日の範囲で書いてください"
            ),
        );
    }
    length
}

fn most(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<u32> {
    let value = table.get(MOST)?;
    let Content::Integer(written) = value.content() else {
        let wanted = Words { en: "a number", ja: "数値" };
        refuse_kind(value.at(), MOST, wanted, value, report);
        return None;
    };
    let most = written.parse::<u32>().ok().filter(|most| (1..=MOST_MAX).contains(most));
    if most.is_none() {
        let written = clip(written);
        report.wrong(
            value.at(),
            text!(
                "{written} is no number of blocks in a minute",
                "1 分間の遮断件数に {written} とは書けません"
            ),
            text!(
                "write 1 to {MOST_MAX}; where nobody is to be blocked: mode = \"observe\"",
                "1 から {MOST_MAX} の範囲で書いてください。遮断しない場合は mode = \"observe\" です"
            ),
        );
    }
    most
}

fn unproven(table: &Table<'_, '_>, mode: WatchMode, report: &mut Report<'_>) -> bool {
    let Some((at, is_blocked)) = table.boolean(UNPROVEN, report) else { return false };
    if is_blocked {
        report.doubt(
            at,
            text!(
                "whoever sends packets in another's name gets that other blocked",
                "送信元を偽装すれば、誰でも第三者のアドレスを遮断させることができます"
            ),
            text!(
                "leave it out: whoever probes for real is proven soon",
                "この行を削除してください。実在する相手はすぐに確認できます"
            ),
        );
    }
    is_blocked && mode == WatchMode::Block
}

/// Where nobody is blocked nobody's sessions are ended either, which whoever asks for it may not mean.
fn end_sessions(table: &Table<'_, '_>, mode: WatchMode, report: &mut Report<'_>) -> bool {
    let Some((at, are_ended)) = table.boolean(SESSIONS, report) else { return false };
    if are_ended && mode == WatchMode::Observe {
        report.doubt(
            at,
            text!(
                "nobody's sessions are ended where nobody is blocked",
                "遮断しない設定では、セッションも終了しません"
            ),
            text!(
                "mode = \"block\" beside it, or leave it out",
                "mode = \"block\" も書くか、この行を削除してください"
            ),
        );
    }
    are_ended && mode == WatchMode::Block
}

#[cfg(test)]
mod tests;
