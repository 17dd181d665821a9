//! Which ways of looking are open on this host, for a person and for a program (A5, A26).

pub(crate) mod standing;
mod words;

use portreeve_core::{
    text,
    words::{Lang, Text, Words, inflect},
};
use portreeve_host::probe::{Reason, Subject};
use schemars::JsonSchema;
use serde::Serialize;

use self::standing::Standing;
pub(crate) use self::words::why;
use super::{
    escape::visible,
    gaps::Unseen,
    out::{Out, Paint, painted},
    schedule::{self, ScheduleView},
    table::pad,
    view::{GapView, gap_view},
    wrap::wrap,
};
use crate::{
    failure::Failure,
    settings::{Settings, Verbosity},
};

/// The layout of the JSON document.
const VERSION: u32 = 1;
/// The longest name of a way, and the space behind it.
const NAME_WIDTH: usize = 13;
/// Where what is said of a way stands.
const INDENT: usize = 2 + NAME_WIDTH;

/// The answer of `doctor`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DoctorView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Every way of looking.
    ways: Vec<WayView>,
    /// What a look by these ways did not see here and now of `portreeve ls`.
    gaps: Vec<GapView<'a>>,
    /// What lets this host audit itself; null where nothing does.
    schedule: Option<ScheduleView>,
}

/// A way of looking.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WayView {
    /// Its token.
    way: &'static str,
    /// Whether it is open to this user.
    open: bool,
    /// Why not, as a token; null where it is open.
    reason: Option<&'static str>,
    /// Why not, as a sentence; null where it is open.
    why: Option<String>,
    /// What the kernel said, where it said something: the verifier's last line.
    detail: Option<String>,
    /// An open way that answers in its place, by its token.
    stands_in: Option<&'static str>,
    /// Whether answers change because it is closed: then the exit code is 3.
    matters: bool,
    /// What is not seen without it.
    cost: &'static str,
    /// What would open it.
    fix: Option<String>,
    /// What to type for that.
    commands: Vec<String>,
}

impl WayView {
    /// What is to be said of a way.
    pub(crate) fn new(standing: &Standing, lang: Lang) -> Self {
        let reason = standing.reason.as_ref();
        Self {
            way: standing.subject.name(),
            open: reason.is_none(),
            reason: reason.map(token),
            why: reason.map(|reason| why(reason).in_lang(lang).to_owned()),
            detail: reason.and_then(last_line).map(str::to_owned),
            stands_in: standing.stand_in.map(Subject::name),
            matters: standing.matters(),
            cost: words::cost(standing.subject).in_lang(lang),
            fix: words::fix(standing).map(|fix| fix.in_lang(lang).to_owned()),
            commands: words::commands(standing),
        }
    }
}

/// The same as a record of CSV.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    way: &'static str,
    open: bool,
    reason: Option<&'static str>,
    why: Option<String>,
    detail: Option<String>,
    stands_in: Option<&'static str>,
    matters: bool,
    cost: &'static str,
    fix: Option<String>,
}

impl From<WayView> for Record {
    fn from(view: WayView) -> Self {
        let WayView { way, open, reason, why, detail, stands_in, matters, cost, fix, commands: _ } = view;
        Self { way, open, reason, why, detail, stands_in, matters, cost, fix }
    }
}

/// The document about all ways.
pub(crate) fn document<'a>(standings: &[Standing], unseen: &Unseen<'a>, lang: Lang) -> DoctorView<'a> {
    DoctorView {
        version: VERSION,
        ways: standings.iter().map(|standing| WayView::new(standing, lang)).collect(),
        gaps: unseen.gaps().iter().map(|gap| gap_view(gap, lang)).collect(),
        schedule: ScheduleView::of_host(),
    }
}

/// The token of a reason; a promise.
const fn token(reason: &Reason) -> &'static str {
    match reason {
        Reason::NotPermitted => "not-permitted",
        Reason::Without => "without",
        Reason::NoTypes => "no-types",
        Reason::NoIterator => "no-iterator",
        Reason::Lockdown => "lockdown",
        Reason::Refused(_) => "refused",
        Reason::NotPinned => "not-pinned",
        Reason::Unpinned(_) => "incomplete",
        Reason::OtherLayout => "other-layout",
        Reason::OfGroup(_) => "of-group",
        Reason::Foreign => "foreign",
        Reason::Hidden => "hidden",
        Reason::Withheld(_) => "withheld",
        Reason::NotMounted => "not-mounted",
        Reason::NotInstalled(_) => "not-installed",
        Reason::Failed(_) => "failed",
        Reason::Unsteady => "unsteady",
        Reason::TooOld(_) => "too-old",
        Reason::Error(_) => "error",
    }
}

/// The verifier ends with figures about its work; before them it names the fault.
fn last_line(reason: &Reason) -> Option<&str> {
    let Reason::Refused(log) = reason else { return None };
    let mut lines = log.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    lines.find(|line| !line.starts_with("processed ") && !line.starts_with("verification time"))
}

/// Prints the answer, then a line for each way; of a closed one also what that costs and what would help.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(standings: &[Standing], settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    out.sentences(answer(standings).in_lang(out.lang))?;
    out.line("")?;
    standings.iter().try_for_each(|standing| print_way(standing, settings.verbosity, out))?;
    out.line("")?;
    out.sentences(schedule::standing().in_lang(out.lang))
}

fn answer(standings: &[Standing]) -> Text {
    let missed: Vec<_> = standings.iter().filter(|standing| standing.matters()).collect();
    let closed = standings.iter().filter(|standing| standing.reason.is_some()).count();
    let names = missed.iter().map(|standing| standing.subject.name()).collect::<Vec<_>>().join(", ");
    match (missed.len(), closed) {
        (0, 0) => Words {
            en: "Every way of looking is open.", ja: "すべての取得方法を利用できます。"
        }
        .into(),
        (0, _) => Words {
            en: "Every way of looking that this user needs is open.",
            ja: "このユーザーに必要な取得方法はすべて利用できます。",
        }
        .into(),
        (count, _) => {
            let en = inflect(count, "way of looking is", "ways of looking are");
            text!(
                "{count} {en} closed, and the answers are less whole for it: {names}",
                "{count} 個の取得方法を利用できないため、結果が不完全になります: {names}"
            )
        }
    }
}

fn print_way(standing: &Standing, verbosity: Verbosity, out: &mut Out) -> Result<(), Failure> {
    const OPEN: Words = Words { en: "open", ja: "利用可" };
    const CLOSED: Words = Words { en: "closed", ja: "利用不可" };
    let lang = out.lang;
    let (mark, state, paint) = match (&standing.reason, standing.matters()) {
        (None, _) => ("✓", OPEN, None),
        (Some(_), false) => ("-", CLOSED, Some(Paint::Dim)),
        (Some(_), true) => ("✗", CLOSED, Some(Paint::Red)),
    };
    let head = format!("{mark} {}", pad(standing.subject.name(), NAME_WIDTH));
    let reason = standing.reason.as_ref().map(|reason| why(reason).in_lang(lang).to_owned());
    let said = match reason {
        Some(reason) => format!("{}: {}", state.in_lang(lang), visible(&reason)),
        None => state.in_lang(lang).into(),
    };
    let line = wrap(&format!("{head}{said}"), out.width, INDENT);
    out.line(&format!("{}{}", painted(&head, paint, out.colour), &line[head.len()..]))?;
    if standing.reason.is_some() || verbosity == Verbosity::Verbose {
        details(standing, verbosity, lang).iter().try_for_each(|line| {
            let line = format!("{}{}", " ".repeat(INDENT), visible(line));
            out.line(&wrap(&line, out.width, INDENT))
        })?;
    }
    Ok(())
}

/// What stands below a way: what its absence costs, what answers in its place, and what would help.
fn details(standing: &Standing, verbosity: Verbosity, lang: Lang) -> Vec<String> {
    let cost = words::cost(standing.subject);
    let Words { en, ja } = cost;
    let mut lines = vec![text!("without it: {en}", "ないと: {ja}")];
    if let Some(other) = standing.stand_in {
        let name = other.name();
        lines.push(text!("in its place: {name}", "代わりに使うもの: {name}"));
    }
    let detail = standing.reason.as_ref().and_then(last_line).filter(|_| verbosity == Verbosity::Verbose);
    if let Some(line) = detail {
        lines.push(text!("the verifier says: {line}", "verifier の出力: {line}"));
    }
    if let Some(Text { en, ja }) = words::fix(standing) {
        let commands = words::commands(standing).join(" · ");
        let separator = if commands.is_empty() { "" } else { " · " };
        lines.push(text!("hint: {en}{separator}{commands}", "hint: {ja}{separator}{commands}"));
    }
    lines.iter().map(|line| line.in_lang(lang).to_owned()).collect()
}
