//! What the last audit of a host found, kept so that the next one says only what is new (A17, A20).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use portreeve_core::{facts::Snapshot, finding::Finding};
use serde::{Deserialize, Serialize};

use crate::{
    judgement::{Judgement, Known},
    keep::{self, KeepError},
    settings::Netns,
};

/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// Bytes of the file that are read at most.
const BYTES_MAX: u64 = 64 << 20;

/// Why the last audit cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LastAuditError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
}

/// What makes a finding the same one as last time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    rule: String,
    ports: Option<String>,
    address: Option<String>,
    netns: Option<String>,
    service: Option<String>,
}

impl Entry {
    fn of(finding: &Finding, snapshot: &Snapshot) -> Self {
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
        }
    }
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
        let bytes = match bounded(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path, record: Record { layout: LAYOUT, audits: BTreeMap::new() } });
            }
            Err(source) => return Err(LastAuditError::Read { path, source }),
        };
        match layout(&bytes) {
            Some(layout) if layout > LAYOUT => Err(LastAuditError::Newer { path, layout }),
            _ => match serde_json::from_slice(&bytes) {
                Ok(record) => Ok(Self { path, record }),
                Err(_) => Err(LastAuditError::Garbled { path }),
            },
        }
    }

    /// Leaves only the news in `judgement`, which looked into `netns`, and remembers all that it found.
    pub(crate) fn keep_news(&mut self, judgement: &mut Judgement<'_>, netns: &Netns) {
        let snapshot = judgement.snapshot;
        let now: BTreeSet<Entry> = judgement.counted().map(|finding| Entry::of(finding, snapshot)).collect();
        let before = self.record.audits.insert(key(snapshot, netns), now.clone()).unwrap_or_default();
        judgement.known =
            Some(Known { still: now.intersection(&before).count(), gone: before.difference(&now).count() });
        judgement
            .findings
            .retain(|finding| finding.waived.is_none() && !before.contains(&Entry::of(finding, snapshot)));
    }

    /// Writes the record; the old one stays where that fails.
    pub(crate) fn save(&self) -> Result<(), KeepError> {
        let bytes = serde_json::to_vec(&self.record).expect("a record has only strings and numbers");
        keep::replace(&self.path, &bytes)
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

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The layout alone, so that a newer file is told from a broken one.
fn layout(bytes: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Head {
        layout: u32,
    }
    serde_json::from_slice::<Head>(bytes).ok().map(|head| head.layout)
}
