//! What becomes of a set of packets on its way through all rules (A15, A17, A20).

mod martians;
mod merge;
mod stations;

use alloc::{vec, vec::Vec};

use self::stations::{Next, Station, Stations};
use super::{
    ask::{Answer, ask, holds},
    intervals::Intervals,
    packets::{Field, Packets, State},
    ruleset::{ChainId, Decision, Kind, NewAddress, Policy, Question, Ruleset, Step, Target, Tuple, Value},
    surroundings::{NO_INTERFACE, Surroundings, number},
};
use crate::address::Family;

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
    /// Whether it holds only for as many as a rate allows.
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
/// So deep may the questions be nested that nobody can answer.
const DOUBTS_MAX: u32 = 64;
/// include/net/netfilter/nf_tables.h, `NFT_JUMP_STACK_SIZE`.
const JUMPS_MAX: usize = 16;

/// Divides `packets` by what becomes of them; the parts do not overlap, and together they are `packets`.
///
/// The packets have the source and state with which they arrive; marks are 0 unless they say otherwise.
#[must_use]
pub fn walk(ruleset: &Ruleset, around: &Surroundings, sender: Sender, packets: &Packets) -> Vec<Part> {
    let stations = Stations::of(ruleset, sender, packets.family);
    let mut walker = Walker { ruleset, around, stations, asked: packets, steps_left: STEPS_MAX };
    let none = Intervals::one(NO_INTERFACE);
    let arriving = packets.clone().arriving();
    let start = match sender {
        Sender::Outside => arriving.with(Field::OutInterface, none),
        Sender::Host => arriving.with(Field::InInterface, none).with(Field::OutInterface, around.named("lo")),
    };
    walker.run(vec![Task::start(start)], 0)
}

struct Walker<'a> {
    ruleset: &'a Ruleset,
    around: &'a Surroundings,
    stations: Stations,
    asked: &'a Packets,
    steps_left: u32,
}

/// Packets on their way, and where they are.
#[derive(Clone, Debug)]
struct Task {
    packets: Packets,
    station: usize,
    /// How many base chains of the station they have passed.
    passed: usize,
    /// The chains that they are in, the innermost last.
    frames: Vec<Frame>,
    /// Whether a rule of this hook has sent them on, which the first one does for good.
    is_rewritten: bool,
    accepted_by: Vec<Place>,
}

/// A place in a chain: what comes next.
#[derive(Clone, Copy, Debug)]
struct Frame {
    chain: ChainId,
    rule: usize,
    step: usize,
}

impl Task {
    const fn start(packets: Packets) -> Self {
        Self {
            packets,
            station: 0,
            passed: 0,
            frames: Vec::new(),
            is_rewritten: false,
            accepted_by: Vec::new(),
        }
    }

    fn with(&self, packets: Packets) -> Self {
        Self { packets, ..self.clone() }
    }

    /// Goes on with the next step of the rule.
    fn next_step(mut self) -> Self {
        if let Some(frame) = self.frames.last_mut() {
            frame.step += 1;
        }
        self
    }

    /// Goes on with the next rule of the chain.
    fn next_rule(mut self) -> Self {
        if let Some(frame) = self.frames.last_mut() {
            (frame.rule, frame.step) = (frame.rule + 1, 0);
        }
        self
    }

    /// Passes the base chain, because a rule says so.
    fn accept(mut self, place: Option<Place>) -> Self {
        self.accepted_by.extend(place);
        self.frames.clear();
        self.passed += 1;
        self
    }

    fn place(&self) -> Option<Place> {
        self.frames.last().map(|frame| Place { chain: frame.chain, rule: Some(frame.rule) })
    }
}

impl Walker<'_> {
    /// Lets every task go its way to the end.
    fn run(&mut self, mut tasks: Vec<Task>, doubts: u32) -> Vec<Part> {
        let mut parts = Vec::new();
        while let Some(task) = tasks.pop() {
            if self.steps_left == 0 || doubts > DOUBTS_MAX {
                let place = task.place();
                parts.push(self.part(&task, Fate::Unknown, place));
                continue;
            }
            self.steps_left -= 1;
            self.step(task, &mut tasks, &mut parts, doubts);
        }
        parts
    }

    fn step(&mut self, task: Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>, doubts: u32) {
        let Some(&frame) = task.frames.last() else {
            self.enter(&task, tasks, parts);
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
                tasks.push(task.next_rule());
            }
            Some(Step::Ask(question)) => {
                let answer = ask(question, &task.packets, self.around);
                self.divide(&task, answer, matches!(question, Question::Rate), tasks, parts, doubts);
            }
            Some(Step::Choose(entries)) => self.choose(&task, entries, tasks, parts, doubts),
            Some(Step::Decide(decision)) => self.decide(task, decision, tasks, parts),
            Some(Step::Set(field, value)) => {
                let packets = set(&task.packets, *field, value);
                tasks.push(task.with(packets).next_step());
            }
            Some(Step::Untrack) => {
                let untracked = Intervals::one(State::Untracked.number());
                let packets = task.packets.clone().with(Field::State, untracked);
                tasks.push(task.with(packets).next_step());
            }
            Some(Step::Rewrite(target)) => tasks.push(self.rewrite(&task, target)),
        }
    }

    /// Goes on with each part of the packets as the answer says; where there is none, both ways are gone, and what comes
    /// out of them is compared.
    fn divide(
        &mut self,
        task: &Task,
        answer: Answer,
        is_rate: bool,
        tasks: &mut Vec<Task>,
        parts: &mut Vec<Part>,
        doubts: u32,
    ) {
        let Answer { yes, no, perhaps } = answer;
        tasks.extend(no.into_iter().map(|packets| task.with(packets).next_rule()));
        tasks.extend(yes.into_iter().map(|packets| task.with(packets).next_step()));
        for packets in perhaps {
            let held = self.run(vec![task.with(packets.clone()).next_step()], doubts + 1);
            let not_held = self.run(vec![task.with(packets).next_rule()], doubts + 1);
            let doubt = merge::Doubt { place: task.place(), is_rate };
            parts.extend(merge::merge(&held, &not_held, doubt, &mut self.steps_left));
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
        for (tuple, decision) in entries {
            for packets in core::mem::take(&mut rest) {
                self.steps_left = self.steps_left.saturating_sub(1);
                let Answer { yes, no, perhaps } = holds(tuple, &packets);
                rest.extend(no);
                for packets in yes {
                    self.decide(task.with(packets), decision, tasks, parts);
                }
                for packets in perhaps {
                    let mut chosen = Vec::new();
                    let mut held = Vec::new();
                    self.decide(task.with(packets.clone()), decision, &mut chosen, &mut held);
                    held.extend(self.run(chosen, doubts + 1));
                    let not_held = self.run(vec![task.with(packets).next_rule()], doubts + 1);
                    let doubt = merge::Doubt { place: task.place(), is_rate: false };
                    parts.extend(merge::merge(&held, &not_held, doubt, &mut self.steps_left));
                }
            }
        }
        tasks.extend(rest.into_iter().map(|packets| task.with(packets).next_rule()));
    }

    fn decide(&self, mut task: Task, decision: &Decision, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let place = task.place();
        match decision {
            Decision::Accept => tasks.push(task.accept(place)),
            Decision::Drop => parts.push(self.part(&task, Fate::Dropped, place)),
            Decision::Reject => parts.push(self.part(&task, Fate::Rejected, place)),
            Decision::Queue => parts.push(self.part(&task, Fate::Unknown, place)),
            Decision::Continue => tasks.push(task.next_rule()),
            Decision::Return => {
                task.frames.pop();
                self.go_on(task, place.map(|place| place.chain), tasks, parts);
            }
            Decision::Jump(_) if task.frames.len() >= JUMPS_MAX => {
                parts.push(self.part(&task, Fate::Dropped, place));
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
    fn enter(&self, task: &Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        match self.stations.next(self.ruleset, self.around, task) {
            Next::Chain(chain, seen, others) => {
                for packets in seen {
                    let mut task = task.with(packets);
                    task.frames.push(Frame { chain, rule: 0, step: 0 });
                    tasks.push(task);
                }
                tasks.extend(others.into_iter().map(|packets| task.with(packets).accept(None)));
            }
            Next::Stations(routed) => {
                let go = |(station, packets): (usize, Packets)| Task {
                    station,
                    passed: 0,
                    is_rewritten: false,
                    ..task.with(packets)
                };
                tasks.extend(routed.ways.into_iter().map(go));
                for packets in routed.lost {
                    parts.push(self.part(&task.with(packets), Fate::Dropped, None));
                }
            }
            Next::End(Station::Forward | Station::Postrouting) => {
                let fate = Fate::Leaves(rewritten(&task.packets));
                parts.push(self.part(task, fate, None));
            }
            Next::End(_) => {
                let fate = Fate::Arrives(rewritten(&task.packets));
                parts.push(self.part(task, fate, None));
            }
        }
    }

    /// Leaves a chain at its end.
    fn leave(&self, mut task: Task, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        let left = task.frames.pop();
        self.go_on(task, left.map(|frame| frame.chain), tasks, parts);
    }

    /// Goes on in the chain that led here; where none did, as the policy of the base chain says.
    fn go_on(&self, task: Task, left: Option<ChainId>, tasks: &mut Vec<Task>, parts: &mut Vec<Part>) {
        if !task.frames.is_empty() {
            tasks.push(task);
            return;
        }
        let base = left.and_then(|chain| self.ruleset.chains[chain.0].base.as_ref());
        match base.map(|base| base.policy) {
            Some(Policy::Drop) => {
                let place = left.map(|chain| Place { chain, rule: None });
                parts.push(self.part(&task, Fate::Dropped, place));
            }
            _ => tasks.push(task.accept(None)),
        }
    }

    /// Sends packets on, and passes the base chain with them.
    fn rewrite(&self, task: &Task, target: &Target) -> Task {
        let mut packets = task.packets.clone();
        packets = match &target.address {
            None => packets,
            Some(NewAddress::One(addresses)) => packets.to_address(addresses.clone()),
            Some(NewAddress::Own) => {
                let own = if self.stations.is_output(task.station) {
                    loopback(packets.family)
                } else {
                    self.own_addresses(&packets)
                };
                packets.to_address(own)
            }
            Some(NewAddress::Unknown) => {
                let all = Field::Destination.all(packets.family);
                packets.to_address(all)
            }
        };
        if let Some(ports) = &target.ports {
            packets = packets.to_port(ports.clone());
        }
        let place = task.place();
        let status = packets.of(Field::Status).only().unwrap_or(0) | DESTINATION_IS_REWRITTEN;
        packets = packets.with(Field::Status, Intervals::one(status));
        let mut task = task.with(packets).accept(place);
        task.is_rewritten = true;
        task
    }

    /// The addresses that a redirect may choose: the first one of the interface that the packet came in by.
    fn own_addresses(&self, packets: &Packets) -> Intervals {
        let is_in = |at: u128| packets.of(Field::InInterface).contains(at);
        let interfaces = self.around.interfaces.iter().zip(0_u128..).filter(|(_, at)| is_in(*at));
        let first = interfaces.filter_map(|(interface, _)| {
            let mut networks = interface.networks.iter();
            networks.find(|network| network.addr().is_ipv4() == (packets.family == Family::Ipv4))
        });
        first.fold(Intervals::none(), |all, network| all.or(&Intervals::one(number(network.addr()))))
    }

    fn part(&self, task: &Task, fate: Fate, place: Option<Place>) -> Part {
        let passes = matches!(fate, Fate::Arrives(_) | Fate::Leaves(_));
        Part {
            packets: task.packets.as_sent(self.asked),
            decided_by: if passes { task.accepted_by.clone() } else { place.into_iter().collect() },
            doubts: if fate == Fate::Unknown { place.into_iter().collect() } else { Vec::new() },
            fate,
            is_rate_limited: false,
        }
    }
}

/// include/uapi/linux/netfilter/nf_conntrack_common.h, `IPS_DST_NAT`.
const DESTINATION_IS_REWRITTEN: u128 = 1 << 5;

/// What a process of this host sends is redirected to the loopback device (net/netfilter/nf_nat_redirect.c).
fn loopback(family: Family) -> Intervals {
    Intervals::one(match family {
        Family::Ipv4 => 0x7f00_0001,
        Family::Ipv6 => 1,
    })
}

fn rewritten(packets: &Packets) -> Rewritten {
    let [address, port] = packets.rewritten();
    Rewritten {
        address: address.then(|| packets.of(Field::Destination).clone()),
        port: port.then(|| packets.of(Field::DestinationPort).clone()),
    }
}

fn set(packets: &Packets, field: Field, value: &Value) -> Packets {
    let own = packets.clone();
    match value {
        Value::Number(number) => own.with(field, Intervals::one(*number)),
        Value::Of(other) => {
            let values = packets.of(*other).clone();
            own.with_one_of(field, values)
        }
        Value::Bits { mask, flip } => match packets.of(field).only() {
            Some(number) => own.with(field, Intervals::one((number & mask) ^ flip)),
            None => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Mixed { keep, from, take } => match (packets.of(field).only(), packets.of(*from).only()) {
            (Some(own_number), Some(number)) => {
                own.with(field, Intervals::one((own_number & keep) ^ (number & take)))
            }
            _ => own.with_one_of(field, field.all(packets.family)),
        },
        Value::Unknown => own.with_one_of(field, field.all(packets.family)),
    }
}

/// Whether a base chain of this kind sees packets at all: those of address translation see new connections alone.
const fn sees_new_alone(kind: Kind) -> bool {
    matches!(kind, Kind::Nat)
}

#[cfg(test)]
mod tests;
