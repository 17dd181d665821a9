//! The few calls of bpf(2) that load a program and read what it lists.

#![expect(unsafe_code, reason = "neither the standard library nor rustix has bpf(2)")]

mod hooks;
mod info;
mod maps;
mod query;
mod types;

pub use hooks::{attach, detach, leave, load_for};
pub use info::{program, program_name};
pub(crate) use maps::Pair;
pub use maps::{OpenMap, RING_BUFFER};
pub use query::{bind_programs, creation_programs, ingress_programs, lookup_programs};

use std::{
    ffi::CStr,
    mem::size_of,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::io::Errno;

/// BPF_PROG_LOAD, BPF_OBJ_PIN, BPF_OBJ_GET, BPF_LINK_CREATE and BPF_ITER_CREATE of enum bpf_cmd (include/uapi/linux/bpf.h).
const PROG_LOAD: libc::c_int = 5;
const OBJ_PIN: libc::c_int = 6;
const OBJ_GET: libc::c_int = 7;
const LINK_CREATE: libc::c_int = 28;
const ITER_CREATE: libc::c_int = 33;

/// BPF_PROG_TYPE_TRACING.
const TRACING: u32 = 26;
/// BPF_TRACE_ITER.
const TRACE_ITER: u32 = 28;

/// What the verifier may say at most; the end of it names the fault.
const LOG_BYTES: usize = 256 * 1024;
/// The verifier's least: what it did, without each instruction (kernel/bpf/verifier.c, BPF_LOG_LEVEL1).
const LOG_LEVEL: u32 = 1;

/// The beginning of union bpf_attr for BPF_PROG_LOAD; the kernel takes what is left out for zero.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

#[repr(C)]
struct LinkCreate {
    prog_fd: RawFd,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
struct ObjPin {
    pathname: u64,
    bpf_fd: RawFd,
    file_flags: u32,
}

#[repr(C)]
struct IterCreate {
    link_fd: RawFd,
    flags: u32,
}

/// Loads a program that an iterator of the kernel runs for each thing it lists (`attach_btf_id`: the type of the
/// function `bpf_iter_…` in the kernel's BTF).
///
/// The code is of whole instructions, 8 bytes each.
///
/// # Errors
///
/// EPERM without CAP_BPF and CAP_PERFMON or under lockdown, EINVAL and EACCES where the verifier refuses it.
pub fn load_iterator(code: &[u8], name: &str, attach_btf_id: u32) -> Result<OwnedFd, Errno> {
    load(code, name, Place { attach_btf_id, ..ITERATOR }, &mut [])
}

/// What the verifier says of a program that it refuses: the last lines of its log.
#[must_use]
pub fn why_refused(code: &[u8], name: &str, attach_btf_id: u32) -> String {
    let mut log = vec![0; LOG_BYTES];
    let _ = load(code, name, Place { attach_btf_id, ..ITERATOR }, &mut log);
    let said = log.split(|&byte| byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(said).into_owned()
}

/// What a program is loaded for.
#[derive(Clone, Copy)]
struct Place {
    prog_type: u32,
    expected_attach_type: u32,
    attach_btf_id: u32,
}

const ITERATOR: Place = Place { prog_type: TRACING, expected_attach_type: TRACE_ITER, attach_btf_id: 0 };

fn load(code: &[u8], name: &str, place: Place, log: &mut [u8]) -> Result<OwnedFd, Errno> {
    let Place { prog_type, expected_attach_type, attach_btf_id } = place;
    let has_log = !log.is_empty();
    let attributes = ProgLoad {
        prog_type,
        insn_cnt: u32::try_from(code.len() / 8).map_err(|_| Errno::TOOBIG)?,
        insns: code.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        log_level: if has_log { LOG_LEVEL } else { 0 },
        log_size: u32::try_from(log.len()).map_err(|_| Errno::TOOBIG)?,
        log_buf: if has_log { log.as_mut_ptr() as u64 } else { 0 },
        prog_name: short(name),
        expected_attach_type,
        attach_btf_id,
        ..ProgLoad::default()
    };
    bpf(PROG_LOAD, &attributes)
}

/// Ties a program to its iterator; it is gone when the last descriptor of it is.
///
/// # Errors
///
/// What the kernel answers.
pub fn link_iterator(program: impl AsFd) -> Result<OwnedFd, Errno> {
    let prog_fd = program.as_fd().as_raw_fd();
    bpf(LINK_CREATE, &LinkCreate { prog_fd, target_fd: 0, attach_type: TRACE_ITER, flags: 0 })
}

/// Begins to go through the list, in the namespaces of the calling thread; reading it runs the program.
///
/// # Errors
///
/// What the kernel answers.
pub fn begin(link: impl AsFd) -> Result<OwnedFd, Errno> {
    bpf(ITER_CREATE, &IterCreate { link_fd: link.as_fd().as_raw_fd(), flags: 0 })
}

/// Gives a map, or a program's tie to what runs it, a name in a bpffs, by which it stays when no descriptor of it is left.
///
/// # Errors
///
/// EEXIST where the name is taken, EPERM outside of a bpffs or for a name with a dot.
pub fn pin(link: impl AsFd, path: &CStr) -> Result<(), Errno> {
    let attributes =
        ObjPin { pathname: path.as_ptr() as u64, bpf_fd: link.as_fd().as_raw_fd(), file_flags: 0 };
    call(OBJ_PIN, &attributes).map(drop)
}

/// Opens what has this name in a bpffs, and is no iterator.
///
/// # Errors
///
/// ENOENT where nothing has, EPERM without CAP_BPF, and what the kernel answers.
pub fn open_pinned(path: &CStr) -> Result<OwnedFd, Errno> {
    bpf(OBJ_GET, &ObjPin { pathname: path.as_ptr() as u64, bpf_fd: 0, file_flags: 0 })
}

/// A name as the kernel keeps it (BPF_OBJ_NAME_LEN), with a zero behind.
fn short(name: &str) -> [u8; 16] {
    let mut short = [0; 16];
    name.bytes().take(15).zip(&mut short).for_each(|(from, to)| *to = from);
    short
}

/// A call that answers with a new descriptor.
fn bpf<T>(command: libc::c_int, attributes: &T) -> Result<OwnedFd, Errno> {
    let fd = call(command, attributes)?;
    // SAFETY: the commands for which this is called answer with a descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A call that answers with a number that is not negative.
fn call<T>(command: libc::c_int, attributes: &T) -> Result<RawFd, Errno> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of plain data, which are there; every address among them is of
    // memory that the caller of this function borrows until it returns, with its length beside it or known to both.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    match RawFd::try_from(answer) {
        Ok(number @ 0..) => Ok(number),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
    }
}
