//! Turns the words of a rule into what it asks and does (iptables(8)).

use alloc::vec::Vec;

use super::{
    Scope, matches, numbers,
    questions::{always, interfaces, is, masked, never, not_if},
    targets,
    words::Words,
};
use crate::{
    address::Family,
    firewall::{
        intervals::Intervals,
        packets::Field,
        protocols,
        ruleset::{Question, Rate, Step},
    },
};

/// What the rule asks and does that the words say.
pub(super) fn read(mut words: Words<'_>, scope: &Scope<'_>) -> Vec<Step> {
    let mut asked = Asked::default();
    while let Some(word) = words.take() {
        let question = match word {
            "-j" | "--jump" => return asked.then(targets::jump(&mut words, scope)),
            "-g" | "--goto" => return asked.then(targets::goto(&mut words, scope)),
            "-m" | "--match" => matches::read(&mut words, scope),
            other => common(other, &mut words, scope),
        };
        match question {
            Some(question) => asked.add(question),
            None => {
                asked.add(Question::Unknown);
                return asked.then(targets::not_understood());
            }
        }
    }
    asked.then(Vec::new())
}

/// What a rule asks. What nobody can answer is asked once, and after all else: every such question doubles the ways.
#[derive(Default)]
struct Asked {
    questions: Vec<Question>,
    rates: Vec<Rate>,
    is_unknown: bool,
}

impl Asked {
    fn add(&mut self, question: Question) {
        match question {
            Question::Rate(rate) if self.rates.contains(&rate) => {}
            Question::Rate(rate) => self.rates.push(rate),
            Question::Unknown => self.is_unknown = true,
            Question::All(all) => all.into_iter().for_each(|question| self.add(question)),
            other => self.questions.push(other),
        }
    }

    fn then(self, effects: Vec<Step>) -> Vec<Step> {
        let mut steps: Vec<_> = self.questions.into_iter().map(Step::Ask).collect();
        steps.extend(self.rates.into_iter().map(|rate| Step::Ask(Question::Rate(rate))));
        steps.extend(self.is_unknown.then_some(Step::Ask(Question::Unknown)));
        steps.extend(effects);
        steps
    }
}

/// What an option asks that any rule may have; `None` where it is none of these.
fn common(word: &str, words: &mut Words<'_>, scope: &Scope<'_>) -> Option<Question> {
    let is_negated = word == "!";
    let name = if is_negated { words.take()? } else { word };
    let question = match name {
        // Packets that have ports are no later fragments.
        "-f" | "--fragment" => never(),
        "-p" | "--protocol" => protocol(words.take()?),
        "-s" | "--source" | "--src" => address(Field::Source, words.take()?, scope),
        "-d" | "--destination" | "--dst" => address(Field::Destination, words.take()?, scope),
        "-i" | "--in-interface" => interface(Field::InInterface, words.take()?, scope),
        "-o" | "--out-interface" => interface(Field::OutInterface, words.take()?, scope),
        "-c" | "--set-counters" => {
            words.take()?;
            words.take()?;
            always()
        }
        _ => return None,
    };
    Some(not_if(is_negated, question))
}

fn protocol(text: &str) -> Question {
    if matches!(text, "all" | "0") {
        return always();
    }
    protocols::number(text).map_or(Question::Unknown, |number| is(Field::Protocol, number))
}

fn interface(field: Field, name: &str, scope: &Scope<'_>) -> Question {
    // Every packet has some interface, even where nobody listed it.
    if name == "+" { always() } else { Question::Is(field, interfaces(scope, name)) }
}

/// Whether an address is in the network that `text` says, `10.0.0.0/8` or `10.0.0.1/255.0.0.255`.
pub(super) fn address(field: Field, text: &str, scope: &Scope<'_>) -> Question {
    let (address, mask) = text.split_once('/').unwrap_or((text, ""));
    let all =
        numbers::mask(if mask.is_empty() { LENGTHS[scope.family as usize] } else { mask }, scope.family);
    match (numbers::address(address, scope.family), all) {
        (Some(address), Some(mask)) => of_network(field, address & mask, mask, scope.family),
        _ => Question::Unknown,
    }
}

fn of_network(field: Field, address: u128, mask: u128, family: Family) -> Question {
    match numbers::free(mask, family) {
        Some(free) => Question::Is(field, Intervals::prefix(address, free)),
        None => masked(field, address, mask),
    }
}

/// The lengths of an IPv4 and an IPv6 address.
const LENGTHS: [&str; 2] = ["32", "128"];
