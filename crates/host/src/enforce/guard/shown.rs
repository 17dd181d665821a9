//! Lets others than root see what the guard wrote down: iterators (kernel/bpf/bpf_iter.c) in a bpffs that everybody may enter.
//! /sys/fs/bpf itself is closed to users on many hosts.

use std::{
    ffi::CString,
    fs::{self, DirBuilder},
    io::{self, ErrorKind},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown},
    },
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags, chmod},
    mount::{MountFlags, UnmountFlags, mount, unmount},
};

use super::{
    TOLD, TOLD_OPENINGS,
    tried::{RECORD_BYTES, Tried},
};
use crate::{
    bpf::listing,
    group::Groups,
    pins::{Folder, RUN},
    sys::bpf,
};

/// Where it is mounted.
pub(crate) const PLACE: &str = "/run/portreeve/guard";
const UNFINISHED: &str = "/run/portreeve/guard/new";
const FOLDER_MODE: u32 = 0o755;
/// Some three million descriptors of sockets, which takes seconds.
const BYTES_MAX: usize = 256 << 20;
/// Whoever is in it may know who opened a port.
const GROUP: &str = "portreeve";

/// A program that lists something, in a file.
pub(super) struct Shown {
    program: &'static str,
    /// Raised with the layout of what it tells.
    file: &'static str,
    readers: Readers,
}

/// Who may read a file.
enum Readers {
    /// The program tells each his own.
    Everybody,
    /// root and the group.
    Group,
}

/// Who was refused.
const REFUSED: Shown =
    Shown { program: TOLD, file: "/run/portreeve/guard/refused-2", readers: Readers::Everybody };
/// Who asked for the number of each socket.
pub(super) const OPENINGS: Shown =
    Shown { program: TOLD_OPENINGS, file: "/run/portreeve/guard/openings-1", readers: Readers::Group };
const EACH: [&Shown; 2] = [&REFUSED, &OPENINGS];

/// Shows what each program lists, whose tie `tie` gives, in the place of what was shown before.
///
/// # Errors
///
/// Where nothing can be mounted, or somebody else's things stand there.
pub(super) fn put(tie: impl Fn(&'static str) -> Option<OwnedFd>) -> io::Result<()> {
    if !is_mounted() {
        make_place()?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        mount("portreeve", PLACE, "bpf", flags, c"mode=0755")?;
    }
    EACH.iter().try_for_each(|shown| tie(shown.program).map_or(Ok(()), |tie| shown.put(tie)))
}

impl Shown {
    fn put(&self, listing: impl AsFd) -> io::Result<()> {
        remove(UNFINISHED)?;
        let unfinished = CString::new(UNFINISHED).expect("it holds no NUL");
        bpf::pin(listing, &unfinished)?;
        let mode = match self.readers {
            Readers::Everybody => 0o444,
            Readers::Group => 0o440,
        };
        chown(UNFINISHED, Some(0), Some(self.group()))?;
        chmod(UNFINISHED, Mode::from_raw_mode(mode))?;
        fs::rename(UNFINISHED, self.file)
    }

    /// Whether it is shown to whom it should: a group may have been made since.
    fn is_right(&self) -> bool {
        fs::metadata(self.file).is_ok_and(|about| about.gid() == self.group())
    }

    fn group(&self) -> u32 {
        match self.readers {
            Readers::Everybody => 0,
            Readers::Group => Groups::read().ok().and_then(|groups| groups.number(GROUP)).unwrap_or(0),
        }
    }
}

/// Takes away what [`put`] made; nothing there is no error.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn take_away() -> io::Result<()> {
    if is_mounted() {
        EACH.iter().map(|shown| shown.file).chain([UNFINISHED]).try_for_each(remove)?;
        unmount(PLACE, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?;
    }
    match fs::remove_dir(PLACE) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether all of it is shown to whom it should be.
pub(super) fn is_right() -> bool {
    is_mounted() && EACH.iter().all(|shown| shown.is_right())
}

/// What the reader may know of who was refused; `None` where nothing is shown, or not all.
///
/// # Errors
///
/// It cannot be read, or is none that root made.
pub(super) fn tried() -> io::Result<Option<Vec<Tried>>> {
    let mut records = Vec::new();
    let is_shown = read_each(&REFUSED, RECORD_BYTES, |record| records.extend_from_slice(record))?;
    Ok(if is_shown { Tried::each(&records) } else { None })
}

/// What a program begins to list; `None` where it is not shown.
///
/// # Errors
///
/// It cannot be opened, or is none that root made.
pub(super) fn begin(shown: &Shown) -> io::Result<Option<OwnedFd>> {
    if !is_mounted() || !Path::new(shown.file).exists() {
        return Ok(None);
    }
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    Ok(Some(fs::OpenOptions::new().read(true).custom_flags(no_follow).open(shown.file)?.into()))
}

/// Takes each record that a program lists, of so many bytes; whether it is shown at all.
///
/// # Errors
///
/// It cannot be read, is none that root made, or is longer than anybody would wait for.
pub(super) fn read_each(shown: &Shown, record_bytes: usize, take: impl FnMut(&[u8])) -> io::Result<bool> {
    let Some(begun) = begin(shown)? else { return Ok(false) };
    listing::read_each(begun, record_bytes, BYTES_MAX, take)?;
    Ok(true)
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
