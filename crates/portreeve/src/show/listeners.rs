//! Listeners as a table for a person and as records for a spreadsheet.

use portreeve_core::{
    facts::{Listener, SocketState},
    ledger::State,
    words::{Lang, Words},
    world::World,
};
use serde::Serialize;

use super::{
    escape::visible,
    owner,
    reach::widest,
    rows::Row,
    table::{Cell, Column, Fit, Table},
};
use crate::settings::{Settings, Verbosity};

/// `PORT`.
pub(crate) const PORT: Column = Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole };
/// `SERVICE`.
pub(crate) const SERVICE: Column =
    Column { head: Words { en: "SERVICE", ja: "サービス" }, fit: Fit::Cut };
/// `OWNER`.
pub(crate) const OWNER: Column = Column { head: Words { en: "OWNER", ja: "所有者" }, fit: Fit::Cut };
/// `BOUND TO`.
pub(crate) const BOUND: Column =
    Column { head: Words { en: "BOUND TO", ja: "アドレス" }, fit: Fit::Whole };
/// `REACH`; where it is told by the address alone, its head says so.
pub(crate) fn reach(world: &World<'_>) -> Column {
    let head = match world.filter() {
        Some(_) => Words { en: "REACH", ja: "到達範囲" },
        None => Words { en: "REACH (BIND)", ja: "到達範囲(bind)" },
    };
    Column { head, fit: Fit::Whole }
}

const PROCESS: Column = Column { head: Words { en: "PROCESS", ja: "プロセス" }, fit: Fit::Spare };
/// `NETNS`.
pub(crate) const NETNS: Column = Column { head: Words { en: "NETNS", ja: "名前空間" }, fit: Fit::Cut };

const COMMAND: Column = Column { head: Words { en: "COMMAND", ja: "コマンド" }, fit: Fit::Cut };

const CONSENT: Words = Words { en: "asked for consent", ja: "スキャン許可の受付" };
const UNDECLARED: Words = Words { en: "undeclared", ja: "未宣言" };
const LED_HERE: Words = Words { en: "led here", ja: "誘導先" };
const CLAIMED: Words = Words { en: "claimed", ja: "申請済み" };
const STOLEN: Words = Words { en: "claimed by somebody else", ja: "申請者以外が使用中" };
const TEMPORARY: Words = Words { en: "temporary", ja: "一時ポート" };
const NOT_LISTENING: Words = Words { en: "not listening", ja: "待ち受け前" };

/// Whether numbers are translated to IANA's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// They are.
    Shown,
    /// `-n`: numbers alone.
    Numeric,
}

/// The table of `rows`; a namespace is named where one is not the observer's own, a command line where more is asked for.
pub(crate) fn table<'a>(world: &World<'a>, rows: &[Row<'a>], names: Names, settings: &Settings) -> Table {
    let lang = settings.lang;
    let foreign = rows.iter().any(|row| namespace(world, row).is_some());
    let verbose = settings.verbosity == Verbosity::Verbose;
    let mut columns = vec![PORT, SERVICE, OWNER, PROCESS, BOUND, reach(world)];
    columns.extend(foreign.then_some(NETNS));
    columns.extend(verbose.then_some(COMMAND));
    let mut table = if settings.verbosity == Verbosity::Quiet {
        Table::headless(&columns, 0)
    } else {
        Table::new(&columns, 0)
    };
    for (row, first) in rows.iter().filter_map(|row| Some((row, row.first()?))) {
        let mut cells: Vec<Cell> = vec![
            row.ports().into(),
            service(world, row, names, lang).into(),
            owner::owner(world, first, lang).into(),
            row.process(world, lang).into(),
            row.bound_to().into(),
            row.reach.clone().into(),
        ];
        cells.extend(foreign.then(|| namespace(world, row).unwrap_or_default().into()));
        cells.extend(verbose.then(|| command(world, first).into()));
        table.push_row(cells);
    }
    table
}

fn command<'a>(world: &World<'a>, listener: &'a Listener) -> String {
    world.main_holder(listener).map(|(_, process)| process.cmdline.join(" ")).unwrap_or_default()
}

/// The name of the namespace of `row`, where it is not the observer's own.
pub(crate) fn namespace<'a>(world: &World<'a>, row: &Row<'a>) -> Option<String> {
    row.namespace().and_then(|id| foreign(world, id))
}

/// The name of a namespace that is not the observer's own, else its number.
pub(crate) fn foreign(world: &World<'_>, id: u64) -> Option<String> {
    match world.snapshot.namespace(id) {
        Some(namespace) if namespace.own => None,
        Some(namespace) => Some(namespace.name.clone().unwrap_or_else(|| id.to_string())),
        None => Some(id.to_string()),
    }
}

/// The declared service, else IANA's names, with what is unusual about the row.
pub(crate) fn service<'a>(world: &World<'a>, row: &Row<'a>, names: Names, lang: Lang) -> String {
    let mut found: Vec<&str> = Vec::new();
    for &listener in &row.listeners {
        let name = service_name(world, listener, names);
        found.extend(name.filter(|name| !found.contains(name)));
    }
    let mut text = found.iter().take(4).copied().collect::<Vec<_>>().join(" ");
    for note in row.first().into_iter().flat_map(|first| notes(world, first)) {
        let note = note.in_lang(lang);
        text += &if text.is_empty() { format!("({note})") } else { format!(" ({note})") };
    }
    text
}

fn service_name<'a>(world: &World<'a>, listener: &'a Listener, names: Names) -> Option<&'a str> {
    let declared = world.service_of(listener).map(|service| service.name.as_str());
    declared.or_else(|| claimed(world, listener)).or_else(|| match names {
        Names::Numeric => None,
        Names::Shown => world.registry.name(listener.port, listener.protocol),
    })
}

/// What the number is claimed for.
fn claimed<'a>(world: &World<'a>, listener: &Listener) -> Option<&'a str> {
    world.claim_of(listener).map(|claimed| claimed.claim.name.as_str())
}

fn notes<'a>(world: &World<'a>, listener: &'a Listener) -> impl Iterator<Item = Words> {
    let temporary = world.is_ephemeral(listener);
    let service = world.service_of(listener);
    let consent = world.is_asked_for_consent(listener);
    let undeclared = world.policy.is_some() && !temporary && !consent && service.is_none();
    let claimed = world.claim_of(listener).filter(|_| service.is_none());
    let (claimed, stolen) = match claimed.map(|claimed| claimed.state) {
        Some(State::Stolen) => (false, true),
        state => (state.is_some(), false),
    };
    let is_led_to = world.target_of(listener).is_some() || service.is_none() && world.is_led_to(listener);
    let waits_not = listener.state == SocketState::Bound;
    [
        (temporary, TEMPORARY),
        (claimed, CLAIMED),
        (stolen, STOLEN),
        (consent, CONSENT),
        (undeclared, UNDECLARED),
        (is_led_to, LED_HERE),
        (waits_not, NOT_LISTENING),
    ]
    .into_iter()
    .filter_map(|(is, note)| is.then_some(note))
}

/// A socket as a record of a spreadsheet; it never carries a command line.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    protocol: &'static str,
    family: &'static str,
    address: String,
    port: u16,
    device: String,
    state: &'static str,
    netns: u64,
    service: String,
    iana: String,
    reach: String,
    owner: String,
    unit: String,
    pid: Option<u32>,
    name: String,
    user: String,
    claim: String,
}

/// The record of `listener`.
pub(crate) fn record<'a>(world: &World<'a>, listener: &'a Listener, lang: Lang) -> Record {
    let main = world.main_holder(listener);
    let process = main.map(|(_, process)| process);
    let shown = |text: Option<&str>| visible(text.unwrap_or_default()).into_owned();
    Record {
        protocol: listener.protocol.name(),
        family: listener.family.name(),
        address: shown(Some(&listener.address.to_string())),
        port: listener.port,
        device: shown(listener.device.as_deref()),
        state: listener.state.name(),
        netns: listener.netns,
        service: shown(world.service_of(listener).map(|service| service.name.as_str())),
        iana: world.registry.names(listener.port, listener.protocol).collect::<Vec<_>>().join(" "),
        reach: widest(world, &[listener], Lang::En),
        owner: shown(Some(&owner::owner(world, listener, lang))),
        unit: shown(process.and_then(|process| process.unit.as_deref())),
        pid: main.map(|(hold, _)| hold.pid),
        name: shown(process.map(|process| process.name.as_str())),
        user: shown(process.and_then(|process| process.user.as_deref())),
        claim: shown(claimed(world, listener)),
    }
}
