//! What an audit found, how much of it counts, and whether what could not be seen could change the answer (A17, A20).

use std::collections::BTreeSet;

use portreeve_core::{
    facts::{Gap, Listener, Snapshot},
    finding::{Finding, Severity},
    policy::Policy,
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;

/// The findings about a world, with all that a report says beside them.
#[derive(Debug)]
pub(crate) struct Judgement<'a> {
    /// What was judged.
    pub(crate) snapshot: &'a Snapshot,
    /// By what it was judged, if by a policy.
    pub(crate) policy: Option<&'a Policy>,
    /// What is wrong, the worst first; waived findings too.
    pub(crate) findings: Vec<Finding>,
    /// How many (protocol, port) pairs were judged.
    pub(crate) ports: usize,
    /// How many pairs were not, being numbers of the client range that nobody declared.
    pub(crate) unjudged: usize,
    /// What could not be seen and could change the answer.
    pub(crate) gaps: Vec<&'a Gap>,
    /// What an earlier audit knew already, where only news were asked for.
    pub(crate) known: Option<Known>,
}

/// How today's findings stand to those of the last audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// Whether nobody audited before, so that there is nothing to compare with.
    pub(crate) is_first: bool,
    /// Findings that were there already and are left out.
    pub(crate) still: usize,
    /// Findings that are gone since.
    pub(crate) gone: Vec<Gone>,
}

/// A finding that is gone, as far as it was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Gone {
    /// The rule that had found it.
    pub(crate) rule: String,
    /// The ports, as `443/tcp`; null where it was about none.
    pub(crate) ports: Option<String>,
    /// Where the socket was bound; null where it was about none.
    pub(crate) address: Option<String>,
    /// The declared service that it concerned.
    pub(crate) service: Option<String>,
}

/// How many findings of each severity count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally([usize; Severity::ALL.len()]);

impl Tally {
    /// How many of `severity`.
    pub(crate) fn of(self, severity: Severity) -> usize {
        self.0[severity as usize]
    }

    /// How many in all.
    pub(crate) fn total(self) -> usize {
        self.0.iter().sum()
    }
}

impl<'a> Judgement<'a> {
    /// The findings about `world`.
    pub(crate) fn new(world: &'a World<'a>, findings: Vec<Finding>) -> Self {
        Self {
            snapshot: world.snapshot,
            policy: world.policy,
            findings,
            ports: count_pairs(world.listeners()),
            unjudged: count_pairs(world.unjudged()),
            gaps: world.gaps_that_matter().collect(),
            known: None,
        }
    }

    /// The findings that nobody has waived.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.waived.is_none())
    }

    /// How many findings a person has waived.
    pub(crate) fn waived(&self) -> usize {
        self.findings.len() - self.counted().count()
    }

    /// How many count, by severity.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        for finding in self.counted() {
            tally.0[finding.severity as usize] += 1;
        }
        tally
    }

    /// The worst severity that counts.
    pub(crate) fn worst(&self) -> Option<Severity> {
        self.counted().map(|finding| finding.severity).max()
    }
}

fn count_pairs<'a>(listeners: impl Iterator<Item = &'a Listener>) -> usize {
    listeners.map(|listener| (listener.protocol, listener.port)).collect::<BTreeSet<_>>().len()
}
