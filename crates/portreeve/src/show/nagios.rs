//! Findings as a Nagios plugin says them: a state, one line, performance data, then the details (plugin guidelines §2).

use portreeve_core::{
    finding::{Finding, Severity},
    text,
    words::{Lang, Text, inflect},
};

use super::escape::visible;
use crate::{judgement::Judgement, settings::Gaps};

/// The states of a plugin, by their exit codes: not ours, which mean other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing to do.
    Ok = 0,
    /// Something should be put right.
    Warning = 1,
    /// Something must be put right.
    Critical = 2,
    /// The answer rests on too little.
    Unknown = 3,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The state of `judgement`, where findings below `fail_on` and, if so wished, gaps do not count.
    pub(crate) fn of(judgement: &Judgement<'_>, fail_on: Option<Severity>, gaps: Gaps) -> Self {
        let worst = judgement.worst().filter(|worst| fail_on.is_some_and(|least| *worst >= least));
        match (worst, gaps) {
            (Some(Severity::High | Severity::Critical), _) => Self::Critical,
            (Some(Severity::Notice | Severity::Warning), _) => Self::Warning,
            (None, Gaps::Matter) if !judgement.gaps.is_empty() => Self::Unknown,
            (None, _) => Self::Ok,
        }
    }
}

/// The report of a plugin that could not look at all.
pub(crate) fn unknown(why: &str) -> String {
    format!("{} - {}\n", State::Unknown.name(), piped(why))
}

/// The report: the first line is what a pager shows.
pub(crate) fn report(judgement: &Judgement<'_>, state: State, lang: Lang) -> String {
    let tally = judgement.tally();
    let counts =
        Severity::ALL.map(|severity| format!("{}={}", severity.name(), tally.of(severity))).join(" ");
    let sentence = sentence(judgement, state);
    let mut lines = vec![format!("{} - {} | {counts}", state.name(), piped(sentence.in_lang(lang)))];
    lines.extend(judgement.counted().map(|finding| detail(finding, lang)));
    lines.extend(judgement.gaps.iter().map(|gap| piped(gap.why().in_lang(lang))));
    lines.join("\n") + "\n"
}

fn sentence(judgement: &Judgement<'_>, state: State) -> Text {
    let ports = judgement.ports;
    let en_ports = inflect(ports, "port", "ports");
    let total = judgement.tally().total();
    match (judgement.counted().next(), judgement.gaps.first()) {
        (_, Some(gap)) if state == State::Unknown => gap.why(),
        (Some(worst), _) => {
            let (spot, rule) = (spot(worst), worst.rule);
            let Text { en, ja } = &worst.text;
            match total - 1 {
                0 => text!("{spot} {rule}: {en}", "{spot} {rule}: {ja}"),
                more => text!("{spot} {rule} and {more} more", "{spot} {rule} ほか {more} 件"),
            }
        }
        (None, _) => text!("no findings on {ports} {en_ports}", "指摘なし({ports} ポート)"),
    }
}

fn detail(finding: &Finding, lang: Lang) -> String {
    let severity = finding.severity.words().in_lang(lang);
    piped(&format!("{severity} {} {}: {}", spot(finding), finding.rule, finding.text.in_lang(lang)))
}

fn spot(finding: &Finding) -> String {
    finding.ports.map_or_else(|| "-".into(), |ports| ports.to_string())
}

/// On one line, and without the bar that begins performance data.
fn piped(text: &str) -> String {
    visible(text).replace('|', "¦")
}
