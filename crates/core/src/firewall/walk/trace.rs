//! What packets meet on their way, one thing after the other (A17, A20).

use alloc::{boxed::Box, vec::Vec};

use super::{Part, Place, Rewritten};
use crate::firewall::{
    packets::Field,
    ruleset::{ChainId, Decision, Rate},
};

/// The ways of packets through the rules: what each step comes after is told by number, so that ways part like branches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What becomes of the packets in the end, as [`super::walk`] has it.
    pub parts: Vec<Part>,
    /// What they met; of two steps that come after the same one, each is met by some, or by all if a doubt is so.
    pub steps: Vec<TraceStep>,
}

/// Something that packets meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceStep {
    /// The number of what they met before; `None` where this is the first.
    pub after: Option<usize>,
    /// In how many chains they are, one within the other.
    pub depth: usize,
    /// What they meet.
    pub met: Met,
}

/// What packets meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Met {
    /// A chain that is hooked into their way.
    Chain(ChainId),
    /// A rule that does nothing but ask: whether it holds is not looked at.
    Idle(Place),
    /// A rule that does not hold, or of which this is one of two suppositions.
    NotHeld(Place, Certainty),
    /// A rule that holds, as the other of two suppositions; what it does comes next.
    Supposed(Place, Certainty),
    /// A rule that holds, and what it does.
    Did(Place, Effect),
    /// The end of a chain that is hooked in: its policy.
    Policy(ChainId),
    /// The choice of a way.
    Routed(Direction),
    /// The end.
    End(Box<Part>),
}

/// Whether it is known that a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It is.
    Certain,
    /// It holds of some, as a rate allows.
    Rate(Rate),
    /// Nothing here can tell.
    Unknown,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It decides.
    Decided(Decision),
    /// It sends the packets on.
    SentOn(Rewritten),
    /// It changes a field.
    Changed(Field),
    /// It takes them out of tracking.
    Untracked,
}

/// Where packets go from the choice of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To this host.
    Here,
    /// To others, by the interface with this number where that is known.
    On(Option<usize>),
    /// Nowhere.
    Nowhere(Lost),
}

/// Why packets go nowhere, whatever the rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// No kernel takes a packet from, or to, such an address from such an interface.
    Strange,
    /// They are for somebody else, and this host passes nothing on.
    NotPassedOn,
    /// No route leads there, or one that refuses.
    NoRoute,
}

/// So many steps are kept, which is more than anybody reads.
const STEPS_KEPT_MAX: usize = 1_000_000;

/// Keeps what packets meet, if somebody asked for it.
#[derive(Debug)]
pub(super) enum Recorder {
    Off,
    On(Vec<TraceStep>),
}

impl Recorder {
    /// The number of the step, once it is kept; else of the one before.
    pub(super) fn record(
        &mut self,
        after: Option<usize>,
        depth: usize,
        met: impl FnOnce() -> Option<Met>,
    ) -> Option<usize> {
        let Self::On(steps) = self else { return after };
        if steps.len() >= STEPS_KEPT_MAX {
            return after;
        }
        let Some(met) = met() else { return after };
        steps.push(TraceStep { after, depth, met });
        Some(steps.len() - 1)
    }

    /// Whether anything is kept.
    pub(super) const fn is_on(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// What was kept.
    pub(super) fn steps(self) -> Vec<TraceStep> {
        match self {
            Self::On(steps) => steps,
            Self::Off => Vec::new(),
        }
    }
}
