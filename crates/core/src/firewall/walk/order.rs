//! Which of the base chains at one hook is asked first (net/netfilter/core.c, `nf_hook_entries_grow`; A17).
//!
//! By priority, and of one priority the one that was hooked in last. Those of address translation take their turn where
//! the kernel has put all of these, and their own priority only says which of them comes first
//! (net/netfilter/nf_nat_core.c, `nf_nat_register_fn`).

use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::cmp::Reverse;

use crate::firewall::ruleset::{Base, ChainId, Decision, Hook, Kind, Policy, Ruleset, Step};

/// Base chains that are asked one after the other: in the one order, or in one of several and nobody can tell in which.
pub(super) type Turn = Vec<Vec<ChainId>>;

/// NF_IP_PRI_NAT_DST and NF_IP_PRI_NAT_SRC (include/uapi/linux/netfilter_ipv4.h).
const DESTINATION_PRIORITY: i32 = -100;
const SOURCE_PRIORITY: i32 = 100;

/// The turns that `chains`, base chains of one hook, take.
pub(super) fn turns(ruleset: &Ruleset, chains: &[ChainId]) -> Vec<Turn> {
    let mut all: Vec<Asked<'_>> = chains.iter().filter_map(|chain| asked(ruleset, *chain)).collect();
    all.sort_by_key(|one| (one.priority, one.base.kind == Kind::Nat, one.base.priority, Reverse(one.made())));
    let mut turns: Vec<Turn> = Vec::new();
    for group in all.chunk_by(|one, other| one.priority == other.priority) {
        let own: Vec<ChainId> = group.iter().map(|one| one.chain).collect();
        if is_told(ruleset, group) {
            match turns.last_mut().map(Vec::as_mut_slice) {
                Some([order]) => order.extend(own),
                _ => turns.push(vec![own]),
            }
        } else {
            turns.push(rotations(&own));
        }
    }
    turns
}

struct Asked<'a> {
    chain: ChainId,
    base: &'a Base,
    /// Where the kernel asks it, which is not what a chain of address translation says.
    priority: i32,
}

impl Asked<'_> {
    fn made(&self) -> Option<(u64, u64)> {
        self.base.since.map(|since| (since.table, since.chain))
    }
}

fn asked(ruleset: &Ruleset, chain: ChainId) -> Option<Asked<'_>> {
    let base = ruleset.chains[chain.0].base.as_ref()?;
    let priority = match (base.kind, base.hook) {
        (Kind::Nat, Hook::Prerouting | Hook::Output) => DESTINATION_PRIORITY,
        (Kind::Nat, _) => SOURCE_PRIORITY,
        _ => base.priority,
    };
    Some(Asked { chain, base, priority })
}

/// Each of the chains once as the first: who comes first is what matters where each decides for itself.
fn rotations(chains: &[ChainId]) -> Turn {
    (0..chains.len()).map(|at| [&chains[at..], &chains[..at]].concat()).collect()
}

/// Whether the order of chains is known, or does not matter.
fn is_told(ruleset: &Ruleset, group: &[Asked<'_>]) -> bool {
    let open = |at: usize| group[..at].iter().any(|one| !is_known(one.base, group[at].base));
    if !(1..group.len()).any(open) {
        return true;
    }
    let effects: Vec<Effects> = group.iter().map(|one| effects(ruleset, one.chain)).collect();
    let meet = |at: usize| effects[..at].iter().any(|one| !one.commutes(effects[at]));
    !(1..group.len()).any(meet)
}

/// Whether it is known which of two chains with one priority was hooked in last.
fn is_known(one: &Base, other: &Base) -> bool {
    if (one.kind == Kind::Nat) != (other.kind == Kind::Nat) {
        // All of translation came with the first of its chains, which may be gone.
        return false;
    }
    if one.kind == Kind::Nat && one.priority != other.priority {
        return true;
    }
    // Of two tables the numbers tell which is older, and not whose chains were hooked in last: a chain may come long after its
    // table, and a table that sleeps (`flags dormant`) hooks all of its chains in anew when it wakes.
    matches!((one.since, other.since), (Some(one), Some(other)) if one.table == other.table)
}

/// What a chain may do, with all those that it jumps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Effects {
    drops: bool,
    rejects: bool,
    /// It changes the packet, or nobody knows what it does.
    changes: bool,
}

impl Effects {
    /// Whether it makes no difference which of two is asked first.
    fn commutes(self, other: Self) -> bool {
        let idle = Self::default();
        if self == idle || other == idle {
            return true;
        }
        let meets = |one: Self, other: Self| one.changes || one.drops && other.rejects;
        !meets(self, other) && !meets(other, self)
    }

    const fn add(&mut self, decision: &Decision) {
        match decision {
            Decision::Drop => self.drops = true,
            Decision::Reject => self.rejects = true,
            Decision::Queue => self.changes = true,
            Decision::Accept
            | Decision::Jump(_)
            | Decision::Goto(_)
            | Decision::Return
            | Decision::Continue => {}
        }
    }
}

fn effects(ruleset: &Ruleset, chain: ChainId) -> Effects {
    let drops = ruleset.chains[chain.0].base.as_ref().is_some_and(|base| base.policy == Policy::Drop);
    let mut effects = Effects { drops, ..Effects::default() };
    let (mut ahead, mut seen) = (vec![chain], BTreeSet::from([chain]));
    while let Some(chain) = ahead.pop() {
        for step in ruleset.chains[chain.0].rules.iter().flat_map(|rule| &rule.steps) {
            for decision in decisions(step) {
                effects.add(decision);
                if let Decision::Jump(to) | Decision::Goto(to) = decision
                    && seen.insert(*to)
                {
                    ahead.push(*to);
                }
            }
            effects.changes |= matches!(
                step,
                Step::Set(..) | Step::Rewrite(_) | Step::Overwrite | Step::Untrack | Step::ChangeSource
            );
        }
    }
    effects
}

fn decisions(step: &Step) -> Vec<&Decision> {
    match step {
        Step::Decide(decision) => vec![decision],
        Step::Choose(entries) => entries.iter().map(|(_, decision)| decision).collect(),
        Step::Ask(_)
        | Step::Set(..)
        | Step::Rewrite(_)
        | Step::Overwrite
        | Step::Untrack
        | Step::ChangeSource => Vec::new(),
    }
}
