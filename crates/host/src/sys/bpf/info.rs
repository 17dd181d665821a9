//! What the kernel tells of a program that somebody loaded (bpf(2), BPF_OBJ_GET_INFO_BY_FD).

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::{bpf, call};

/// BPF_PROG_GET_FD_BY_ID and BPF_OBJ_GET_INFO_BY_FD of enum bpf_cmd (include/uapi/linux/bpf.h).
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const OBJ_GET_INFO_BY_FD: libc::c_int = 15;

#[repr(C)]
struct ById {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

#[repr(C)]
struct InfoByFd {
    fd: RawFd,
    bytes: u32,
    info: u64,
}

/// The beginning of struct bpf_prog_info, which the kernel fills as far as it is asked to; what it reads of it are the sizes of
/// lists, of which none is wanted.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    /// Kind, number, tag and sizes.
    sizes: [u32; 6],
    /// Where its code would go, and when it was loaded.
    places: [u64; 3],
    /// Whose it is, and how many maps it has.
    owner: [u32; 2],
    maps: u64,
    name: [u8; 16],
}

/// The program of this number.
///
/// # Errors
///
/// As of [`program_name`].
pub fn program(id: u32) -> Result<OwnedFd, Errno> {
    bpf(PROG_GET_FD_BY_ID, &ById { id, next_id: 0, open_flags: 0 })
}

/// What whoever loaded the program of this number called it; at most 15 letters.
///
/// # Errors
///
/// EPERM without CAP_SYS_ADMIN, ENOENT where it is gone.
pub fn program_name(id: u32) -> Result<String, Errno> {
    let program = program(id)?;
    let mut info = ProgramInfo::default();
    let bytes = u32::try_from(size_of_val(&info)).map_err(|_| Errno::TOOBIG)?;
    call(OBJ_GET_INFO_BY_FD, &InfoByFd { fd: program.as_raw_fd(), bytes, info: &raw mut info as u64 })?;
    let name = info.name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}
