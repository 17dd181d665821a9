//! Reads what apt's lists offer of some packages (apt-get(8), update; A18).

mod compressed;
mod index;

use std::{io::Read, path::Path};

use jiff::Timestamp;
use portreeve_core::{
    facts::GapKind,
    packages::{
        candidate::Archive,
        control::{self, Stanza},
        list::{Draft, Entry, find},
        release::{ListFile, Release, list_file, place},
    },
};
use rustix::fs::Statx;

use self::index::Place;
use super::tree::{Folder, Opened, Tree, Unread};
use crate::observe::gaps::Gaps;

/// Where they are.
const LISTS: &str = "/var/lib/apt/lists";
/// What apt's own timer touches after it fetched them (apt.systemd.daily).
const FETCHED: &str = "/var/lib/apt/periodic/update-success-stamp";
/// Debian's largest is 50 MB, Ubuntu's 80 MB.
const LIST_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const RELEASE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const PIECE_BYTES: usize = 512 * 1024;
/// A longer stanza is that of no package.
const STANZA_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What all lists of a root offer of the packages that were asked for.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// The archives, each with the lines of its list.
    pub(super) archives: Vec<(Archive, Vec<u8>)>,
    /// When the newest of them was made.
    pub(super) made: Option<Timestamp>,
    /// When they were fetched last, as far as anything tells.
    pub(super) fetched: Option<Timestamp>,
}

impl Lists {
    /// What they offer of the package `name`.
    pub(super) fn offers(&self, name: &str) -> Vec<(&Archive, Entry<'_>)> {
        let mut offers = Vec::new();
        for (archive, lines) in &self.archives {
            offers.extend(find(lines, name).into_iter().map(|entry| (archive, entry)));
        }
        offers
    }
}

/// What the lists below `tree` offer; the answer may be kept below `cache`.
pub(super) fn read(tree: Tree<'_>, cache: Option<&Path>, root: &str, gaps: &mut Gaps) -> Lists {
    let mut lists = Lists::default();
    let folder = match tree.folder(LISTS) {
        Ok(Some(folder)) => folder,
        Ok(None) => return lists,
        Err(unread) => {
            gaps.detailed(GapKind::UnreadUpdateData, &of(root, unread.path()));
            return lists;
        }
    };
    let names = folder.names().unwrap_or_default();
    let releases = releases(&folder, &names, root, gaps);
    for name in &names {
        let Some(ListFile::Packages(stem, ending)) = list_file(name) else { continue };
        match lines(&folder, name, ending, cache) {
            Ok(lines) => lists.archives.push((archive(stem, &releases), lines)),
            Err(Unread::Unsteady(path)) => gaps.unsteady(&of(root, &path)),
            Err(unread) => gaps.detailed(GapKind::UnreadUpdateData, &of(root, unread.path())),
        }
    }
    lists.made = releases.iter().filter_map(|(_, release)| release.made).max();
    lists.fetched = fetched(tree, &folder);
    lists
}

/// A file with the root that it stands in, where that is not the host's.
pub(super) fn of(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}: {path}") }
}

fn releases<'n>(
    folder: &Folder,
    names: &'n [String],
    root: &str,
    gaps: &mut Gaps,
) -> Vec<(&'n str, Release)> {
    let mut releases = Vec::new();
    for name in names {
        let Some(ListFile::Release(stem)) = list_file(name) else { continue };
        match folder.read(name, RELEASE_BYTES_MAX) {
            Ok(bytes) => {
                let release = Release::read(&bytes.unwrap_or_default());
                if !release.is_named() {
                    gaps.detailed(GapKind::UnnamedArchive, &of(root, name));
                }
                releases.push((stem, release));
            }
            Err(unread) => gaps.detailed(GapKind::UnreadUpdateData, &of(root, unread.path())),
        }
    }
    releases
}

/// The archive of a list: what stands above it says what it is.
fn archive(stem: &str, releases: &[(&str, Release)]) -> Archive {
    let is_above =
        |above: &str| stem.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    let above = releases.iter().filter(|(above, _)| is_above(above)).max_by_key(|(above, _)| above.len());
    let (host, component) = place(stem);
    let architecture = stem.rsplit_once("_binary-").map_or("", |(_, architecture)| architecture).to_owned();
    let release = above.map(|(_, release)| release.clone()).unwrap_or_default();
    Archive { release, host, component, architecture, is_installed: false }
}

/// The lines of a list, from the last run or from the list itself.
fn lines(folder: &Folder, name: &str, ending: Option<&str>, cache: Option<&Path>) -> Result<Vec<u8>, Unread> {
    let missing = || Unread::Unsteady(super::tree::join(LISTS, name));
    let opened = folder.open(name, LIST_BYTES_MAX)?.ok_or_else(missing)?;
    let place = cache.map(|cache| Place::new(cache, name, &opened.stat));
    if let Some(lines) = place.as_ref().and_then(Place::read) {
        return Ok(lines);
    }
    let lines = drafted(&opened, ending)?;
    opened.settle()?;
    if let Some(place) = place {
        place.keep(&lines);
    }
    Ok(lines)
}

fn drafted(opened: &Opened, ending: Option<&str>) -> Result<Vec<u8>, Unread> {
    let strange = || Unread::Strange(opened.path.clone());
    let refused = |source| Unread::Refused { path: opened.path.clone(), source };
    let file = opened.file.try_clone().map_err(refused)?;
    let reader = compressed::reader(ending, file).map_err(refused)?.ok_or_else(strange)?;
    let mut draft = Draft::default();
    let mut is_whole = true;
    pieces(reader, |stanza| is_whole &= draft.add(stanza)).map_err(refused)?;
    if is_whole { Ok(draft.into_list()) } else { Err(strange()) }
}

/// Hands on each stanza that is read.
fn pieces(reader: Box<dyn Read>, mut each: impl FnMut(Stanza<'_>)) -> std::io::Result<()> {
    let mut reader = reader.take(LIST_BYTES_MAX);
    let mut bytes = Vec::with_capacity(2 * PIECE_BYTES);
    while (&mut reader).take(PIECE_BYTES as u64).read_to_end(&mut bytes)? > 0 {
        let done = control::stanzas(&bytes, &mut each);
        bytes.drain(..done);
        if bytes.len() > STANZA_BYTES_MAX {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
    control::every(&bytes, each);
    Ok(())
}

/// The latest of what a successful `apt-get update` leaves: the stamp of its timer, and the directory whose files it put in
/// place. Where it finds nothing new, neither need tell of it, which a newer date of an archive then does.
fn fetched(tree: Tree<'_>, folder: &Folder) -> Option<Timestamp> {
    let stamp = tree.open(FETCHED, u64::MAX).ok().flatten().map(|stamp| stamp.stat);
    stamp.iter().chain([&folder.stat]).filter_map(written).max()
}

fn written(stat: &Statx) -> Option<Timestamp> {
    Timestamp::from_second(stat.stx_mtime.tv_sec).ok()
}
