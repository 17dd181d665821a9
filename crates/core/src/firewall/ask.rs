//! Divides packets by what a rule asks of them (A17).

use alloc::vec::Vec;

use super::{
    intervals::Intervals,
    packets::{Divided, Packets},
    ruleset::{Question, Tuple},
    surroundings::Surroundings,
};

/// Packets by the answer to a question; no two of the sets overlap.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Those of which it holds.
    pub(super) yes: Vec<Packets>,
    /// Those of which it does not.
    pub(super) no: Vec<Packets>,
    /// Those of which it cannot be told.
    pub(super) perhaps: Vec<Packets>,
}

impl Answer {
    fn add(&mut self, other: Self) {
        self.yes.extend(other.yes);
        self.no.extend(other.no);
        self.perhaps.extend(other.perhaps);
    }

    /// The answer to whether it does not hold.
    fn not(self) -> Self {
        Self { yes: self.no, no: self.yes, perhaps: self.perhaps }
    }

    /// The answer to whether `question` holds too.
    fn and(self, question: &Question, around: &Surroundings) -> Self {
        let mut both = Self { no: self.no, ..Self::default() };
        for packets in &self.yes {
            both.add(ask(question, packets, around));
        }
        for packets in &self.perhaps {
            let Self { yes, no, perhaps } = ask(question, packets, around);
            both.no.extend(no);
            both.perhaps.extend(yes.into_iter().chain(perhaps));
        }
        both
    }
}

impl From<Divided> for Answer {
    fn from(divided: Divided) -> Self {
        let list = |packets: Option<Packets>| packets.into_iter().collect();
        Self { yes: list(divided.yes), no: list(divided.no), perhaps: list(divided.perhaps) }
    }
}

/// Divides `packets` by the answer to `question`.
pub(super) fn ask(question: &Question, packets: &Packets, around: &Surroundings) -> Answer {
    match question {
        Question::Is(field, values) => packets.divide(*field, values).into(),
        Question::Has(field, bits) => packets.divide_bits(*field, bits).into(),
        Question::Kind(field, kinds) => {
            let of_kind = kinds.iter().map(|kind| around.of_kind(*kind, packets.family));
            packets.divide(*field, &of_kind.fold(Intervals::none(), |all, one| all.or(&one))).into()
        }
        Question::Not(question) => ask(question, packets, around).not(),
        Question::All(questions) => {
            let all = Answer { yes: [packets.clone()].into(), ..Answer::default() };
            questions.iter().fold(all, |answer, question| answer.and(question, around))
        }
        Question::Any(tuples) => any(tuples, packets),
        Question::Rate(_) | Question::Unknown => {
            Answer { perhaps: [packets.clone()].into(), ..Answer::default() }
        }
    }
}

/// Divides `packets` by whether one of `tuples` holds.
fn any(tuples: &[Tuple], packets: &Packets) -> Answer {
    let mut answer = Answer { no: [packets.clone()].into(), ..Answer::default() };
    for tuple in tuples {
        for packets in core::mem::take(&mut answer.no) {
            answer.add(holds(tuple, &packets));
        }
    }
    answer
}

/// Divides `packets` by whether every field of `tuple` is as it says.
pub(super) fn holds(tuple: &Tuple, packets: &Packets) -> Answer {
    let mut answer = Answer { yes: [packets.clone()].into(), ..Answer::default() };
    for (field, values) in tuple {
        for packets in core::mem::take(&mut answer.yes) {
            answer.add(packets.divide(*field, values).into());
        }
        for packets in core::mem::take(&mut answer.perhaps) {
            let Divided { yes, no, perhaps } = packets.divide(*field, values);
            answer.no.extend(no);
            answer.perhaps.extend(yes.into_iter().chain(perhaps));
        }
    }
    answer
}
