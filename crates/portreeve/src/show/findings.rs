//! Findings for a person: what is wrong, then what to do, then how much was looked at (A26).

use portreeve_core::{
    finding::{Finding, Severity},
    text,
    words::{Lang, Text, Words, inflect},
};
use unicode_width::UnicodeWidthStr;

use super::{
    escape::visible,
    gaps,
    out::painted,
    severity::{mark, paint},
    table::{SPACING, pad},
    wrap::{append_whole, wrap},
};
use crate::{
    judgement::{Gone, Judgement},
    settings::Colour,
};

const HINT: Words = Words { en: "hint:", ja: "直し方:" };
const NO_PORT: &str = "-";

/// The whole report.
pub(crate) fn report(judgement: &Judgement<'_>, lang: Lang, colour: Colour, width: Option<usize>) -> String {
    let rows: Vec<_> = judgement.counted().map(|finding| Row::of(finding, lang)).collect();
    let widths = [0, 1, 2].map(|column| widest(&rows, column));
    let mut report: String = rows.iter().map(|row| row.lines(widths, lang, colour, width)).collect();
    report += &gone(judgement, lang, width);
    let summary = summary(judgement).in_lang(lang).to_owned();
    for line in [summary].into_iter().chain(judgement.gaps.iter().map(|gap| gaps::line(gap, lang))) {
        report += &wrap(&line, width, 0);
        report.push('\n');
    }
    report
}

/// What is gone since the last audit, a line each.
fn gone(judgement: &Judgement<'_>, lang: Lang, width: Option<usize>) -> String {
    const GONE: Words = Words { en: "✓ gone", ja: "✓ 解消" };
    let gone = judgement.known.iter().flat_map(|known| &known.gone);
    let lines = gone.map(|Gone { rule, ports, address, service }| {
        let words = [ports, address, service].into_iter().flatten().map(String::as_str);
        let about: Vec<_> = [GONE.in_lang(lang), rule.as_str()].into_iter().chain(words).collect();
        wrap(&visible(&about.join(SPACING)), width, 0) + "\n"
    });
    lines.collect()
}

/// A finding as cells: severity, port, rule; then its sentences.
struct Row {
    severity: Severity,
    cells: [String; 3],
    text: String,
    fix: String,
    commands: Vec<String>,
}

impl Row {
    fn of(finding: &Finding, lang: Lang) -> Self {
        let severity = finding.severity;
        Self {
            severity,
            cells: [
                format!("{} {}", mark(severity), severity.words().in_lang(lang)),
                finding.ports.map_or_else(|| NO_PORT.into(), |ports| ports.to_string()),
                finding.rule.into(),
            ],
            text: visible(finding.text.in_lang(lang)).into_owned(),
            fix: visible(finding.fix.in_lang(lang)).into_owned(),
            commands: finding.commands.iter().map(|command| visible(command).into_owned()).collect(),
        }
    }

    fn lines(&self, widths: [usize; 3], lang: Lang, colour: Colour, width: Option<usize>) -> String {
        let [severity, port, rule] = [0, 1, 2].map(|column| pad(&self.cells[column], widths[column]));
        let severity = painted(&severity, Some(paint(self.severity)), colour);
        let indent = widths[0] + SPACING.len();
        let margin = " ".repeat(indent);
        let used = widths.iter().map(|width| width + SPACING.len()).sum::<usize>();
        let text = if width.is_none_or(|width| used + self.text.width() <= width) {
            format!("{rule}{SPACING}{}", self.text)
        } else {
            format!("{}\n{}", rule.trim_end(), wrap(&format!("{margin}{}", self.text), width, indent))
        };
        let mut hint = wrap(&format!("{margin}{} {}", HINT.in_lang(lang), self.fix), width, indent);
        for command in &self.commands {
            append_whole(&mut hint, command, width, indent);
        }
        format!("{severity}{SPACING}{port}{SPACING}{text}\n{hint}\n")
    }
}

fn widest(rows: &[Row], column: usize) -> usize {
    rows.iter().map(|row| row.cells[column].width()).max().unwrap_or(0)
}

fn summary(judgement: &Judgement<'_>) -> Text {
    let parts = [
        Some(counts(judgement)),
        known(judgement),
        waived(judgement),
        Some(ports(judgement)),
        unjudged(judgement),
        Some(unseen(judgement)),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let join = |pick: fn(&Text) -> &str| parts.iter().map(pick).collect::<Vec<_>>().join(" · ");
    Text { en: join(|part| &part.en), ja: join(|part| &part.ja) }
}

fn counts(judgement: &Judgement<'_>) -> Text {
    let tally = judgement.tally();
    let by_severity = |lang: Lang| {
        let severities = Severity::ALL.into_iter().rev().filter(|severity| tally.of(*severity) > 0);
        let parts = severities.map(|severity| match lang {
            Lang::En => format!("{} {}", tally.of(severity), severity.words().en),
            Lang::Ja => format!("{} {}", severity.words().ja, tally.of(severity)),
        });
        parts.collect::<Vec<_>>().join(if lang == Lang::En { ", " } else { "、" })
    };
    let (en, ja) = (by_severity(Lang::En), by_severity(Lang::Ja));
    let en_findings = inflect(tally.total(), "finding", "findings");
    match (tally.total(), judgement.known.as_ref().filter(|known| !known.is_first)) {
        (0, None) => text!("no findings", "指摘はありません"),
        (0, Some(_)) => text!("nothing new", "新しい指摘はありません"),
        (total, None) => text!("{total} {en_findings} ({en})", "{total} 件の指摘({ja})"),
        (total, Some(_)) => text!("{total} new {en_findings} ({en})", "{total} 件の新しい指摘({ja})"),
    }
}

fn known(judgement: &Judgement<'_>) -> Option<Text> {
    let known = judgement.known.as_ref()?;
    if known.is_first {
        return Some(text!("nothing to compare with yet", "比較する前回の結果はありません"));
    }
    let (still, gone) = (known.still, known.gone.len());
    Some(text!("{still} known before, {gone} gone", "既知 {still} 件、解消 {gone} 件"))
}

fn waived(judgement: &Judgement<'_>) -> Option<Text> {
    let waived = judgement.waived();
    (waived > 0).then(|| text!("{waived} waived", "容認 {waived} 件"))
}

fn ports(judgement: &Judgement<'_>) -> Text {
    let ports = judgement.ports;
    let en = inflect(ports, "port", "ports");
    text!("{ports} {en}", "{ports} ポート")
}

fn unjudged(judgement: &Judgement<'_>) -> Option<Text> {
    let unjudged = judgement.unjudged;
    let en = inflect(unjudged, "UDP port", "UDP ports");
    (unjudged > 0).then(|| {
        text!(
            "{unjudged} undeclared {en} of the client range not judged",
            "未宣言のエフェメラル UDP ポート {unjudged} 個は判定対象外"
        )
    })
}

fn unseen(judgement: &Judgement<'_>) -> Text {
    match judgement.gaps.len() {
        0 => text!("not seen: nothing", "見えなかったもの: なし"),
        gaps => text!("not seen: {gaps}, see below", "見えなかったもの: {gaps} 件(下記)"),
    }
}
