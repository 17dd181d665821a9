//! The ways of packets as JSON: what each step comes after is told by number.

use portreeve_core::{
    address::{Address, Family},
    facts::Gap,
    firewall::{Certainty, Direction, Effect, Fate, Filter, Lost, Met, Place, Rate, TraceStep},
    reach::Basis,
    words::Lang,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{PlaceView, RowView, ToView, VERSION, answer, place_view, target},
    Way,
};
use crate::show::view::{GapView, gap_view};

/// The answer of `exposure --trace`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Traces")]
pub(crate) struct TracesView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// What the answers rest on: `bind` where the rules of the firewall could not be read.
    basis: Basis,
    /// A packet each.
    traces: Vec<TraceView<'a>>,
    /// What hides rules of the firewall.
    gaps: Vec<GapView<'a>>,
}

/// A packet, what becomes of it, and what it meets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Trace")]
struct TraceView<'a> {
    /// The interface that it comes in by; null where it is this host's own, or may come in by several.
    #[serde(rename = "in")]
    interface: Option<&'a str>,
    /// What becomes of it, as `exposure --ask` answers.
    answer: RowView<'a>,
    /// What it meets, in the order in which it was followed. Where two come after the same one, some packets of this
    /// description meet one and some the other, or nobody can tell which.
    met: Vec<MetView<'a>>,
}

/// Something that a packet meets.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "TraceStep")]
struct MetView<'a> {
    /// The place in the list of what it met before; null for the first.
    after: Option<usize>,
    /// In how many chains it is, one within the other.
    depth: usize,
    /// `chain`: one that is hooked into its way; `rule`; `policy`: the end of such a chain; `routed`: a choice of its way;
    /// `end`.
    kind: &'static str,
    /// Of a chain, a rule or a policy, which.
    place: Option<PlaceView<'a>>,
    /// Of a chain, where it is hooked in: `prerouting`, `input`, …
    hook: Option<&'static str>,
    /// Of a chain, its place among those of the hook.
    priority: Option<i32>,
    /// Of a rule: `yes`, `no`, `unasked` (it does nothing but look on), or a supposition, as nobody can tell or a rate
    /// decides: `supposed`, `supposed-not`, `within-rate`, `beyond-rate`.
    held: Option<&'static str>,
    /// What a rule does: `accept`, `drop`, `reject`, `jump`, `goto`, `return`, `continue`, `queue`, `sent-on`, `set`,
    /// `notrack`. Of a way: `here`, `passed-on`, `strange`, `not-passed-on`, `no-route`. Of an end: `arrives`, `leaves`,
    /// `dropped`, `rejected`, `unknown`.
    what: Option<&'static str>,
    /// The chain that a rule jumps or goes to, or the interface by which it is passed on.
    by: Option<&'a str>,
    /// Where a rule sends it on to.
    to: Option<ToView>,
}

/// The document.
pub(crate) fn document<'a>(
    ways: &[Way<'a>],
    filter: &'a Filter,
    basis: Basis,
    gaps: &'a [Gap],
    lang: Lang,
) -> TracesView<'a> {
    TracesView {
        version: VERSION,
        basis,
        traces: ways.iter().map(|way| trace(way, filter, basis)).collect(),
        gaps: gaps.iter().map(|gap| gap_view(gap, lang)).collect(),
    }
}

fn trace<'a>(way: &Way<'a>, filter: &'a Filter, basis: Basis) -> TraceView<'a> {
    let ends: (Address, Address) = (way.source.into(), way.destination.into());
    let steps = way.steps();
    TraceView {
        interface: way.interface.or_else(|| way.interface(filter)),
        answer: answer(way.exposure.clone(), &way.to, ends, filter, basis),
        met: steps.iter().map(|step| met(step, way.to.family, filter)).collect(),
    }
}

fn met<'a>(step: &TraceStep, family: Family, filter: &'a Filter) -> MetView<'a> {
    let view = || MetView { after: step.after, depth: step.depth, ..MetView::default() };
    let rule = |place: &Place| MetView { kind: "rule", place: Some(place_view(*place, filter)), ..view() };
    match &step.met {
        Met::Chain(chain) => {
            let place = Place { chain: *chain, rule: None };
            let base = filter.ruleset.chains[chain.0].base.as_ref();
            MetView {
                kind: "chain",
                place: Some(place_view(place, filter)),
                hook: base.map(|base| base.hook.name()),
                priority: base.map(|base| base.priority),
                ..view()
            }
        }
        Met::Policy(chain) => {
            let place = place_view(Place { chain: *chain, rule: None }, filter);
            MetView { kind: "policy", place: Some(place), ..view() }
        }
        Met::Idle(place) => MetView { held: Some("unasked"), ..rule(place) },
        Met::NotHeld(place, certainty) => {
            let held = match certainty {
                Certainty::Certain => "no",
                Certainty::Rate(Rate::Within | Rate::Share) => "beyond-rate",
                Certainty::Rate(Rate::Beyond) => "within-rate",
                Certainty::Unknown => "supposed-not",
            };
            MetView { held: Some(held), ..rule(place) }
        }
        Met::Supposed(place, certainty) => {
            let held = match certainty {
                Certainty::Certain => "yes",
                Certainty::Rate(Rate::Within | Rate::Share) => "within-rate",
                Certainty::Rate(Rate::Beyond) => "beyond-rate",
                Certainty::Unknown => "supposed",
            };
            MetView { held: Some(held), ..rule(place) }
        }
        Met::Did(place, effect) => did(effect, family, filter, rule(place)),
        Met::Routed(direction) => {
            let (what, by) = routed(*direction, filter);
            MetView { kind: "routed", what: Some(what), by, ..view() }
        }
        Met::End(part) => MetView { kind: "end", what: Some(end(&part.fate)), ..view() },
    }
}

fn did<'a>(effect: &Effect, family: Family, filter: &'a Filter, rule: MetView<'a>) -> MetView<'a> {
    let (what, by, to) = match effect {
        Effect::Decided(decision) => {
            let by = decision.chain().map(|chain| filter.ruleset.chains[chain.0].name.as_str());
            (decision.name(), by, None)
        }
        Effect::SentOn(rewritten) => ("sent-on", None, Some(target(rewritten, family))),
        Effect::Changed(_) => ("set", None, None),
        Effect::Untracked => ("notrack", None, None),
    };
    MetView { held: Some("yes"), what: Some(what), by, to, ..rule }
}

fn routed(direction: Direction, filter: &Filter) -> (&'static str, Option<&str>) {
    match direction {
        Direction::Here => ("here", None),
        Direction::On(interface) => {
            let interface = interface.and_then(|at| filter.around.interfaces.get(at));
            ("passed-on", interface.map(|interface| interface.name.as_str()))
        }
        Direction::Nowhere(Lost::Strange) => ("strange", None),
        Direction::Nowhere(Lost::NotPassedOn) => ("not-passed-on", None),
        Direction::Nowhere(Lost::NoRoute) => ("no-route", None),
    }
}

const fn end(fate: &Fate) -> &'static str {
    match fate {
        Fate::Arrives(_) => "arrives",
        Fate::Leaves(_) => "leaves",
        Fate::Dropped => "dropped",
        Fate::Rejected => "rejected",
        Fate::Unknown => "unknown",
    }
}
