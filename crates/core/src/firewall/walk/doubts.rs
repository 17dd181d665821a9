//! Goes every way that packets may go where it cannot be told which one is gone (A17).

use alloc::{vec, vec::Vec};

use super::{
    Certainty, DOUBTS_MAX, Fate, Met, Part, Walker,
    merge::{self, Doubt},
    task::Task,
};
use crate::firewall::ruleset::{Decision, Tuple};

impl Walker<'_> {
    /// Goes both ways, the one until it comes to where the other begins: the packets that it leaves as they were fare alike
    /// from there on, and go on once.
    pub(super) fn both_ways(
        &mut self,
        one: Task,
        other: &Task,
        doubt: Doubt,
        tasks: &mut Vec<Task>,
        parts: &mut Vec<Part>,
        doubts: u32,
    ) {
        // Who follows a packet wants to see both ways to their ends.
        let joins = !self.recorder.is_on();
        let (mut held, arrived) =
            self.run_until(vec![one], doubts + 1, |task| joins && task.is_at_place_of(other));
        let mut rest = vec![other.packets.clone()];
        for task in arrived {
            if task.packets.is_part_of(&other.packets) {
                rest = rest.iter().flat_map(|packets| packets.except(&task.packets)).collect();
                tasks.push(task);
            } else {
                held.extend(self.run(vec![task], doubts + 1));
            }
        }
        let not_held = self.run(rest.into_iter().map(|packets| other.with(packets)).collect(), doubts + 1);
        parts.extend(merge::merge(&held, &not_held, doubt, &mut self.steps_left));
    }

    /// Supposes that an entry holds, and that it is one of those after it, or none.
    pub(super) fn perhaps_chosen(
        &mut self,
        task: &Task,
        decision: &Decision,
        after: &[(Tuple, Decision)],
        doubts: u32,
    ) -> Vec<Part> {
        let doubt = Doubt::Rule(task.place());
        if doubts > DOUBTS_MAX {
            return vec![self.end(task.clone(), Fate::Unknown, task.place())];
        }
        let [one, other] = self.suppose(task, doubt);
        let (mut tasks, mut held) = (Vec::new(), Vec::new());
        self.decide(one, decision, &mut tasks, &mut held);
        held.extend(self.run(tasks, doubts));
        let (mut tasks, mut not_held) = (Vec::new(), Vec::new());
        self.choose(&other, after, &mut tasks, &mut not_held, doubts);
        not_held.extend(self.run(tasks, doubts));
        merge::merge(&held, &not_held, doubt, &mut self.steps_left)
    }

    /// Goes every way that the kernel may go with the same packets, and compares what comes out.
    pub(super) fn compare(&mut self, ways: Vec<(Vec<Task>, Vec<Part>)>, doubts: u32) -> Vec<Part> {
        let mut told: Option<Vec<Part>> = None;
        for (tasks, mut parts) in ways {
            parts.extend(self.run(tasks, doubts + 1));
            told = Some(match told {
                Some(told) => merge::merge(&told, &parts, Doubt::Way, &mut self.steps_left),
                None => parts,
            });
        }
        told.unwrap_or_default()
    }

    /// The same packets twice: that the rule holds, and that it does not.
    pub(super) fn suppose(&mut self, task: &Task, doubt: Doubt) -> [Task; 2] {
        let certainty = match doubt {
            Doubt::Rate(_, rate) => Certainty::Rate(rate),
            Doubt::Rule(_) | Doubt::Way => Certainty::Unknown,
        };
        let place = task.place();
        let supposed = || place.map(|place| Met::Supposed(place, certainty));
        [self.met(task.clone(), supposed), self.not_held(task.clone(), certainty)]
    }
}
