//! What the last audit of this host saw, kept so that the next one says which ports changed (A17, A20).

use std::path::{Path, PathBuf};

use portreeve_core::facts::{SNAPSHOT_VERSION, Snapshot};
use portreeve_host::keep::{self, KeepError, Readers};
use serde::{Deserialize, Serialize};

use crate::{last_audit::LastAuditError, read, settings::Netns};

/// The file's name among what is kept, of a look at this host's own namespace.
pub(crate) const OWN: &str = "last-look.json";
/// The same of a look at every namespace.
const ALL: &str = "last-look-all.json";
/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// Bytes of the file: as of a saved snapshot.
const BYTES_MAX: usize = 64 << 20;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    layout: u32,
    look: Snapshot,
}

/// The last look, as it was read.
#[derive(Debug)]
pub(crate) struct LastLook {
    path: PathBuf,
    /// What was seen; `None` where nobody looked yet.
    pub(crate) before: Option<Snapshot>,
}

impl LastLook {
    /// Reads what is kept in `folder` of a look into `netns`; a look into one by its name is not kept.
    pub(crate) fn read(folder: &Path, netns: &Netns) -> Result<Option<Self>, LastAuditError> {
        let name = match netns {
            Netns::Usual => OWN,
            Netns::All => ALL,
            Netns::Named(_) => return Ok(None),
        };
        let path = folder.join(name);
        let bytes = match read::file(&path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Some(Self { path, before: None })),
            Err(source) => return Err(LastAuditError::Read { path, source }),
        };
        match versions(&bytes) {
            Some((layout, _)) if layout > LAYOUT => Err(LastAuditError::Newer { path, layout }),
            Some((_, version)) if version > SNAPSHOT_VERSION => {
                Err(LastAuditError::Newer { path, layout: version })
            }
            _ => match serde_json::from_slice::<Record>(&bytes) {
                Ok(record) => Ok(Some(Self { path, before: Some(record.look) })),
                Err(_) => Err(LastAuditError::Garbled { path }),
            },
        }
    }

    /// Keeps what `now` shows of listeners and whoever holds them; the old look stays where that fails.
    pub(crate) fn save(&self, now: &Snapshot) -> Result<(), KeepError> {
        let look = Snapshot { connections: None, origins: None, firewall: None, ..now.clone() };
        let fail =
            |error: serde_json::Error| KeepError::Write { path: self.path.clone(), source: error.into() };
        let bytes = serde_json::to_vec(&Record { layout: LAYOUT, look }).map_err(fail)?;
        // Command lines may hold secrets.
        keep::replace(&self.path, &bytes, Readers::Owner)
    }
}

/// The layouts alone, so that a newer file is told from a broken one.
fn versions(bytes: &[u8]) -> Option<(u32, u32)> {
    #[derive(Deserialize)]
    struct Head {
        layout: u32,
        look: Look,
    }
    #[derive(Deserialize)]
    struct Look {
        version: u32,
    }
    let Head { layout, look } = serde_json::from_slice(bytes).ok()?;
    Some((layout, look.version))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_seen_is_read_again_and_nothing_else_is_taken_for_it() {
        let folder = std::env::temp_dir().join(format!("portreeve-look-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let read = || LastLook::read(&folder, &Netns::Usual);
        let snapshot: Snapshot = serde_json::from_slice(include_bytes!("../tests/data/web.json")).unwrap();
        let first = read().unwrap().unwrap();
        assert_eq!(first.before, None);
        first.save(&snapshot).unwrap();
        let before = read().unwrap().unwrap().before.unwrap();
        assert_eq!((before.listeners, before.taken), (snapshot.listeners, snapshot.taken));
        assert!(LastLook::read(&folder, &Netns::All).unwrap().unwrap().before.is_none());
        let path = folder.join(OWN);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert!(matches!(read(), Err(LastAuditError::Garbled { .. })));
        for newer in [
            text.replacen("\"layout\":1", "\"layout\":2", 1),
            text.replacen("\"version\":1", "\"version\":2", 1),
        ] {
            fs::write(&path, newer).unwrap();
            assert!(matches!(read(), Err(LastAuditError::Newer { layout: 2, .. })));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
