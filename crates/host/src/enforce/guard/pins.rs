//! Keeps the guard in the kernel when every process of ours is gone: its maps and ties have names in a bpffs.

use std::{
    collections::BTreeMap,
    fs, io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
};

use super::{Guard, GuardError, Home, KEPT, marks, object, shown};
use crate::{
    bpffs::{Folder, PinnedError, number_of},
    enforce::generations::Untold,
    sys::bpf::{OpenMap, detach},
};

/// The layout is raised whenever a structure of bpf/guard.bpf.c changes.
const FOLDER: Folder = Folder { what: "guard", layout: 3, netns: None };

/// What has names there.
pub(super) struct Pinned {
    pub(super) maps: BTreeMap<&'static str, OpenMap>,
    /// Whether each of its programs is still tied to what runs it.
    pub(super) is_whole: bool,
}

/// Whether anything is.
///
/// # Errors
///
/// Another portreeve or somebody else put it there.
pub(super) fn are_there() -> Result<bool, PinnedError> {
    FOLDER.exists()
}

/// What is pinned; `None` where a part of it is gone without which nothing can be read.
///
/// # Errors
///
/// It cannot be opened.
pub(super) fn open(home: &Home) -> Result<Option<Pinned>, GuardError> {
    let object = object();
    let mut maps = BTreeMap::new();
    for name in KEPT {
        let fd = match FOLDER.open(name) {
            // What is left is of no use to anybody: another one takes its place.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(PinnedError::step("open a map of the guard"))?,
        };
        let map = object.map(name).expect("the programs were written with it");
        maps.insert(name, OpenMap::from_fd(fd, map).map_err(|error| Untold(name, error))?);
    }
    let ties = object.programs.iter().map(|program| FOLDER.open(program.name));
    let is_whole = ties.into_iter().all(|tie| tie.is_ok_and(|tie| is_tied(&tie, home)));
    Ok(Some(Pinned { maps, is_whole }))
}

/// The tie of this program.
pub(super) fn tie(program: &str) -> io::Result<OwnedFd> {
    FOLDER.open(program)
}

/// Gives all of `guard` its names, in the place of what has them now.
///
/// # Errors
///
/// There is no bpffs, the place is somebody else's, or the kernel refuses.
pub(super) fn put(guard: &Guard, ties: &[(&'static str, OwnedFd)]) -> Result<(), PinnedError> {
    let maps = KEPT.iter().map(|name| (*name, guard.maps[name].as_fd()));
    FOLDER.put(maps.chain(ties.iter().map(|(name, tie)| (*name, tie.as_fd()))))
}

/// Takes the guard out of the kernel; whether there was any.
///
/// # Errors
///
/// Another portreeve or somebody else put something there, or the kernel refuses.
pub fn take_away() -> Result<bool, GuardError> {
    let had_marks = marks::take_away()?;
    Ok(take_away_programs()? || had_marks)
}

/// The same but for the marks of sockets, by which running services are still known to a guard that comes later.
pub(super) fn take_away_programs() -> Result<bool, GuardError> {
    shown::take_away().map_err(PinnedError::step("take away what users read"))?;
    // Who put something else there is told so before anything is cut.
    FOLDER.exists()?;
    for tie in object().programs.iter().filter_map(|program| tie(program.name).ok()) {
        // What cannot be cut at once goes with its name.
        let _ = detach(tie);
    }
    Ok(FOLDER.take_away()?)
}

/// Whether a tie holds still: one to a cgroup may be cut by whoever is root (BPF_LINK_DETACH), and then tells none.
fn is_tied(tie: &OwnedFd, home: &Home) -> bool {
    let at = number_of(tie, "cgroup_id");
    let id = fs::metadata(&home.folder).map_or(0, |about| about.ino());
    at.is_none_or(|at| at == id)
}
