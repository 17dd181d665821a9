//! Lets users see who of their own was refused: an iterator that tells each reader his own, and root all (kernel/bpf/map_iter.c),
//! in a bpffs that everybody may enter. /sys/fs/bpf itself is closed to users on many hosts.

use std::{
    ffi::CString,
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

use rustix::{
    buffer::spare_capacity,
    fs::{Mode, OFlags, chmod},
    io::{Errno, read, retry_on_intr},
    mount::{MountFlags, UnmountFlags, mount, unmount},
};

use super::tried::{RECORD_BYTES, Tried};
use crate::{
    pins::{Folder, RUN},
    sys::bpf,
};

/// Where it is mounted.
pub(crate) const PLACE: &str = "/run/portreeve/guard";
/// The iterator: raised with the layout of what it tells.
const FILE: &str = "/run/portreeve/guard/refused-2";
const UNFINISHED: &str = "/run/portreeve/guard/new-refused";
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o444;
/// More than the kernel gives for one read (kernel/bpf/bpf_iter.c).
const BUFFER_BYTES: usize = 64 << 10;
/// As many as the programs write down, and room for those that change meanwhile.
const RECORDS_MAX: usize = 1 << 14;

/// Shows what `listing` lists, in the place of what was shown before.
///
/// # Errors
///
/// Where nothing can be mounted, or somebody else's things stand there.
pub(super) fn put(listing: impl AsFd) -> io::Result<()> {
    if !is_mounted() {
        make_place()?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("portreeve", PLACE, "bpf", flags, c"mode=0755")?;
    }
    remove(UNFINISHED)?;
    let unfinished = CString::new(UNFINISHED).expect("it holds no NUL");
    bpf::pin(listing, &unfinished)?;
    chmod(UNFINISHED, Mode::from_raw_mode(FILE_MODE))?;
    fs::rename(UNFINISHED, FILE)
}

/// Takes away what [`put`] made; nothing there is no error.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn take_away() -> io::Result<()> {
    if is_mounted() {
        remove(FILE)?;
        remove(UNFINISHED)?;
        unmount(PLACE, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?;
    }
    match fs::remove_dir(PLACE) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether it is shown.
pub(super) fn is_there() -> bool {
    is_mounted() && Path::new(FILE).exists()
}

/// What the reader may know; `None` where nothing is shown.
///
/// # Errors
///
/// It cannot be read, or is none that root made.
pub(super) fn tried() -> io::Result<Option<Vec<Tried>>> {
    if !is_there() {
        return Ok(None);
    }
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    let listing: OwnedFd = fs::OpenOptions::new().read(true).custom_flags(no_follow).open(FILE)?.into();
    let mut bytes = Vec::new();
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    while bytes.len() < RECORDS_MAX * RECORD_BYTES {
        buffer.clear();
        match retry_on_intr(|| read(&listing, spare_capacity(&mut buffer))) {
            Ok(0) => break,
            Ok(_) => bytes.extend_from_slice(&buffer),
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Some(bytes.chunks_exact(RECORD_BYTES).filter_map(Tried::of_record).collect()))
}

/// Whether a bpffs of root's stands there.
fn is_mounted() -> bool {
    Folder::at(Path::new(PLACE)).is_ok()
}

fn make_place() -> io::Result<()> {
    for folder in [RUN, PLACE] {
        match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    // Over somebody else's things nothing is mounted.
    if fs::read_dir(PLACE)?.next().is_some() { Err(ErrorKind::DirectoryNotEmpty.into()) } else { Ok(()) }
}

fn remove(file: &str) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
