//! The programs behind the ports: what they run, with which privileges, and whether anybody is there (A12, A18, A20).

mod opener_gone;
mod runs_as_root;
mod stale_executable;

use alloc::{collections::BTreeMap, vec::Vec};

use super::Rule;
use crate::{
    finding::Finding,
    owner::Lasting,
    port::PortSpec,
    world::{Holding, World},
};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&stale_executable::RULE, &runs_as_root::RULE, &opener_gone::RULE];

/// Everything that one owner holds: what is wrong with its program is one problem, however many its ports.
struct Estate<'w, 'a> {
    holdings: Vec<&'w Holding<'a>>,
}

/// The estates of those `holdings` that a process is seen to hold, in order of namespace and port.
fn estates<'w, 'a>(holdings: impl Iterator<Item = &'w Holding<'a>>) -> Vec<Estate<'w, 'a>>
where
    'a: 'w,
{
    let mut order = Vec::new();
    let mut by_owner: BTreeMap<(Option<Lasting<'_>>, Option<u32>), Vec<&Holding<'_>>> = BTreeMap::new();
    for holding in holdings {
        let Some(&(pid, _)) = holding.holders.first() else {
            continue;
        };
        let lasting = holding.identity.lasting_owner();
        let key = (lasting, lasting.is_none().then_some(pid));
        let estate = by_owner.entry(key).or_default();
        if estate.is_empty() {
            order.push(key);
        }
        estate.push(holding);
    }
    order.into_iter().filter_map(|key| Some(Estate { holdings: by_owner.remove(&key)? })).collect()
}

impl<'w, 'a> Estate<'w, 'a> {
    /// The holding by which a finding is known: the lowest number.
    fn first(&self) -> &'w Holding<'a> {
        self.holdings.first().expect("an estate is made of its first holding")
    }

    fn ports(&self) -> Vec<PortSpec> {
        let mut ports: Vec<_> = self.holdings.iter().map(|holding| holding.spec()).collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }
}

/// A finding about an estate and some of its processes.
fn about(finding: Finding, estate: &Estate<'_, '_>, pids: Vec<u32>) -> Finding {
    let mut finding = finding.about(estate.first());
    finding.holders = pids;
    finding
}

fn judge_estates<'a>(
    world: &World<'a>,
    concerns: impl Fn(&Holding<'a>) -> bool,
    judge: impl Fn(&Estate<'_, 'a>) -> Option<Finding>,
) -> Vec<Finding> {
    estates(world.holdings().filter(|holding| concerns(holding))).iter().filter_map(judge).collect()
}
