//! Packets on their way through the rules, and where they are.

use alloc::vec::Vec;

use super::Place;
use crate::firewall::{packets::Packets, ruleset::ChainId};

/// Packets on their way, and where they are.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) packets: Packets,
    pub(super) station: usize,
    /// How many turns of the station they have passed.
    pub(super) turn: usize,
    /// In which order the chains of this turn are asked, where there are several.
    pub(super) order: Option<usize>,
    /// How many base chains of this turn they have passed.
    pub(super) passed: usize,
    /// The chains that they are in, the innermost last.
    pub(super) frames: Vec<Frame>,
    /// Whether a rule of this hook has sent them on, which the first one does for good.
    pub(super) is_rewritten: bool,
    pub(super) accepted_by: Vec<Place>,
    /// The last thing that they met, where that is recorded.
    pub(super) met: Option<usize>,
}

/// A place in a chain: what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) chain: ChainId,
    pub(super) rule: usize,
    pub(super) step: usize,
}

impl Task {
    pub(super) const fn start(packets: Packets) -> Self {
        Self {
            packets,
            station: 0,
            turn: 0,
            order: None,
            passed: 0,
            frames: Vec::new(),
            is_rewritten: false,
            accepted_by: Vec::new(),
            met: None,
        }
    }

    pub(super) fn with(&self, packets: Packets) -> Self {
        Self { packets, ..self.clone() }
    }

    /// Goes on with the next step of the rule.
    pub(super) fn next_step(mut self) -> Self {
        if let Some(frame) = self.frames.last_mut() {
            frame.step += 1;
        }
        self
    }

    /// Goes on with the next rule of the chain.
    pub(super) fn next_rule(mut self) -> Self {
        if let Some(frame) = self.frames.last_mut() {
            (frame.rule, frame.step) = (frame.rule + 1, 0);
        }
        self
    }

    /// Passes the base chain, because a rule says so.
    pub(super) fn accept(mut self, place: Option<Place>) -> Self {
        self.accepted_by.extend(place);
        self.frames.clear();
        self.passed += 1;
        self
    }

    /// Begins with another station.
    pub(super) fn at(self, station: usize) -> Self {
        Self { station, turn: 0, order: None, passed: 0, is_rewritten: false, ..self }
    }

    /// Begins with the next turn of the station.
    pub(super) fn next_turn(self) -> Self {
        Self { turn: self.turn + 1, order: None, passed: 0, ..self }
    }

    /// The same, where the chains of this turn are asked in that order.
    pub(super) fn in_order(&self, order: usize) -> Self {
        Self { order: Some(order), ..self.clone() }
    }

    /// The rule that they are at.
    pub(super) fn place(&self) -> Option<Place> {
        self.frames.last().map(|frame| Place { chain: frame.chain, rule: Some(frame.rule) })
    }

    /// Whether all is ahead of them that is ahead of `other`, and nothing else, but for what the packets are.
    pub(super) fn is_at_place_of(&self, other: &Self) -> bool {
        let on_the_way = |task: &Self| (task.station, task.turn, task.order, task.passed, task.is_rewritten);
        self.frames == other.frames
            && on_the_way(self) == on_the_way(other)
            && self.accepted_by == other.accepted_by
    }
}
