//! The statements of a rule, in order (libnftables-json(5), "STATEMENTS").

use alloc::{vec, vec::Vec};

use serde_json::Value;

use super::{
    Scope, expression::Expression, mangle, matching, nat, render, sets, sets::Elements, tagged, text, verdict,
};
use crate::address::Family;
use crate::firewall::{
    intervals::Intervals,
    packets::{Field, family_number},
    ruleset::{Decision, Layer, Question, Rule, Step, Value as NewValue},
};

/// More statements than this one rule cannot have (include/uapi/linux/netfilter/nf_tables.h, `NFT_RULE_MAXEXPRS`).
const STATEMENTS_MAX: usize = 128;
const TCP: u128 = 6;

/// What a statement does.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// These steps, and then the next statement.
    Steps(Vec<Step>),
    /// The first of these ways whose questions hold, and nothing after it.
    Ways(Vec<Vec<Step>>),
}

impl Outcome {
    /// What is not understood, and may decide anything: nobody can tell what becomes of the packet.
    pub(super) fn open() -> Self {
        Self::Ways(vec![vec![Step::Decide(Decision::Queue)]])
    }

    fn asks(question: Question) -> Self {
        Self::Steps(vec![Step::Ask(question)])
    }

    const fn nothing() -> Self {
        Self::Steps(Vec::new())
    }
}

/// A rule of the listing as rules of ours: several where it takes a map apart.
pub(super) fn read(object: &Value, scope: &Scope<'_>) -> Vec<Rule> {
    let statements = object.get("expr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let handle = object.get("handle").and_then(Value::as_u64);
    let text = render::rule(statements, text(object, "comment"));
    let told = |steps| Rule { handle, text: text.clone(), steps: doubts_last(with_hidden(steps, scope)) };
    ways(statements, scope).into_iter().map(told).collect()
}

/// The same steps, and before them what the listing hides of what the rule asks.
fn with_hidden(steps: Vec<Step>, scope: &Scope<'_>) -> Vec<Step> {
    let asked = scope.hidden.into_iter().flatten().flat_map(|asked| asked.questions(scope)).map(Step::Ask);
    let mut all: Vec<Step> = asked.filter(|step| !steps.contains(step)).collect();
    all.extend(steps);
    all
}

/// The same steps, with what nobody can answer asked once, and after all else that is asked before the first effect: every
/// such question doubles the ways.
fn doubts_last(mut steps: Vec<Step>) -> Vec<Step> {
    let asked = steps.iter().position(|step| !matches!(step, Step::Ask(_))).unwrap_or(steps.len());
    let rank = |step: &Step| match step {
        Step::Ask(Question::Rate(_)) => 1,
        Step::Ask(Question::Unknown) => 2,
        _ => 0,
    };
    let (questions, _) = steps.split_at_mut(asked);
    questions.sort_by_key(rank);
    steps.dedup_by(|one, other| one == other && *one == Step::Ask(Question::Unknown));
    steps
}

/// Whether a rule has an extension of iptables, of which the listing says no more than its name.
pub(super) fn names_extension(object: &Value) -> bool {
    let statements = object.get("expr").and_then(Value::as_array).into_iter().flatten();
    statements.filter_map(tagged).any(|(name, _)| name == "xt")
}

fn ways(statements: &[Value], scope: &Scope<'_>) -> Vec<Vec<Step>> {
    if statements.len() > STATEMENTS_MAX {
        return vec![vec![Step::Decide(Decision::Queue)]];
    }
    let mut steps = Vec::new();
    for statement in statements {
        match self::statement(statement, scope) {
            Outcome::Steps(more) => steps.extend(more),
            Outcome::Ways(ways) if ways.len() == 1 => {
                steps.extend(ways.into_iter().flatten());
                break;
            }
            Outcome::Ways(_) if !steps.iter().all(is_repeatable) => {
                steps.push(Step::Decide(Decision::Queue));
                break;
            }
            Outcome::Ways(ways) => {
                return ways.into_iter().map(|way| [steps.as_slice(), &way].concat()).collect();
            }
        }
    }
    vec![steps]
}

/// Whether it makes no difference that a step is taken once more.
const fn is_repeatable(step: &Step) -> bool {
    match step {
        Step::Ask(question) => !matches!(question, Question::Rate(_) | Question::Unknown),
        Step::Set(_, value) => matches!(value, NewValue::Number(_)),
        _ => false,
    }
}

fn statement(statement: &Value, scope: &Scope<'_>) -> Outcome {
    if let Some(decision) = verdict::decision(statement, scope) {
        return match decision {
            Decision::Continue => Outcome::nothing(),
            decision => Outcome::Steps(vec![Step::Decide(decision)]),
        };
    }
    // Some statements without arguments may be written as their name alone.
    let (name, inner) = match statement {
        Value::String(name) => (name.as_str(), &Value::Null),
        other => match tagged(other) {
            Some(tagged) => tagged,
            None => return Outcome::open(),
        },
    };
    match name {
        "match" => Outcome::Steps(matching::questions(inner, scope).into_iter().map(Step::Ask).collect()),
        "vmap" => verdict::map(inner, scope),
        "mangle" => mangle::mangle(inner, scope),
        "dnat" => nat::dnat(inner, scope),
        "redirect" => nat::redirect(inner, scope),
        // The source becomes another one, and the packet passes.
        "snat" | "masquerade" => Outcome::Steps(vec![Step::ChangeSource, Step::Decide(Decision::Accept)]),
        "reject" => Outcome::Steps(reject(inner, scope)),
        "notrack" => Outcome::Steps(vec![Step::Untrack]),
        "set" | "meter" | "map" => Outcome::Steps(update(inner, scope)),
        "limit" | "quota" | "ct count" => counted(inner, scope, &[metered(name, inner, scope)]),
        "counter" | "log" | "last" | "ct helper" | "ct timeout" | "ct expectation" | "secmark" | "dup" => {
            counted(inner, scope, &[])
        }
        // It holds only of connections that can be taken over.
        "flow" => Outcome::asks(Question::Unknown),
        "xt" if text(inner, "type") == Some("match") => Outcome::asks(Question::Unknown),
        // Sent to another device, to a local socket or to a program, or something that is not known here.
        _ => Outcome::open(),
    }
}

/// A statement that decides nothing but by `questions`; which object it means may hang on a map.
fn counted(inner: &Value, scope: &Scope<'_>, questions: &[Question]) -> Outcome {
    let mut steps = inner.get("map").map_or_else(Vec::new, |map| mangle::lookup(map, scope));
    steps.extend(questions.iter().cloned().map(Step::Ask));
    Outcome::Steps(steps)
}

/// Whether a meter holds, which may be one of several by a map.
fn metered(kind: &str, inner: &Value, scope: &Scope<'_>) -> Question {
    let rate = match inner.get("map") {
        None => scope.rate(kind, inner),
        Some(map) => map.get("data").and_then(|data| Elements::of_map(data, scope)).and_then(|elements| {
            let mut rates = elements.data().map(|name| scope.rate(kind, name));
            let first = rates.next()?;
            // Of several that hold of others each nobody looks up which one it is.
            first.filter(|_| rates.all(|rate| rate == first))
        }),
    };
    rate.map_or(Question::Unknown, Question::Rate)
}

/// Each kind of refusal is for packets of its protocol alone, which nft asks without printing it.
fn reject(inner: &Value, scope: &Scope<'_>) -> Vec<Step> {
    let only = |field, number| Some(Question::Is(field, Intervals::one(number)));
    let family = |family| only(Field::Family, family_number(family));
    let asked = match text(inner, "type") {
        Some("tcp reset") => [only(Field::Protocol, TCP), hidden_family(scope)],
        Some("icmp") => [family(Family::Ipv4), None],
        Some("icmpv6") => [family(Family::Ipv6), None],
        _ => [None, None],
    };
    asked.into_iter().flatten().map(Step::Ask).chain([Step::Decide(Decision::Reject)]).collect()
}

/// nft 1.0.6 does not print which family was asked before a reset (src/netlink_delinearize.c,
/// `stmt_reject_postprocess`).
fn hidden_family(scope: &Scope<'_>) -> Option<Question> {
    let is_told = scope.hidden.is_some() || matches!(scope.table.0, Layer::Ip | Layer::Ip6);
    (!is_told).then_some(Question::Unknown)
}

/// An element is added to a set, or to a meter; who asks for what is in such a set learns nothing ([`sets::changing`]).
fn update(inner: &Value, scope: &Scope<'_>) -> Vec<Step> {
    let element = inner.get("elem").or_else(|| inner.get("key"));
    let element =
        element.map(|element| element.get("elem").and_then(|elem| elem.get("val")).unwrap_or(element));
    let Some(element) = element else { return vec![Step::Decide(Decision::Queue)] };
    let mut questions = matching::needs(&Expression::read(element, scope));
    let statements = inner.get("stmt").map_or_else(Vec::new, super::several);
    let is_known =
        |statement: &Value| tagged(statement).is_some_and(|(name, _)| ["counter", "last"].contains(&name));
    for statement in statements.iter().copied() {
        let rate = tagged(statement).and_then(|(kind, inner)| scope.rate(kind, inner));
        if let Some(rate) = rate {
            questions.push(Question::Rate(rate));
        } else if !is_known(statement) {
            questions.push(Question::Unknown);
        }
    }
    if statements.is_empty()
        && let Some(set) = sets::name(inner).and_then(|name| scope.set(name))
    {
        let stated = set.object.get("stmt").and_then(Value::as_array).into_iter().flatten();
        let rates = stated.filter_map(tagged).filter_map(|(kind, inner)| scope.rate(kind, inner));
        questions.extend(rates.map(Question::Rate));
    }
    questions.into_iter().map(Step::Ask).collect()
}
