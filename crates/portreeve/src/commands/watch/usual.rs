//! How many sources touch each port on a usual day, kept so that a restart goes on there (A19).

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::watch::Usual;
use portreeve_host::keep::{KeepError, Readers, replace_soon};
use serde::{Deserialize, Serialize};

use crate::read;

/// The file's name in the folder of the watch.
const NAME: &str = "usual.json";
/// The layout that is written and read.
const LAYOUT: u32 = 1;
/// Bytes of the file: of each of 131,072 ports there are eight numbers, of which seven are below 65,536.
const BYTES_MAX: usize = 16 << 20;
/// What was usual so long ago tells nothing of today.
const OLD: SignedDuration = SignedDuration::from_hours(8 * 24);

#[derive(Serialize, Deserialize)]
struct Record<T> {
    layout: u32,
    #[serde(flatten)]
    usual: T,
}

/// What was kept, and whether it may be replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// This.
    Usual(Usual),
    /// Nothing that can be used: it begins anew.
    Nothing,
    /// Something else, or it cannot be read: it begins anew.
    Broken(PathBuf),
    /// A newer portreeve wrote it: nothing is kept beside that.
    Newer,
}

/// What was kept in `folder`.
pub(super) fn kept(folder: &Path, now: Timestamp) -> Kept {
    let path = folder.join(NAME);
    let bytes = match read::file(&path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Kept::Nothing,
        Err(_) => return Kept::Broken(path),
    };
    if read::layout(&bytes).is_some_and(|layout| layout > LAYOUT) {
        return Kept::Newer;
    }
    match serde_json::from_slice::<Record<Usual>>(&bytes) {
        Ok(Record { usual, .. }) if now.duration_since(usual.began).abs() <= OLD => Kept::Usual(usual),
        Ok(_) => Kept::Nothing,
        Err(_) => Kept::Broken(path),
    }
}

/// Keeps it in `folder`.
pub(super) fn keep(folder: &Path, usual: &Usual) -> Result<(), KeepError> {
    let path: PathBuf = folder.join(NAME);
    let bytes = serde_json::to_vec(&Record { layout: LAYOUT, usual })
        .map_err(|error| KeepError::Write { path: path.clone(), source: error.into() })?;
    replace_soon(&path, &bytes, Readers::Owner)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portreeve_core::{port::Protocol, watch::PortDays};

    use super::*;

    #[test]
    fn what_is_usual_is_read_again_unless_it_is_old_or_something_else() {
        let folder = std::env::temp_dir().join(format!("portreeve-usual-{}", std::process::id()));
        let began: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let later = |days: i64| began + SignedDuration::from_hours(24 * days);
        assert_eq!(kept(&folder, began), Kept::Nothing);
        fs::create_dir(&folder).unwrap();
        let ports =
            vec![PortDays(Protocol::Tcp, 23, vec![1, 2]), PortDays(Protocol::Udp, 161, vec![0, 65_535])];
        let usual = Usual { began, watched: vec![60, 86_400], ports };
        keep(&folder, &usual).unwrap();
        assert_eq!(kept(&folder, later(8)), Kept::Usual(usual));
        assert_eq!(kept(&folder, later(9)), Kept::Nothing);
        let path = folder.join(NAME);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"layout\":1", "\"layout\":2")).unwrap();
        assert_eq!(kept(&folder, began), Kept::Newer);
        for broken in ["", "{}", &text[..text.len() - 3], &text.replace("tcp", "ip")] {
            fs::write(&path, broken).unwrap();
            assert_eq!(kept(&folder, began), Kept::Broken(path.clone()), "{broken}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    /// A flood in the name of everybody touches every port on each day.
    #[test]
    fn what_every_port_has_can_be_kept() {
        let port = |nth: u32| {
            let protocol = if nth < 65_536 { Protocol::Tcp } else { Protocol::Udp };
            let mut days = vec![65_535; 8];
            days[0] = u32::MAX;
            PortDays(protocol, u16::try_from(nth % 65_536).unwrap(), days)
        };
        let ports = (0..131_072).map(port).collect();
        let usual = Usual { began: Timestamp::UNIX_EPOCH, watched: vec![86_400; 8], ports };
        assert!(serde_json::to_vec(&Record { layout: LAYOUT, usual: &usual }).unwrap().len() < BYTES_MAX);
    }
}
