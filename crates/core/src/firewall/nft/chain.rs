//! Tables and chains, and which rules are whose (libnftables-json(5), "TABLE" and "CHAIN").

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec, vec::Vec};

use serde_json::Value;

use super::{
    CHAINS_MAX, Details, Hidden, Names, RULES_MAX, ReadError, Scope, TableKey,
    meters::Meters,
    rule,
    sets::{self, Named},
    several, tagged, text,
};
use crate::firewall::{
    ruleset::{
        Base, Chain, ChainId, Decision, Hook, Kind, Layer, Policy, Question, Rule, Since, Step,
        TRACKING_PRIORITY,
    },
    surroundings::Surroundings,
};

/// More devices than this one chain cannot have (include/net/netfilter/nf_tables.h, `NFT_NETDEVICE_MAX`).
const DEVICES_MAX: usize = 256;

/// Chains as they are being read.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    pub(super) chains: Vec<Chain>,
    names: Names<'a>,
    /// How many chains there are already before these.
    before: usize,
    /// The base chains of which the listing does not tell whether they see a packet.
    doubtful: Vec<bool>,
    /// The number of each table.
    numbers: BTreeMap<TableKey<'a>, u64>,
    pub(super) hidden: Hidden,
}

/// Whether the chains of a table are hooked in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hooked {
    Yes,
    No,
    /// nft 1.0.6 prints the flags of a table as whatever stands in memory.
    Perhaps,
}

impl<'a> Reading<'a> {
    /// The chains, and the names of everything, without rules.
    pub(super) fn of(objects: &'a [Value], details: &Details<'_>, before: usize) -> Result<Self, ReadError> {
        let mut reading = Self { before, numbers: numbers(objects), ..Self::default() };
        let mut tables = BTreeMap::new();
        reading.names.meters = Meters::of(objects);
        let changing = sets::changing(rules(objects), &reading.names.meters);
        for (at, object) in objects.iter().enumerate() {
            let Some((kind, inner)) = tagged(object) else { continue };
            match kind {
                "table" => {
                    let layer = layer(inner, at, kind)?;
                    tables.insert((layer, required(inner, at, kind, "name")?), hooked(inner));
                }
                "set" | "map" => {
                    let table = table(inner, at, kind)?;
                    let name = required(inner, at, kind, "name")?;
                    let is_changing = changing.contains(&(table, name));
                    let named = Named { is_map: kind == "map", is_changing, object: inner };
                    reading.names.sets.insert((table, name), named);
                }
                "chain" => {
                    let table = table(inner, at, kind)?;
                    let hooked = tables.get(&table).copied().unwrap_or(Hooked::Yes);
                    reading.chain(inner, at, table, hooked, details)?;
                }
                _ => {}
            }
        }
        Ok(reading)
    }

    fn chain(
        &mut self,
        inner: &'a Value,
        at: usize,
        table: TableKey<'a>,
        hooked: Hooked,
        details: &Details<'_>,
    ) -> Result<(), ReadError> {
        if self.chains.len() >= CHAINS_MAX {
            return Err(ReadError::TooMany { of: "chains", most: CHAINS_MAX });
        }
        let name = required(inner, at, "chain", "name")?;
        let mut base = if hooked == Hooked::No { None } else { base(inner, at)? };
        if let Some(base) = &mut base {
            base.since = self.since(inner, table);
            if base.devices.is_empty() {
                base.devices = details.devices(table, name);
            }
        }
        let is_blind =
            base.as_ref().is_some_and(|base| base.hook == Hook::Ingress && base.devices.is_empty());
        self.doubtful.push(base.is_some() && (hooked == Hooked::Perhaps || is_blind));
        self.names.chains.insert((table, name), ChainId(self.before + self.chains.len()));
        let (layer, table) = (table.0, table.1.to_owned());
        self.chains.push(Chain { layer, table, name: name.to_owned(), base, rules: Vec::new() });
        Ok(())
    }

    fn since(&self, chain: &Value, table: TableKey<'_>) -> Option<Since> {
        let (table, chain) = (*self.numbers.get(&table)?, chain.get("handle").and_then(Value::as_u64)?);
        Some(Since { table, chain })
    }

    /// Gives each chain its rules.
    pub(super) fn rules(
        &mut self,
        objects: &'a [Value],
        details: &'a Details<'_>,
        around: &'a Surroundings,
    ) -> Result<(), ReadError> {
        let mut count = 0_usize;
        for (at, object) in objects.iter().enumerate() {
            let Some(("rule", inner)) = tagged(object) else { continue };
            let table = table(inner, at, "rule")?;
            let name = required(inner, at, "rule", "chain")?;
            let Some(ChainId(chain)) = self.names.chains.get(&(table, name)).copied() else { continue };
            let is_before_conntrack =
                self.chains[chain - self.before].base.as_ref().is_some_and(is_before_conntrack);
            let handle = inner.get("handle").and_then(Value::as_u64);
            let hidden = details.asked(table, name, handle);
            let scope = Scope { table, names: &self.names, around, is_before_conntrack, hidden };
            let rules = rule::read(inner, &scope);
            // Of a chain in doubt nobody else tells more.
            if !self.doubtful[chain - self.before] && rule::names_extension(inner) {
                self.hidden.extend(handle.map(|handle| (ChainId(chain), handle)));
            }
            count = count.saturating_add(rules.len());
            if count > RULES_MAX {
                return Err(ReadError::TooMany { of: "rules", most: RULES_MAX });
            }
            self.chains[chain - self.before].rules.extend(rules);
        }
        for (chain, is_doubtful) in self.chains.iter_mut().zip(&self.doubtful) {
            if *is_doubtful {
                doubt(chain);
            }
        }
        Ok(())
    }
}

/// The rules of a listing, each with its table.
fn rules(objects: &[Value]) -> impl Iterator<Item = (TableKey<'_>, &Value)> {
    let rules = objects.iter().filter_map(tagged).filter(|(kind, _)| *kind == "rule");
    rules.filter_map(|(_, rule)| {
        let layer = text(rule, "family").and_then(Layer::named)?;
        Some(((layer, text(rule, "table")?), rule))
    })
}

/// The numbers of tables.
fn numbers(objects: &[Value]) -> BTreeMap<TableKey<'_>, u64> {
    let tables = objects.iter().filter_map(tagged).filter(|(kind, _)| *kind == "table");
    let numbered = tables.filter_map(|(_, table)| {
        let layer = text(table, "family").and_then(Layer::named)?;
        Some(((layer, text(table, "name")?), table.get("handle").and_then(Value::as_u64)?))
    });
    numbered.collect()
}

/// Whether a chain stands before `NF_IP_PRI_CONNTRACK`, or may do so (include/uapi/linux/netfilter_ipv4.h): of the same priority
/// it hangs on who was hooked in last, and the kernel begins to track when the first rule asks it to.
const fn is_before_conntrack(base: &Base) -> bool {
    match base.hook {
        Hook::Ingress => true,
        Hook::Prerouting | Hook::Output => base.priority <= TRACKING_PRIORITY,
        Hook::Input | Hook::Forward | Hook::Postrouting => false,
    }
}

/// Says of a chain that nobody can tell whether it sees a packet at all.
fn doubt(chain: &mut Chain) {
    let drops = chain.base.as_ref().is_some_and(|base| base.policy == Policy::Drop);
    if drops {
        let text = String::from("policy drop");
        chain.rules = vec![Rule { handle: None, text, steps: vec![Step::Decide(Decision::Queue)] }];
        return;
    }
    for rule in &mut chain.rules {
        let effect = rule.steps.iter().position(|step| !matches!(step, Step::Ask(_)));
        if let Some(effect) = effect {
            rule.steps.insert(effect, Step::Ask(Question::Unknown));
        }
    }
}

fn missing(at: usize, kind: &str, key: &str, expected: &'static str) -> ReadError {
    ReadError::Missing { path: format!("nftables[{at}].{kind}.{key}"), expected }
}

fn required<'a>(inner: &'a Value, at: usize, kind: &str, key: &str) -> Result<&'a str, ReadError> {
    text(inner, key).ok_or_else(|| missing(at, kind, key, "text"))
}

fn table<'a>(inner: &'a Value, at: usize, kind: &str) -> Result<TableKey<'a>, ReadError> {
    Ok((layer(inner, at, kind)?, required(inner, at, kind, "table")?))
}

fn layer(inner: &Value, at: usize, kind: &str) -> Result<Layer, ReadError> {
    let family = required(inner, at, kind, "family")?;
    Layer::named(family).ok_or_else(|| missing(at, kind, "family", "a family of tables"))
}

/// A table that is dormant has its chains nowhere; one that a program owns is as any other.
fn hooked(table: &Value) -> Hooked {
    let Some(flags) = table.get("flags") else { return Hooked::Yes };
    let flags = several(flags);
    let is = |flag: &Value, words: &[&str]| flag.as_str().is_some_and(|word| words.contains(&word));
    if flags.iter().any(|flag| is(flag, &["dormant"])) {
        Hooked::No
    } else if flags.iter().all(|flag| is(flag, &["owner", "persist"])) {
        Hooked::Yes
    } else {
        Hooked::Perhaps
    }
}

/// Where a chain is hooked in; `None` for one that is not, or only where packets leave a device.
fn base(inner: &Value, at: usize) -> Result<Option<Base>, ReadError> {
    let Some(hook) = text(inner, "hook") else { return Ok(None) };
    let hook = match hook {
        "ingress" => Hook::Ingress,
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        "egress" => return Ok(None),
        _ => return Err(missing(at, "chain", "hook", "a hook")),
    };
    let priority = inner.get("prio").and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok());
    let priority = priority.ok_or_else(|| missing(at, "chain", "prio", "a number"))?;
    let kind = match text(inner, "type") {
        Some("filter") => Kind::Filter,
        Some("nat") => Kind::Nat,
        Some("route") => Kind::Route,
        _ => return Err(missing(at, "chain", "type", "filter, nat or route")),
    };
    let policy = match text(inner, "policy") {
        Some("accept") | None => Policy::Accept,
        Some("drop") => Policy::Drop,
        Some(_) => return Err(missing(at, "chain", "policy", "accept or drop")),
    };
    Ok(Some(Base { hook, priority, kind, policy, devices: devices(inner), since: None }))
}

/// Versions of nft call them `dev` or `devices`; 1.0.6 does not name them, but [`Details`] may.
fn devices(inner: &Value) -> Vec<String> {
    let named = [inner.get("dev"), inner.get("devices")].into_iter().flatten().flat_map(several);
    named.filter_map(Value::as_str).take(DEVICES_MAX).map(ToOwned::to_owned).collect()
}
