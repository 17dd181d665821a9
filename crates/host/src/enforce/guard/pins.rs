//! Keeps the guard in the kernel when every process of ours is gone: its maps and ties have names in a bpffs (bpf(2), BPF_OBJ_PIN).
//!
//! The folder gets its name when all is in it, so that whoever is killed in the middle leaves nothing that is taken for a guard.

use std::{
    collections::BTreeMap,
    ffi::CString,
    fs::{self, DirBuilder},
    io,
    os::{
        fd::{AsFd, AsRawFd as _, OwnedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::Path,
};

use rustix::fs::statfs;

use super::{Guard, GuardError, Home, KEPT, TOLD, object, shown};
use crate::{
    pins::{BPF_FS_MAGIC, stranger::Stranger},
    sys::bpf::{self, OpenMap},
};

/// Where systemd mounts a bpffs.
pub const BPFFS: &str = "/sys/fs/bpf";
/// Where portreeve keeps what goes on without it.
const PLACE: &str = "/sys/fs/bpf/portreeve";
/// The folder of the guard: raised whenever a structure of bpf/guard.bpf.c changes.
const FOLDER: &str = "guard-2";
/// What its folder is called before all is in it, and when it goes.
const UNFINISHED: &str = "new-guard";
const GOING: &str = "old-guard";
/// What the folders of other layouts begin with.
const ANY: &str = "guard-";
const FOLDER_MODE: u32 = 0o700;

/// What has names there.
pub(super) struct Pinned {
    pub(super) maps: BTreeMap<&'static str, OpenMap>,
    /// Whether each of its programs is still tied to what runs it.
    pub(super) is_whole: bool,
}

fn step(what: &'static str) -> impl FnOnce(io::Error) -> GuardError {
    move |source| GuardError::Step { what, source }
}

/// Whether anything is.
///
/// # Errors
///
/// Another portreeve or somebody else put it there.
pub(super) fn are_there() -> Result<bool, GuardError> {
    if !place_exists()? {
        return Ok(false);
    }
    refuse_other_layouts()?;
    Ok(Path::new(PLACE).join(FOLDER).exists())
}

/// What is pinned; `None` where a part of it is gone without which nothing can be read.
///
/// # Errors
///
/// It cannot be opened.
pub(super) fn open(home: &Home) -> Result<Option<Pinned>, GuardError> {
    let folder = Path::new(PLACE).join(FOLDER);
    let object = object();
    let mut maps = BTreeMap::new();
    for name in KEPT {
        let fd = match open_one(&folder.join(name)) {
            // What is left is of no use to anybody: another one takes its place.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(step("open a map of the guard"))?,
        };
        let map = object.map(name).expect("the programs were written with it");
        maps.insert(name, OpenMap::from_fd(fd, map).map_err(|error| GuardError::Untold(name, error))?);
    }
    let ties = object.programs.iter().map(|program| open_one(&folder.join(program.name)));
    let is_whole = ties.into_iter().all(|tie| tie.is_ok_and(|tie| is_tied(&tie, home)));
    Ok(Some(Pinned { maps, is_whole }))
}

/// The tie of the program that tells users of themselves.
pub(super) fn told() -> io::Result<OwnedFd> {
    open_one(&Path::new(PLACE).join(FOLDER).join(TOLD))
}

/// Gives all of `guard` its names, in the place of what has them now.
///
/// # Errors
///
/// There is no bpffs, the place is somebody else's, or the kernel refuses.
pub(super) fn put(guard: &Guard, ties: &[(&'static str, OwnedFd)]) -> Result<(), GuardError> {
    make_place()?;
    let place = Path::new(PLACE);
    let (unfinished, folder, going) = (place.join(UNFINISHED), place.join(FOLDER), place.join(GOING));
    remove(&unfinished)?;
    remove(&going)?;
    make(&unfinished)?;
    for name in KEPT {
        pin(&guard.maps[name], &unfinished.join(name))?;
    }
    for (name, tie) in ties {
        pin(tie, &unfinished.join(name))?;
    }
    // Until the old one goes both judge, by the same rules.
    if folder.exists() {
        fs::rename(&folder, &going).map_err(step("put the old guard aside"))?;
    }
    fs::rename(&unfinished, &folder).map_err(step("give the guard its name"))?;
    remove(&going)
}

/// Takes the guard out of the kernel; whether there was any.
///
/// # Errors
///
/// Another portreeve or somebody else put something there, or the kernel refuses.
pub fn take_away() -> Result<bool, GuardError> {
    shown::take_away().map_err(step("take away what users read"))?;
    if !place_exists()? {
        return Ok(false);
    }
    refuse_other_layouts()?;
    let had_any = Path::new(PLACE).join(FOLDER).exists();
    for name in [FOLDER, UNFINISHED, GOING] {
        remove(&Path::new(PLACE).join(name))?;
    }
    match fs::remove_dir(PLACE) {
        // What is left is not the guard's.
        Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => Err(step("remove a folder")(error)),
        _ => Ok(had_any),
    }
}

/// Whether its place is there, and is root's alone.
fn place_exists() -> Result<bool, GuardError> {
    match Stranger::at(Path::new(PLACE)) {
        None => Ok(true),
        Some(stranger) if stranger.is_missing() => Ok(false),
        Some(stranger) => Err(GuardError::Foreign(stranger)),
    }
}

/// Refuses a host on which nothing would keep names.
pub(super) fn refuse_without_bpffs() -> Result<(), GuardError> {
    let is_bpffs = statfs(BPFFS).is_ok_and(|about| u32::try_from(about.f_type) == Ok(BPF_FS_MAGIC));
    if is_bpffs { Ok(()) } else { Err(GuardError::NoBpffs) }
}

fn make_place() -> Result<(), GuardError> {
    refuse_without_bpffs()?;
    if place_exists()? { refuse_other_layouts() } else { make(Path::new(PLACE)) }
}

/// What another layout means nobody here knows.
fn refuse_other_layouts() -> Result<(), GuardError> {
    for entry in fs::read_dir(PLACE).map_err(step("read the folder of the guard"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(ANY) && name != FOLDER {
            return Err(GuardError::OtherLayout(entry.path()));
        }
    }
    Ok(())
}

fn make(folder: &Path) -> Result<(), GuardError> {
    DirBuilder::new().mode(FOLDER_MODE).create(folder).map_err(step("make a folder"))
}

/// A folder with what is in it; nothing is no error.
fn remove(folder: &Path) -> Result<(), GuardError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(step("take a pin away")(error)),
        _ => Ok(()),
    }
}

fn pin(thing: impl AsFd, path: &Path) -> Result<(), GuardError> {
    bpf::pin(thing, &named(path)).map_err(|error| step("pin the guard")(error.into()))
}

fn open_one(path: &Path) -> io::Result<OwnedFd> {
    Ok(bpf::open_pinned(&named(path))?)
}

fn named(path: &Path) -> CString {
    use std::os::unix::ffi::OsStrExt as _;
    CString::new(path.as_os_str().as_bytes()).expect("no name of ours holds a NUL")
}

/// Whether a tie holds still: one to a cgroup may be cut by whoever is root (BPF_LINK_DETACH), and then tells none.
fn is_tied(tie: &OwnedFd, home: &Home) -> bool {
    let told = fs::read_to_string(format!("/proc/self/fdinfo/{}", tie.as_raw_fd())).unwrap_or_default();
    let at = told.lines().find_map(|line| line.strip_prefix("cgroup_id:"));
    let id = fs::metadata(&home.folder).map_or(0, |about| about.ino());
    at.is_none_or(|at| at.trim().parse() == Ok(id))
}
