//! Takes the pins away, and the bpffs that they stand in.

use std::{fs, io, path::Path};

use rustix::{
    fs::{AtFlags, unlinkat},
    io::Errno,
    mount::{UnmountFlags, unmount},
    process::geteuid,
};

use super::{
    FOLDER, Folder, FolderError, LOCK, is_ours,
    stranger::{Strange, Stranger, strange},
};
use crate::lock::{Leave, Lock, LockError};

/// Two runs at once, or a careless hand, may have mounted one over another.
const MOUNTS_MAX: u32 = 16;

/// What was taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Pins, those that were not finished too.
    pub pins: usize,
    /// Mounts.
    pub mounts: u32,
}

/// Why something is left.
#[derive(Debug, thiserror::Error)]
pub enum OffError {
    /// Only root can unmount.
    #[error("only root can take pins away")]
    NotRoot,
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

impl From<LockError> for OffError {
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

fn step<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> OffError {
    move |error| OffError::Step { what, source: error.into() }
}

/// Takes everything away that [`super::put::put`] made; nothing there is no error.
///
/// # Errors
///
/// Without root, and where somebody else's things stand between ours: those stay, and ours go.
pub fn off() -> Result<Taken, OffError> {
    if !fs::exists(FOLDER).unwrap_or(true) {
        return Ok(Taken::default());
    }
    if !geteuid().is_root() {
        return Err(OffError::NotRoot);
    }
    let lock = Lock::take(LOCK)?;
    let mut taken = Taken::default();
    for _ in 0..MOUNTS_MAX {
        let folder = match Folder::open() {
            Ok(folder) => folder,
            Err(FolderError::Absent) => break,
            Err(FolderError::Foreign) => return Err(OffError::Foreign(strange(Strange::Unknown))),
            Err(FolderError::Closed(error)) => return Err(step("open the folder of pins")(error)),
        };
        taken.pins += empty(&folder)?;
        // Whoever reads one of them now reads on; the mount is gone for everybody else.
        unmount(FOLDER, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW).map_err(step("unmount the bpffs"))?;
        taken.mounts += 1;
    }
    match rustix::fs::rmdir(Path::new(FOLDER)) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(Errno::NOTEMPTY) => return Err(OffError::Foreign(strange(Strange::Full))),
        Err(Errno::NOTDIR | Errno::BUSY) => return Err(OffError::Foreign(strange(Strange::Mounted))),
        Err(error) => return Err(step("take the folder of pins away")(error)),
    }
    lock.release(Leave::Nothing);
    Ok(taken)
}

/// Takes every pin of ours away; how many there were.
fn empty(folder: &Folder) -> Result<usize, OffError> {
    let files = folder.files().map_err(step("read the folder of pins"))?;
    let (ours, foreign): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_ours(file));
    for file in &ours {
        unlinkat(&folder.0, &**file, AtFlags::empty()).map_err(step("take a pin away"))?;
    }
    match foreign.into_iter().next() {
        Some(file) => Err(OffError::Foreign(Stranger::new(format!("{FOLDER}/{file}"), Strange::Unknown))),
        None => Ok(ours.len()),
    }
}
