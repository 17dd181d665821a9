//! What the last audit of a host found, kept so that the next one says only what is new (A17, A20).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use portreeve_core::{
    facts::{Listener, Process, Snapshot},
    finding::Finding,
    owner::Identity,
    port::PortSpec,
};
use portreeve_host::keep::{self, KeepError, Readers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    judgement::{Gone, Judgement, Known},
    read::{self, ReadError},
    settings::Netns,
};

/// The file's name among what is kept.
pub(crate) const RECORD: &str = "last-audit.json";
/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// Bytes of the file.
const BYTES_MAX: usize = 64 << 20;
/// Audits that are remembered: a fleet's, one for each host and what was looked at on it.
const AUDITS_MAX: usize = 1_024;

/// Why the last audit cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LastAuditError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ReadError,
    },
    /// The file holds something else.
    #[error("{} is not a record of an audit", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
    },
    /// A newer portreeve wrote it.
    #[error("{} has layout {layout}, which is newer than this program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        layout: u32,
    },
}

/// The file: what was found on every host that was audited from here, by what was looked at.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    layout: u32,
    audits: BTreeMap<String, BTreeSet<Entry>>,
    /// The names in `audits`, the one audited last at the end; a name that is missing is older than all.
    #[serde(default)]
    order: Vec<String>,
}

impl Record {
    const fn new() -> Self {
        Self { layout: LAYOUT, audits: BTreeMap::new(), order: Vec::new() }
    }

    /// Remembers `found` as the latest audit of all, and returns what was found the time before; `None` the first time.
    fn remember(&mut self, name: String, found: BTreeSet<Entry>) -> Option<BTreeSet<Entry>> {
        self.order.retain(|known| *known != name && self.audits.contains_key(known));
        self.order.push(name.clone());
        let before = self.audits.insert(name, found);
        self.keep(AUDITS_MAX);
        before
    }

    /// Forgets the oldest audits until `most` are left.
    fn keep(&mut self, most: usize) {
        let dated: BTreeSet<&String> = self.order.iter().collect();
        let undated = self.audits.keys().filter(|name| !dated.contains(name));
        let surplus = self.audits.len().saturating_sub(most);
        let oldest: Vec<String> = undated.chain(&self.order).take(surplus).cloned().collect();
        for name in oldest {
            self.audits.remove(&name);
        }
        self.order.retain(|name| self.audits.contains_key(name));
    }

    /// The content of the file; the older half is forgotten until it fits.
    fn bytes(&mut self, bytes_max: usize) -> Result<Vec<u8>, io::ErrorKind> {
        loop {
            let bytes = serde_json::to_vec(self).expect("a record has only strings and numbers");
            match self.audits.len() {
                _ if bytes.len() <= bytes_max => return Ok(bytes),
                0 | 1 => return Err(io::ErrorKind::FileTooLarge),
                count => self.keep(count / 2),
            }
        }
    }
}

/// What makes a finding the same one as last time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    rule: String,
    ports: Option<String>,
    address: Option<String>,
    netns: Option<String>,
    service: Option<String>,
    /// Who holds it, by what outlasts a restart: another thief on the same port is news.
    #[serde(default)]
    owners: BTreeSet<String>,
}

impl Entry {
    fn of(finding: &Finding, sockets: &Sockets<'_>) -> Self {
        let snapshot = sockets.snapshot;
        let namespace =
            finding.netns.and_then(|id| snapshot.namespace(id)).filter(|namespace| !namespace.own);
        Self {
            rule: finding.rule.into(),
            ports: finding.ports.map(|ports| ports.to_string()),
            address: finding.address.as_ref().map(ToString::to_string),
            // The own one has another inode after each boot.
            netns: namespace
                .map(|namespace| namespace.name.clone().unwrap_or_else(|| namespace.id.to_string())),
            service: finding.service.clone(),
            owners: sockets.owners(finding),
        }
    }
}

impl Entry {
    fn gone(&self) -> Gone {
        let Self { rule, ports, address, service, .. } = self.clone();
        Gone { rule, ports, address, service }
    }
}

/// The listeners of a snapshot, by namespace and number.
struct Sockets<'a> {
    snapshot: &'a Snapshot,
    by_number: BTreeMap<(u64, PortSpec), Vec<&'a Listener>>,
}

impl<'a> Sockets<'a> {
    fn of(snapshot: &'a Snapshot) -> Self {
        let mut by_number: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for listener in &snapshot.listeners {
            by_number.entry((listener.netns, listener.spec())).or_default().push(listener);
        }
        Self { snapshot, by_number }
    }

    /// Everybody whom `finding` is about; what the sockets tell where it names no process.
    fn owners(&self, finding: &Finding) -> BTreeSet<String> {
        let number = finding.netns.zip(finding.ports);
        let at = number.and_then(|number| self.by_number.get(&number)).map_or(&[][..], Vec::as_slice);
        if finding.holders.is_empty() {
            let meant = at.iter().filter(|listener| finding.address.as_ref() == Some(&listener.address));
            return meant.filter_map(|listener| Identity::of_socket(listener).lasting()).collect();
        }
        let processes = &self.snapshot.processes;
        let seen = finding.holders.iter().filter_map(|pid| Some((*pid, processes.get(pid)?)));
        seen.map(|(pid, process)| owner(pid, process, at)).collect()
    }
}

/// What of a holder outlasts a restart: what the service manager holds belongs to the unit that it starts.
fn owner(pid: u32, process: &Process, at: &[&Listener]) -> String {
    let held = at.iter().find(|listener| listener.holders.iter().any(|hold| hold.pid == pid));
    let identity = match held {
        Some(listener) => Identity::of_holder(process, listener),
        None => Identity::of_process(process),
    };
    identity.lasting().unwrap_or_else(|| process.name.clone())
}

/// The rules that found something about a port now and did not at the last audit, and those that no longer do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct News {
    /// Found since.
    pub(crate) new: Vec<String>,
    /// Gone since.
    pub(crate) gone: Vec<String>,
}

/// The record of earlier audits, as it was read.
#[derive(Debug)]
pub(crate) struct LastAudit {
    path: PathBuf,
    record: Record,
}

impl LastAudit {
    /// Reads the record at `path`; one that is not there yet is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, LastAuditError> {
        let path = path.to_path_buf();
        let bytes = match read::file(&path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Self { path, record: Record::new() }),
            Err(source) => return Err(LastAuditError::Read { path, source }),
        };
        match read::layout(&bytes) {
            Some(layout) if layout > LAYOUT => Err(LastAuditError::Newer { path, layout }),
            _ => match serde_json::from_slice(&bytes) {
                Ok(record) => Ok(Self { path, record }),
                Err(_) => Err(LastAuditError::Garbled { path }),
            },
        }
    }

    /// Leaves only the news in `judgement`, which looked into `netns`, and remembers all that it found.
    pub(crate) fn keep_news(&mut self, judgement: &mut Judgement<'_>, netns: &Netns) {
        let sockets = Sockets::of(judgement.snapshot);
        let now: BTreeSet<Entry> = judgement.counted().map(|finding| Entry::of(finding, &sockets)).collect();
        let before = self.record.remember(key(judgement.snapshot, netns), now.clone());
        let is_first = before.is_none();
        let before = before.unwrap_or_default();
        let gone = before.difference(&now).map(Entry::gone).collect();
        judgement.known = Some(Known { is_first, still: now.intersection(&before).count(), gone });
        judgement
            .findings
            .retain(|finding| finding.waived.is_none() && !before.contains(&Entry::of(finding, &sockets)));
    }

    /// How the findings about some ports stand to those that the last audit of this host kept; `None` where none did.
    pub(crate) fn news(
        &self,
        snapshot: &Snapshot,
        netns: &Netns,
        findings: &[&Finding],
        is_meant: impl Fn(PortSpec) -> bool,
    ) -> Option<News> {
        let before = self.record.audits.get(&key(snapshot, netns))?;
        let sockets = Sockets::of(snapshot);
        let now: BTreeSet<Entry> = findings.iter().map(|finding| Entry::of(finding, &sockets)).collect();
        let is_about = |entry: &&&Entry| {
            entry.ports.as_ref().and_then(|ports| ports.parse().ok()).is_some_and(&is_meant)
        };
        let named = |entries: Vec<&Entry>| {
            let names: BTreeSet<&str> = entries.into_iter().map(|entry| entry.rule.as_str()).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        let gone = before.difference(&now).collect::<Vec<_>>();
        Some(News {
            new: named(now.difference(before).collect()),
            gone: named(gone.iter().filter(is_about).copied().collect()),
        })
    }

    /// Writes the record; the old one stays where that fails.
    pub(crate) fn save(&mut self) -> Result<(), KeepError> {
        let fail = |kind: io::ErrorKind| KeepError::Write { path: self.path.clone(), source: kind.into() };
        let bytes = self.record.bytes(BYTES_MAX).map_err(fail)?;
        keep::replace(&self.path, &bytes, Readers::Owner)
    }
}

/// The host, and which of its namespaces: a wider look finds more, which is no news to the narrower one.
fn key(snapshot: &Snapshot, netns: &Netns) -> String {
    let host = &snapshot.host.name;
    match netns {
        Netns::Usual => host.clone(),
        Netns::All => format!("{host} all"),
        Netns::Named(name) => format!("{host} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::{rules, words::Text};

    fn found(rule: &str) -> BTreeSet<Entry> {
        let (rule, none) = (rule.into(), None::<String>);
        let owners = BTreeSet::new();
        [Entry { rule, ports: None, address: none.clone(), netns: none.clone(), service: none, owners }]
            .into()
    }

    #[test]
    fn the_host_that_was_audited_longest_ago_is_forgotten() {
        let mut record = Record::new();
        for number in 0..AUDITS_MAX {
            record.remember(format!("host-{number}"), found("first"));
        }
        assert_eq!(record.remember("host-0".into(), found("second")), Some(found("first")));
        record.remember("another".into(), found("first"));
        assert_eq!((record.audits.len(), record.order.len()), (AUDITS_MAX, AUDITS_MAX));
        assert!(record.audits.contains_key("host-0") && !record.audits.contains_key("host-1"));
        assert!(record.audits.contains_key("host-2") && record.audits.contains_key("another"));
    }

    #[test]
    fn a_record_without_an_order_is_older_than_all() {
        let mut record: Record =
            serde_json::from_str(r#"{"layout":1,"audits":{"old":[],"older":[]}}"#).unwrap();
        record.remember("new".into(), found("first"));
        record.keep(1);
        assert_eq!(record.audits.keys().collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn news_of_a_port_are_what_the_last_audit_did_not_find_there() {
        let snapshot: Snapshot = serde_json::from_slice(include_bytes!("../tests/data/web.json")).unwrap();
        let finding = |rule: &str, ports: &str| {
            let rule = rules::find(rule).unwrap();
            rule.finding(Text::default(), Text::default()).at(ports.parse().unwrap())
        };
        let (cleartext, open) =
            (finding("cleartext-service", "21/tcp"), finding("unneeded-open-port", "21/tcp"));
        let other = finding("cleartext-service", "23/tcp");
        let news = |kept: &[&Finding], now: &[&Finding]| {
            let sockets = Sockets::of(&snapshot);
            let mut last = LastAudit { path: PathBuf::new(), record: Record::new() };
            let entries = kept.iter().map(|finding| Entry::of(finding, &sockets)).collect();
            last.record.remember(key(&snapshot, &Netns::Usual), entries);
            assert_eq!(last.news(&snapshot, &Netns::All, now, |_| true), None, "never audited so widely");
            let is_ftp = |ports: PortSpec| ports.range.contains(21);
            last.news(&snapshot, &Netns::Usual, now, is_ftp).map(|News { new, gone }| (new, gone)).unwrap()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(news(&[&cleartext, &other], &[&cleartext]), (names(&[]), names(&[])));
        assert_eq!(
            news(&[&cleartext, &other], &[&open]),
            (names(&["unneeded-open-port"]), names(&["cleartext-service"]))
        );
        assert_eq!(news(&[&other], &[]), (names(&[]), names(&[])), "another port's are not this one's");
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let mut record = Record::new();
        for number in 0..8 {
            record.remember(format!("host-{number}"), found(&"r".repeat(100)));
        }
        // Eight audits of more than a hundred bytes each do not fit, two do.
        let bytes = record.bytes(600).unwrap();
        assert!(bytes.len() <= 600);
        assert_eq!(record.audits.keys().collect::<Vec<_>>(), ["host-6", "host-7"]);
        assert_eq!(record.bytes(10), Err(io::ErrorKind::FileTooLarge));
    }
}
