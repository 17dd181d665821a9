//! Whether somebody watches, and how that goes, for a person and as JSON (A19, A20, A26).

use jiff::Timestamp;
use portreeve_core::{
    text,
    words::{Text, Words},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    commands::watch::{
        pulse::{HeardFrom, Pulse, Runs},
        told::Told,
    },
    failure::Failure,
    show::{age::ago, escape::visible, out::Out},
};

/// The layout of the document.
const VERSION: u32 = 1;

/// The answer of `watch status`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "WatchStatus")]
pub(crate) struct StatusView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Whether somebody watches.
    runs: bool,
    /// When the watch said last how it is, RFC 3339, UTC; null where nobody ever watched.
    at: Option<String>,
    /// How it was then; null where nobody ever watched, or the one who runs has not said so yet.
    pulse: Option<&'a Pulse>,
    /// The services of which it reads no log, or understands no line of it, though they write one.
    unread: &'a [String],
    /// How many suspicions are kept.
    suspicions: usize,
}

/// The same for a program.
pub(crate) fn document(told: &Told, runs: Runs) -> StatusView<'_> {
    let is_known = told.is_of_somebody();
    StatusView {
        version: VERSION,
        runs: runs != Runs::No,
        at: is_known.then(|| told.at.to_string()),
        pulse: (is_known && !matches!(runs, Runs::Silent(_))).then_some(&told.pulse),
        unread: &told.unread,
        suspicions: told.all.len(),
    }
}

/// Tells it to a person.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(told: &Told, runs: Runs, now: Timestamp, out: &mut Out) -> Result<(), Failure> {
    out.sentences(first(told, runs, now).in_lang(out.lang))?;
    if !told.is_of_somebody() || matches!(runs, Runs::Silent(_)) {
        return Ok(());
    }
    if runs.is_late(told.at, now) {
        out.sentences(late(told.at).in_lang(out.lang))?;
    }
    let lines = [heard(&told.pulse), read(told), remembered(told)];
    lines.iter().try_for_each(|line| out.line(visible(line.in_lang(out.lang)).as_ref()))
}

/// What was found since is not here.
pub(super) fn late(at: Timestamp) -> Text {
    let at = at.strftime("%Y-%m-%d %H:%M:%S");
    text!(
        "The watch could not write down what it has found since {at}: that is missing here.",
        "{at} 以降の監視の記録を書き込めていないため、その後の内容は含まれていません。"
    )
}

fn first(told: &Told, runs: Runs, now: Timestamp) -> Text {
    let Pulse { pid, since, mode, .. } = &told.pulse;
    let Text { en, ja } = ago(told.at, now);
    if let Runs::Silent(pid) = runs {
        return text!(
            "A watch runs (pid {pid}), and has not said yet how it is.",
            "監視中です(pid {pid})。状況はまだ記録されていません。"
        );
    }
    if runs == Runs::Yes {
        let since = since.strftime("%Y-%m-%d %H:%M:%S");
        return text!(
            "The watch runs since {since} (pid {pid}, mode {mode}); as of {en}:",
            "{since} から監視しています(pid {pid}、mode {mode})。{ja}の状況:"
        );
    }
    if told.is_of_somebody() {
        text!("Nobody watches. The last watch, {en}:", "監視は動作していません。最後の監視({ja})の状況:")
    } else {
        text!("Nobody watches, and nobody ever did.", "監視は動作しておらず、記録もありません。")
    }
}

fn heard(pulse: &Pulse) -> Text {
    let Pulse { events, events_per_second, lag_ms, lost, packets, .. } = pulse;
    let Words { en, ja } = heard_from(*packets);
    text!(
        "events ({en}): {events}, {events_per_second} a second of late, heard after {lag_ms} ms at most, {lost} lost",
        "イベント({ja}): {events} 件(最近は毎秒 {events_per_second} 件、遅れは最大 {lag_ms} ms、取りこぼし {lost} 件)"
    )
}

const fn heard_from(packets: HeardFrom) -> Words {
    match packets {
        HeardFrom::Kernel => Words { en: "told by the kernel", ja: "カーネルから取得" },
        HeardFrom::Gate => Words { en: "told by the gate", ja: "ゲートから取得" },
        HeardFrom::Nobody => {
            Words { en: "nobody tells of packets", ja: "パケットの情報は取得できません" }
        }
    }
}

fn read(told: &Told) -> Text {
    let Pulse { attempts, ambiguous, lost_of_logs, .. } = told.pulse;
    let unread = told.unread.join(", ");
    let (en, ja) = if unread.is_empty() {
        (String::new(), String::new())
    } else {
        (format!("; no log of {unread} can be read"), format!("。読み取れないサービス: {unread}"))
    };
    text!(
        "lines of logs: {attempts} tell of somebody, {ambiguous} could be read two ways, {lost_of_logs} pieces lost{en}",
        "ログ: 相手の分かる行 {attempts}、複数の解釈ができる行 {ambiguous}、取りこぼし {lost_of_logs} か所{ja}"
    )
}

fn remembered(told: &Told) -> Text {
    let Pulse { sources, sources_max, .. } = told.pulse;
    let count = told.all.len();
    text!(
        "sources: {sources} remembered, of {sources_max} at most; suspicions kept: {count}",
        "送信元: {sources} 個を記憶(上限 {sources_max})、疑いの記録 {count} 件"
    )
}
