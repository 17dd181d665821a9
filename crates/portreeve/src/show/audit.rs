//! Findings as programs read them: JSON, and records for spreadsheets (A17, A20).

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    facts::{Gap, GapKind, Snapshot},
    finding::{Finding, Severity, Waived},
    port::{PortRange, PortSpec, Protocol},
    rules,
    words::Lang,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    diff::{ChangeView, Comparison},
    escape::visible,
    view::{GapView, HolderView, NetnsView, gap_view, holder, netns_view},
};
use crate::judgement::{Gone, Judgement};

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// The answer of `audit`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Findings")]
pub(crate) struct FindingsView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// When the look was taken, UTC.
    #[schemars(with = "String")]
    taken: Timestamp,
    /// The files of the policy; null where there is none.
    policy: Option<Vec<&'a str>>,
    /// What is wrong, the worst first; waived findings too.
    findings: Vec<FindingView<'a>>,
    /// How many count of each severity; waived ones do not.
    counts: Counts,
    /// How many (protocol, port) pairs no rule looked at: UDP sockets on numbers of the client range that no service
    /// declares, where nothing tells whether the kernel or a person chose the number.
    unjudged: usize,
    /// What could not be seen.
    gaps: Vec<GapView<'a>>,
    /// With `--since-last`: what was found the last time and is gone; null without it, and the first time.
    gone: Option<&'a [Gone]>,
    /// With `--since-last`: the ports that changed; null where there is no earlier look at this host.
    changes: Option<Vec<ChangeView<'a>>>,
}

/// How many findings count.
#[derive(Debug, Serialize, JsonSchema)]
struct Counts {
    notice: usize,
    warning: usize,
    high: usize,
    critical: usize,
}

/// One problem with one cause.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Finding")]
pub(crate) struct FindingView<'a> {
    /// The rule that found it.
    rule: &'static str,
    /// How much it matters.
    severity: Severity,
    /// The protocol; null where it is about no port.
    protocol: Option<Protocol>,
    /// The number, or the first of a range; null where it is about no port.
    port: Option<u16>,
    /// The last number of a range; null for a single one.
    port_last: Option<u16>,
    /// Where the socket is bound; null where it is about no socket.
    address: Option<&'a Address>,
    /// The network namespace; null where it is about none.
    netns: Option<NetnsView<'a>>,
    /// The declared service that it concerns.
    service: Option<&'a str>,
    /// The duties that the rule serves.
    article: &'static [&'static str],
    /// What is wrong.
    text: &'a str,
    /// What to do about it.
    fix: &'a str,
    /// What to type.
    commands: &'a [String],
    /// The processes that it is about, the main one first.
    holders: Vec<HolderView<'a>>,
    /// Why it is lived with; null where it counts.
    waived: Option<&'a Waived>,
}

/// One finding as a record of CSV; it carries no command line.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    rule: &'static str,
    severity: Severity,
    protocol: Option<Protocol>,
    port: Option<u16>,
    port_last: Option<u16>,
    address: Option<&'a Address>,
    service: Option<&'a str>,
    text: String,
    fix: String,
    waived: Option<String>,
}

/// Whatever the look missed, whether it matters or not, and what the judgement could not tell.
fn gaps<'a>(judgement: &Judgement<'a>) -> impl Iterator<Item = &'a Gap> {
    let undecided = judgement.gaps.iter().copied().filter(|gap| gap.what == GapKind::UndecidedOwners);
    judgement.snapshot.gaps.iter().chain(undecided)
}

/// The whole document.
pub(crate) fn document<'a>(
    judgement: &'a Judgement<'a>,
    changes: Option<&Comparison<'_, 'a>>,
    lang: Lang,
) -> FindingsView<'a> {
    let tally = judgement.tally();
    FindingsView {
        version: VERSION,
        taken: judgement.snapshot.taken,
        policy: judgement.policy.map(|policy| policy.files.iter().map(AsRef::as_ref).collect()),
        findings: findings(judgement, lang).collect(),
        counts: Counts {
            notice: tally.of(Severity::Notice),
            warning: tally.of(Severity::Warning),
            high: tally.of(Severity::High),
            critical: tally.of(Severity::Critical),
        },
        unjudged: judgement.unjudged,
        gaps: gaps(judgement).map(|gap| gap_view(gap, lang)).collect(),
        gone: judgement.known.as_ref().filter(|known| !known.is_first).map(|known| &known.gone[..]),
        changes: changes.map(|changes| changes.changes(lang).collect()),
    }
}

/// Each finding.
pub(crate) fn findings<'a>(
    judgement: &'a Judgement<'a>,
    lang: Lang,
) -> impl Iterator<Item = FindingView<'a>> {
    judgement.findings.iter().map(move |finding| view(judgement.snapshot, finding, lang))
}

/// One finding about what `snapshot` shows.
pub(crate) fn view<'a>(snapshot: &'a Snapshot, finding: &'a Finding, lang: Lang) -> FindingView<'a> {
    let processes =
        finding.holders.iter().filter_map(|pid| Some(holder(*pid, None, snapshot.processes.get(pid)?)));
    FindingView {
        rule: finding.rule,
        severity: finding.severity,
        protocol: finding.ports.map(|ports| ports.protocol),
        port: first(finding.ports),
        port_last: last(finding.ports),
        address: finding.address.as_ref(),
        netns: finding.netns.map(|id| netns_view(snapshot, id)),
        service: finding.service.as_deref(),
        article: rules::find(finding.rule).map_or(&[], |rule| rule.article),
        text: finding.text.in_lang(lang),
        fix: finding.fix.in_lang(lang),
        commands: &finding.commands,
        holders: processes.collect(),
        waived: finding.waived.as_ref(),
    }
}

/// Each finding as a record.
pub(crate) fn records<'a>(judgement: &'a Judgement<'a>, lang: Lang) -> impl Iterator<Item = Record<'a>> {
    judgement.findings.iter().map(move |finding| Record {
        rule: finding.rule,
        severity: finding.severity,
        protocol: finding.ports.map(|ports| ports.protocol),
        port: first(finding.ports),
        port_last: last(finding.ports),
        address: finding.address.as_ref(),
        service: finding.service.as_deref(),
        text: visible(finding.text.in_lang(lang)).into_owned(),
        fix: visible(finding.fix.in_lang(lang)).into_owned(),
        waived: finding.waived.as_ref().map(|waived| visible(&waived.why).into_owned()),
    })
}

fn first(ports: Option<PortSpec>) -> Option<u16> {
    ports.map(|ports| ports.range.first)
}

fn last(ports: Option<PortSpec>) -> Option<u16> {
    let range: PortRange = ports?.range;
    (!range.is_one()).then_some(range.last)
}
