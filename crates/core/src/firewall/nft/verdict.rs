//! What a rule decides, at once or by a map (libnftables-json(5), "VERDICT" and "VERDICT MAP").

use alloc::{vec, vec::Vec};

use serde_json::Value;

use super::{
    Scope, constant,
    expression::Expression,
    matching::{self, needs},
    names::Type,
    rule::Outcome,
    sets::Elements,
    tagged, text,
};
use crate::firewall::{
    intervals::{Interval, Intervals},
    ruleset::{Decision, Question, Rate, Step, Tuple},
};

/// What `statement` decides; `None` where it is no verdict.
///
/// A chain that the listing does not show may do anything, as a program may.
pub(super) fn decision(statement: &Value, scope: &Scope<'_>) -> Option<Decision> {
    let (name, inner) = tagged(statement)?;
    let target = || text(inner, "target").and_then(|name| scope.chain(name));
    Some(match name {
        "accept" => Decision::Accept,
        "drop" => Decision::Drop,
        "continue" => Decision::Continue,
        "return" => Decision::Return,
        "queue" => Decision::Queue,
        "jump" => target().map_or(Decision::Queue, Decision::Jump),
        "goto" => target().map_or(Decision::Queue, Decision::Goto),
        _ => return None,
    })
}

/// What a verdict map does.
pub(super) fn map(inner: &Value, scope: &Scope<'_>) -> Outcome {
    read(inner, scope).unwrap_or_else(Outcome::open)
}

/// Keys, and what is decided for each.
type Entries<'a> = Vec<(&'a Value, Decision)>;

fn read(inner: &Value, scope: &Scope<'_>) -> Option<Outcome> {
    let expression = Expression::read(inner.get("key")?, scope);
    let elements = Elements::of_map(inner.get("data")?, scope)?;
    let decided = |value: &Value| decision(value, scope).unwrap_or(Decision::Queue);
    let entries: Option<Entries<'_>> =
        elements.list.iter().map(|(key, value)| Some((*key, decided((*value)?)))).collect();
    let rest = match elements.rest {
        None => None,
        Some(value) => Some(decided(value?)),
    };
    let entries = entries?;
    let mut asked: Vec<Step> = needs(&expression).into_iter().map(Step::Ask).collect();
    asked.extend(elements.rate.map(|rate| Step::Ask(Question::Rate(rate))));
    let mut ways = match choice(&expression, &entries, rest.as_ref(), scope) {
        Some(choice) => vec![vec![choice]],
        None => one_by_one(inner, &expression, &entries, rest.as_ref(), scope)?,
    };
    if let Some(doubt) = expression.doubt() {
        ways.insert(0, vec![Step::Ask(doubt), Step::Decide(Decision::Queue)]);
    }
    let ways = ways.into_iter().map(|way| [asked.as_slice(), &way].concat());
    Some(Outcome::Ways(ways.collect()))
}

/// All entries as one step, where fields tell which of them holds.
fn choice(
    expression: &Expression,
    entries: &Entries<'_>,
    rest: Option<&Decision>,
    scope: &Scope<'_>,
) -> Option<Step> {
    let mut all: Vec<(Tuple, Decision)> = Vec::with_capacity(entries.len());
    for (key, decision) in entries {
        let tuples = matching::tuples(expression, key, scope)?;
        all.extend(tuples.into_iter().map(|tuple| (tuple, decision.clone())));
    }
    all.extend(rest.map(|decision| (Vec::new(), decision.clone())));
    Some(Step::Choose(all))
}

/// Each entry as a way of its own, where it takes a question to tell which one holds.
fn one_by_one(
    inner: &Value,
    expression: &Expression,
    entries: &Entries<'_>,
    rest: Option<&Decision>,
    scope: &Scope<'_>,
) -> Option<Vec<Vec<Step>>> {
    let decisions = || entries.iter().map(|(_, decision)| decision).chain(rest);
    // What comes back or goes on would meet the other entries.
    if decisions().any(|decision| matches!(decision, Decision::Jump(_) | Decision::Continue)) {
        return None;
    }
    let asked =
        |question: Question, decision: &Decision| vec![Step::Ask(question), Step::Decide(decision.clone())];
    let questions: Option<Vec<Question>> =
        entries.iter().map(|(key, _)| matching::one_of(expression, &[*key], scope)).collect();
    let mut ways: Vec<Vec<Step>> = match questions {
        Some(questions) => questions
            .into_iter()
            .zip(entries)
            .map(|(question, (_, decision))| asked(question, decision))
            .collect(),
        None => {
            let question = if expression.is_rate() { Question::Rate(Rate::Share) } else { Question::Unknown };
            let mut distinct: Vec<&Decision> = Vec::new();
            for (_, decision) in entries {
                if !distinct.contains(&decision) {
                    distinct.push(decision);
                }
            }
            distinct.into_iter().map(|decision| asked(question.clone(), decision)).collect()
        }
    };
    ways.extend(rest.map(|decision| vec![Step::Decide(decision.clone())]));
    if rest.is_none()
        && is_exhausted(inner, entries)
        && let Some(last) = ways.last_mut()
    {
        last.remove(0);
    }
    Some(ways)
}

/// Whether a generator of numbers makes none that has no entry.
fn is_exhausted(inner: &Value, entries: &Entries<'_>) -> bool {
    let Some(generator) = inner.get("key").and_then(|key| key.get("numgen")) else { return false };
    let number = |key: &str| generator.get(key).and_then(Value::as_u64).map(u128::from);
    let Some(count) = number("mod").filter(|count| *count > 0) else { return false };
    let first = number("offset").unwrap_or(0);
    let mut all: Vec<Interval> = Vec::new();
    for (key, _) in entries {
        all.extend(key_numbers(key).iter().flat_map(Intervals::iter));
    }
    let all: Intervals = all.into_iter().collect();
    all.includes(&Intervals::span(first, first + count - 1))
}

fn key_numbers(key: &Value) -> Option<Intervals> {
    match tagged(key) {
        Some(("range", ends)) => match ends.as_array()?.as_slice() {
            [first, last] => Some(Intervals::span(
                constant::number(first, Type::Mark)?,
                constant::number(last, Type::Mark)?,
            )),
            _ => None,
        },
        _ => Some(Intervals::one(constant::number(key, Type::Mark)?)),
    }
}
