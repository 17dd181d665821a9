//! What a number, a name or a rule is, for a person and as JSON (A1–A3, A6–A10).

use portreeve_core::{
    finding::Severity,
    port::{Class, PortRange},
    registry::Assignment,
    rules::{self, Rule},
    text,
    words::{Lang, Text, Words},
};
use schemars::JsonSchema;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{
    escape::visible,
    registry::{AssignmentView, cells},
    table::pad,
};

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// What Linux hands out to clients where nobody changed it (ip-sysctl, `ip_local_port_range`).
const LINUX_CLIENT_RANGE: PortRange = PortRange { first: 32768, last: 60999 };

/// What is explained: numbers, and what they are assigned to.
#[derive(Debug)]
pub(crate) struct Topic<'a> {
    /// The name that was asked for.
    pub(crate) name: Option<&'a str>,
    /// The numbers; of a name, those of its first assignment.
    pub(crate) range: PortRange,
    /// The assignments, in order of number.
    pub(crate) assignments: Vec<Assignment<'a>>,
    /// What the number is used for in practice; never IANA's word.
    pub(crate) in_practice: Option<Text>,
}

/// What `explain` says of a port as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PortView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// The number; of a range or a name, its first.
    port: u16,
    /// The last number of a range; the same as `port` for a single one.
    port_last: u16,
    /// The class of `port`.
    class: Class,
    /// What the registry says.
    assignments: Vec<AssignmentView<'a>>,
    /// What the number is used for in practice, whatever it is assigned to.
    in_practice: Option<&'a str>,
}

/// What `explain` says of a rule as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RuleView {
    /// The layout of this document: 1.
    version: u32,
    #[serde(flatten)]
    facts: RuleFacts,
}

/// What `explain` without a word says as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RulesView {
    /// The layout of this document: 1.
    version: u32,
    /// Every rule.
    rules: Vec<RuleFacts>,
}

/// A rule.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RuleEntry")]
pub(crate) struct RuleFacts {
    /// The name of the rule.
    rule: &'static str,
    /// How much its findings matter.
    severity: Severity,
    /// The duties that it serves.
    article: &'static [&'static str],
    /// When it is found.
    text: &'static str,
    /// Why it matters.
    why: &'static str,
    /// How to put it right.
    fix: &'static str,
}

/// Every answer of `explain`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum ExplainView<'a> {
    /// Of a number or a name.
    Port(PortView<'a>),
    /// Of a rule.
    Rule(RuleView),
    /// Of nothing: all rules.
    Rules(RulesView),
}

/// The document about ports.
pub(crate) fn ports_view<'a>(topic: &'a Topic<'a>, lang: Lang) -> PortView<'a> {
    PortView {
        version: VERSION,
        port: topic.range.first,
        port_last: topic.range.last,
        class: Class::of(topic.range.first),
        assignments: topic.assignments.iter().copied().map(AssignmentView::from).collect(),
        in_practice: topic.in_practice.as_ref().map(|text| text.in_lang(lang)),
    }
}

/// The document about a rule.
pub(crate) fn rule_view(rule: &Rule, lang: Lang) -> RuleView {
    RuleView { version: VERSION, facts: facts(rule, lang) }
}

/// The document about every rule.
pub(crate) fn rules_view(lang: Lang) -> RulesView {
    RulesView { version: VERSION, rules: rules::all().map(|rule| facts(rule, lang)).collect() }
}

fn facts(rule: &Rule, lang: Lang) -> RuleFacts {
    RuleFacts {
        rule: rule.name,
        severity: rule.severity,
        article: rule.article,
        text: rule.page.what.in_lang(lang),
        why: rule.page.why.in_lang(lang),
        fix: rule.page.fix.in_lang(lang),
    }
}

/// Every rule, and when it is found.
pub(crate) fn rules_page(lang: Lang) -> String {
    let entry = |rule| format!("{}\n  {}\n", rule_heading(rule, lang), rule.page.what.in_lang(lang));
    rules::all().map(entry).collect()
}

/// The page about ports: what class of number it is, what it is assigned to, what it is used for.
pub(crate) fn ports_page(topic: &Topic<'_>, lang: Lang) -> String {
    let mut page = String::new();
    for line in headings(topic) {
        page += &format!("{}\n", line.in_lang(lang));
    }
    page += &assignment_rows(topic, lang);
    if let Some(text) = &topic.in_practice {
        page += &format!("  {}\n", visible(text.in_lang(lang)));
    }
    if let Some(text) = client_range(topic.range) {
        page += &format!("{}\n", text.in_lang(lang));
    }
    page
}

const NOT_ASSIGNED: Words =
    Words { en: "not assigned by IANA", ja: "IANA の割り当てはありません" };

/// Whoever binds to 0 is given a number (ip(7)).
const RESERVED: Words = Words {
    en: "0: reserved; a program that binds to it is given a free number by the kernel",
    ja: "0: 予約済み。このポートを指定したプログラムには、カーネルが空き番号を割り当てます",
};

/// One sentence for each class that the numbers lie in.
fn headings(topic: &Topic<'_>) -> Vec<Text> {
    let mut ranges: Vec<PortRange> = match topic.name {
        Some(_) => topic.assignments.iter().map(|assignment| assignment.range).collect(),
        None => vec![topic.range],
    };
    ranges.sort_unstable();
    ranges.dedup();
    ranges.into_iter().flat_map(by_class).map(heading).collect()
}

fn by_class(range: PortRange) -> impl Iterator<Item = PortRange> {
    let classes = [Class::WellKnown, Class::Registered, Class::Dynamic];
    classes.into_iter().filter_map(move |class| range.meet(numbers(class)))
}

/// The numbers of a class (RFC 6335 §6).
const fn numbers(class: Class) -> PortRange {
    match class {
        Class::WellKnown => PortRange { first: 0, last: 1023 },
        Class::Registered => PortRange { first: 1024, last: 49151 },
        Class::Dynamic => PortRange { first: 49152, last: 65535 },
    }
}

fn heading(range: PortRange) -> Text {
    if range == PortRange::one(0) {
        return RESERVED.into();
    }
    match Class::of(range.first) {
        Class::WellKnown => text!(
            "{range}: well-known (0-1023), for standard services; on Linux only a privileged program may take it",
            "{range}: ウェルノウンポート(0-1023)。標準サービス用で、Linux では特権を持つプログラムだけが使えます"
        ),
        Class::Registered => text!(
            "{range}: registered (1024-49151), assigned by IANA to particular applications",
            "{range}: 登録済みポート(1024-49151)。IANA が特定のアプリケーションに割り当てます"
        ),
        Class::Dynamic => text!(
            "{range}: dynamic (49152-65535), never assigned; handed out to clients for a time, so no fixed service belongs here",
            "{range}: ダイナミックポート(49152-65535)。割り当てはなく、クライアントに一時的に渡される番号なので、固定のサービスには向きません"
        ),
    }
}

fn assignment_rows(topic: &Topic<'_>, lang: Lang) -> String {
    if topic.assignments.is_empty() {
        return format!("  {}\n", NOT_ASSIGNED.in_lang(lang));
    }
    let rows: Vec<[String; 3]> = topic.assignments.iter().map(cells).collect();
    let widest = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
    let widths = [widest(0), widest(1)];
    rows.iter()
        .map(|[port, names, description]| {
            let line = format!("  {}  {}  {description}", pad(port, widths[0]), pad(names, widths[1]));
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// A registered number that Linux itself hands out can be taken by a client (A9).
fn client_range(range: PortRange) -> Option<Text> {
    let known = range.last < numbers(Class::Dynamic).first && range.overlaps(LINUX_CLIENT_RANGE);
    known.then(|| {
        text!(
            "Linux hands out {LINUX_CLIENT_RANGE} to clients unless told otherwise: reserve the number (ip_local_reserved_ports) before a service lives on it",
            "Linux は既定で {LINUX_CLIENT_RANGE} をクライアントに渡します。サービスで使うなら ip_local_reserved_ports で予約してください"
        )
    })
}

/// The page about a rule: when, why, what to do, and how to live with it.
pub(crate) fn rule_page(rule: &Rule, lang: Lang) -> String {
    let name = rule.name;
    let [why, hint, waive] = [WHY, HINT, WAIVE].map(|words| words.in_lang(lang));
    let [what, reason, fix] = [rule.page.what, rule.page.why, rule.page.fix].map(|words| words.in_lang(lang));
    format!(
        "{heading}\n{what}\n\n{why} {reason}\n{hint} {fix}\n{waive}\n  [[waive]]\n  rule = \"{name}\"\n  why = \"…\"\n  until = \"2027-06-30\"\n",
        heading = rule_heading(rule, lang),
    )
}

/// `stolen-port (critical; A13)`.
fn rule_heading(rule: &Rule, lang: Lang) -> String {
    let (name, severity) = (rule.name, rule.severity.words().in_lang(lang));
    match lang {
        Lang::En => format!("{name} ({severity}; {})", rule.article.join(", ")),
        Lang::Ja => format!("{name}({severity}、{})", rule.article.join("、")),
    }
}

const WHY: Words = Words { en: "why:", ja: "理由:" };
const HINT: Words = Words { en: "hint:", ja: "直し方:" };
const WAIVE: Words = Words {
    en: "to live with it for a while, in the policy (ports = [\"443/tcp\"] narrows it):",
    ja: "当面容認する場合は、policy に次のように書きます(ports = [\"443/tcp\"] で対象を絞れます):",
};
