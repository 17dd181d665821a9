//! Reads what apt's lists offer of some packages (apt-get(8), update; A18).

mod compressed;

use std::{collections::BTreeSet, io::Read};

use jiff::Timestamp;
use portreeve_core::{
    facts::GapKind,
    packages::{
        candidate::Archive,
        control::{self, Stanza},
        list::{Listed, listed},
        release::{ListFile, Release, list_file, names_packages, place},
    },
};
use rustix::fs::Statx;

use super::tree::{Folder, Tree, Unread, join};
use crate::observe::gaps::Gaps;

/// Where they are.
const LISTS: &str = "/var/lib/apt/lists";
/// What apt's own timer touches after it fetched them (apt.systemd.daily).
const FETCHED: &str = "/var/lib/apt/periodic/update-success-stamp";
/// Nobody follows so many archives.
const FILES_MAX: usize = 4_096;
/// Debian's largest is 50 MB, Ubuntu's 80 MB; a host may follow many archives.
const LISTS_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The same of a container or an image, whose lists may be made to keep the reader busy.
const STRANGERS_BYTES_MAX: u64 = 256 * 1024 * 1024;
const RELEASE_BYTES_MAX: u64 = 16 * 1024 * 1024;
const PIECE_BYTES: usize = 512 * 1024;
/// More versions of what runs than any archive has.
const LISTED_MAX: usize = 20_000;
/// A longer stanza is that of no package.
const STANZA_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What decides what is offered, and below which directories all else that does.
pub(super) const SOURCES: [&str; 2] = [LISTS, FETCHED];
pub(super) const FOLDERS: [&str; 1] = [LISTS];

/// What all lists of a root offer of the packages that were asked for.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// The archives, each with what it has of them.
    pub(super) archives: Vec<(Archive, Vec<Listed>)>,
    /// Whether any list stands there, be it one that could not be read.
    pub(super) are_there: bool,
    /// Whether an archive of security updates is among those of which anything was fetched.
    pub(super) have_security: bool,
    /// When the newest of them was made.
    pub(super) made: Option<Timestamp>,
    /// When they were fetched last, as far as anything tells.
    pub(super) fetched: Option<Timestamp>,
}

impl Lists {
    /// What they offer of the package `name`.
    pub(super) fn offers(&self, name: &str) -> Vec<(&Archive, &Listed)> {
        let all =
            self.archives.iter().flat_map(|(archive, listed)| listed.iter().map(move |one| (archive, one)));
        all.filter(|(_, listed)| listed.name == name).collect()
    }
}

/// Which lists are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'s> {
    /// The root that they are of.
    pub(super) tree: Tree<'s>,
    /// The packages that are asked for.
    pub(super) names: &'s BTreeSet<&'s str>,
    /// The architectures that they were built for.
    pub(super) architectures: &'s BTreeSet<&'s str>,
    /// What the root is called; empty for the host's own.
    pub(super) root: &'s str,
    /// Its release, as advisories name it.
    pub(super) release: Option<&'s str>,
    /// Whether the host's own administrator had them fetched.
    pub(super) is_trusted: bool,
}

/// What the lists of a root offer.
pub(super) fn read(source: &Source<'_>, gaps: &mut Gaps) -> Lists {
    let mut lists = Lists::default();
    let root = source.root;
    let (folder, names) = match names(source.tree) {
        Ok(Some(found)) => found,
        Ok(None) => return lists,
        Err(unread) => {
            gaps.detailed(unread.gap(GapKind::UnreadUpdateData), &of(root, unread.path()));
            return lists;
        }
    };
    let releases = releases(source, &names, gaps);
    let mut left = if source.is_trusted { LISTS_BYTES_MAX } else { STRANGERS_BYTES_MAX };
    for name in &names {
        let Some(ListFile::Packages(stem, ending)) = list_file(name) else { continue };
        match of_list(source, name, ending, &mut left) {
            Ok(listed) => {
                let above = above(stem, &releases);
                if above.is_none() {
                    gaps.detailed(GapKind::UnnamedArchive, &of(root, name));
                }
                lists.archives.push((archive(stem, above, source.release), listed));
            }
            Err(Unread::Unsteady(path)) => gaps.unsteady(&of(root, &path)),
            Err(unread) => gaps.detailed(unread.gap(GapKind::UnreadUpdateData), &of(root, unread.path())),
        }
    }
    lists.are_there = names.iter().any(|name| matches!(list_file(name), Some(ListFile::Packages(..))));
    lists.have_security = releases.iter().any(|(_, release)| release.is_security());
    // Of what is not there nobody fetched anything.
    if lists.are_there {
        lists.made = releases.iter().filter_map(|(_, release)| release.made).max();
        lists.fetched = fetched(source.tree, &folder);
    }
    lists
}

fn names(tree: Tree<'_>) -> Result<Option<(Folder, Vec<String>)>, Unread> {
    let Some(folder) = tree.folder(LISTS)? else { return Ok(None) };
    let names = folder.names()?;
    if names.len() > FILES_MAX {
        return Err(Unread::TooLarge(LISTS.to_owned()));
    }
    Ok(Some((folder, names)))
}

/// A file with the root that it stands in, where that is not the host's.
pub(super) fn of(root: &str, path: &str) -> String {
    if root.is_empty() { path.to_owned() } else { format!("{root}: {path}") }
}

fn releases<'n>(source: &Source<'_>, names: &'n [String], gaps: &mut Gaps) -> Vec<(&'n str, Release)> {
    let root = source.root;
    let mut releases = Vec::new();
    for name in names {
        let Some(ListFile::Release(stem)) = list_file(name) else { continue };
        match source.tree.read(&join(LISTS, name), RELEASE_BYTES_MAX) {
            Ok(bytes) => {
                let bytes = bytes.unwrap_or_default();
                let release = Release::read(&bytes);
                if !release.is_named() {
                    gaps.detailed(GapKind::UnnamedArchive, &of(root, name));
                }
                if !has_lists(stem, names) && names_packages(&bytes, |one| source.is_used(one)) {
                    gaps.detailed(GapKind::MissingList, &of(root, name));
                }
                releases.push((stem, release));
            }
            Err(unread) => {
                gaps.detailed(unread.gap(GapKind::UnreadUpdateData), &of(root, unread.path()));
                // It stands there, whatever it says.
                releases.push((stem, Release::default()));
            }
        }
    }
    releases
}

impl Source<'_> {
    /// Whether packages of this architecture may be asked for; of those whose own is not told, every one may.
    fn is_used(&self, architecture: &str) -> bool {
        let is_one_told = self.architectures.iter().any(|known| *known != "all");
        !is_one_told || self.architectures.contains(architecture)
    }
}

/// Whether anything of an archive was fetched beside what it says of itself: of one that is there for its sources no package
/// is.
fn has_lists(stem: &str, names: &[String]) -> bool {
    let first = names.partition_point(|name| name.as_str() < stem);
    // They are in their order, so that what begins alike stands together.
    names[first..].iter().take_while(|name| name.starts_with(stem)).any(|name| match list_file(name) {
        Some(ListFile::Packages(list, _) | ListFile::Sources(list)) => is_above(stem, list),
        Some(ListFile::Release(_)) | None => false,
    })
}

fn is_above(above: &str, stem: &str) -> bool {
    stem.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// What the archive of a list says of itself.
fn above<'r>(stem: &str, releases: &'r [(&str, Release)]) -> Option<&'r Release> {
    let above =
        releases.iter().filter(|(above, _)| is_above(above, stem)).max_by_key(|(above, _)| above.len());
    above.map(|(_, release)| release)
}

/// The archive of a list: what stands above it says what it is.
fn archive(stem: &str, above: Option<&Release>, own: Option<&str>) -> Archive {
    let (host, component) = place(stem);
    let architecture = stem.rsplit_once("_binary-").map_or("", |(_, architecture)| architecture).to_owned();
    let release = above.cloned().unwrap_or_default();
    let is_of_another_release = own.is_some_and(|own| release.is_of_another(own));
    Archive { release, host, component, architecture, is_installed: false, is_of_another_release }
}

/// What a list says of the packages that are asked for, of which at most `left` bytes are read.
fn of_list(
    source: &Source<'_>,
    name: &str,
    ending: Option<&str>,
    left: &mut u64,
) -> Result<Vec<Listed>, Unread> {
    // apt links to a list of an archive that is on the same disk (sources.list(5), file:).
    let path = join(LISTS, name);
    let opened = source.tree.open(&path, *left)?.ok_or(Unread::Unsteady(path))?;
    let refused = |source| Unread::Refused { path: opened.path.clone(), source };
    let file = opened.file.try_clone().map_err(refused)?;
    let reader = compressed::reader(ending, file).map_err(refused)?;
    let reader = reader.ok_or_else(|| Unread::Strange(opened.path.clone()))?;
    let mut found = Vec::new();
    let mut is_short = true;
    let (mut has_stanzas, mut has_packages) = (false, false);
    pieces(reader, left, |stanza| {
        is_short &= found.len() < LISTED_MAX;
        has_stanzas = true;
        found.extend(listed(stanza, |name| {
            has_packages = true;
            is_short && source.names.contains(name)
        }));
    })
    .map_err(refused)?;
    if !is_short {
        return Err(Unread::TooLarge(opened.path));
    }
    if has_stanzas && !has_packages {
        return Err(Unread::Strange(opened.path));
    }
    opened.settle()?;
    Ok(found)
}

/// Hands on each stanza that is read.
fn pieces(
    mut reader: Box<dyn Read>,
    left: &mut u64,
    mut each: impl FnMut(Stanza<'_>),
) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(2 * PIECE_BYTES);
    loop {
        let length = (&mut reader).take(PIECE_BYTES as u64).read_to_end(&mut bytes)?;
        if length == 0 {
            control::every(&bytes, each);
            return Ok(());
        }
        *left = left.checked_sub(length as u64).ok_or(std::io::ErrorKind::FileTooLarge)?;
        let done = control::stanzas(&bytes, &mut each);
        bytes.drain(..done);
        if bytes.len() > STANZA_BYTES_MAX {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
    }
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
