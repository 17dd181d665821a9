//! Reads a policy and reports every mistake at once, each with its place (A15, A24).

mod address;
mod audit;
mod guard;
mod ledger;
mod lines;
mod overlap;
mod owner;
mod ports;
mod protocol;
mod refuse;
mod report;
mod scan;
mod service;
mod steer;
mod syntax;
mod tree;
mod value;
mod waive;
mod watch;
mod zone;

use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};

use self::{
    audit::Audits,
    lines::Mark,
    refuse::REFUSE,
    report::{Report, clip, did_you_mean},
    service::Places,
    tree::{Content, Tree, Value},
    value::{Key, Table, as_key, check_name, is_name, refuse_kind},
};
use super::{
    HOST, Host, LedgerChoice, Place, Policy, ProtocolReach, ScanChoice, Service, WORLD, Waiver, WatchChoice,
    Zone, limits,
};
use crate::{
    gate::Refusal,
    registry::Registry,
    text,
    words::{Text, Words},
};

pub use address::is_interface;
pub use owner::is_mark;
pub(crate) use owner::of as owner_of;

/// The newest policy layout that this program reads.
pub const POLICY_VERSION: u32 = 1;

const VERSION: Key = Key { name: "version", example: "version = 1" };
const ZONE: Key = Key { name: "zone", example: "[zone.office]" };
const SERVICE: Key = Key { name: "service", example: "[service.web]" };
const PROTOCOL: Key = Key { name: "protocol", example: "[protocol.gre]" };
const WAIVE: Key = Key { name: "waive", example: "[[waive]]" };
const AUDIT: Key = Key { name: "audit", example: "[audit]" };
const LEDGER: Key = Key { name: "ledger", example: "[ledger]" };
const WATCH: Key = Key { name: "watch", example: "[watch]" };
const HOST_SECTION: Key = Key { name: "host", example: "[host.web-2]" };
const SCAN: Key = Key { name: "scan", example: "[scan]" };

/// The keys of a file.
const KEYS: &[Key] =
    &[VERSION, REFUSE, ZONE, SERVICE, PROTOCOL, AUDIT, LEDGER, WATCH, HOST_SECTION, SCAN, WAIVE];

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
    /// Where the path of the advisories is written, and how wide, where one is.
    pub advisories: Option<(Place, u32)>,
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
    /// The tree of the last file: the next takes its memory over.
    tree: Tree<'a>,
    refusal: Option<(Mark, Refusal)>,
    zones: Vec<Zone>,
    services: Vec<Service>,
    places: Places,
    protocols: Vec<ProtocolReach>,
    /// The zones of their reach, one behind the other.
    protocol_places: Vec<Mark>,
    protocol_names: BTreeMap<String, Mark>,
    waivers: Vec<Waiver>,
    zone_names: BTreeMap<String, Mark>,
    /// What is said of audits, and where its section stands.
    audit: Option<(Audits, Mark)>,
    /// What is said of the ledger, and where its section stands.
    ledger: Option<(LedgerChoice, Mark)>,
    /// What is said of the watch, and where its section stands.
    watch: Option<(WatchChoice, Mark)>,
    /// Where each of its logs names its service.
    log_places: Vec<Mark>,
    hosts: Vec<Host>,
    host_names: BTreeMap<String, Mark>,
    scan: Option<(ScanChoice, Mark)>,
}

impl<'a> Reading<'a> {
    fn new(registry: Registry<'a>) -> Self {
        Self {
            registry,
            report: Report::default(),
            tree: Tree::default(),
            refusal: None,
            zones: Vec::new(),
            services: Vec::new(),
            places: Places::default(),
            protocols: Vec::new(),
            protocol_places: Vec::new(),
            protocol_names: BTreeMap::new(),
            waivers: Vec::new(),
            zone_names: BTreeMap::new(),
            audit: None,
            ledger: None,
            watch: None,
            log_places: Vec::new(),
            hosts: Vec::new(),
            host_names: BTreeMap::new(),
            scan: None,
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
        let tree = syntax::read(source.text, file, core::mem::take(&mut self.tree), &mut self.report);
        self.sections(&Table { entries: tree.root(), at: top });
        self.tree = tree;
    }

    fn sections(&mut self, table: &Table<'_, '_>) {
        if !self.is_readable(table) {
            return;
        }
        table.refuse_unknown(KEYS, &mut self.report);
        self.refusal(table);
        self.named(table, ZONE, Self::zone);
        self.named(table, SERVICE, Self::service);
        self.named(table, PROTOCOL, Self::protocol);
        self.audit(table);
        self.ledger(table);
        self.watch(table);
        self.named(table, HOST_SECTION, Self::host);
        self.scan(table);
        self.waivers(table);
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
            if table.at.file == 0 {
                self.report.missing(
                    table.at,
                    text!("the policy does not say its version", "policy に version がありません"),
                    text!("begin it with: version = 1", "先頭に version = 1 と書いてください"),
                );
            }
            return true;
        };
        let Content::Integer(number) = value.content() else {
            let wanted = Words { en: "a number", ja: "数値" };
            refuse_kind(value.at(), VERSION, wanted, value, &mut self.report);
            return true;
        };
        if number.parse() == Ok(POLICY_VERSION) {
            return true;
        }
        let written = clip(number);
        self.report.wrong(
            value.at(),
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
        if !value.is_table() {
            self.refuse_section(value.at(), key, value);
            return;
        }
        for entries in value.children() {
            let at = entries.name_at();
            if entries.is_table() {
                read(self, entries.name(), &Table { entries, at });
            } else {
                self.refuse_section(at, key, entries);
            }
        }
    }

    fn refuse_section(&mut self, at: Mark, key: Key, value: Value<'_, '_>) {
        let wanted = Words { en: "a table with a name", ja: "名前の付いたテーブル" };
        refuse_kind(at, key, wanted, value, &mut self.report);
    }

    fn refusal(&mut self, table: &Table<'_, '_>) {
        let Some((at, refusal)) = refuse::read(table, &mut self.report) else { return };
        match self.refusal {
            Some((first, _)) => self.report.clash(
                first,
                at,
                text!("`refuse` is written twice", "`refuse` が 2 回書かれています"),
                text!("take one of them out", "どちらかを削除してください"),
            ),
            None => self.refusal = Some((at, refusal)),
        }
    }

    fn zone(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.zones.len(), limits::ZONES_MAX, table.at) {
            return;
        }
        check_name(name, table.at, &mut self.report);
        if let Some(first) = self.zone_names.insert(name.into(), table.at) {
            refuse_twice("zone", name, first, table.at, &mut self.report);
        }
        self.zones.push(zone::read(name, table, self.registry, &mut self.report));
    }

    fn service(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.services.len(), limits::SERVICES_MAX, table.at) {
            return;
        }
        check_name(name, table.at, &mut self.report);
        let service = service::read(name, table, self.registry, &mut self.places, &mut self.report);
        self.services.push(service);
    }

    fn protocol(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.protocol_names.len(), limits::ZONES_MAX, table.at) {
            return;
        }
        if let Some(first) = self.protocol_names.insert(name.into(), table.at) {
            refuse_twice("protocol", name, first, table.at, &mut self.report);
        }
        self.protocols.extend(protocol::read(name, table, &mut self.protocol_places, &mut self.report));
    }

    fn audit(&mut self, table: &Table<'_, '_>) {
        let Some(section) = self.section(table, AUDIT) else { return };
        let audits = audit::read(&section, &mut self.report);
        if let Some((_, first)) = self.audit.replace((audits, section.at)) {
            refuse_section_twice(AUDIT, first, section.at, &mut self.report);
        }
    }

    fn ledger(&mut self, table: &Table<'_, '_>) {
        let Some(section) = self.section(table, LEDGER) else { return };
        let choice = ledger::read(&section, &mut self.report);
        if let Some((_, first)) = self.ledger.replace((choice, section.at)) {
            refuse_section_twice(LEDGER, first, section.at, &mut self.report);
        }
    }

    fn watch(&mut self, table: &Table<'_, '_>) {
        let Some(section) = self.section(table, WATCH) else { return };
        self.log_places.clear();
        let choice = watch::read(&section, &mut self.log_places, &mut self.report);
        if let Some((_, first)) = self.watch.replace((choice, section.at)) {
            refuse_section_twice(WATCH, first, section.at, &mut self.report);
        }
    }

    /// A table that stands once, like `[audit]`.
    fn section<'v, 't>(&mut self, table: &Table<'v, 't>, key: Key) -> Option<Table<'v, 't>> {
        let entries = table.get(key)?;
        if entries.is_table() {
            return Some(Table { entries, at: entries.name_at() });
        }
        let wanted = Words { en: "a table", ja: "テーブル" };
        refuse_kind(entries.at(), key, wanted, entries, &mut self.report);
        None
    }

    fn waivers(&mut self, table: &Table<'_, '_>) {
        let Some(value) = table.get(WAIVE) else { return };
        if !value.is_list() {
            let wanted = Words { en: "a list of tables", ja: "テーブルのリスト" };
            refuse_kind(value.at(), WAIVE, wanted, value, &mut self.report);
            return;
        }
        for entries in value.children() {
            let at = entries.at();
            if self.is_full(self.waivers.len(), limits::WAIVERS_MAX, at) {
                return;
            }
            if entries.is_table() {
                let waiver = waive::read(&Table { entries, at }, self.registry, &mut self.report);
                self.waivers.extend(waiver);
            } else {
                self.refuse_section(at, WAIVE, entries);
            }
        }
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

    /// What can only be told once every file is read: what is there twice, and zones that nobody defined.
    fn finish(mut self, sources: &[Source<'_>]) -> Result<Parsed, Vec<Mistake>> {
        self.check_names();
        overlap::check(&self.services, &self.places.ports, &mut self.report);
        self.check_reach();
        let logs = self.watch.iter().flat_map(|(watch, _)| &watch.log);
        watch::check(logs.zip(&self.log_places), &self.services, &mut self.report);
        let Audits { command: audit_command, advisories } =
            self.audit.map(|(audits, _)| audits).unwrap_or_default();
        let (advised, advisories) = advisories.unzip();
        let advised = advised.map(|at| self.report.place(at));
        let (mistakes, warnings) = self.report.finish();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let policy = Policy {
            files: sources.iter().map(|source| source.name.clone()).collect(),
            refusal: self.refusal.map(|(_, refusal)| refusal).unwrap_or_default(),
            zones: self.zones,
            services: self.services,
            protocols: self.protocols,
            waivers: self.waivers,
            audit_command,
            advisories,
            ledger: self.ledger.map(|(ledger, _)| ledger).unwrap_or_default(),
            watch: self.watch.map(|(watch, _)| watch).unwrap_or_default(),
            hosts: self.hosts,
            scan: self.scan.map(|(scan, _)| scan).unwrap_or_default(),
        };
        Ok(Parsed { policy, warnings, advisories: advised })
    }

    fn check_names(&mut self) {
        let names = self.services.iter().map(|service| service.name.as_str());
        let mut named: Vec<_> = names.zip(&self.places.names).collect();
        named.sort_unstable();
        for pair in named.windows(2) {
            if let [(name, first), (other, second)] = pair
                && name == other
            {
                refuse_twice("service", name, **first, **second, &mut self.report);
            }
        }
    }

    fn check_reach(&mut self) {
        let of_services = self.services.iter().flat_map(|service| &service.reach).zip(&self.places.reach);
        let of_protocols = self.protocols.iter().flat_map(|it| &it.reach).zip(&self.protocol_places);
        for (zone, &at) in of_services.chain(of_protocols) {
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

fn refuse_section_twice(key: Key, first: Mark, second: Mark, report: &mut Report<'_>) {
    let name = key.name;
    report.clash(
        first,
        second,
        text!("{name} is written twice", "{name} が 2 回書かれています"),
        text!("join the two", "1 つにまとめてください"),
    );
}

fn refuse_twice(section: &str, name: &str, first: Mark, second: Mark, report: &mut Report<'_>) {
    let name = clip(name);
    report.clash(
        first,
        second,
        text!("{section}.{name} is written twice", "{section}.{name} が 2 回書かれています"),
        text!("rename one, or join the two", "一方の名前を変えるか、1 つにまとめてください"),
    );
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
pub(super) fn known_keys() -> [(&'static str, Vec<&'static str>); 13] {
    let names = |keys: &'static [Key]| keys.iter().map(|key| key.name).collect();
    [
        ("Policy", names(KEYS)),
        ("Zone", names(zone::KEYS)),
        ("Service", names(service::KEYS)),
        ("Owner", names(owner::KEYS)),
        ("Steering", names(steer::KEYS)),
        ("Protocol", names(protocol::KEYS)),
        ("Audit", names(audit::KEYS)),
        ("Ledger", names(ledger::KEYS)),
        ("Watch", names(watch::KEYS)),
        ("Log", names(watch::KEYS_OF_LOG)),
        ("Host", names(scan::KEYS_OF_HOST)),
        ("Scan", names(scan::KEYS)),
        ("Waiver", names(waive::KEYS)),
    ]
}

#[cfg(test)]
mod tests;
