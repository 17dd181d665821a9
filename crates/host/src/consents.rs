//! Where it is written down that this host consents to be scanned, and by whom it was asked, while that holds (A17, A20).
//!
//! A file for each port of a network namespace, which one process at a time can have: several namespaces may share the folder.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::facts::{Consent, Snapshot, consent::BYTES_MAX};

use crate::{
    keep::{KeepError, Readers, read_own, remove, replace_soon},
    network,
    observe::clock,
};

/// More are not read.
const FILES_MAX: usize = 64;
/// The kernel tells when a process began by another clock than when a file was written.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(1);

/// Writes `consent` down in `folder`, and takes away what is over of others.
///
/// # Errors
///
/// It cannot be written.
pub fn keep(folder: &Path, consent: &Consent) -> Result<(), KeepError> {
    for path in files(folder) {
        // What cannot be taken away is over all the same.
        let _ = standing(&path, clock::now()).is_none().then(|| remove(&path));
    }
    let path = file(folder, consent.netns, consent.port);
    let bytes = serde_json::to_vec(consent)
        .map_err(|error| KeepError::Write { path: path.clone(), source: io::Error::other(error) })?;
    replace_soon(&path, &bytes, Readers::Owner)
}

/// Takes away what stands in `folder` of `consent`; where that cannot be, it ends by its time.
pub fn end(folder: &Path, consent: &Consent) {
    let _ = remove(&file(folder, consent.netns, consent.port));
}

/// Adds those of this network namespace that hold by what stands in `folder`, where nobody but whoever looks can have written it.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    let taken: Timestamp = snapshot.taken;
    let own = network::inode();
    let all = files(folder).into_iter().filter_map(|path| standing(&path, taken));
    snapshot.consents = all.filter(|consent| consent.netns == own).collect();
}

/// What is written down there, where it holds at `now` and whoever wrote it is there yet.
fn standing(path: &Path, now: Timestamp) -> Option<Consent> {
    read(path).filter(|consent| consent.holds(now) && is_alive(path, consent))
}

/// Whether the process that wrote it is there yet: one of its number that began later is another.
fn is_alive(path: &Path, consent: &Consent) -> bool {
    let about = fs::symlink_metadata(path).ok();
    let written =
        about.and_then(|about| Timestamp::new(about.mtime(), i32::try_from(about.mtime_nsec()).ok()?).ok());
    let began = clock::start_of(consent.pid);
    began.zip(written).is_some_and(|(began, written)| began.duration_since(written) <= CLOCKS_DIFFER)
}

fn read(path: &Path) -> Option<Consent> {
    Consent::read(&read_own(path, u64::try_from(BYTES_MAX).ok()? + 1)?)
}

fn file(folder: &Path, netns: u64, port: u16) -> PathBuf {
    folder.join(format!("{netns}-{port}.json"))
}

/// In the order of their names, which is theirs in every look.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"));
    let mut files: Vec<PathBuf> = named.take(FILES_MAX).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::{PermissionsExt as _, symlink},
        process,
        time::{Duration, SystemTime},
    };

    use super::*;

    fn consent(port: u16, seconds: i64) -> Consent {
        let until = clock::now() + SignedDuration::from_secs(seconds);
        Consent {
            port,
            netns: network::inode(),
            pid: process::id(),
            until,
            answered: vec![[192, 0, 2, 7].into()],
        }
    }

    fn told(folder: &Path) -> Vec<u16> {
        let mut snapshot = Snapshot::bare(clock::now());
        add(folder, &mut snapshot);
        snapshot.consents.iter().map(|consent| consent.port).collect()
    }

    #[test]
    fn what_holds_is_told_and_what_others_could_have_written_is_not() {
        let folder = std::env::temp_dir().join(format!("portreeve-consents-{}", process::id()));
        assert_eq!(told(&folder), [0; 0], "nobody consents");
        keep(&folder, &consent(2, 60)).unwrap();
        keep(&folder, &consent(1, 60)).unwrap();
        assert_eq!(told(&folder), [1, 2]);
        keep(&folder, &consent(3, -1)).unwrap();
        assert_eq!(told(&folder), [1, 2], "it is over");
        keep(&folder, &consent(2, 60)).unwrap();
        let own = |port| file(&folder, network::inode(), port);
        assert!(!own(3).exists(), "and goes with the next");
        symlink(own(1), own(4)).unwrap();
        fs::write(folder.join("5.json"), "{").unwrap();
        fs::write(folder.join("6.json"), vec![b' '; BYTES_MAX + 2]).unwrap();
        assert_eq!(told(&folder), [1, 2]);
        fs::set_permissions(own(1), fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(told(&folder), [2], "anybody could have written it");
        end(&folder, &consent(2, 60));
        assert_eq!(told(&folder), [0; 0]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn whoever_was_killed_consents_no_more_nor_does_who_has_his_number() {
        let folder = std::env::temp_dir().join(format!("portreeve-consents-killed-{}", process::id()));
        let mut gone = process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        keep(&folder, &Consent { pid: gone.id(), ..consent(1, 60) }).unwrap();
        assert_eq!(told(&folder), [0; 0]);
        keep(&folder, &consent(2, 60)).unwrap();
        assert_eq!(files(&folder).len(), 1, "what the other left is taken away");
        let before = fs::File::open(file(&folder, network::inode(), 2)).unwrap();
        let began = clock::start_of(process::id()).unwrap().as_second();
        let wrote = |second: i64| {
            let since_1970 = Duration::from_secs(second.try_into().unwrap());
            before.set_modified(SystemTime::UNIX_EPOCH + since_1970).unwrap();
        };
        wrote(began);
        assert_eq!(told(&folder), [2]);
        wrote(began - 9);
        assert_eq!(told(&folder), [0; 0], "it was written before this process began");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn who_shares_the_folder_consents_for_itself_alone() {
        let folder = std::env::temp_dir().join(format!("portreeve-consents-shared-{}", process::id()));
        let own = consent(1, 60);
        let theirs = Consent { netns: own.netns + 1, ..own.clone() };
        keep(&folder, &own).unwrap();
        keep(&folder, &theirs).unwrap();
        assert_eq!((files(&folder).len(), told(&folder)), (2, vec![1]), "neither is written over");
        end(&folder, &theirs);
        assert_eq!(told(&folder), [1]);
        keep(&folder, &theirs).unwrap();
        end(&folder, &own);
        assert_eq!((files(&folder).len(), told(&folder)), (1, Vec::new()), "of another network namespace");
        fs::remove_dir_all(folder).unwrap();
    }
}
