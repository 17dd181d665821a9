//! Every rule, in the order a reader should meet them, and how they are run together (A17, A20).
//!
//! Each group lists its own rules; a rule is one file that says when, why it matters and how to put it right.

pub mod code;
pub mod declared;
pub mod exposure;
pub mod gate;
pub mod guard;
pub mod kernel;
pub mod ledger;
pub mod numbers;
pub mod outside;
pub mod policy;
pub mod processes;
pub mod steer;
#[cfg(test)]
pub(crate) mod testing;
pub mod watch;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::cmp::Reverse;

use crate::{
    finding::{Finding, Severity, Spot, Waived},
    firewall::Intervals,
    patches::Patch,
    policy::Waiver,
    port::PortSpec,
    text,
    words::{Text, Words},
    world::World,
};

/// One thing that can be wrong, and all there is to say about it.
#[derive(Debug)]
pub struct Rule {
    /// Its name states the problem; it is the file's name too.
    pub name: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The duties of the article that it serves.
    pub article: &'static [&'static str],
    /// The rules that say nothing about a socket where this one speaks: one finding a cause.
    pub outranks: &'static [&'static str],
    /// The page that `portreeve explain` prints.
    pub page: Page,
    /// The judgement.
    pub check: fn(&World<'_>) -> Vec<Finding>,
}

/// What `explain` says of a rule.
#[derive(Debug)]
pub struct Page {
    /// When it is found, in a sentence.
    pub what: Words,
    /// Why it matters.
    pub why: Words,
    /// How to put it right.
    pub fix: Words,
}

impl Rule {
    /// A finding of this rule, about nothing yet.
    #[must_use]
    pub fn finding(&self, text: Text, fix: Text) -> Finding {
        Finding {
            rule: self.name,
            severity: self.severity,
            ports: None,
            address: None,
            netns: None,
            service: None,
            place: None,
            text: text.close_up(),
            fix: fix.close_up(),
            commands: Vec::new(),
            holders: Vec::new(),
            waived: None,
            silences: Vec::new(),
        }
    }
}

/// Who comes in by `entrances`: the world, or whoever is behind interfaces none of which leads there.
fn comers(world: &World<'_>, entrances: &Intervals) -> Text {
    if entrances.is_empty() || !entrances.and(&world.leading_out()).is_empty() {
        return text!("the world", "外部");
    }
    let Text { en, ja } = declared::list(world.named(entrances));
    text!("whoever comes in by {en}", "{ja} 側")
}

/// Whether others may come in by `entrances` than this host's own containers and virtual machines.
fn is_from_outside(world: &World<'_>, entrances: &Intervals) -> bool {
    entrances.is_empty() || !entrances.and(world.outer()).is_empty()
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let groups = [
        declared::RULES,
        exposure::RULES,
        outside::RULES,
        gate::RULES,
        guard::RULES,
        steer::RULES,
        watch::RULES,
        numbers::RULES,
        ledger::RULES,
        processes::RULES,
        code::RULES,
        kernel::RULES,
        policy::RULES,
    ];
    groups.into_iter().flatten().copied()
}

/// The rule of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name)
}

/// All that is wrong with `world`: one finding a cause, the worst first, waived ones marked.
#[must_use]
pub fn judge(world: &World<'_>) -> Vec<Finding> {
    settled(world, all().flat_map(|rule| (rule.check)(world)).collect())
}

/// The same of what a look from outside saw alone: of a host whose processes may be unknown.
#[must_use]
pub fn judge_outside(world: &World<'_>) -> Vec<Finding> {
    settled(world, outside::findings(world))
}

/// The same of code of which no port is known, as below a root that does not run here.
#[must_use]
pub fn judge_unlistening(world: &World<'_>, patches: &[Patch<'_>]) -> Vec<Finding> {
    settled(world, code::unlistening(patches))
}

fn settled(world: &World<'_>, mut findings: Vec<Finding>) -> Vec<Finding> {
    drop_outranked(&mut findings);
    let waivers = waivers_by_rule(world);
    for finding in &mut findings {
        finding.waived = waiver_of(&waivers, finding).map(waived);
    }
    findings.sort_by(|a, b| order(a).cmp(&order(b)));
    findings
}

/// The worst first, then as a person looks for them; the rest only makes the order certain.
fn order(finding: &Finding) -> impl Ord {
    let Finding { severity, ports, rule, service, netns, address, holders, text, .. } = finding;
    (Reverse(*severity), *ports, *rule, service, *netns, address, holders, &text.en)
}

fn drop_outranked(findings: &mut Vec<Finding>) {
    let silenced: BTreeSet<(Spot, &str)> = findings
        .iter()
        .flat_map(|finding| {
            let outranks = find(finding.rule).map_or(&[][..], |rule| rule.outranks);
            let spots = finding.silences.iter().cloned().chain([finding.spot()]);
            spots.flat_map(move |spot| outranks.iter().map(move |rule| (spot.clone(), *rule)))
        })
        .collect();
    if !silenced.is_empty() {
        findings.retain(|finding| !silenced.contains(&(finding.spot(), finding.rule)));
    }
}

/// The waivers that hold today.
fn waivers_by_rule<'a>(world: &World<'a>) -> BTreeMap<&'a str, Vec<&'a Waiver>> {
    let today = world.today();
    let mut by_rule: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for waiver in world.policy.into_iter().flat_map(|policy| &policy.waivers) {
        if waiver.until.is_none_or(|until| today <= until) {
            by_rule.entry(waiver.rule.as_str()).or_default().push(waiver);
        }
    }
    by_rule
}

fn waiver_of<'a>(waivers: &BTreeMap<&str, Vec<&'a Waiver>>, finding: &Finding) -> Option<&'a Waiver> {
    let of_rule = waivers.get(finding.rule)?.iter();
    let mut covering = of_rule.filter(|waiver| {
        waiver.ports.is_empty() || finding.ports.is_some_and(|ports| is_waived(waiver, ports))
    });
    covering.next().copied()
}

fn is_waived(waiver: &Waiver, ports: PortSpec) -> bool {
    waiver.ports.iter().any(|spec| spec.protocol == ports.protocol && spec.range.overlaps(ports.range))
}

fn waived(waiver: &Waiver) -> Waived {
    Waived { why: waiver.why.clone(), until: waiver.until.map(|date| alloc::format!("{date}")) }
}

#[cfg(test)]
mod tests;
