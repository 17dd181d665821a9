//! Reads a policy and reports every mistake at once, each with its place (A15, A24).

mod address;
mod lines;
mod overlap;
mod owner;
mod ports;
mod report;
mod service;
mod syntax;
mod value;
mod waive;
mod zone;

use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};

use toml::de::{DeTable, DeValue};

use self::{
    lines::Mark,
    report::{Report, clip, did_you_mean},
    service::Declared,
    value::{Key, Table, Value, as_key, check_name, in_order, is_name, mark, refuse_kind},
};
use super::{HOST, Place, Policy, WORLD, Waiver, Zone, limits};
use crate::{
    registry::Registry,
    text,
    words::{Text, Words},
};

pub(crate) use address::is_interface;
pub(crate) use owner::of as owner_of;

/// The newest policy layout that this program reads.
pub const POLICY_VERSION: u32 = 1;

const VERSION: Key = Key { name: "version", example: "version = 1" };
const ZONE: Key = Key { name: "zone", example: "[zone.office]" };
const SERVICE: Key = Key { name: "service", example: "[service.web]" };
const WAIVE: Key = Key { name: "waive", example: "[[waive]]" };

/// The keys of a file.
const KEYS: &[Key] = &[VERSION, ZONE, SERVICE, WAIVE];

/// One file of a policy.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// What to call it in messages: a path, or `<stdin>`.
    pub name: Arc<str>,
    /// What stands in it.
    pub text: &'a str,
}

/// Something in a policy that is wrong, or that its writer may not have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where, at the first character that is wrong.
    pub place: Place,
    /// How many characters are wrong, for the caret: one at least, none beyond the end of the line.
    pub width: u32,
    /// The other place, where two places contradict each other.
    pub also: Option<Place>,
    /// What is wrong.
    pub text: Text,
    /// What to write instead.
    pub fix: Text,
}

/// A policy that can be used, and what its writer may not have meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The policy.
    pub policy: Policy,
    /// Not wrong, but worth a look; in order of place.
    pub warnings: Vec<Mistake>,
}

/// Reads the files of a policy together; IANA names are looked up in `registry`.
///
/// The first file must say `version = 1`; the others may. The limits of [`super::limits`] hold. In a file that is
/// not TOML, only what can be told apart from the consequences is reported.
///
/// # Errors
///
/// Every mistake of every file, in the order of the files and of their lines; the first thousand in full.
pub fn parse(sources: &[Source<'_>], registry: Registry<'_>) -> Result<Parsed, Vec<Mistake>> {
    let mut reading = Reading::new(registry);
    for source in sources.iter().take(limits::FILES_MAX) {
        reading.file(source);
    }
    if let Some(surplus) = sources.get(limits::FILES_MAX) {
        reading.too_many_files(surplus);
    }
    reading.finish(sources)
}

/// What has been read so far.
struct Reading<'a> {
    registry: Registry<'a>,
    report: Report<'a>,
    zones: Vec<Zone>,
    services: Vec<Declared>,
    waivers: Vec<Waiver>,
    zone_names: BTreeMap<String, Mark>,
    service_names: BTreeMap<String, Mark>,
}

impl<'a> Reading<'a> {
    fn new(registry: Registry<'a>) -> Self {
        Self {
            registry,
            report: Report::default(),
            zones: Vec::new(),
            services: Vec::new(),
            waivers: Vec::new(),
            zone_names: BTreeMap::new(),
            service_names: BTreeMap::new(),
        }
    }

    fn file(&mut self, source: &Source<'a>) {
        let file = self.report.open(source);
        let top = Mark { file, start: 0, end: 0 };
        if source.text.len() > limits::FILE_BYTES_MAX {
            let most = limits::FILE_BYTES_MAX >> 20;
            self.report.syntax(
                top,
                None,
                text!("the file is larger than {most} MiB", "ファイルが {most} MiB を超えています"),
                text!("split it into several files in policy.d", "policy.d の複数のファイルに分けてください"),
            );
            return;
        }
        let Some(entries) = syntax::read(source.text, file, &mut self.report) else { return };
        let table = Table { entries: &entries, file, at: top };
        if !self.is_readable(&table) {
            return;
        }
        table.refuse_unknown(KEYS, &mut self.report);
        self.named(&table, ZONE, Self::zone);
        self.named(&table, SERVICE, Self::service);
        self.waivers(&table);
    }

    fn too_many_files(&mut self, surplus: &Source<'a>) {
        let file = self.report.open(&Source { name: surplus.name.clone(), text: "" });
        let most = limits::FILES_MAX;
        self.report.wrong(
            Mark { file, start: 0, end: 0 },
            text!("the policy has more than {most} files", "policy のファイルが {most} 個を超えています"),
            text!("join some of them", "いくつかを 1 つにまとめてください"),
        );
    }

    /// Whether this program knows the file's layout: a newer one may hold anything.
    ///
    /// The first file must say which it is, so that a later layout cannot be mistaken for this one.
    fn is_readable(&mut self, table: &Table<'_, '_>) -> bool {
        let Some(value) = table.get(VERSION) else {
            if table.file == 0 {
                self.report.missing(
                    table.at,
                    text!("the policy does not say its version", "policy に version がありません"),
                    text!("begin it with: version = 1", "先頭に version = 1 と書いてください"),
                );
            }
            return true;
        };
        let at = mark(table.file, value);
        let DeValue::Integer(number) = value.get_ref() else {
            let wanted = Words { en: "a number", ja: "数値" };
            refuse_kind(at, VERSION, wanted, value.get_ref(), &mut self.report);
            return true;
        };
        if number.as_str().parse() == Ok(POLICY_VERSION) {
            return true;
        }
        let written = clip(number.as_str());
        self.report.wrong(
            at,
            text!(
                "this portreeve reads version {POLICY_VERSION} of the policy, not {written}",
                "この portreeve が読めるのは policy の version {POLICY_VERSION} です({written} は読めません)"
            ),
            text!(
                "write version = {POLICY_VERSION}, or use a newer portreeve",
                "version = {POLICY_VERSION} と書くか、新しい portreeve を使ってください"
            ),
        );
        false
    }

    /// A table of tables with names, like `[service.web]`.
    fn named(&mut self, table: &Table<'_, '_>, key: Key, read: fn(&mut Self, &str, &Table<'_, '_>)) {
        let Some(value) = table.get(key) else { return };
        let Some(tables) = value.get_ref().as_table() else {
            self.refuse_section(mark(table.file, value), key, value);
            return;
        };
        for (name, value) in in_order(tables) {
            let at = mark(table.file, name);
            match value.get_ref().as_table() {
                Some(entries) => read(self, name.get_ref(), &Table { entries, file: table.file, at }),
                None => self.refuse_section(at, key, value),
            }
        }
    }

    fn refuse_section(&mut self, at: Mark, key: Key, value: &Value<'_>) {
        let wanted = Words { en: "a table with a name", ja: "名前の付いたテーブル" };
        refuse_kind(at, key, wanted, value.get_ref(), &mut self.report);
    }

    fn zone(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.zones.len(), limits::ZONES_MAX, table.at) {
            return;
        }
        check_name(name, table.at, &mut self.report);
        if let Some(first) = self.zone_names.insert(name.into(), table.at) {
            self.refuse_twice("zone", name, first, table.at);
        }
        self.zones.push(zone::read(name, table, &mut self.report));
    }

    fn service(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.services.len(), limits::SERVICES_MAX, table.at) {
            return;
        }
        check_name(name, table.at, &mut self.report);
        if let Some(first) = self.service_names.insert(name.into(), table.at) {
            self.refuse_twice("service", name, first, table.at);
        }
        self.services.push(service::read(name, table, self.registry, &mut self.report));
    }

    fn refuse_twice(&mut self, section: &str, name: &str, first: Mark, second: Mark) {
        let name = clip(name);
        self.report.clash(
            first,
            second,
            text!("{section}.{name} is written twice", "{section}.{name} が 2 回書かれています"),
            text!("rename one, or join the two", "一方の名前を変えるか、1 つにまとめてください"),
        );
    }

    fn waivers(&mut self, table: &Table<'_, '_>) {
        let Some(value) = table.get(WAIVE) else { return };
        let DeValue::Array(array) = value.get_ref() else {
            let wanted = Words { en: "a list of tables", ja: "テーブルのリスト" };
            refuse_kind(mark(table.file, value), WAIVE, wanted, value.get_ref(), &mut self.report);
            return;
        };
        for value in array {
            let at = mark(table.file, value);
            if self.is_full(self.waivers.len(), limits::WAIVERS_MAX, at) {
                return;
            }
            match value.get_ref().as_table() {
                Some(entries) => self.waiver(entries, table.file, at),
                None => self.refuse_section(at, WAIVE, value),
            }
        }
    }

    fn waiver(&mut self, entries: &DeTable<'_>, file: u32, at: Mark) {
        let table = Table { entries, file, at };
        self.waivers.extend(waive::read(&table, self.registry, &mut self.report));
    }

    fn is_full(&mut self, count: usize, most: usize, at: Mark) -> bool {
        if count >= most {
            self.report.wrong(
                at,
                text!("more than {most} of a kind", "同じ種類の項目が {most} 個を超えています"),
                text!("a host has fewer ports than that", "1 台のホストのポートはこれより少ないはずです"),
            );
        }
        count >= most
    }

    /// What can only be told once every file is read: overlaps, and zones that nobody defined.
    fn finish(mut self, sources: &[Source<'_>]) -> Result<Parsed, Vec<Mistake>> {
        overlap::check(&self.services, &mut self.report);
        for index in 0..self.services.len() {
            self.check_reach(index);
        }
        let (mistakes, warnings) = self.report.finish();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let policy = Policy {
            files: sources.iter().map(|source| source.name.clone()).collect(),
            zones: self.zones,
            services: self.services.into_iter().map(|declared| declared.service).collect(),
            waivers: self.waivers,
        };
        Ok(Parsed { policy, warnings })
    }

    fn check_reach(&mut self, index: usize) {
        let declared = &self.services[index];
        for (zone, &at) in declared.service.reach.iter().zip(&declared.reach) {
            if zone == WORLD || zone == HOST || self.zone_names.contains_key(zone) {
                continue;
            }
            let known = self.zone_names.keys().map(String::as_str).chain([WORLD, HOST]);
            let guess = self.report.guess(zone, known);
            let guess = guess.map(|guess| format!("\"{guess}\""));
            let fix = did_you_mean(guess.as_deref(), define_zone(zone));
            let zone = clip(zone);
            let text = text!("no zone is called `{zone}`", "`{zone}` というゾーンはありません");
            self.report.unknown(at, text, fix);
        }
    }
}

fn define_zone(zone: &str) -> Text {
    if !is_name(zone) {
        return text!(
            "write \"world\", \"host\" or a zone's name",
            "\"world\"、\"host\"、ゾーン名のいずれかを書いてください"
        );
    }
    let key = as_key(zone);
    text!(
        "define it as [zone.{key}], or write \"world\" or \"host\"",
        "[zone.{key}] を定義するか、\"world\" か \"host\" と書いてください"
    )
}

/// The keys that the parser knows, by the name of the schema's shape.
#[cfg(test)]
pub(super) fn known_keys() -> [(&'static str, Vec<&'static str>); 5] {
    let names = |keys: &'static [Key]| keys.iter().map(|key| key.name).collect();
    [
        ("Policy", names(KEYS)),
        ("Zone", names(zone::KEYS)),
        ("Service", names(service::KEYS)),
        ("Owner", names(owner::KEYS)),
        ("Waiver", names(waive::KEYS)),
    ]
}

#[cfg(test)]
mod tests;
