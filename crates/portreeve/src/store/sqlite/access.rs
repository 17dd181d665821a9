//! Who may read and write the ledger: its owner, and of the host's the group `portreeve`, which is trusted as root is.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use portreeve_host::group::Groups;
use rustix::{
    fs::{AtFlags, CWD, Mode, RenameFlags, StatxAttributes, StatxFlags, renameat_with, statx},
    io::Errno,
    process::{getegid, geteuid, getgroups},
};

use super::StoreError;

/// Whose members write the host's ledger without being root.
pub(crate) const GROUP: &str = "portreeve";
/// Nobody else lists it, and what a member makes in it is its group's.
const FOLDER_MODE: u32 = 0o2770;
/// Nobody else reads it.
const FILE_MODE: u32 = 0o660;
const OWN_FOLDER_MODE: u32 = 0o700;

/// Whether whoever asks is one of them.
pub(crate) fn is_member() -> bool {
    let group = Groups::read().ok().and_then(|groups| groups.number(GROUP));
    let own = || getgroups().unwrap_or_default().into_iter().chain([getegid()]);
    group.is_some_and(|group| own().any(|gid| gid.as_raw() == group))
}

/// Makes the folder of the ledger at `path`, where there is none.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    else {
        return Ok(());
    };
    let make = || {
        if let Some(above) = folder.parent() {
            DirBuilder::new().recursive(true).mode(0o755).create(above)?;
        }
        // Whoever finds it finds it finished: what SQLite makes in it is its group's from the first file on.
        let fresh = fresh(folder);
        DirBuilder::new().mode(OWN_FOLDER_MODE).create(&fresh)?;
        give(&fresh, FOLDER_MODE)?;
        put_first(&fresh, folder)
    };
    make().map_err(|source| StoreError::Beside { path: folder.into(), source })
}

/// Makes the file at `path` where there is none, with the rights that it keeps from its first moment on: what SQLite makes beside it
/// gets the same as it has then.
pub(super) fn begin(path: &Path) -> Result<(), StoreError> {
    if path.exists() {
        return Ok(());
    }
    let fresh = fresh(path);
    let make = || {
        File::create_new(&fresh)?;
        lend(&fresh)?;
        put_first(&fresh, path)
    };
    make().map_err(|source| StoreError::Beside { path: path.into(), source })
}

/// Gives `fresh` the name `path`, where nothing has it; of several who do so at once the first one does, and what is not used goes.
fn put_first(fresh: &Path, path: &Path) -> io::Result<()> {
    let put = match renameat_with(CWD, fresh, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        // A file system that cannot do that (rename(2)).
        Err(Errno::INVAL | Errno::NOSYS) if !path.exists() => return fs::rename(fresh, path),
        Err(Errno::EXIST | Errno::INVAL | Errno::NOSYS) => Ok(()),
        Err(error) => Err(error.into()),
    };
    remove(fresh).and(put)
}

fn remove(fresh: &Path) -> io::Result<()> {
    if fresh.is_dir() { fs::remove_dir(fresh) } else { fs::remove_file(fresh) }
}

/// Lets the group write the file too.
pub(super) fn share(path: &Path) -> Result<(), StoreError> {
    lend(path).map_err(|source| StoreError::Beside { path: path.into(), source })
}

/// The same, in the system's words where it refuses.
pub(super) fn lend(path: &Path) -> io::Result<()> {
    // Of somebody else's a member may not say so (chmod(2)): who made it has.
    let uid = geteuid();
    if !uid.is_root() && fs::metadata(path)?.uid() != uid.as_raw() {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(FILE_MODE))?;
    give(path, FILE_MODE)
}

/// What a file has that whoever may write the ledger may open.
pub(super) fn file_mode() -> Mode {
    Mode::from_raw_mode(FILE_MODE)
}

/// A name beside `path` for what is to take its place, which no other process uses.
pub(super) fn fresh(path: &Path) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (pid, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(".{name}.{pid}.{number}.new"))
}

/// Gives `fresh` the name `path`, once its content is on the disk (rename(2), fsync(2)).
pub(super) fn put(fresh: &Path, path: &Path) -> io::Result<()> {
    File::open(fresh)?.sync_all()?;
    fs::rename(fresh, path)?;
    sync(path)
}

/// Puts the entries of the folder of `path` on the disk.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// The file beside the one at `path` that is called as that is, with `end` behind: so each has its own.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Refuses a file that has another name as well, by a link or a mount: whoever uses it by that has other locks, and another
/// journal (<https://www.sqlite.org/howtocorrupt.html>, 2.4 and 2.5).
pub(super) fn refuse_other_names(path: &Path) -> Result<(), StoreError> {
    // Whether it is mounted nobody knows before Linux 5.8 (statx(2)).
    let about = statx(CWD, path, AtFlags::empty(), StatxFlags::NLINK);
    let has_others = about
        .is_ok_and(|about| about.stx_nlink > 1 || about.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
    if has_others { Err(StoreError::OtherNames { path: path.into() }) } else { Ok(()) }
}

/// The folder that holds `path`.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives what root made to the group, where the host has it.
fn give(path: &Path, mode: u32) -> io::Result<()> {
    let group = Groups::read().ok().and_then(|groups| groups.number(GROUP));
    match group.filter(|_| geteuid().is_root()) {
        Some(group) => {
            chown(path, None, Some(group))?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        None => Ok(()),
    }
}
