//! Every rule, in the order a reader should meet them, and how they are run together (A17, A20).
//!
//! Each group lists its own rules; a rule is one file that says when, why it matters and how to put it right.

pub mod declared;

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    address::Address,
    finding::{Finding, Severity, Waived},
    policy::Waiver,
    port::PortSpec,
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
            text,
            fix,
            commands: Vec::new(),
            holders: Vec::new(),
            waived: None,
        }
    }
}

/// Every rule.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [declared::RULES].into_iter().flatten().copied()
}

/// The rule of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name)
}

/// All that is wrong with `world`: one finding a cause, the worst first, waived ones marked.
#[must_use]
pub fn judge(world: &World<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = all().flat_map(|rule| (rule.check)(world)).collect();
    drop_outranked(&mut findings);
    for finding in &mut findings {
        finding.waived = waiver_of(world, finding).map(waived);
    }
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| a.ports.cmp(&b.ports)).then_with(|| a.rule.cmp(b.rule))
    });
    findings
}

type Spot = (Option<u64>, Option<PortSpec>, Option<Address>);

fn spot(finding: &Finding) -> Spot {
    (finding.netns, finding.ports, finding.address.clone())
}

fn drop_outranked(findings: &mut Vec<Finding>) {
    let silenced: BTreeSet<(Spot, &str)> = findings
        .iter()
        .flat_map(|finding| {
            let outranks = find(finding.rule).map_or(&[][..], |rule| rule.outranks);
            outranks.iter().map(|rule| (spot(finding), *rule))
        })
        .collect();
    findings.retain(|finding| !silenced.contains(&(spot(finding), finding.rule)));
}

fn waiver_of<'a>(world: &World<'a>, finding: &Finding) -> Option<&'a Waiver> {
    let today = jiff::tz::Offset::UTC.to_datetime(world.now).date();
    world.policy?.waivers.iter().find(|waiver| {
        waiver.rule == finding.rule
            && waiver.until.is_none_or(|until| today <= until)
            && (waiver.ports.is_empty() || finding.ports.is_some_and(|ports| is_waived(waiver, ports)))
    })
}

fn is_waived(waiver: &Waiver, ports: PortSpec) -> bool {
    waiver.ports.iter().any(|spec| spec.protocol == ports.protocol && spec.range.overlaps(ports.range))
}

fn waived(waiver: &Waiver) -> Waived {
    Waived { why: waiver.why.clone(), until: waiver.until.map(|date| alloc::format!("{date}")) }
}
