//! Who reaches which port, as a table.

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::{
    address::Family,
    exposure::{Exposure, Passing, Reached, Row, covering},
    firewall::{Filter, Interval, Intervals, network_name},
    policy::HOST,
    port::{PortRange, PortSpec},
    reach::Basis,
    text,
    words::{Lang, Words},
};

use super::{HowView, PlaceView, ToView, how, interfaces, place_view};
use crate::{
    failure::Failure,
    show::{
        out::{Out, Paint},
        table::{Cell, Column, Fit, Table},
    },
};

/// More places than this are not listed in a row.
const LISTED_MAX: usize = 3;

const PORT: Column = Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole };
const FROM: Column = Column { head: Words { en: "FROM", ja: "送信元" }, fit: Fit::Whole };
const VERDICT: Column = Column { head: Words { en: "VERDICT", ja: "判定" }, fit: Fit::Whole };
/// Where the rules are hidden, which may let in less.
const VERDICT_BY_ADDRESS: Column =
    Column { head: Words { en: "VERDICT (BIND)", ja: "判定(bind)" }, fit: Fit::Whole };
const WAY: Column = Column { head: Words { en: "WAY", ja: "経路" }, fit: Fit::Cut };
const DECIDED: Column =
    Column { head: Words { en: "DECIDED BY", ja: "決め手のルール" }, fit: Fit::Cut };

const NOTHING: Words = Words {
    en: "No port here is listened on or sent on.",
    ja: "待ち受けや転送の対象になっているポートはありません。",
};
const HERE: Words = Words { en: "here", ja: "このホスト" };
const ROUTED: Words = Words { en: "routed on", ja: "転送(経路どおり)" };
const LIMITED: Words = Words { en: " (rate-limited)", ja: "(頻度制限あり)" };
const BY: Words = Words { en: "by", ja: "入力" };
const SENT_FROM: Words = Words { en: "from", ja: "送信元" };
const FROM_PORTS: Words = Words { en: "from ports", ja: "送信元ポート" };
const SENT_TO: Words = Words { en: "to", ja: "宛先" };
const NO_RULE: Words = Words { en: "no rule", ja: "該当ルールなし" };
/// Some arrive, and of others nobody can tell.
const OPEN: Words = Words { en: "partly, else unknown", ja: "一部到達可、ほかは判定不能" };
const ASKED: Words = Words { en: "as asked", ja: "指定どおり" };

/// Prints `rows`, those of neighbouring ports of which the same holds as one.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(rows: &[Row<'_>], filter: &Filter, basis: Basis, out: &mut Out) -> Result<(), Failure> {
    let lines = fold(rows.iter().map(|row| line(row, filter, out.lang)).collect());
    if lines.is_empty() {
        return out.line(NOTHING.in_lang(out.lang));
    }
    let columns = match basis {
        Basis::Firewall => vec![PORT, FROM, VERDICT, WAY, DECIDED],
        Basis::Bind => vec![PORT, FROM, VERDICT_BY_ADDRESS, WAY],
    };
    let mut table = Table::new(&columns, 0);
    for line in &lines {
        let mut cells = vec![
            line.port(out.lang).into(),
            line.from(out.lang).into(),
            verdict(line),
            line.way.as_str().into(),
        ];
        cells.extend((basis == Basis::Firewall).then(|| Cell::from(line.decided_by.as_str())));
        table.push_row(cells);
    }
    out.table(&table)
}

/// Says from which other ports rules lead to those that were asked about.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print_leading(leading: &BTreeSet<(PortSpec, PortSpec)>, out: &mut Out) -> Result<(), Failure> {
    leading.iter().take(LISTED_MAX).try_for_each(|(to, from)| {
        let told = text!(
            "{to} is also reached through {from}, from where a rule leads there: portreeve exposure {from}",
            "{to} には、ルールによって {from} 経由でも届きます: portreeve exposure {from}"
        );
        out.sentences(told.in_lang(out.lang))
    })
}

/// Says on which ports nobody hears what gets in.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print_unheard(unheard: &BTreeSet<PortSpec>, out: &mut Out) -> Result<(), Failure> {
    if unheard.is_empty() {
        return Ok(());
    }
    let ports = |between| listed(unheard.iter().map(PortSpec::to_string).collect(), between);
    let (en, ja) = (ports(", "), ports("、"));
    let told =
        text!("Nobody listens for others on these: {en}", "ホスト外に向けた待ち受けのないポート: {ja}");
    out.sentences(told.in_lang(out.lang))
}

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    protocol: &'static str,
    ports: PortRange,
    /// The ports of this range of which something else holds.
    but: Vec<PortRange>,
    zone: Option<String>,
    families: Vec<Family>,
    reached: Reached,
    verdict: String,
    way: String,
    decided_by: String,
}

impl Line {
    fn port(&self, lang: Lang) -> String {
        if self.but.is_empty() {
            return format!("{}/{}", self.ports, self.protocol);
        }
        let (but, protocol) =
            (self.but.iter().map(PortRange::to_string).collect::<Vec<_>>().join(" "), self.protocol);
        text!("{protocol}, all but {but}", "{protocol}({but} 以外)").in_lang(lang).into()
    }

    fn from(&self, lang: Lang) -> String {
        let zone = self.zone.as_deref().unwrap_or(ASKED.in_lang(lang));
        match self.families.as_slice() {
            [Family::Ipv4] => format!("{zone} IPv4"),
            [Family::Ipv6] => format!("{zone} IPv6"),
            _ => zone.into(),
        }
    }

    /// Takes in the same answer for the other family.
    fn joins(&mut self, other: &Self) -> bool {
        let same = |line: &Self| {
            (line.protocol, line.ports, line.zone.clone(), line.verdict.clone(), line.way.clone())
        };
        let is_other = !self.families.iter().any(|family| other.families.contains(family));
        if !is_other || same(self) != same(other) {
            return false;
        }
        self.families.extend(&other.families);
        if self.decided_by != other.decided_by {
            self.decided_by = format!("{} · {}", self.decided_by, other.decided_by);
        }
        true
    }
}

fn line(row: &Row<'_>, filter: &Filter, lang: Lang) -> Line {
    let exposure = &row.exposure;
    let places = exposure.decided_by.iter().chain(&exposure.doubts).map(|place| place_view(*place, filter));
    Line {
        protocol: row.protocol.name(),
        ports: exposure.range(),
        but: Vec::new(),
        zone: row.zone.map(Into::into),
        families: vec![row.family],
        reached: exposure.reached,
        verdict: verdict_text(exposure, lang),
        way: way(row, filter, lang),
        decided_by: match listed(places.map(|place| rule(&place)).collect(), " · ") {
            none if none.is_empty() => NO_RULE.in_lang(lang).into(),
            rules => rules,
        },
    }
}

/// One line for both families where the same holds; the host itself is left out where it is as one expects, and nobody asked
/// about it alone.
fn fold(lines: Vec<Line>) -> Vec<Line> {
    let mut folded: Vec<Line> = Vec::new();
    for line in lines {
        let mut near = folded.iter_mut().rev().take_while(|known| known.ports == line.ports);
        if !near.any(|known| known.joins(&line)) {
            folded.push(line);
        }
    }
    let is_host = |line: &Line| line.zone.as_deref() == Some(HOST);
    if !folded.iter().all(is_host) {
        folded.retain(|line| !is_host(line) || line.reached != Reached::Reachable);
    }
    all_but(folded)
}

/// One line for all numbers but a few, where the same holds of those before, between and behind these.
fn all_but(lines: Vec<Line>) -> Vec<Line> {
    let mut wide: BTreeMap<Line, Vec<PortRange>> = BTreeMap::new();
    let same = |line: &Line| Line { ports: PortRange::EVERY, ..line.clone() };
    for line in &lines {
        wide.entry(same(line)).or_default().push(line.ports);
    }
    let mut whole = Vec::new();
    for line in lines {
        let between = wide.get(&same(&line)).and_then(|ports| between(ports));
        match between {
            None => whole.push(line),
            Some(_) if line.ports.first > PortRange::EVERY.first => {}
            Some(but) => whole.push(Line { but, ..same(&line) }),
        }
    }
    whole
}

/// What is missing between ranges; `None` where they do not go from the first number to the last, one behind the other, or
/// where nothing is missing or too much.
fn between(ranges: &[PortRange]) -> Option<Vec<PortRange>> {
    let ends = PortRange { first: ranges.first()?.first, last: ranges.last()?.last };
    let is_ascending = ranges.windows(2).all(|two| two[0].last < two[1].first);
    if ends != PortRange::EVERY || !is_ascending {
        return None;
    }
    let gaps = ranges.windows(2).map(|two| (two[0].last + 1, two[1].first));
    let gaps = gaps.filter(|(first, next)| first < next);
    let missing: Vec<_> = gaps.map(|(first, next)| PortRange { first, last: next - 1 }).collect();
    (1..=LISTED_MAX).contains(&missing.len()).then_some(missing)
}

fn verdict(line: &Line) -> Cell {
    match line.reached {
        Reached::Partly | Reached::Unknown => Cell::painted(&line.verdict, Paint::Yellow),
        Reached::Reachable | Reached::Dropped | Reached::Rejected => line.verdict.as_str().into(),
    }
}

pub(super) fn verdict_text(exposure: &Exposure, lang: Lang) -> String {
    let words = match exposure.reached {
        Reached::Partly if exposure.is_open => OPEN,
        Reached::Reachable => Words { en: "reachable", ja: "到達可" },
        Reached::Partly => Words { en: "partly", ja: "一部到達可" },
        Reached::Dropped => Words { en: "dropped", ja: "破棄" },
        Reached::Rejected => Words { en: "rejected", ja: "拒否" },
        Reached::Unknown => Words { en: "unknown", ja: "判定不能" },
    };
    let limited = if exposure.is_rate_limited { LIMITED.in_lang(lang) } else { "" };
    format!("{}{limited}", words.in_lang(lang))
}

/// How packets arrive, and whose do where not all.
fn way(row: &Row<'_>, filter: &Filter, lang: Lang) -> String {
    let ways = row.exposure.ways.iter().map(|way| way_text(&how(&way.how, row.family), lang));
    let ways = listed(ways.collect(), if lang == Lang::En { ", " } else { "、" });
    let whose = row.exposure.passing.iter().map(|passing| whose(passing, row.family, filter, lang));
    let whose: Vec<_> = whose.filter(|text| !text.is_empty()).collect();
    match lang {
        _ if whose.is_empty() => ways,
        Lang::En => format!("{ways} ({})", listed(whose, ", ")),
        Lang::Ja => format!("{ways}({})", listed(whose, "、")),
    }
}

/// `by docker0 from 10.0.0.0/8 to 203.0.113.1`, as far as that tells packets apart.
fn whose(passing: &Passing, family: Family, filter: &Filter, lang: Lang) -> String {
    // A network is told whole where nobody asked about the address in it that is missing, such as this host's own.
    let covering = |some: &Intervals, others: &Intervals| {
        covering(some, others, family, LISTED_MAX + 1).iter().map(network_name).collect::<Vec<_>>()
    };
    let addresses = |some: Option<&Intervals>, others: &Intervals| {
        some.map_or_else(String::new, |some| few(covering(some, others), || covering(others, some), lang))
    };
    let interfaces = |of| interfaces(of, filter).into_iter().map(Into::into).collect::<Vec<_>>();
    let by =
        few(interfaces(passing.interfaces.as_ref()), || interfaces(Some(&passing.other_interfaces)), lang);
    let (from, to) = (
        addresses(passing.sources.as_ref(), &passing.other_sources),
        addresses(passing.destinations.as_ref(), &passing.other_destinations),
    );
    let ports = passing.source_ports.iter().flat_map(Intervals::iter);
    let ports = listed(ports.map(run_text).collect(), " ");
    let parts =
        [(by, BY), (from, SENT_FROM), (ports, FROM_PORTS), (to, SENT_TO)].map(|(what, words)| match lang {
            _ if what.is_empty() => what,
            Lang::En => format!("{} {what}", words.en),
            Lang::Ja => format!("{}: {what}", words.ja),
        });
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn run_text(Interval { first, last }: Interval) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// Those that are meant; where these are many and the others few, that it is all but those.
fn few(meant: Vec<String>, others: impl FnOnce() -> Vec<String>, lang: Lang) -> String {
    if meant.len() > LISTED_MAX {
        let others = others();
        if (1..=LISTED_MAX).contains(&others.len()) {
            let others = others.join(" ");
            return text!("all but {others}", "{others} 以外").in_lang(lang).into();
        }
    }
    listed(meant, " ")
}

pub(super) fn way_text(way: &HowView, lang: Lang) -> String {
    match &way.to {
        Some(ToView { address: None, port: Some(port), .. }) => format!("→ {}:{port}", HERE.in_lang(lang)),
        Some(to) => target_text(to),
        None => if way.kind == "local" { HERE } else { ROUTED }.in_lang(lang).into(),
    }
}

/// `→ 172.17.0.2:80`, or `→ 172.17.0.2:80-90` where it is one of several.
pub(super) fn target_text(to: &ToView) -> String {
    let address = to.address.as_deref().unwrap_or_default();
    let ports = to.port.map(|port| port.to_string()).or_else(|| to.ports.clone());
    let port = ports.map(|ports| format!(":{ports}")).unwrap_or_default();
    format!("→ {address}{port}")
}

pub(super) fn rule(place: &PlaceView<'_>) -> String {
    format!("{} {} {}: {}", place.family, place.table, place.chain, place.text)
}

/// The first few, each once.
fn listed(mut all: Vec<String>, between: &str) -> String {
    let mut known = BTreeSet::new();
    all.retain(|text| known.insert(text.clone()));
    let more = if all.len() > LISTED_MAX { format!("{between}…") } else { String::new() };
    all.truncate(LISTED_MAX);
    all.join(between) + &more
}
