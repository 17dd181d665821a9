//! What the kernel lists once the gate is another one: a change as it is seen afterwards (libnftables-json(5)).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Body, Generation, Keep, Open, ReadError, Refused, Revision, Standing, TABLE, Timeout, ZoneName,
    body::{fixed, object},
    elements,
    name::Name,
    standing::{HOOKS, objects},
    temporary::{is_timed, open_of},
};
use crate::port::PortSpec;

/// A listing, with the gate's table apart.
///
/// Each change of it is one that the kernel makes of the [`super::Transaction`] of the same name.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    before: Vec<Value>,
    table: Option<Table>,
    after: Vec<Value>,
}

/// The table, in the order in which nft lists its objects.
#[derive(Clone, Debug, PartialEq)]
struct Table {
    head: Value,
    /// What has a state and no elements.
    counters: Vec<Value>,
    /// The sets and maps.
    sets: Vec<Value>,
    chains: Vec<Value>,
    rules: Vec<Value>,
}

impl Listing {
    /// Reads what `nft -j list ruleset` prints.
    ///
    /// # Errors
    ///
    /// The text is no listing.
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let mut listing = Self { before: Vec::new(), table: None, after: Vec::new() };
        for object in objects(text)? {
            listing.add(object);
        }
        Ok(listing)
    }

    fn add(&mut self, object: Value) {
        let (kind, inner) = match object.as_object().and_then(|object| object.iter().next()) {
            Some((kind, inner)) => (kind.as_str(), inner),
            None => ("", &Value::Null),
        };
        let is = |key: &str, text: &str| inner.get(key).and_then(Value::as_str) == Some(text);
        let is_own = is("family", "inet") && is(if kind == "table" { "name" } else { "table" }, TABLE);
        match (kind, &mut self.table) {
            ("table", table) if is_own => *table = Some(Table::new(object)),
            ("set" | "map", Some(table)) if is_own => table.sets.push(object),
            ("chain", Some(table)) if is_own => table.chains.push(object),
            ("rule", Some(table)) if is_own => table.rules.push(object),
            (_, Some(table)) if is_own => table.counters.push(object),
            (_, Some(_)) => self.after.push(object),
            (_, None) => self.before.push(object),
        }
    }

    /// The listing as nft prints it.
    #[must_use]
    pub fn text(&self) -> String {
        let table = self.table.iter().flat_map(Table::objects);
        let all: Vec<&Value> = self.before.iter().chain(table).chain(&self.after).collect();
        json!({ "nftables": all }).to_string()
    }

    /// The gate as it stands.
    ///
    /// # Errors
    ///
    /// The table is not one of this program.
    pub fn standing(&self) -> Result<Option<Standing>, ReadError> {
        let objects: Vec<Value> = self.table.iter().flat_map(Table::objects).cloned().collect();
        Standing::among(&objects)
    }

    /// Makes the table.
    pub fn create(&mut self, body: &Body, revision: Revision) {
        let mut table = Table::new(object_of_table());
        for object in fixed() {
            let list = match object.as_object().and_then(|object| object.keys().next()).map(String::as_str) {
                Some("set" | "map") => &mut table.sets,
                Some("chain") => &mut table.chains,
                Some("rule") => &mut table.rules,
                _ => &mut table.counters,
            };
            list.push(object);
        }
        table.elements("revision", &json!([revision.number()]));
        table.write(body, Generation::A);
        table.point(Generation::A);
        // The table is the last one that was made.
        self.before.append(&mut self.after);
        self.table = Some(table);
    }

    /// Puts `body` in force as [`super::apply`] does.
    ///
    /// # Errors
    ///
    /// Something is on trial; what is made anew is to be.
    pub fn apply(
        &mut self,
        body: &Body,
        standing: &Standing,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), Refused> {
        if standing.may_apply(keep)?.is_made_anew() {
            let old = self.table.take();
            self.create(body, standing.revision.after(now));
            self.table.iter_mut().zip(old).for_each(|(table, old)| table.carry(&old));
            return Ok(());
        }
        let Some(table) = &mut self.table else { return Ok(()) };
        let new = standing.confirmed.other();
        table.step(standing);
        table.clear(standing, new);
        table.write(body, new);
        match keep {
            Keep::OnTrial(timeout) => {
                let seconds = timeout.seconds();
                for hook in HOOKS {
                    let entry = |family: &str| {
                        let time = json!({"val": family, "timeout": seconds, "expires": seconds});
                        json!([{"elem": time}, {"goto": {"target": format!("{new}_{hook}")}}])
                    };
                    table.elements(&format!("trial_{hook}"), &json!([entry("ipv4"), entry("ipv6")]));
                }
            }
            Keep::AtOnce => {
                table.point(new);
                table.clear(standing, standing.confirmed);
                table.forget(standing, |zone| body.zones.iter().any(|own| own == zone));
            }
        }
        Ok(())
    }

    /// Keeps what is on trial.
    ///
    /// # Errors
    ///
    /// Nothing is on trial.
    pub fn confirm(&mut self, standing: &Standing) -> Result<(), Refused> {
        let trial = standing.trial.ok_or(Refused::NoTrial)?;
        if let Some(table) = &mut self.table {
            table.end_trial(standing);
            table.point(trial.generation);
            table.clear(standing, standing.confirmed);
            table.forget(standing, |zone| standing.has_zone(trial.generation, zone));
        }
        Ok(())
    }

    /// Ends the trial as if nobody had confirmed it.
    ///
    /// # Errors
    ///
    /// Nothing is on trial.
    pub fn take_back(&mut self, standing: &Standing) -> Result<(), Refused> {
        let trial = standing.trial.ok_or(Refused::NoTrial)?;
        if let Some(table) = &mut self.table {
            table.end_trial(standing);
            table.clear(standing, trial.generation);
            table.forget(standing, |zone| standing.has_zone(standing.confirmed, zone));
        }
        Ok(())
    }

    /// Closes what is open for a while, as [`super::shut`] does.
    pub fn shut(&mut self, open: &[Open]) {
        let is_one = |own: &Open| {
            open.iter().any(|it| (&it.zone, it.port.what, it.from) == (&own.zone, own.port.what, own.from))
        };
        self.close_where(|own, _| is_one(own));
    }

    /// Lets the time be over of all that is open for a while; whether anything is.
    pub fn lapse(&mut self) -> bool {
        self.close_where(|_, element| is_timed(element))
    }

    /// Closes the open ports of which it holds, each with its element; whether there is one.
    fn close_where(&mut self, is_closed: impl Fn(&Open, &Value) -> bool) -> bool {
        let mut is_any = false;
        let sets = self.table.iter_mut().flat_map(|table| &mut table.sets);
        for set in sets.filter_map(inner_mut).filter_map(Value::as_object_mut) {
            let name = set.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
            let Some(elements) = set.get_mut("elem").and_then(Value::as_array_mut) else { continue };
            let count = elements.len();
            elements.retain(|element| open_of(&name, element).is_none_or(|own| !is_closed(&own, element)));
            is_any |= elements.len() < count;
            if elements.is_empty() {
                set.remove("elem");
            }
        }
        is_any
    }

    /// Lets the time of the trial be over: the kernel forgets its elements, and nothing else.
    pub fn expire(&mut self) {
        if let Some(table) = &mut self.table {
            table.forget_trial();
        }
    }

    /// Closes ports that are open for a while as [`super::close_early`] does.
    pub fn close_early(&mut self, zone: Option<&ZoneName>, ports: PortSpec) {
        let (Some(table), Some(name)) = (&mut self.table, elements::open(zone, ports)) else { return };
        let sets = table.sets.iter_mut().filter(|object| text(object, "name") == name);
        let elements = sets.filter_map(inner_mut).filter_map(|inner| inner.get_mut("elem")?.as_array_mut());
        let number = |element: &Value| u16::try_from(element.pointer("/elem/val")?.as_u64()?).ok();
        let is_other = |element: &Value| number(element).is_none_or(|port| !ports.range.contains(port));
        elements.for_each(|elements| elements.retain(is_other));
    }

    /// Opens ports for a while as [`super::open_for`] does.
    pub fn open_for(&mut self, zone: Option<&ZoneName>, ports: PortSpec, timeout: Timeout) {
        self.close_early(zone, ports);
        let (Some(table), Some(name)) = (&mut self.table, elements::open(zone, ports)) else { return };
        let sets = table.sets.iter_mut().filter(|object| text(object, "name") == name);
        let seconds = timeout.seconds();
        let element = |port| json!({"elem": {"val": port, "timeout": seconds, "expires": seconds}});
        for set in sets.filter_map(inner_mut).filter_map(Value::as_object_mut) {
            let elements = set.entry("elem").or_insert_with(|| json!([])).as_array_mut();
            elements
                .into_iter()
                .for_each(|all| all.extend((ports.range.first..=ports.range.last).map(element)));
        }
    }

    /// Takes the table away.
    pub fn remove(&mut self) {
        self.table = None;
    }
}

fn object_of_table() -> Value {
    json!({"table": {"family": "inet", "name": TABLE}})
}

impl Table {
    fn new(head: Value) -> Self {
        let [counters, sets, chains, rules] = [const { Vec::new() }; 4];
        Self { head, counters, sets, chains, rules }
    }

    /// The rules stand in the order of their chains.
    fn objects(&self) -> impl Iterator<Item = &Value> {
        let names = self.chains.iter().zip(0_usize..).map(|(chain, at)| (text(chain, "name"), at));
        let places: BTreeMap<&str, usize> = names.collect();
        let mut rules: Vec<&Value> = self.rules.iter().collect();
        rules.sort_by_key(|rule| places.get(text(rule, "chain")).copied());
        let head = core::iter::once(&self.head);
        head.chain(&self.counters).chain(&self.sets).chain(&self.chains).chain(rules)
    }

    fn elements(&mut self, set: &str, elements: &Value) {
        let inner = self.sets.iter_mut().filter(|object| text(object, "name") == set).filter_map(inner_mut);
        inner.take(1).for_each(|inner| inner["elem"] = elements.clone());
    }

    /// Takes over what is open and who is kept out for a while.
    fn carry(&mut self, old: &Self) {
        for set in old.sets.iter().filter_map(|set| set.as_object()?.values().next()) {
            let name = set.get("name").and_then(Value::as_str).unwrap_or_default();
            let elements = set.get("elem").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let is_kept = |element: &&Value| match name {
                "blocked4" | "blocked64" => true,
                _ => is_timed(element) && open_of(name, element).is_some(),
            };
            let kept: Vec<&Value> = elements.iter().filter(is_kept).collect();
            if !kept.is_empty() {
                self.elements(name, &json!(kept));
            }
        }
    }

    fn step(&mut self, standing: &Standing) {
        self.elements("revision", &json!([standing.revision.next().number()]));
    }

    fn write(&mut self, body: &Body, generation: Generation) {
        // Ports that are open to a zone for a while stay so in a new generation.
        let known: BTreeSet<String> = self.sets.iter().map(|set| text(set, "name").into()).collect();
        let sets = body.listed_sets(generation).into_iter();
        self.sets.extend(sets.filter(|set| !known.contains(text(set, "name"))));
        self.chains.extend(body.listed_chains(generation));
        self.rules.extend(body.listed_rules(generation));
    }

    fn point(&mut self, generation: Generation) {
        for hook in HOOKS {
            let chain = format!("confirmed_{hook}");
            self.flush(&chain);
            let goto = json!([{"goto": {"target": format!("{generation}_{hook}")}}]);
            self.rules.push(object("rule", json!({"chain": chain, "expr": goto})));
        }
    }

    fn clear(&mut self, standing: &Standing, generation: Generation) {
        HOOKS.iter().for_each(|hook| self.flush(&format!("{generation}_{hook}")));
        let names = standing.names(generation);
        let [chains, sets] =
            [&names.chains, &names.sets].map(|names| names.iter().map(Name::as_str).collect::<BTreeSet<_>>());
        self.rules.retain(|rule| !chains.contains(text(rule, "chain")));
        self.chains.retain(|chain| !chains.contains(text(chain, "name")));
        self.sets.retain(|set| !sets.contains(text(set, "name")));
    }

    fn flush(&mut self, chain: &str) {
        self.rules.retain(|rule| text(rule, "chain") != chain);
    }

    fn forget(&mut self, standing: &Standing, is_zone: impl Fn(&str) -> bool) {
        let gone = standing.open_zones.iter().filter(|(zone, _)| !is_zone(zone));
        let gone: BTreeSet<&str> = gone.map(|(_, name)| name.as_str()).collect();
        self.sets.retain(|set| !gone.contains(text(set, "name")));
    }

    fn end_trial(&mut self, standing: &Standing) {
        self.forget_trial();
        self.step(standing);
    }

    fn forget_trial(&mut self) {
        let maps = self.sets.iter_mut().filter(|object| text(object, "name").starts_with("trial_"));
        let inner = maps.filter_map(inner_mut).filter_map(Value::as_object_mut);
        inner.for_each(|inner| drop(inner.remove("elem")));
    }
}

/// What an object has at a key, or nothing.
fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    let inner = object.as_object().and_then(|object| object.values().next());
    inner.and_then(|inner| inner.get(key)?.as_str()).unwrap_or_default()
}

fn inner_mut(object: &mut Value) -> Option<&mut Value> {
    object.as_object_mut()?.values_mut().next().filter(|inner| inner.is_object())
}
