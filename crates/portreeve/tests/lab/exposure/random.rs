//! Rulesets by chance: what is said of their listings is what becomes of real packets (A15, A17, A20).
//!
//! `cargo xtask soak` tries 500 where others try 20; `PORTREEVE_SEED=7` tries that one alone, and `PORTREEVE_SEED=7-90`
//! each of these.

pub(super) mod dice;
mod iptables;
mod nft;
mod rules;

use std::{env, ops::RangeInclusive};

use portreeve_lab::{
    perimeter::{Question, questions},
    ruleset::{LIST, RECEIVERS, SENDERS},
};

use self::{
    dice::Dice,
    rules::{Program, Rules},
};
use super::{place::Place, score::Score};

/// The seeds that everybody tries, and those of whoever wants all of it.
const SEEDS: RangeInclusive<u64> = 1..=20;
const ALL_SEEDS: RangeInclusive<u64> = 1..=500;
/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
/// Whoever wants one seed, or a run of them, sets this to it.
const SEED: &str = "PORTREEVE_SEED";
/// How many rulesets a place sees, one after the other: it has no more source ports than that.
const EACH_PLACE: usize = 50;
/// How many questions are asked about each.
const ASKED: usize = 400;
/// The ports on both sides of every edge that the rules draw.
const PORTS: [u16; 12] = [21, 22, 23, 52, 53, 79, 80, 81, 443, 1023, 1024, 65535];

/// A ruleset of a seed, and what is asked about it.
struct Case {
    rules: Rules,
    questions: Vec<Question>,
}

fn case(seed: u64) -> Case {
    let mut dice = Dice::of(seed);
    let rules = match dice.below(4) {
        0 | 1 => nft::rules(&mut dice),
        2 => iptables::rules(&mut dice, Program::Iptables),
        _ => iptables::rules(&mut dice, Program::Legacy),
    };
    let mut all = questions(SENDERS, RECEIVERS, &PORTS);
    let questions = (0..ASKED).map(|_| all.swap_remove(dice.below(all.len()))).collect();
    Case { rules, questions }
}

fn seeds() -> RangeInclusive<u64> {
    match env::var(SEED) {
        Ok(seed) => {
            let (first, last) = seed.split_once('-').unwrap_or((&seed, &seed));
            let [first, last] = [first, last].map(|seed| seed.parse().expect("a seed is a number"));
            first..=last
        }
        Err(_) if env::var(STORM).is_ok_and(|storm| storm == "full") => ALL_SEEDS,
        Err(_) => SEEDS,
    }
}

/// Whatever rules chance brings, nothing is said that packets do not do.
#[test]
fn rulesets_by_chance() {
    let mut score = Score::of("by chance");
    let seeds: Vec<_> = seeds().collect();
    for some in seeds.chunks(EACH_PLACE) {
        let place = Place::create();
        for seed in some {
            let case = case(*seed);
            let mut own = Score::of(&format!("seed {seed}"));
            answer(&place, &case.rules, &case.questions, &mut own);
            println!("{own}");
            if let Some(wrong) = own.first_wrong() {
                let question = case.questions[wrong];
                let least = least(&place, &case.rules, question);
                println!("{question} with\n{}", least.script());
            }
            score.join(own);
        }
    }
    score.pass();
}

fn answer(place: &Place, rules: &Rules, asked: &[Question], score: &mut Score) {
    let said = place.answers(&rules.script(), LIST, asked);
    score.add(asked, &place.outcomes(asked), &said);
}

/// The fewest rules about which the answer to a question is still wrong.
fn least(place: &Place, rules: &Rules, question: Question) -> Rules {
    let mut least = rules.clone();
    let mut at = 0;
    while at < least.rules.len() {
        let fewer = least.without(at);
        let mut score = Score::of("fewer");
        answer(place, &fewer, &[question], &mut score);
        match score.first_wrong() {
            Some(_) => least = fewer,
            None => at += 1,
        }
    }
    least
}
