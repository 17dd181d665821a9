//! A plan for a person and as JSON: the changes with their reasons, and what each zone gains and loses (A15, A16).

mod beside;

use portreeve_core::{
    address::{Address, Family},
    exposure::Reached,
    facts::Snapshot,
    guard::Unguarded,
    plan::{
        Change, Dead, Held, Loss, Plan, PortChange, ProtocolPassage, Unreserved, UntrackedAnswers, ZoneChange,
    },
    port::Protocol,
    text,
    words::{Lang, Text, Words},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    out::{Out, Paint},
    table::{Cell, Column, Fit, Table},
    view::{GapView, gap_view},
};
use crate::{
    failure::{Failure, warn},
    settings::Verbosity,
};

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// The answer of `plan`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Plan")]
pub(crate) struct PlanView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// What the plan rests on, as digests; `apply` refuses it where one of them has changed.
    based_on: String,
    /// The changes, in order; none where the host agrees with the policy.
    changes: Vec<ChangeView<'a>>,
    /// What each zone gains and loses.
    zones: Vec<ZoneView<'a>>,
    /// From which zones the protocols come that have no ports to judge; one that is not here passes.
    protocols: Vec<ProtocolView<'a>>,
    /// The answers to what this host began that would be refused, as a rule takes them out of tracking; `null` where there
    /// are none.
    untracked: Option<UntrackedView<'a>>,
    /// Why what is declared is not kept from clients; `null` where it is, or none of it could be given to one.
    unreserved: Option<UnreservedView>,
    /// The services whose ports the guard cannot keep, where the policy speaks of it.
    unguarded: Vec<UnguardedView<'a>>,
    /// Who holds a port that is refused to him, since before it was; `null` where nobody does.
    held: Option<HeldView<'a>>,
    /// Who gets nothing more of what comes in somewhere, as it is led elsewhere, or led no more.
    losses: Vec<LossView<'a>>,
    /// What is led to services and finds no socket of their owners', even once the changes are made.
    unled: Vec<UnledView<'a>>,
    /// The changes that take them back, in order.
    undo: Vec<ChangeView<'a>>,
    /// What could not be seen.
    gaps: Vec<GapView<'a>>,
}

/// A change of the host.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanChange")]
struct ChangeView<'a> {
    /// `gate`: the gate becomes another one; `no-gate`: it is taken away; `reserve`: the kernel keeps other ports from clients;
    /// `guard`: it keeps other ports for their owners; `evict`: a stranger listens on one of those no more.
    kind: &'static str,
    /// What is done.
    what: String,
    /// Why.
    because: &'a str,
    /// The duties that it serves.
    article: &'static [&'static str],
    /// Whether it can be taken back.
    reversible: bool,
}

/// Why what is declared is not kept from clients.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanUnreserved")]
struct UnreservedView {
    /// `no-client-ports-left`.
    refused: &'static str,
    /// The first and the last port that the kernel gives to clients.
    client_range: [u16; 2],
    /// How many of them clients would have.
    left: u32,
    /// How many they must have.
    needed: u32,
}

/// A service whose ports are not guarded.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanUnguarded")]
struct UnguardedView<'a> {
    /// Its name.
    service: &'a str,
    /// Why.
    why: String,
    /// Whether its ports stay guarded as they are, since its owner is only not to be found now.
    stays: bool,
}

/// Who has a port that the guard keeps for another.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanHeld")]
struct HeldView<'a> {
    protocol: Protocol,
    port: u16,
    /// The service that it belongs to.
    service: &'a str,
    /// Who holds it.
    who: String,
}

/// Packets that somebody gets now, and will not get any more.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanLoss")]
struct LossView<'a> {
    protocol: Protocol,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    /// At which address; `null` at every one.
    address: Option<&'a Address>,
    families: &'a [Family],
    /// The service to which they are led then; `null` where they are led nowhere.
    service: Option<&'a str>,
    /// Whether that one has no socket.
    dead: bool,
    /// Who gets them now.
    who: &'a str,
}

/// What is led to a service and finds no socket of its owner's.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanUnled")]
struct UnledView<'a> {
    service: &'a str,
    protocol: Protocol,
    /// The family of the packets: `ipv4` or `ipv6`.
    family: &'static str,
    /// Who gets them, and is no owner; `null` where nobody does.
    stranger: Option<&'a str>,
    /// Why, and what to do about it.
    text: String,
}

/// What becomes another for a zone.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanZone")]
struct ZoneView<'a> {
    zone: &'a str,
    /// What it reaches better than before.
    gains: Vec<PortView<'a>>,
    /// What it reaches no longer, or not all of it.
    loses: Vec<PortView<'a>>,
}

/// A protocol without ports that the gate judges.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanProtocol")]
struct ProtocolView<'a> {
    /// Its name, as the policy writes it.
    protocol: &'static str,
    /// Its number in the headers of IP.
    number: u8,
    /// The zones from which it passes: `world` for everywhere, `host` where it is closed.
    reach: &'a [String],
}

/// Answers that the gate would refuse.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanUntracked")]
struct UntrackedView<'a> {
    /// The ports of others from which they come, as a policy writes them.
    from: Vec<String>,
    /// The rules that take them out of tracking.
    by: &'a [String],
}

/// A run of ports of which the same becomes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PlanPorts")]
struct PortView<'a> {
    protocol: Protocol,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    families: &'a [Family],
    /// What becomes of packets now.
    before: Reached,
    /// What will become of them.
    after: Reached,
    /// Who listens there, or where packets are sent on.
    names: Vec<&'a str>,
}

/// The plan as JSON.
pub(crate) fn view<'a>(plan: &'a Plan, snapshot: &'a Snapshot, lang: Lang) -> PlanView<'a> {
    let changes = |changes: &'a [Change]| changes.iter().map(|it| change_view(it, lang)).collect();
    PlanView {
        version: VERSION,
        based_on: plan.based_on.to_string(),
        changes: changes(&plan.changes),
        zones: plan.zones.iter().map(|zone| zone_view(zone, lang)).collect(),
        protocols: plan.protocols.iter().map(protocol_view).collect(),
        untracked: plan.untracked.as_ref().map(untracked_view),
        unreserved: plan.unreserved.as_ref().map(unreserved_view),
        unguarded: plan.unguarded.iter().map(|it| unguarded_view(it, lang)).collect(),
        held: plan.held.as_ref().map(|held| held_view(held, lang)),
        losses: plan.losses.iter().map(|loss| loss_view(loss, lang)).collect(),
        unled: plan.dead.iter().map(|dead| unled_view(dead, lang)).collect(),
        undo: changes(&plan.undo),
        gaps: snapshot.gaps.iter().map(|gap| gap_view(gap, lang)).collect(),
    }
}

fn change_view(change: &Change, lang: Lang) -> ChangeView<'_> {
    ChangeView {
        kind: change.what.kind(),
        what: change.what.words().in_lang(lang).to_owned(),
        because: change.because.in_lang(lang),
        article: change.article,
        reversible: change.what.is_reversible(),
    }
}

fn protocol_view(passage: &ProtocolPassage) -> ProtocolView<'_> {
    let ProtocolPassage { protocol, reach } = passage;
    ProtocolView { protocol: protocol.name(), number: protocol.number(), reach }
}

fn untracked_view(UntrackedAnswers { from, by }: &UntrackedAnswers) -> UntrackedView<'_> {
    UntrackedView { from: from.specs().map(|spec| spec.to_string()).collect(), by }
}

fn unreserved_view(&Unreserved { range, left, needed }: &Unreserved) -> UnreservedView {
    let client_range = [range.first, range.last];
    UnreservedView { refused: Unreserved::TOKEN, client_range, left, needed }
}

fn unguarded_view(unguarded: &Unguarded, lang: Lang) -> UnguardedView<'_> {
    UnguardedView {
        service: &unguarded.service,
        why: unguarded.why.words().in_lang(lang).to_owned(),
        stays: unguarded.stays,
    }
}

fn held_view(Held { spec, service, who, .. }: &Held, lang: Lang) -> HeldView<'_> {
    HeldView { protocol: spec.protocol, port: spec.range.first, service, who: who.in_lang(lang).to_owned() }
}

fn unled_view(dead: &Dead, lang: Lang) -> UnledView<'_> {
    let (protocol, family) = dead.way;
    UnledView {
        service: &dead.service,
        protocol,
        family: family.name(),
        stranger: dead.stranger.as_ref().map(|who| who.in_lang(lang)),
        text: dead.words().in_lang(lang).to_owned(),
    }
}

fn loss_view(Loss { spec, address, families, service, is_dead, who }: &Loss, lang: Lang) -> LossView<'_> {
    LossView {
        protocol: spec.protocol,
        port: spec.range.first,
        port_last: spec.range.last,
        address: address.as_ref(),
        families,
        service: service.as_deref(),
        dead: *is_dead,
        who: who.in_lang(lang),
    }
}

fn zone_view(zone: &ZoneChange, lang: Lang) -> ZoneView<'_> {
    let gains = zone.gains.iter().map(|change| port_view(change, lang)).collect();
    let loses = zone.loses.iter().map(|change| port_view(change, lang)).collect();
    ZoneView { zone: &zone.zone, gains, loses }
}

fn port_view(change: &PortChange, lang: Lang) -> PortView<'_> {
    PortView {
        protocol: change.ports.protocol,
        port: change.ports.range.first,
        port_last: change.ports.range.last,
        families: &change.families,
        before: change.before,
        after: change.after,
        names: names(change, lang),
    }
}

const CHANGES: &[Column] = &[
    Column { head: Words { en: "CHANGE", ja: "変更" }, fit: Fit::Cut },
    Column { head: Words { en: "BECAUSE", ja: "理由" }, fit: Fit::Cut },
];
const ZONES: &[Column] = &[
    Column { head: Words { en: "ZONE", ja: "ゾーン" }, fit: Fit::Whole },
    Column { head: Words { en: "", ja: "" }, fit: Fit::Whole },
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "FAMILY", ja: "IP" }, fit: Fit::Whole },
    Column { head: Words { en: "NOW", ja: "現在" }, fit: Fit::Whole },
    Column { head: Words { en: "THEN", ja: "変更後" }, fit: Fit::Whole },
    Column { head: Words { en: "WHO", ja: "対象" }, fit: Fit::Cut },
];
const NOTHING: Words = Words {
    en: "Nothing to do: the host agrees with the policy.",
    ja: "変更は不要です。ホストは policy のとおりです。",
};
const NOTHING_YET: Words = Words {
    en: "Nothing can be done yet: not all that is led to services finds a socket of their owners'.",
    ja: "今できる変更はありません。誘導先となる owner のソケットがないサービスがあります。",
};
const GAINS: Words = Words { en: "gains", ja: "開放" };
const LOSES: Words = Words { en: "loses", ja: "遮断" };

/// Prints a plan; without `-v` only ports on which somebody listens, or that are sent on.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(plan: &Plan, verbosity: Verbosity, out: &mut Out) -> Result<(), Failure> {
    if plan.changes.is_empty() {
        out.say(if plan.dead.is_empty() { NOTHING } else { NOTHING_YET })?;
        unreserved(plan, out)?;
        return unguarded(plan, out);
    }
    let lang = out.lang;
    let mut changes = Table::new(CHANGES, 0);
    for change in &plan.changes {
        let what = change.what.words();
        changes.push([what.in_lang(lang).into(), change.because.in_lang(lang).into()]);
    }
    out.table(&changes)?;
    for loss in &plan.losses {
        out.sentences(loss.words().in_lang(lang))?;
    }
    unreserved(plan, out)?;
    unguarded(plan, out)?;
    out.line("")?;
    zones(plan, verbosity, out)
}

/// Says why what is declared is not kept from clients.
fn unreserved(plan: &Plan, out: &mut Out) -> Result<(), Failure> {
    let Some(unreserved) = &plan.unreserved else { return Ok(()) };
    let (Text { en, ja }, Text { en: en_fix, ja: ja_fix }) = (unreserved.why(), unreserved.fix());
    out.sentences(text!("Note: {en}; {en_fix}.", "注意: {ja}。{ja_fix}。").in_lang(out.lang))
}

/// Says which services the guard cannot keep.
fn unguarded(plan: &Plan, out: &mut Out) -> Result<(), Failure> {
    for unguarded in &plan.unguarded {
        let Text { en, ja } = unguarded.words();
        out.sentences(text!("Not guarded: {en}.", "ガードの対象外: {ja}。").in_lang(out.lang))?;
    }
    if let Some(held) = &plan.held {
        warn(&visible(held.too_late().in_lang(out.lang)));
    }
    Ok(())
}

/// Prints what each zone gains and loses by a plan; without `-v` only ports that matter to somebody.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn zones(plan: &Plan, verbosity: Verbosity, out: &mut Out) -> Result<(), Failure> {
    let lang = out.lang;
    let mut silent = 0_usize;
    let mut zones = Table::new(ZONES, 0);
    for zone in &plan.zones {
        for (which, paint, changes) in [(GAINS, Paint::Yellow, &zone.gains), (LOSES, Paint::Red, &zone.loses)]
        {
            for change in changes {
                if change.names.is_empty() && verbosity != Verbosity::Verbose {
                    silent += 1;
                    continue;
                }
                zones.push([
                    zone.zone.as_str().into(),
                    Cell::painted(which.in_lang(lang), paint),
                    change.ports.to_string().into(),
                    families(&change.families).into(),
                    reached(change.before).in_lang(lang).into(),
                    reached(change.after).in_lang(lang).into(),
                    names(change, lang).join(", ").into(),
                ]);
            }
        }
    }
    if !zones.is_empty() {
        out.table(&zones)?;
    }
    if silent > 0 {
        out.say(Words {
            en: "Ports on which nobody listens for others change too: -v shows them.",
            ja: "このほか、ホスト外に向けた待ち受けのないポートの到達可否も変わります(-v で表示)。",
        })?;
    }
    beside::print_untracked(plan.untracked.as_ref(), out)?;
    beside::print(&plan.protocols, out)
}

fn names(change: &PortChange, lang: Lang) -> Vec<&str> {
    change.names.iter().map(|name| name.in_lang(lang)).collect()
}

fn families(families: &[Family]) -> &'static str {
    match families {
        [Family::Ipv4] => "IPv4",
        [Family::Ipv6] => "IPv6",
        _ => "",
    }
}

const fn reached(reached: Reached) -> Words {
    match reached {
        Reached::Reachable => Words { en: "reachable", ja: "到達可" },
        Reached::Partly => Words { en: "partly", ja: "一部" },
        Reached::Dropped => Words { en: "dropped", ja: "破棄" },
        Reached::Rejected => Words { en: "rejected", ja: "拒否" },
        Reached::Unknown => Words { en: "unknown", ja: "不明" },
    }
}
