//! The gate as it stands in the kernel: what the next change of it rests on (libnftables-json(5)).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde_json::Value;

use super::{
    Keep, Refused, Revision, TABLE,
    body::{Body, Reader, Rest},
    fixed,
    name::Name,
    temporary::{Open, Temporary, endless, left},
};

/// More bytes than this are not read.
const TEXT_BYTES_MAX: usize = 256 << 20;
/// The layout of `table.nft`.
const LAYOUT: u64 = 1;
/// The hooks at which the gate stands, as the names of its chains end.
pub(super) const HOOKS: [&str; 2] = ["input", "forward"];
/// The families that a trial has at each: `ipv4` and `ipv6`.
const FAMILIES: usize = 2;

/// One of the two sets of chains, of which one judges and the other is made or on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// The first one.
    A,
    /// The other one.
    B,
}

impl Generation {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// The one whose chain at `hook` is called `chain`.
    fn of(chain: &str, hook: &str) -> Option<Self> {
        let own = chain.strip_suffix(hook)?;
        [Self::A, Self::B].into_iter().find(|generation| own == generation.begin())
    }

    /// How the names of its chains and sets begin.
    pub(super) const fn begin(self) -> &'static str {
        match self {
            Self::A => "a_",
            Self::B => "b_",
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// The table as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last change that was made.
    pub revision: Revision,
    /// The generation that judges when nothing is on trial.
    pub confirmed: Generation,
    /// What is on trial.
    pub trial: Option<Trial>,
    /// Whether what stands for every generation is as it was made.
    pub foundation: Foundation,
    /// Ports that are open outside the generations and without an end, as this program never opens one.
    pub endless: Vec<Open>,
    names: [Names; 2],
    /// What each generation is made of, where somebody else has not changed that, and it can be told which one judges.
    bodies: [Option<Body>; 2],
    /// What a change that makes the whole table anew carries over; nothing where none does.
    pub(super) temporary: Temporary,
    /// The sets of ports that are open to a zone for a while, each with the name of the zone.
    pub(super) open_zones: Vec<(String, Name)>,
}

/// What stands for every generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foundation {
    /// It is as this program makes it.
    AsMade,
    /// Somebody else has changed it, or added to it.
    Changed,
    /// Somebody put the table to sleep: the kernel asks none of its rules (nft(8), the flag `dormant`).
    Asleep,
    /// Somebody emptied the table: none of its chains stands at a hook, so that no packet comes by.
    Emptied,
}

impl Foundation {
    /// Whether the next change makes the whole table anew.
    #[must_use]
    pub const fn is_made_anew(self) -> bool {
        !matches!(self, Self::AsMade)
    }

    /// Whether no packet gets to a rule of it.
    #[must_use]
    pub const fn refuses_nothing(self) -> bool {
        matches!(self, Self::Asleep | Self::Emptied)
    }
}

/// A generation on trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Which one.
    pub generation: Generation,
    /// The whole seconds that are left.
    pub seconds_left: u64,
    /// Whether all of it is there.
    pub extent: Extent,
}

/// How much of a trial is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Both families at both hooks.
    Whole,
    /// Somebody else took a part of it away: there what was confirmed judges.
    Part,
}

/// What a generation is made of, beside its first chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) chains: Vec<Name>,
    pub(super) sets: Vec<Name>,
}

/// Why the table cannot be told from a listing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// There are more bytes than are read.
    #[error("more than {TEXT_BYTES_MAX} bytes")]
    TooLong,
    /// It is not JSON, or is nested deeper than 128 levels.
    #[error("not JSON, line {line}, column {column}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 at the end of a line.
        column: usize,
    },
    /// A newer version of this program made the table.
    #[error("the table inet portreeve has layout {0}, not {LAYOUT}")]
    Layout(u64),
    /// It is JSON, and lists nothing.
    #[error("no listing of nft's")]
    NoListing,
    /// What was kept is no gate as this program writes it.
    #[error("no gate of portreeve's")]
    NoGate,
}

impl Standing {
    /// The table as it is made with a gate that lets everything in.
    #[must_use]
    pub fn made(revision: Revision) -> Self {
        let open = || Some(Body::open());
        Self {
            revision,
            confirmed: Generation::A,
            trial: None,
            foundation: Foundation::AsMade,
            endless: Vec::new(),
            names: [Names::default(), Names::default()],
            bodies: [open(), open()],
            temporary: Temporary::default(),
            open_zones: Vec::new(),
        }
    }

    /// Reads what `nft -j list ruleset`, or `nft -j list table inet portreeve`, prints; `None` where the table is not there.
    ///
    /// # Errors
    ///
    /// The text is no listing, or a newer version of this program made the table.
    pub fn read(text: &str) -> Result<Option<Self>, ReadError> {
        Self::among(&objects(text)?)
    }

    /// The same of the objects of a listing.
    pub(super) fn among(objects: &[Value]) -> Result<Option<Self>, ReadError> {
        let listing = Objects(objects);
        if listing.all("table", "name").next().is_none() {
            return Ok(None);
        }
        if let Some(layout) = listing.number("layout").filter(|layout| *layout > LAYOUT) {
            return Err(ReadError::Layout(layout));
        }
        let generations = [Generation::A, Generation::B];
        let confirmed = listing.confirmed();
        let foundation = listing.foundation();
        let is_as_made = foundation == Foundation::AsMade;
        let trial = listing.trial().unwrap_or_default();
        Ok(Some(Self {
            revision: listing.revision().unwrap_or(Revision::UNTOLD),
            foundation,
            endless: listing.named("set").flat_map(|(name, set)| endless(name, set)).collect(),
            names: generations.map(|generation| listing.names(generation)),
            bodies: generations.map(|generation| listing.body(generation).filter(|_| confirmed.is_some())),
            temporary: if is_as_made { Temporary::default() } else { Temporary::among(listing) },
            open_zones: listing.open_zones(),
            // Where that cannot be told, whoever confirms a trial must not clear it.
            confirmed: confirmed
                .unwrap_or_else(|| trial.map_or(Generation::A, |trial: Trial| trial.generation.other())),
            trial,
        }))
    }

    /// The same without what is open or kept out for a while, as it is where a change is tried.
    #[must_use]
    pub fn without_temporary(&self) -> Self {
        Self { temporary: Temporary::default(), ..self.clone() }
    }

    /// The zones of which ports can be open for a while, as the policy calls them: those of the generation that judges now,
    /// as the sets of a trial's zones outlive it.
    pub fn zones(&self) -> impl Iterator<Item = String> {
        let judging = self.trial.map_or(self.confirmed, |trial| trial.generation);
        let own = self.open_zones.iter().filter(|(name, _)| self.has_zone(judging, name));
        let mut zones: Vec<String> = own.filter_map(|(name, _)| super::name::zone(name)).collect();
        zones.sort();
        zones.dedup();
        zones.into_iter()
    }

    pub(super) const fn names(&self, generation: Generation) -> &Names {
        &self.names[generation as usize]
    }

    /// What judges when nothing is on trial; `None` where somebody else has changed it, or what stands outside it.
    #[must_use]
    pub fn body(&self) -> Option<&Body> {
        self.own_body().filter(|_| self.is_whole())
    }

    /// The same, whatever somebody else has changed outside of it.
    #[must_use]
    pub const fn own_body(&self) -> Option<&Body> {
        self.bodies[self.confirmed as usize].as_ref()
    }

    /// What is on trial; `None` where nothing is, or somebody else has changed it, or what stands outside it.
    #[must_use]
    pub fn tried(&self) -> Option<&Body> {
        let trial = self.trial.filter(|trial| trial.extent == Extent::Whole)?;
        let body = self.bodies[trial.generation as usize].as_ref();
        body.filter(|_| self.is_whole())
    }

    /// Whether what stands outside the generations is as this program makes it.
    fn is_whole(&self) -> bool {
        self.foundation == Foundation::AsMade && self.endless.is_empty()
    }

    /// Whether the table lets everything in, whatever else somebody opened in it: after a first trial that nobody confirmed, or
    /// where it only keeps some sources out.
    #[must_use]
    pub fn lets_all_in(&self) -> bool {
        let is_open = self.own_body().is_some_and(|body| body.rest() == Rest::All);
        is_open && self.trial.is_none() && self.foundation == Foundation::AsMade
    }

    /// What a change rests on that is kept so.
    ///
    /// # Errors
    ///
    /// Something is on trial, or this would be and cannot.
    pub(super) fn may_apply(&self, keep: Keep) -> Result<Foundation, Refused> {
        match keep {
            _ if self.trial.is_some() => Err(Refused::OnTrial),
            Keep::OnTrial(_) if self.foundation.is_made_anew() => Err(Refused::Anew),
            _ => Ok(self.foundation),
        }
    }

    /// Whether all of a generation is as this program makes it.
    pub(super) const fn is_known(&self, generation: Generation) -> bool {
        self.bodies[generation as usize].is_some()
    }

    /// Whether a generation has the zone of this name.
    pub(super) fn has_zone(&self, generation: Generation, zone: &str) -> bool {
        let is_its = |name: &Name| name.as_str().strip_prefix(generation.begin()) == Some(zone);
        self.names(generation).chains.iter().any(is_its)
    }
}

/// The objects of a listing.
pub(super) fn objects(text: &str) -> Result<Vec<Value>, ReadError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ReadError::TooLong);
    }
    let mut root: Value = serde_json::from_str(text)
        .map_err(|error| ReadError::Syntax { line: error.line(), column: error.column() })?;
    match root.get_mut("nftables").map(Value::take) {
        Some(Value::Array(objects)) => Ok(objects),
        _ => Err(ReadError::NoListing),
    }
}

/// The objects of a listing, of which those of the table count.
#[derive(Clone, Copy)]
pub(super) struct Objects<'a>(pub(super) &'a [Value]);

impl<'a> Objects<'a> {
    /// The objects of a kind of the table, by what they have at `key`, where the table is named.
    fn all(self, kind: &'static str, key: &'static str) -> impl Iterator<Item = &'a Value> {
        let inner = self.0.iter().filter_map(move |object| object.get(kind));
        inner.filter(move |inner| {
            let is = |key: &str, text: &str| inner.get(key).and_then(Value::as_str) == Some(text);
            is("family", "inet") && is(key, TABLE)
        })
    }

    pub(super) fn named(self, kind: &'static str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.all(kind, "table").filter_map(|inner| Some((inner.get("name")?.as_str()?, inner)))
    }

    /// The elements of a set or map.
    pub(super) fn elements(self, kind: &'static str, name: &str) -> &'a [Value] {
        let found = self.named(kind).find(|(own, _)| *own == name);
        let elements = found.and_then(|(_, inner)| inner.get("elem")?.as_array());
        elements.map_or(&[], Vec::as_slice)
    }

    /// Whether the kernel asks nothing of the table.
    fn is_dormant(self) -> bool {
        let flags = self.all("table", "name").filter_map(|table| table.get("flags")?.as_array());
        flags.flatten().any(|flag| flag == "dormant")
    }

    /// What became of what stands for every generation.
    fn foundation(self) -> Foundation {
        if self.is_dormant() {
            Foundation::Asleep
        } else if !self.all("chain", "table").any(|chain| chain.get("hook").is_some()) {
            Foundation::Emptied
        } else if self.is_told() && self.is_as_made() {
            Foundation::AsMade
        } else {
            Foundation::Changed
        }
    }

    /// Whether it says which change it is of, and which generation judges.
    fn is_told(self) -> bool {
        let is_numbered = self.number("layout") == Some(LAYOUT) && self.revision().is_some();
        is_numbered && self.confirmed().is_some() && self.trial().is_ok()
    }

    fn revision(self) -> Option<Revision> {
        let number = self.number("revision").and_then(|number| u32::try_from(number).ok());
        number.map(Revision::of)
    }

    /// The only number in a set.
    fn number(self, name: &str) -> Option<u64> {
        match self.elements("set", name) {
            [number] => number.as_u64(),
            _ => None,
        }
    }

    /// The generation to which the only rule of both chains leads.
    fn confirmed(self) -> Option<Generation> {
        let [input, forward] = HOOKS.map(|hook| self.leads(hook));
        input.filter(|_| input == forward)
    }

    fn leads(self, hook: &str) -> Option<Generation> {
        let is_in = |rule: &&Value| {
            let chain = rule.get("chain").and_then(Value::as_str);
            chain.and_then(|chain| chain.strip_prefix("confirmed_")) == Some(hook)
        };
        let mut rules = self.all("rule", "table").filter(is_in);
        let rule = rules.next().filter(|_| rules.next().is_none())?;
        match rule.get("expr")?.as_array()?.as_slice() {
            [decision] => Generation::of(target(decision)?, hook),
            _ => None,
        }
    }

    /// What is on trial: of each hook's families the one whose time is over first tells the seconds that are left.
    ///
    /// # Errors
    ///
    /// Somebody else has put something there.
    fn trial(self) -> Result<Option<Trial>, ReadError> {
        let all = HOOKS.into_iter().flat_map(|hook| {
            let elements = self.elements("map", &alloc::format!("trial_{hook}"));
            elements.iter().map(move |element| entry(element, hook))
        });
        let Some(all) = all.collect::<Option<Vec<_>>>() else { return Err(ReadError::NoGate) };
        let Some(&(generation, _)) = all.first() else { return Ok(None) };
        if all.iter().any(|(other, _)| *other != generation) {
            return Err(ReadError::NoGate);
        }
        let seconds_left = all.iter().map(|(_, seconds)| *seconds).min().unwrap_or_default();
        let extent = if all.len() == HOOKS.len() * FAMILIES { Extent::Whole } else { Extent::Part };
        // A listing takes a while, in which the first are over before the last are listed.
        let is_over = extent == Extent::Part && seconds_left == 0;
        Ok((!is_over).then_some(Trial { generation, seconds_left, extent }))
    }

    fn names(self, generation: Generation) -> Names {
        let own = |kind| {
            let names = self.named(kind).map(|(name, _)| name);
            let names = names.filter(|name| name.starts_with(generation.begin()));
            names.filter_map(Name::of)
        };
        let is_first = |name: &Name| HOOKS.iter().any(|hook| Generation::of(name.as_str(), hook).is_some());
        Names { chains: own("chain").filter(|name| !is_first(name)).collect(), sets: own("set").collect() }
    }

    /// Whether what stands for every generation is, beside which one is confirmed or on trial.
    fn is_as_made(self) -> bool {
        let kinds = ["counter", "set", "map", "chain", "rule"];
        let is_own = |object: &&Value| {
            let inner = kinds.iter().find_map(|kind| object.get(kind));
            let is = |key: &str, text: &str| {
                inner.is_some_and(|inner| inner.get(key).is_some_and(|it| it == text))
            };
            is("family", "inet") && is("table", TABLE)
        };
        let own: Vec<&Value> = self.0.iter().filter(is_own).collect();
        fixed::is_as_made(&own)
    }

    fn body(self, generation: Generation) -> Option<Body> {
        let mut reader = Reader::of(generation);
        let is_own = |name: &str| name.starts_with(generation.begin());
        let named = |kind| self.named(kind).filter(|(name, _)| is_own(name));
        named("set").for_each(|(_, set)| reader.set(set));
        named("chain").for_each(|(_, chain)| reader.chain(chain));
        let rules = self.all("rule", "table");
        let is_in = |rule: &&Value| rule.get("chain").and_then(Value::as_str).is_some_and(is_own);
        rules.filter(is_in).for_each(|rule| reader.rule(rule));
        reader.end()
    }

    fn open_zones(self) -> Vec<(String, Name)> {
        let zone = |name: &str| {
            let (zone, _protocol) = name.strip_prefix("open_")?.rsplit_once('_')?;
            zone.starts_with("zone_").then(|| zone.to_string())
        };
        self.named("set").filter_map(|(name, _)| Some((zone(name)?, Name::of(name)?))).collect()
    }
}

/// An element of a trial: `[{"elem": {"val": "ipv4", "expires": 3}}, {"goto": {"target": "b_input"}}]`.
fn entry(element: &Value, hook: &str) -> Option<(Generation, u64)> {
    let [key, decision] = element.as_array()?.as_slice() else { return None };
    Some((Generation::of(target(decision)?, hook)?, left(key)?.as_secs()))
}

fn target(decision: &Value) -> Option<&str> {
    decision.get("goto")?.get("target")?.as_str()
}
