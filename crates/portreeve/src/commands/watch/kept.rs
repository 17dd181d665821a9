//! How far logs were read, kept so that a restart goes on there (A19).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use portreeve_host::{
    events::{
        files::{LOGS_MAX, Position},
        journal::{CURSOR_BYTES_MAX, Since},
    },
    keep::{KeepError, Readers, replace_soon},
};
use serde::{Deserialize, Serialize};

use crate::read;

/// The file's name in the folder of the watch.
const NAME: &str = "logs.json";
/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// Bytes of the file: of a log there are a path and some numbers, and of the journal a cursor.
const BYTES_MAX: usize = 1 << 20;
/// What happened longer ago is no evidence any more.
const OLD: SignedDuration = SignedDuration::from_hours(24);

/// How far logs were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// When that was.
    pub(super) at: Timestamp,
    /// In the journal.
    pub(super) cursor: Option<String>,
    /// In files.
    pub(super) files: BTreeMap<PathBuf, Position>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    layout: u32,
    #[serde(flatten)]
    kept: Kept,
}

/// Why it is not known where reading was.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum KeptError {
    /// The file cannot be read, or holds something else.
    Broken(PathBuf),
    /// A newer portreeve wrote it.
    Newer(PathBuf, u32),
}

impl Kept {
    /// What was kept in `folder`; `None` where nothing was, or so long ago that all of it is to begin anew.
    pub(super) fn read(folder: &Path, now: Timestamp) -> Result<Option<Self>, KeptError> {
        let path = folder.join(NAME);
        let bytes = match read::file(&path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(_) => return Err(KeptError::Broken(path)),
        };
        match read::layout(&bytes) {
            Some(layout) if layout > LAYOUT => return Err(KeptError::Newer(path, layout)),
            _ => {}
        }
        let Ok(Record { kept, .. }) = serde_json::from_slice(&bytes) else {
            return Err(KeptError::Broken(path));
        };
        if kept.files.len() > LOGS_MAX || kept.cursor.as_deref().is_some_and(|cursor| !is_cursor(cursor)) {
            return Err(KeptError::Broken(path));
        }
        // A clock that was put back since tells nothing of how long that was.
        Ok(Some(kept).filter(|kept| now.duration_since(kept.at).abs() <= OLD))
    }

    /// Keeps it in `folder`.
    pub(super) fn write(&self, folder: &Path) -> Result<(), KeepError> {
        let path = folder.join(NAME);
        let record = Record { layout: LAYOUT, kept: self.clone() };
        let bytes = serde_json::to_vec(&record)
            .map_err(|error| KeepError::Write { path: path.clone(), source: error.into() })?;
        replace_soon(&path, &bytes, Readers::Owner)
    }

    /// Where the journal is read on.
    pub(super) fn since(&self) -> Since {
        self.cursor.clone().map_or(Since::Moment(self.at), Since::Cursor)
    }
}

/// Whether journald may have made it (sd_journal_get_cursor(3)): it is handed to a program.
fn is_cursor(text: &str) -> bool {
    text.len() <= CURSOR_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_kept_is_read_again_unless_it_is_old_or_something_else() {
        let folder = std::env::temp_dir().join(format!("portreeve-kept-{}", std::process::id()));
        let now: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        assert_eq!(Kept::read(&folder, now), Ok(None));
        fs::create_dir(&folder).unwrap();
        let position = Position { inode: 7, offset: 1 << 40, recent: 9, is_within: true };
        let kept = Kept {
            at: now,
            cursor: Some("s=1;i=2".into()),
            files: [("/var/log/auth.log".into(), position)].into(),
        };
        kept.write(&folder).unwrap();
        let later = |hours| now + SignedDuration::from_hours(hours);
        assert_eq!(Kept::read(&folder, later(24)), Ok(Some(kept.clone())));
        assert_eq!(Kept::read(&folder, later(-24)), Ok(Some(kept)));
        assert_eq!((Kept::read(&folder, later(25)), Kept::read(&folder, later(-25))), (Ok(None), Ok(None)));
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"layout\":1", "\"layout\":2")).unwrap();
        assert_eq!(Kept::read(&folder, now), Err(KeptError::Newer(path.clone(), 2)));
        let odd = text.replace("s=1;i=2", "s=1;\\u0000");
        assert!(odd != text);
        for broken in ["", "{}", &odd, &text[..text.len() - 3], "{\"layout\":1,\"at\":\"never\"}"] {
            fs::write(&path, broken).unwrap();
            assert_eq!(Kept::read(&folder, now), Err(KeptError::Broken(path.clone())), "{broken}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
