//! Marks the sockets of units that ask for it, by which the guard knows an owner (A24; bpf/mark.bpf.c).
//!
//! A unit asks each time it starts: what systemd itself would attach (BPFProgram= of systemd.resource-control(5)) is gone after the
//! first stop of a unit (<https://github.com/systemd/systemd/issues/26845>). What is marked once stays so, whatever becomes of the
//! guard: its programs come and go, and ask the same map.

use std::{
    fs::File,
    io,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    path::Path,
};

use portreeve_core::{cgroup, guard::digest_of_mark, unit};

use super::{GuardError, Home};
use crate::{
    bpf::{
        fit::{fit, look_up},
        hang::{HangError, create},
        object::{Hook, Object, Occasion},
    },
    bpffs::{Folder, PinnedError},
    proc,
    sys::bpf::{self, OpenMap},
};

const MANIFEST: &str = include_str!("../../../bpf/mark.bpf.txt");
const CODE: &[u8] = include_bytes!("../../../bpf/mark.bpf.bin");
/// Raised whenever the map changes.
const FOLDER: Folder = Folder { what: "marks", layout: 1, netns: None };
/// The map and the program, as bpf/marks.h and bpf/mark.bpf.c call them.
pub(super) const MARKS: &str = "marks";
const MARK: &str = "mark";

/// Why nothing is marked.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// Whoever asks is in no service of the host's manager.
    #[error("it is not in a service of this host")]
    NoService,
    /// The kernel does not do it.
    #[error(transparent)]
    Guard(#[from] GuardError),
}

/// Marks with `name` whatever sockets are made from now on in the service that the calling process is of, in the place of any other
/// mark, for as long as its cgroup is there; the service.
///
/// # Errors
///
/// As of [`MarkError`].
pub fn mark_own(name: &str) -> Result<String, MarkError> {
    let path = proc::cgroup(std::process::id()).unwrap_or_default();
    let service =
        cgroup::read(&path).unit.filter(|name| unit::is_service(name)).ok_or(MarkError::NoService)?;
    // What it runs before and beside its main process lies in a cgroup of its own, where it delegates.
    let (above, _) = path.split_once(&format!("/{service}")).ok_or(MarkError::NoService)?;
    let folder = Home::of_host()?.folder.join(above.trim_start_matches('/')).join(&service);
    let program = program(&map()?, name).map_err(GuardError::from)?;
    put_at(&program, &folder)?;
    Ok(service)
}

/// The same in the cgroup at `folder` and in the map of one guard, for as long as the answer is kept.
///
/// # Errors
///
/// The kernel refuses.
pub(super) fn mark_at(map: &OpenMap, name: &str, folder: &Path) -> Result<OwnedFd, GuardError> {
    let (cgroup, program) = (opened(folder)?, program(map, name)?);
    Ok(bpf::attach(CREATED, &program, Some(cgroup.as_fd())).map_err(refused)?)
}

/// Whether any socket may be marked yet: of one that was marked before the map went nobody knows it any more.
#[must_use]
pub fn are_known() -> bool {
    FOLDER.exists().unwrap_or(false)
}

/// The map that keeps its name; one that gets it, where none has.
///
/// # Errors
///
/// There is no bpffs, the place is somebody else's, or the kernel refuses.
pub(super) fn map() -> Result<OpenMap, GuardError> {
    if FOLDER.exists()? {
        let object = object();
        let known = object.map(MARKS).expect("the program was written with it");
        let opened = FOLDER.open(MARKS).and_then(|map| Ok(OpenMap::from_fd(map, known)?));
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return Ok(opened.map_err(PinnedError::step("open the marks"))?),
        }
    }
    let map = create(&object(), MARKS, None)?;
    FOLDER.put([(MARKS, map.as_fd())])?;
    Ok(map)
}

/// Takes it out of the kernel; sockets that are marked are so no more for a guard that comes later.
///
/// # Errors
///
/// Another portreeve or somebody else put something there, or the kernel refuses.
pub(super) fn take_away() -> Result<bool, PinnedError> {
    FOLDER.take_away()
}

const CREATED: Hook<'_> = Hook::Cgroup(Occasion::Created);

/// Has the processes of a cgroup run `program` for as long as that is there, in the place of one that marks otherwise.
fn put_at(program: &OwnedFd, folder: &Path) -> Result<(), GuardError> {
    let cgroup = opened(folder)?;
    let before = bpf::creation_programs(cgroup.as_fd()).map_err(refused)?;
    let is_ours = |id: &u32| bpf::program_name(*id).is_ok_and(|name| name == MARK);
    let before = before.into_iter().find(is_ours).map(bpf::program).transpose().map_err(refused)?;
    Ok(bpf::leave(Occasion::Created, program, cgroup.as_fd(), before.as_ref()).map_err(refused)?)
}

fn opened(folder: &Path) -> Result<File, GuardError> {
    File::open(folder).map_err(|source| GuardError::NoCgroup { path: folder.into(), source })
}

fn program(map: &OpenMap, name: &str) -> Result<OwnedFd, HangError> {
    let digest = digest_of_mark(name);
    let number = |what: &str| match what {
        "MARK_HIGH" => u32::try_from(digest >> 32).unwrap_or(0),
        "MARK_LOW" => u32::try_from(digest & u64::from(u32::MAX)).unwrap_or(0),
        _ => map.as_fd().as_raw_fd().cast_unsigned(),
    };
    let object = object();
    let program = object.program(MARK).expect("it was written with its code");
    // It reads nothing of the kernel's own.
    let code = fit(program, &look_up(program, &[]), number);
    bpf::load_for(program.hook, &code, program.name, 0).map_err(refused)
}

fn refused(error: rustix::io::Errno) -> HangError {
    HangError::Refused(MARK.into(), error)
}

fn object() -> Object<'static> {
    Object::read(MANIFEST, CODE).expect("the manifest was written with its code")
}
