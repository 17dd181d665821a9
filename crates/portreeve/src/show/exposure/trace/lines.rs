//! What a packet meets, as indented lines; where ways part, each stands below the other.

use portreeve_core::{
    address::Family,
    firewall::{
        Certainty, ChainId, Decision, Direction, Effect, Fate, Field, Filter, Hook, Lost, Met, Part, Place,
        Rate, TraceStep,
    },
    text,
    words::{Lang, Text, Words},
};

use super::{super::table, place_view};
use crate::show::{exposure::target, out::Paint};

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// In steps of two columns.
    pub(super) indent: usize,
    pub(super) text: String,
    pub(super) paint: Option<Paint>,
    /// Of the head of a chain, which.
    chain: Option<ChainId>,
}

impl Line {
    const fn new(indent: usize, text: String, paint: Option<Paint>) -> Self {
        Self { indent, text, paint, chain: None }
    }
}

/// What is done with rules that do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hidden {
    /// They are counted.
    Counted,
    /// They are shown.
    Shown,
}

/// Effects stand before their rules, this wide.
const EFFECT_WIDTH: usize = 8;

/// A step to come.
struct Visit {
    step: usize,
    /// How far to the right the way began.
    indent: usize,
    /// The place in the kernel that the heading named last.
    hook: Option<Hook>,
    /// What stands above the way, where it is one of several.
    heading: Option<Words>,
    /// Whether it is one of several, so that its end is told.
    is_branch: bool,
}

/// The lines of `steps`, and how many rules they leave out.
pub(super) fn lines(steps: &[TraceStep], teller: &Teller<'_>) -> (Vec<Line>, usize) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    let mut first = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step.after {
            Some(before) => after[before].push(at),
            None => first.push(at),
        }
    }
    let start = Visit { step: 0, indent: 1, hook: None, heading: None, is_branch: false };
    let mut to_come = parting(&first, steps, &start, 0);
    let (mut lines, mut passed_over) = (Vec::new(), 0);
    while let Some(mut visit) = to_come.pop() {
        let step = &steps[visit.step];
        if let Some(heading) = visit.heading.take() {
            lines.extend(teller.supposed(&step.met, visit.indent));
            let text = heading.in_lang(teller.lang).into();
            lines.push(Line::new(visit.indent - 1, text, Some(Paint::Yellow)));
        }
        let told = teller.tell(step, &mut visit);
        passed_over += usize::from(told.is_none());
        match (&step.met, lines.last_mut()) {
            // A chain of which nothing is told but its policy is a line.
            (Met::Policy(chain), Some(last)) if last.chain == Some(*chain) => {
                last.text = format!("{}: {}", last.text, teller.policy(*chain));
            }
            _ => lines.extend(told.unwrap_or_default()),
        }
        to_come.extend(parting(&after[visit.step], steps, &visit, step.depth));
    }
    (lines, passed_over)
}

/// The steps that come next, the first last; several are told apart.
fn parting(next: &[usize], steps: &[TraceStep], from: &Visit, depth: usize) -> Vec<Visit> {
    if let [step] = next {
        let Visit { indent, hook, is_branch, .. } = *from;
        return vec![Visit { step: *step, indent, hook, heading: None, is_branch }];
    }
    let branch = |step: &usize| Visit {
        step: *step,
        indent: from.indent + depth + 2,
        hook: from.hook,
        heading: Some(heading(&steps[*step].met)),
        is_branch: true,
    };
    next.iter().rev().map(branch).collect()
}

const fn heading(met: &Met) -> Words {
    match met {
        Met::Supposed(_, Certainty::Rate(Rate::Within | Rate::Share))
        | Met::NotHeld(_, Certainty::Rate(Rate::Beyond)) => {
            Words { en: "within the rate:", ja: "頻度の範囲内:" }
        }
        Met::Supposed(_, Certainty::Rate(Rate::Beyond))
        | Met::NotHeld(_, Certainty::Rate(Rate::Within | Rate::Share)) => {
            Words { en: "beyond the rate:", ja: "頻度を超えた場合:" }
        }
        Met::Supposed(_, Certainty::Unknown) => Words { en: "if it holds:", ja: "条件に合う場合:" },
        Met::NotHeld(_, Certainty::Unknown) => {
            Words { en: "if it does not:", ja: "条件に合わない場合:" }
        }
        _ => Words { en: "for some of them:", ja: "一部のパケット:" },
    }
}

/// Tells steps.
pub(super) struct Teller<'a> {
    pub(super) filter: &'a Filter,
    pub(super) family: Family,
    pub(super) hidden: Hidden,
    pub(super) lang: Lang,
}

impl Teller<'_> {
    /// The lines of a step; `None` where it is left out.
    fn tell(&self, step: &TraceStep, visit: &mut Visit) -> Option<Vec<Line>> {
        let indent = visit.indent + step.depth;
        let line = |indent, text| Line::new(indent, text, None);
        match &step.met {
            Met::Chain(chain) => Some(self.chain(*chain, visit)),
            Met::Idle(place) | Met::NotHeld(place, Certainty::Certain) => {
                let effect = if matches!(step.met, Met::Idle(_)) { "…" } else { "-" };
                let shown = || vec![self.rule(indent, effect, *place, Some(Paint::Dim))];
                (self.hidden == Hidden::Shown).then(shown)
            }
            // Of these the headings tell.
            Met::Supposed(..) | Met::NotHeld(..) => Some(Vec::new()),
            Met::Did(place, effect) => {
                let effect = self.effect(effect);
                Some(vec![self.rule(indent, &effect, *place, None)])
            }
            Met::Policy(chain) => Some(vec![line(indent + 2, self.policy(*chain).into())]),
            Met::Routed(direction) => {
                let text = self.routed(*direction);
                Some(vec![line(visit.indent, text.in_lang(self.lang).into())])
            }
            Met::End(part) if visit.is_branch => Some(vec![line(visit.indent, self.end(part))]),
            Met::End(_) => Some(Vec::new()),
        }
    }

    /// The rule of which it is supposed that it holds, above both ways.
    fn supposed(&self, met: &Met, indent: usize) -> Option<Line> {
        match met {
            Met::Supposed(place, _) => Some(self.rule(indent - 2, "?", *place, Some(Paint::Yellow))),
            _ => None,
        }
    }

    fn policy(&self, chain: ChainId) -> &'static str {
        self.filter.ruleset.chains[chain.0].policy_text()
    }

    /// A chain, below the name of its hook where that is another one than before.
    fn chain(&self, id: ChainId, visit: &mut Visit) -> Vec<Line> {
        let chain = &self.filter.ruleset.chains[id.0];
        let hook = chain.base.as_ref().map(|base| base.hook);
        let mut lines = Vec::new();
        if let Some(hook) = hook.filter(|_| hook != visit.hook) {
            lines.push(Line::new(visit.indent, hook.name().into(), Some(Paint::Bold)));
        }
        visit.hook = hook;
        let priority = chain.base.as_ref().map_or(0, |base| base.priority);
        let text = format!("{} {} {} ({priority})", chain.layer.name(), chain.table, chain.name);
        lines.push(Line { chain: Some(id), ..Line::new(visit.indent + 1, text, None) });
        lines
    }

    fn rule(&self, indent: usize, effect: &str, place: Place, paint: Option<Paint>) -> Line {
        let text = place_view(place, self.filter).text;
        Line::new(indent + 1, format!("{effect:EFFECT_WIDTH$} {text}"), paint)
    }

    fn effect(&self, effect: &Effect) -> String {
        match effect {
            Effect::Decided(decision) => self.decision(decision),
            Effect::SentOn(rewritten) => table::target_text(&target(rewritten, self.family)),
            Effect::Changed(Field::Mark) => "mark".into(),
            Effect::Changed(Field::ConnectionMark) => "ct mark".into(),
            Effect::Changed(_) => "set".into(),
            Effect::Untracked => "notrack".into(),
        }
    }

    fn decision(&self, decision: &Decision) -> String {
        let name = decision.name();
        match decision.chain() {
            Some(chain) => format!("{name} {}", self.filter.ruleset.chains[chain.0].name),
            None => name.into(),
        }
    }

    fn routed(&self, direction: Direction) -> Text {
        match direction {
            Direction::Here => Words { en: "for this host", ja: "このホスト宛て" }.into(),
            Direction::On(interface) => {
                let interfaces = &self.filter.around.interfaces;
                match interface.and_then(|at| interfaces.get(at)) {
                    Some(interface) => {
                        let name = &interface.name;
                        text!("passed on, out by {name}", "転送({name} から出力)")
                    }
                    None => Words { en: "passed on", ja: "転送" }.into(),
                }
            }
            Direction::Nowhere(lost) => lost_words(lost).into(),
        }
    }

    /// What becomes of it at the end of one of several ways.
    fn end(&self, part: &Part) -> String {
        let said = match &part.fate {
            Fate::Arrives(_) => Words { en: "arrives here", ja: "このホストに到達" },
            Fate::Leaves(_) => Words { en: "leaves", ja: "送出" },
            Fate::Dropped => Words { en: "dropped", ja: "破棄" },
            Fate::Rejected => Words { en: "rejected", ja: "拒否" },
            Fate::Unknown => Words { en: "cannot be told", ja: "判定不能" },
        };
        format!("= {}", said.in_lang(self.lang))
    }
}

const fn lost_words(lost: Lost) -> Words {
    match lost {
        Lost::Strange => Words {
            en: "refused: no kernel takes a packet of such addresses from there",
            ja: "拒絶: カーネルはこのようなアドレスのパケットを受け付けません",
        },
        Lost::NotPassedOn => Words {
            en: "lost: it is for another host, and this one passes nothing on",
            ja: "消失: ほかのホスト宛てですが、このホストは転送を行いません",
        },
        Lost::NoRoute => {
            Words { en: "lost: no route leads there", ja: "消失: 宛先への経路がありません" }
        }
    }
}
