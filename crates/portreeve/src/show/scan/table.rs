//! What a scan saw, as a table with its findings.

use portreeve_core::{
    exposure::Reached,
    finding::Finding,
    outside::{Beside, Ended, Outcome, Seen as Look},
    port::Protocol,
    text,
    words::{Lang, Text, Words},
};

use super::{Seen, announced::thousands, lost};
use crate::{
    failure::Failure,
    show::{
        gaps, next,
        out::{Out, Paint},
        severity::{mark, paint},
        table::{Cell, Column, Fit, Table},
    },
};

const PORT: Column = Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole };
const SEEN: Column = Column { head: Words { en: "SEEN", ja: "見え方" }, fit: Fit::Whole };
const SAID: Column = Column { head: Words { en: "SAID", ja: "判定" }, fit: Fit::Whole };
const DECLARED: Column = Column { head: Words { en: "DECLARED", ja: "宣言" }, fit: Fit::Whole };
const FOUND: Column = Column { head: Words { en: "", ja: "" }, fit: Fit::Cut };
const NONE: &str = "–";
/// More than this is worth a word.
const LOST_TOLD: f64 = 0.05;

/// Prints it.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(seen: &Seen<'_>, out: &mut Out) -> Result<(), Failure> {
    out.sentences(summary(*seen).in_lang(out.lang))?;
    let table = table(*seen, out.lang);
    if !table.is_empty() {
        out.table(&table)?;
    }
    for finding in seen.findings.iter().filter(|finding| finding.waived.is_none()) {
        out.sentences(&line(finding, out.lang))?;
    }
    for note in notes(*seen) {
        out.sentences(note.in_lang(out.lang))?;
    }
    seen.gaps.iter().try_for_each(|gap| out.sentences(&gaps::line(gap, out.lang)))?;
    let worst = seen.findings.iter().find(|finding| finding.waived.is_none());
    let explained = worst.map(|finding| format!("portreeve explain {}", finding.rule));
    let typed = worst.into_iter().flat_map(|finding| finding.commands.iter().cloned());
    next::print(&typed.chain(explained).collect::<Vec<_>>(), out)
}

fn summary(seen: Seen<'_>) -> Text {
    let counts = Look::ALL.map(|look| (seen.count(look), words(look)));
    let counts = || counts.iter().filter(|(count, _)| *count > 0);
    let number = |count: usize| thousands(u64::try_from(count).unwrap_or(u64::MAX));
    let en: Vec<_> = counts().map(|(count, words)| format!("{} {}", number(*count), words.en)).collect();
    let ja: Vec<_> = counts().map(|(count, words)| format!("{} {}", words.ja, number(*count))).collect();
    Text { en: en.join(", "), ja: ja.join("、") }
}

fn table(seen: Seen<'_>, lang: Lang) -> Table {
    let mut table = Table::new(&[PORT, SEEN, SAID, DECLARED, FOUND], 2);
    for it in seen.told() {
        let found =
            seen.findings.iter().find(|found| found.waived.is_none() && found.ports == Some(it.spec()));
        table.push_row(vec![
            it.spec().to_string().into(),
            looked(it, seen, lang),
            said(it.said).in_lang(lang).into(),
            it.declared.as_deref().unwrap_or(NONE).into(),
            found.map_or_else(Cell::default, |found| {
                Cell::painted(&format!("{} {}", mark(found.severity), found.rule), paint(found.severity))
            }),
        ]);
    }
    table
}

fn looked(it: &Beside, seen: Seen<'_>, lang: Lang) -> Cell {
    let word = words(it.glimpse.seen).in_lang(lang);
    match it.glimpse.by {
        Some(_) if seen.is_by_itself(it) => {
            text!("{word} by this host itself", "{word}(このホスト自身)").in_lang(lang).into()
        }
        Some(by) => text!("{word} by {by}", "{word}({by})").in_lang(lang).into(),
        None if it.glimpse.seen == Look::Open => Cell::painted(word, Paint::Bold),
        None => word.into(),
    }
}

const fn words(look: Look) -> Words {
    match look {
        Look::Open => Words { en: "open", ja: "開" },
        Look::Closed => Words { en: "closed", ja: "閉" },
        Look::Filtered => Words { en: "filtered", ja: "遮断" },
        Look::Silent => Words { en: "silent", ja: "応答なし" },
    }
}

const fn said(reached: Reached) -> Words {
    match reached {
        Reached::Reachable => Words { en: "reachable", ja: "到達可" },
        Reached::Partly => Words { en: "partly", ja: "一部到達可" },
        Reached::Dropped => Words { en: "dropped", ja: "破棄" },
        Reached::Rejected => Words { en: "rejected", ja: "拒否" },
        Reached::Unknown => Words { en: "unknown", ja: "判定不能" },
    }
}

fn line(finding: &Finding, lang: Lang) -> String {
    let Finding { severity, rule, .. } = finding;
    format!("{} {rule}: {}", mark(*severity), crate::show::escape::visible(finding.text.in_lang(lang)))
}

/// What else a reader should know.
fn notes(seen: Seen<'_>) -> Vec<Text> {
    let Seen { outcome, .. } = seen;
    let unasked = thousands(u64::try_from(outcome.unasked).unwrap_or(u64::MAX));
    let missing = missing(outcome, &unasked);
    let ended = match outcome.ended {
        Ended::Whole => None,
        Ended::Stopped => {
            let (en, ja) = (&missing.en, &missing.ja);
            Some(text!("Stopped: {en}.", "中断しました。{ja}。"))
        }
        Ended::Expired => {
            let (en, ja) = (&missing.en, &missing.ja);
            Some(text!(
                "The target consents no more, or does not confirm it: {en}.",
                "対象による許可が終了したか、確認できなくなりました。{ja}。"
            ))
        }
        Ended::Vanished => Some(text!(
            "The target answered at first and then no more: it went away, or something began to block this host. {unasked} ports were not asked.",
            "対象が途中から応答しなくなりました。停止したか、何かがこのホストを遮断し始めた可能性があります。{unasked} ポートは未確認です。"
        )),
        Ended::Cut => Some(text!(
            "This host lost its way to the target: its route, interface or own address is gone, or leads elsewhere (ip route get). {unasked} ports were not asked.",
            "このホストから対象への経路、インターフェース、または自分のアドレスがなくなったか、変わりました(ip route get で確認)。{unasked} ポートは未確認です。"
        )),
    };
    let everything = outcome.opens_everything.then(|| {
        text!(
            "Every port that chance named is open: a SYN proxy or a tarpit answers for all of them, and nothing is told of services.",
            "無作為に選んだポートがすべて開いています。SYN プロキシかタールピットがまとめて応答しており、サービスの有無は分かりません。"
        )
    });
    let unknown = (!seen.is_known).then(|| {
        text!(
            "What is said of the target is unknown here; give a snapshot of it: --against host.json",
            "対象での判定は分かりません。対象のスナップショットを指定してください: --against host.json"
        )
    });
    let notes = ended.into_iter().chain(everything).chain(loss(outcome));
    notes.chain(hushed(seen)).chain(unknown).collect()
}

/// What somebody who ended it early does not know.
fn missing(outcome: &Outcome, unasked: &str) -> Text {
    match outcome.unasked {
        0 => text!(
            "each port was asked, and silent ones not as often as it takes",
            "すべてのポートを 1 回以上確認しましたが、応答なしのポートの確認回数は十分ではありません"
        ),
        1 => text!(
            "1 port was not asked, and silent ones not as often as it takes",
            "1 ポートは未確認です。応答なしのポートの確認回数も十分ではありません"
        ),
        _ => text!(
            "{unasked} ports were not asked, and silent ones not as often as it takes",
            "{unasked} ポートは未確認です。応答なしのポートの確認回数も十分ではありません"
        ),
    }
}

/// What silence of UDP is worth.
fn hushed(seen: Seen<'_>) -> Option<Text> {
    let is_hushed = |it: &Beside| it.protocol == Protocol::Udp && it.glimpse.seen == Look::Silent;
    seen.rows.iter().any(is_hushed).then(|| {
        text!(
            "A silent port of UDP may be open: not every service answers whoever asks, and none answers for syslog, which is not asked.",
            "応答のない UDP ポートは、開いているかもしれません。問い合わせに応答しないサービスもあり、syslog には何も送信しません。"
        )
    })
}

fn loss(outcome: &Outcome) -> Option<Text> {
    let part = lost(outcome).filter(|part| *part > LOST_TOLD)?;
    let percent = format!("{:.0}", part * 100.0);
    Some(text!(
        "About {percent} % of the packets were lost, or the target limits how often it answers: a silent port may be closed, or open.",
        "パケットの約 {percent} % が失われました。または対象が応答の頻度を制限しています。応答なしのポートも、実際には閉じているか、開いているかもしれません。"
    ))
}
