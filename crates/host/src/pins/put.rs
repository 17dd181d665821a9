//! Pins the iterators for a group (bpf(2), BPF_OBJ_PIN).
//!
//! Whenever it is killed, a next run finds what it may replace and nothing else: each pin gets its name only when it is
//! whole, and a bpffs without pins is an empty one.

use std::{
    ffi::CString,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Gid, Mode, Uid, chmodat, chownat, renameat, unlinkat},
    mount::{MountFlags, mount},
    process::geteuid,
};

use super::{
    FOLDER, Folder, FolderError, LOCK, Name, UNFINISHED, is_ours,
    stranger::{Strange, Stranger, strange},
};
use crate::{
    lock::{Leave, Lock, LockError},
    observe::sight::{Sight, SightError},
    sys::bpf,
};

/// Why nothing was pinned.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Only root can mount.
    #[error("only root can pin")]
    NotRoot,
    /// The kernel has no such iterators, or does not load their programs.
    #[error("BPF is not available")]
    NoBpf(#[source] SightError),
    /// Something stands there that portreeve did not make.
    #[error("{} was not created by portreeve", .0.path)]
    Foreign(Stranger),
    /// The kernel refused a step.
    #[error("cannot {what}")]
    Step {
        /// The step.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl From<LockError> for PutError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Foreign(stranger) => Self::Foreign(stranger),
            LockError::Busy(busy) => Self::Step {
                what: "lock /run/portreeve",
                source: io::Error::new(io::ErrorKind::ResourceBusy, busy),
            },
            LockError::Closed(source) => Self::Step { what: "lock /run/portreeve", source },
        }
    }
}

fn step<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> PutError {
    move |error| PutError::Step { what, source: error.into() }
}

/// Pins every iterator, readable for the group of this number; what was pinned before is replaced.
///
/// # Errors
///
/// Without root, BPF or a place.
pub fn put(gid: u32) -> Result<(), PutError> {
    if !geteuid().is_root() {
        return Err(PutError::NotRoot);
    }
    // Loaded first, so that a kernel without them is left as it was.
    let load = |name: Name| Ok((name, Sight::load(&[name.asked()])?));
    let loaded: Vec<_> =
        Name::ALL.into_iter().map(load).collect::<Result<_, _>>().map_err(PutError::NoBpf)?;
    let lock = Lock::take(LOCK)?;
    let folder = mounted()?;
    tidy(&folder)?;
    for (name, sight) in &loaded {
        put_one(&folder, *name, sight, gid)?;
    }
    lock.release(Leave::File);
    Ok(())
}

/// Under a name of its own until it is the group's.
fn put_one(folder: &Folder, name: Name, sight: &Sight, gid: u32) -> Result<(), PutError> {
    let Folder(folder) = folder;
    let (file, new) = (name.file(), format!("{UNFINISHED}{}", name.file()));
    let path = CString::new(format!("{FOLDER}/{new}")).expect("the names hold no NUL");
    let link = sight.link(name.asked().0).expect("it was loaded for this list");
    bpf::pin(link, &path).map_err(step("pin an iterator"))?;
    let (owner, group) = (Some(Uid::ROOT), Some(Gid::from_raw(gid)));
    chownat(folder, &*new, owner, group, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(step("give a pin to the group"))?;
    chmodat(folder, &*new, Mode::from_raw_mode(0o640), AtFlags::empty())
        .map_err(step("give a pin its mode"))?;
    renameat(folder, &*new, folder, &*file).map_err(step("give a pin its name"))
}

/// The bpffs of ours, which is mounted where it is not yet.
fn mounted() -> Result<Folder, PutError> {
    match Folder::open() {
        Ok(folder) => return Ok(folder),
        Err(FolderError::Absent) => make_place()?,
        Err(FolderError::Foreign) => {
            return Err(PutError::Foreign(strange(Strange::Unknown)));
        }
        Err(FolderError::Closed(error)) => return Err(step("open the folder of pins")(error)),
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("portreeve", FOLDER, "bpf", flags, c"mode=0755").map_err(step("mount a bpffs"))?;
    Folder::open().map_err(|_| PutError::Foreign(strange(Strange::Mounted)))
}

/// An empty folder of root's, on nothing but what /run is on.
fn make_place() -> Result<(), PutError> {
    let path = Path::new(FOLDER);
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map_err(step("make the folder of pins")),
    }
    let about = fs::symlink_metadata(path).map_err(step("look at the folder of pins"))?;
    let above = fs::metadata(super::RUN).map_err(step("look at /run/portreeve"))?;
    let has_any = fs::read_dir(path).map_err(step("read the folder of pins"))?.next().is_some();
    if about.dev() != above.dev() {
        return Err(PutError::Foreign(strange(Strange::Mounted)));
    }
    if has_any {
        return Err(PutError::Foreign(strange(Strange::Full)));
    }
    Ok(())
}

/// Takes away what a killed run or another portreeve left, and stops at what nobody of ours made.
fn tidy(folder: &Folder) -> Result<(), PutError> {
    let files = folder.files().map_err(step("read the folder of pins"))?;
    if let Some(foreign) = files.iter().find(|file| !is_ours(file)) {
        return Err(PutError::Foreign(Stranger::new(format!("{FOLDER}/{foreign}"), Strange::Unknown)));
    }
    let current = Name::ALL.map(Name::file);
    for file in files.iter().filter(|file| !current.contains(file)) {
        unlinkat(&folder.0, &**file, AtFlags::empty()).map_err(step("take away an old pin"))?;
    }
    Ok(())
}
