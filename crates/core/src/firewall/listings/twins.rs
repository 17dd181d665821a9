//! Makes one of the tables of iptables that both nft(8) and iptables-nft-save(8) list, where neither tells all (A15, A17).
//!
//! nft only names the extensions of iptables, and iptables-nft-save leaves out whatever it has no word for: a set of ports,
//! a chain with another name. So a rule without an extension is what nft says, and one with is what iptables says: nobody
//! but iptables makes one. The rules of a chain stand in the same order in both.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use crate::address::Family;
use crate::firewall::{
    intervals::Intervals,
    nft::Hidden,
    packets::{Field, family_number},
    ruleset::{Chain, ChainId, Decision, Layer, Question, Rule, Ruleset, Step},
};

/// Joins the chains that iptables-nft-save lists, those from `saved` on, with the same ones of nft before them, of which
/// `hidden` are the rules with an extension.
pub(super) fn join(ruleset: &mut Ruleset, saved: usize, hidden: &Hidden) {
    let (of_nft, of_iptables) = ruleset.chains.split_at(saved);
    let named: BTreeMap<_, _> = of_nft.iter().enumerate().map(|(at, chain)| (key(chain), at)).collect();
    let twins: Vec<(usize, usize)> = of_iptables
        .iter()
        .zip(saved..)
        .filter_map(|(chain, at)| Some((*named.get(&key(chain))?, at)))
        .collect();
    let places = places(ruleset.chains.len(), &twins);
    for chain in &mut ruleset.chains {
        chain.rules.iter_mut().flat_map(|rule| &mut rule.steps).for_each(|step| lead(step, &places));
    }
    for &(nft, iptables) in &twins {
        let rules = core::mem::take(&mut ruleset.chains[nft].rules);
        let base = ruleset.chains[nft].base.take();
        let chain = &mut ruleset.chains[iptables];
        let told = core::mem::take(&mut chain.rules);
        chain.rules = rules_of_both(rules, told, ChainId(nft), chain.layer, hidden);
        chain.base = base;
    }
    let gone: BTreeSet<usize> = twins.into_iter().map(|(nft, _)| nft).collect();
    let mut at = 0..;
    ruleset.chains.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
}

fn key(chain: &Chain) -> (Layer, &str, &str) {
    (chain.layer, &chain.table, &chain.name)
}

/// Where each of `count` chains is once the first of each pair is gone and the second stands for it.
fn places(count: usize, twins: &[(usize, usize)]) -> Vec<ChainId> {
    let stand_in: BTreeMap<usize, usize> = twins.iter().copied().collect();
    let mut left = 0;
    let kept: Vec<usize> = (0..count)
        .map(|at| {
            let own = left;
            left += usize::from(!stand_in.contains_key(&at));
            own
        })
        .collect();
    (0..count).map(|at| ChainId(kept[stand_in.get(&at).copied().unwrap_or(at)])).collect()
}

/// Leads a step to where its chains are.
fn lead(step: &mut Step, places: &[ChainId]) {
    let lead = |decision: &mut Decision| {
        if let Decision::Jump(chain) | Decision::Goto(chain) = decision {
            *chain = places[chain.0];
        }
    };
    match step {
        Step::Decide(decision) => lead(decision),
        Step::Choose(entries) => entries.iter_mut().for_each(|(_, decision)| lead(decision)),
        Step::Ask(_)
        | Step::Set(..)
        | Step::Rewrite(_)
        | Step::Overwrite
        | Step::Untrack
        | Step::ChangeSource => {}
    }
}

/// The rules of `chain`: as iptables tells them where they have an extension, or say the same; else as nft does. Where it is
/// not the same number of rules, iptables tells of others, and nobody what the extensions ask.
fn rules_of_both(
    nft: Vec<Rule>,
    iptables: Vec<Rule>,
    chain: ChainId,
    layer: Layer,
    hidden: &Hidden,
) -> Vec<Rule> {
    // nft's rule with a map is several of ours.
    let is_same_rule = |one: &Rule, other: &Rule| one.handle.is_some() && one.handle == other.handle;
    if nft.chunk_by(is_same_rule).count() != iptables.len() {
        return nft;
    }
    let mut nft = nft.into_iter().peekable();
    let mut rules = Vec::with_capacity(iptables.len());
    for told in iptables {
        let Some(first) = nft.next() else { break };
        let mut own = [first].into_iter().collect::<Vec<_>>();
        while let Some(more) = nft.next_if(|more| is_same_rule(&own[0], more)) {
            own.push(more);
        }
        let is_hidden = own[0].handle.is_some_and(|handle| hidden.contains(&(chain, handle)));
        match own.as_slice() {
            _ if is_hidden => rules.push(told),
            [one] if meaning(&one.steps, layer).is(&meaning(&told.steps, layer)) => rules.push(told),
            _ => rules.extend(own),
        }
    }
    rules
}

/// What a rule asks of fields, what else it asks, and what it does then, in whatever order it asks.
struct Meaning<'a> {
    fields: BTreeMap<Field, Intervals>,
    others: Vec<&'a Question>,
    effects: Vec<&'a Step>,
}

fn meaning(steps: &[Step], layer: Layer) -> Meaning<'_> {
    let family = match layer {
        Layer::Ip => Some(Family::Ipv4),
        Layer::Ip6 => Some(Family::Ipv6),
        Layer::Inet | Layer::Netdev | Layer::Bridge | Layer::Arp => None,
    };
    let mut meaning = Meaning { fields: BTreeMap::new(), others: Vec::new(), effects: Vec::new() };
    if let Some(family) = family {
        meaning.fields.insert(Field::Family, Intervals::one(family_number(family)));
    }
    for step in steps {
        match step {
            Step::Ask(question) if meaning.effects.is_empty() => meaning.ask(question),
            other => meaning.effects.push(other),
        }
    }
    meaning
}

impl<'a> Meaning<'a> {
    fn is(&self, other: &Self) -> bool {
        self.fields == other.fields
            && self.others.len() == other.others.len()
            && self.others.iter().all(|question| other.others.contains(question))
            && self.effects == other.effects
    }

    fn ask(&mut self, question: &'a Question) {
        match question {
            Question::Is(field, values) => {
                let own = self.fields.entry(*field).or_insert_with(|| values.clone());
                *own = own.and(values);
            }
            Question::All(all) => all.iter().for_each(|question| self.ask(question)),
            other if self.others.contains(&other) => {}
            other => self.others.push(other),
        }
    }
}
