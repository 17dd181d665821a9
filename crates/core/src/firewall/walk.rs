//! What becomes of a set of packets on its way through all rules (A15, A17, A20).
//!
//! Not modelled: which base chain is newer where a table slept and woke, or gave away its rules before it got the chain; a
//! unicast packet in a frame for everybody (`pkttype`); the port of a bridge that a packet came in by, and what
//! bridge-nf-call-iptables shows iptables of frames that a bridge only passes on; the tables of routes that rules choose
//! (ip-rule(8)), which leave it open where packets go; routes whose link is down; what this host sends to others of itself.

mod change;
mod doubts;
mod martians;
mod merge;
mod order;
mod rewrite;
mod routing;
mod stations;
mod task;
mod trace;
mod tracking;

pub use self::trace::{Certainty, Direction, Effect, Lost, Met, Trace, TraceStep};

use alloc::{boxed::Box, vec, vec::Vec};

use self::{
    change::set,
    merge::Doubt,
    routing::{Goal, Routed},
    stations::{Next, Station, Stations},
    task::{Frame, Task},
    trace::Recorder,
};
use super::{
    ask::{Answer, ask, holds},
    intervals::Intervals,
    packets::{Field, Packets},
    ruleset::{ChainId, Decision, Kind, Policy, Question, Rule, Ruleset, Step, Target, Tuple},
    surroundings::{NO_INTERFACE, Surroundings},
};

/// Some of the packets that were asked about, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The packets, as they were sent.
    pub packets: Packets,
    /// What becomes of them.
    pub fate: Fate,
    /// The rules that decided it: the one that ended their way, or each that let them pass a chain.
    pub decided_by: Vec<Place>,
    /// The rules of which it cannot be told whether they hold, where the fate hangs on these.
    pub doubts: Vec<Place>,
    /// Whether it holds only for as many as a rate allows: it is told of a sender who keeps within all of them, and what
    /// is beyond may fare otherwise. Of a share of all it is told of those that get further.
    pub is_rate_limited: bool,
}

/// What becomes of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// They arrive at a socket of this host, if there is one.
    Arrives(Rewritten),
    /// They leave for another host, or for a container.
    Leaves(Rewritten),
    /// They vanish.
    Dropped,
    /// They go no further, and the sender is told.
    Rejected,
    /// It cannot be told.
    Unknown,
}

/// Where packets arrive that were sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The address; `None` where it is the one that they were sent to.
    pub address: Option<Intervals>,
    /// The port; `None` where it is the one that they were sent to.
    pub port: Option<Intervals>,
}

/// A place in a ruleset: a rule by its number in its chain, or the policy of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The chain.
    pub chain: ChainId,
    /// The rule; `None` for the policy.
    pub rule: Option<usize>,
}

/// Where packets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sender {
    /// From a wire: other hosts, containers and virtual machines.
    Outside,
    /// From a process of this host, to one of its own addresses.
    Host,
}

/// So many steps are taken in all; what is still on its way then cannot be told.
const STEPS_MAX: u32 = 4_000_000;
/// A step that is taken in doubt counts as so many: it is taken for both ways, and what comes out of them is compared.
const STEPS_IN_DOUBT: u32 = 8;
/// So deep may the questions be nested that nobody can answer.
const DOUBTS_MAX: u32 = 64;
/// include/net/netfilter/nf_tables.h, `NFT_JUMP_STACK_SIZE`.
const JUMPS_MAX: usize = 16;

/// Divides `packets` by what becomes of them; the parts do not overlap, and together they are `packets`.
///
/// The packets have the source and state with which they arrive; marks are 0 unless they say otherwise.
#[must_use]
pub fn walk(ruleset: &Ruleset, around: &Surroundings, sender: Sender, packets: &Packets) -> Vec<Part> {
    go(ruleset, around, sender, packets, Recorder::Off).parts
}

/// The same with everything that the packets meet, which only a person who follows one of them wants to know.
#[must_use]
pub fn trace(ruleset: &Ruleset, around: &Surroundings, sender: Sender, packets: &Packets) -> Trace {
    go(ruleset, around, sender, packets, Recorder::On(Vec::new()))
}

/// Those of `packets` from outside that a rule sends elsewhere than they were sent, whatever becomes of them there: also where
/// it cannot be told whether the rule holds.
#[must_use]
pub fn sent_on(ruleset: &Ruleset, around: &Surroundings, packets: &Packets) -> Vec<Packets> {
    let (mut walker, start) = Walker::of(ruleset, around, Sender::Outside, packets, Recorder::Off);
    let routing = walker.stations.routing();
    let (ended, there) =
        walker.run_until(vec![start], 0, |task| task.is_rewritten || Some(task.station) == routing);
    let is_doubtful = |place: &Place| ruleset.rule(*place).is_some_and(Rule::rewrites);
    let perhaps = ended.into_iter().filter(|part| match &part.fate {
        Fate::Arrives(to) | Fate::Leaves(to) => to.address.is_some() || to.port.is_some(),
        _ => part.doubts.iter().any(is_doubtful),
    });
    let sure = there.into_iter().filter(|task| task.is_rewritten);
    sure.map(|task| task.packets.as_sent(packets)).chain(perhaps.map(|part| part.packets)).collect()
}

fn go(
    ruleset: &Ruleset,
    around: &Surroundings,
    sender: Sender,
    packets: &Packets,
    recorder: Recorder,
) -> Trace {
    let (mut walker, start) = Walker::of(ruleset, around, sender, packets, recorder);
    let parts = walker.run(vec![start], 0);
    Trace { parts, steps: walker.recorder.steps() }
}

struct Walker<'a> {
    ruleset: &'a Ruleset,
    around: &'a Surroundings,
    stations: Stations,
    asked: &'a Packets,
    steps_left: u32,
    recorder: Recorder,
}

impl<'a> Walker<'a> {
    /// One for `packets` of `sender`, and where they begin.
    fn of(
        ruleset: &'a Ruleset,
        around: &'a Surroundings,
        sender: Sender,
        packets: &'a Packets,
        recorder: Recorder,
    ) -> (Self, Task) {
        let stations = Stations::of(ruleset, around, sender, packets.family);
        let none = Intervals::one(NO_INTERFACE);
        let arriving = packets.clone().arriving();
        let start = match sender {
            Sender::Outside => arriving.with(Field::OutInterface, none),
            Sender::Host => {
                arriving.with(Field::InInterface, none).with(Field::OutInterface, around.named("lo"))
            }
        };
        let walker = Self { ruleset, around, stations, asked: packets, steps_left: STEPS_MAX, recorder };
        (walker, Task::start(start))
    }

    /// Lets every task go its way to the end.
    fn run(&mut self, tasks: Vec<Task>, doubts: u32) -> Vec<Part> {
        self.run_until(tasks, doubts, |_| false).0
    }

    /// Lets every task go its way to the end, or to where it is `there`.
    fn run_until(
        &mut self,
        mut tasks: Vec<Task>,
        doubts: u32,
        there: impl Fn(&Task) -> bool,
    ) -> (Vec<Part>, Vec<Task>) {
        let cost = if doubts == 0 { 1 } else { STEPS_IN_DOUBT };
        let (mut parts, mut arrived) = (Vec::new(), Vec::new());
        while let Some(task) = tasks.pop() {
            if there(&task) {
                arrived.push(task);
                continue;
            }
            if self.steps_left == 0 || doubts > DOUBTS_MAX {
                let place = task.place();
                parts.push(self.end(task, Fate::Unknown, place));
                continue;
            }
            self.steps_left = self.steps_left.saturating_sub(cost);
            self.step(task, &mut tasks, &mut parts, doubts);
        }
        (parts, arrived)
    }

    fn step(&mut self, task: Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>, doubts: u32) {
        let Some(&frame) = task.frames.last() else {
            self.enter(task, tasks, parts, doubts);
            return;
        };
        let ruleset = self.ruleset;
        let Some(rule) = ruleset.chains[frame.chain.0].rules.get(frame.rule) else {
            self.leave(task, tasks, parts);
            return;
        };
        match rule.steps.get(frame.step) {
            None => tasks.push(task.next_rule()),
            // Whatever the answer, a rule that only asks does nothing, and what nobody can answer doubles the ways.
            _ if frame.step == 0 && rule.steps.iter().all(|step| matches!(step, Step::Ask(_))) => {
                let place = task.place();
                tasks.push(self.met(task, || place.map(Met::Idle)).next_rule());
            }
            Some(Step::Ask(question)) => {
                let answer = ask(question, &task.packets, self.around);
                let doubt = match question {
                    Question::Rate(rate) => Doubt::Rate(task.place(), *rate),
                    _ => Doubt::Rule(task.place()),
                };
                self.divide(&task, answer, doubt, tasks, parts, doubts);
            }
            Some(Step::Choose(entries)) => self.choose(&task, entries, tasks, parts, doubts),
            Some(Step::Decide(decision)) => self.decide(task, decision, tasks, parts),
            Some(Step::Set(Field::ConnectionMark, value)) => self.mark_connection(&task, value, tasks),
            Some(Step::Set(field, value)) => {
                let task = task.with(set(&task.packets, *field, value));
                tasks.push(self.did(task, || Effect::Changed(*field)).next_step());
            }
            Some(Step::Untrack) => self.untrack(&task, tasks),
            Some(Step::ChangeSource) => {
                let task = Self::change_source(&task);
                tasks.push(self.did(task, || Effect::Changed(Field::Source)).next_step());
            }
            Some(Step::Rewrite(target)) => self.rewrite(&task, target, tasks, parts),
            Some(Step::Overwrite) => {
                let place = task.place();
                let task = self.did(task, || Effect::Changed(Field::Destination));
                parts.push(self.end(task, Fate::Unknown, place));
            }
        }
    }

    /// Goes on with each part of the packets as the answer says; where there is none, both ways are gone, and what comes
    /// out of them is compared.
    fn divide(
        &mut self,
        task: &Task,
        answer: Answer,
        doubt: Doubt,
        tasks: &mut Vec<Task>,
        parts: &mut Vec<Part>,
        doubts: u32,
    ) {
        let Answer { yes, no, perhaps } = answer;
        for packets in no {
            tasks.push(self.not_held(task.with(packets), Certainty::Certain).next_rule());
        }
        tasks.extend(yes.into_iter().map(|packets| task.with(packets).next_step()));
        for packets in perhaps {
            let [one, other] = self.suppose(&task.with(packets), doubt);
            self.both_ways(one.next_step(), &other.next_rule(), doubt, tasks, parts, doubts);
        }
    }

    /// Does with each part of the packets what the first entry says that holds for it.
    fn choose(
        &mut self,
        task: &Task,
        entries: &[(Tuple, Decision)],
        tasks: &mut Vec<Task>,
        parts: &mut Vec<Part>,
        doubts: u32,
    ) {
        let mut rest = vec![task.packets.clone()];
        for (at, (tuple, decision)) in entries.iter().enumerate() {
            for packets in core::mem::take(&mut rest) {
                self.steps_left = self.steps_left.saturating_sub(1);
                let Answer { yes, no, perhaps } = holds(tuple, &packets);
                rest.extend(no);
                for packets in yes {
                    self.decide(task.with(packets), decision, tasks, parts);
                }
                for packets in perhaps {
                    let after = &entries[at + 1..];
                    parts.extend(self.perhaps_chosen(&task.with(packets), decision, after, doubts + 1));
                }
            }
        }
        for packets in rest {
            tasks.push(self.not_held(task.with(packets), Certainty::Certain).next_rule());
        }
    }

    fn decide(&mut self, task: Task, decision: &Decision, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let place = task.place();
        let mut task = self.did(task, || Effect::Decided(decision.clone()));
        match decision {
            Decision::Accept => tasks.push(task.accept(place)),
            Decision::Drop => parts.push(self.end(task, Fate::Dropped, place)),
            Decision::Reject => parts.push(self.end(task, Fate::Rejected, place)),
            Decision::Queue => parts.push(self.end(task, Fate::Unknown, place)),
            Decision::Continue => tasks.push(task.next_rule()),
            Decision::Return => {
                task.frames.pop();
                self.go_on(task, place.map(|place| place.chain), tasks, parts);
            }
            Decision::Jump(_) if task.frames.len() >= JUMPS_MAX => {
                parts.push(self.end(task, Fate::Dropped, place));
            }
            Decision::Jump(chain) => {
                let mut task = task.next_rule();
                task.frames.push(Frame { chain: *chain, rule: 0, step: 0 });
                tasks.push(task);
            }
            Decision::Goto(chain) => {
                // The base chain stays below, past its end: its policy is what comes after.
                let is_base = task.frames.len() == 1;
                if !is_base {
                    task.frames.pop();
                } else if let Some(frame) = task.frames.last_mut() {
                    frame.rule = usize::MAX;
                }
                task.frames.push(Frame { chain: *chain, rule: 0, step: 0 });
                tasks.push(task);
            }
        }
    }

    /// Begins with the next base chain of the station, or goes to the next station.
    fn enter(&mut self, task: Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>, doubts: u32) {
        match self.stations.next(self.ruleset, self.around, &task) {
            Next::Chain(chain, seen, others) => {
                for packets in seen {
                    let mut task = self.met(task.with(packets), || Some(Met::Chain(chain)));
                    task.frames.push(Frame { chain, rule: 0, step: 0 });
                    tasks.push(task);
                }
                tasks.extend(others.into_iter().map(|packets| task.with(packets).accept(None)));
            }
            Next::Turn => tasks.push(task.next_turn()),
            Next::Orders(count) => {
                let orders = (0..count).map(|order| (vec![task.in_order(order)], Vec::new()));
                parts.extend(self.compare(orders.collect(), doubts));
            }
            Next::Station(packets) => tasks.push(task.with(*packets).at(task.station + 1)),
            Next::Routed(Routed { told, open }) => {
                for (goal, packets) in told {
                    self.go(task.with(packets), goal, tasks, parts);
                }
                for goals in open {
                    let mut ways = Vec::new();
                    for (goal, packets) in goals {
                        let (mut tasks, mut parts) = (Vec::new(), Vec::new());
                        self.go(task.with(packets), goal, &mut tasks, &mut parts);
                        ways.push((tasks, parts));
                    }
                    parts.extend(self.compare(ways, doubts));
                }
            }
            Next::End(Station::Forward | Station::Postrouting) => {
                let fate = Fate::Leaves(rewritten(&task.packets));
                parts.push(self.end(task, fate, None));
            }
            Next::End(_) => {
                let fate = Fate::Arrives(rewritten(&task.packets));
                parts.push(self.end(task, fate, None));
            }
        }
    }

    /// Goes where packets are routed to, or no further.
    fn go(&mut self, task: Task, goal: Goal, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let direction = goal.direction(&task.packets);
        // What this host sends has its way before it is sent.
        let is_choice = !self.stations.is_output(task.station) || matches!(direction, Direction::Nowhere(_));
        let task = self.met(task, || is_choice.then_some(Met::Routed(direction)));
        match goal {
            Goal::Own | Goal::Onward => {
                let station = self.stations.beyond(task.station, goal == Goal::Own);
                tasks.push(task.at(station));
            }
            Goal::Lost(_) => parts.push(self.end(task, Fate::Dropped, None)),
            Goal::Refused => parts.push(self.end(task, Fate::Rejected, None)),
        }
    }

    /// Leaves a chain at its end.
    fn leave(&mut self, mut task: Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let left = task.frames.pop();
        self.go_on(task, left.map(|frame| frame.chain), tasks, parts);
    }

    /// Goes on in the chain that led here; where none did, as the policy of the base chain says.
    fn go_on(&mut self, task: Task, left: Option<ChainId>, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        if !task.frames.is_empty() {
            tasks.push(task);
            return;
        }
        let task = self.met(task, || left.map(Met::Policy));
        let base = left.and_then(|chain| self.ruleset.chains[chain.0].base.as_ref());
        match base.map(|base| base.policy) {
            Some(Policy::Drop) => {
                let place = left.map(|chain| Place { chain, rule: None });
                parts.push(self.end(task, Fate::Dropped, place));
            }
            _ => tasks.push(task.accept(None)),
        }
    }

    /// Sends packets on, and passes the base chain with them.
    fn rewrite(&mut self, task: &Task, target: &Target, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let place = task.place();
        let way = if self.stations.is_output(task.station) {
            rewrite::Way::Out
        } else {
            rewrite::Way::In(self.around)
        };
        let rewrite::Sent { on, lost } = rewrite::rewrite(&task.packets, target, way);
        for packets in on {
            let to = rewritten(&packets);
            let task = self.did(task.with(packets), || Effect::SentOn(to)).accept(place);
            tasks.push(Task { is_rewritten: true, ..task });
        }
        for packets in lost {
            let task = self.did(task.with(packets), || Effect::Decided(Decision::Drop));
            parts.push(self.end(task, Fate::Dropped, place));
        }
    }

    fn end(&mut self, task: Task, fate: Fate, place: Option<Place>) -> Part {
        let passes = matches!(fate, Fate::Arrives(_) | Fate::Leaves(_));
        let part = Part {
            packets: task.packets.as_sent(self.asked),
            decided_by: if passes { task.accepted_by.clone() } else { place.into_iter().collect() },
            doubts: if fate == Fate::Unknown { place.into_iter().collect() } else { Vec::new() },
            fate,
            is_rate_limited: false,
        };
        self.met(task, || Some(Met::End(Box::new(part.clone()))));
        part
    }

    /// Records what the packets meet, where that is wanted.
    fn met(&mut self, mut task: Task, met: impl FnOnce() -> Option<Met>) -> Task {
        task.met = self.recorder.record(task.met, task.frames.len(), met);
        task
    }

    fn did(&mut self, task: Task, effect: impl FnOnce() -> Effect) -> Task {
        let place = task.place();
        self.met(task, || place.map(|place| Met::Did(place, effect())))
    }

    fn not_held(&mut self, task: Task, certainty: Certainty) -> Task {
        let place = task.place();
        self.met(task, || place.map(|place| Met::NotHeld(place, certainty)))
    }
}

fn rewritten(packets: &Packets) -> Rewritten {
    let [address, port] = packets.rewritten();
    Rewritten {
        address: address.then(|| packets.of(Field::Destination).clone()),
        port: port.then(|| packets.of(Field::DestinationPort).clone()),
    }
}

/// Whether a base chain of this kind sees packets at all: those of address translation see new connections alone.
const fn sees_new_alone(kind: Kind) -> bool {
    matches!(kind, Kind::Nat)
}

#[cfg(test)]
mod tests;
