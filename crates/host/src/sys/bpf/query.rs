//! Asks how many programs stand at an interface (bpf(2), BPF_PROG_QUERY).

use rustix::io::Errno;

/// BPF_PROG_QUERY of enum bpf_cmd, and BPF_TCX_INGRESS of enum bpf_attach_type (include/uapi/linux/bpf.h).
const PROG_QUERY: libc::c_int = 16;
const TCX_INGRESS: u32 = 46;

#[repr(C)]
#[derive(Default)]
struct ProgQuery {
    target_ifindex: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    /// The kernel writes the number here, and others beside it.
    count: u32,
    padding: u32,
    prog_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// How many programs of tcx see what comes in by the interface with this index (Linux 6.6).
///
/// # Errors
///
/// What the kernel answers: EPERM without CAP_NET_ADMIN, EINVAL where it has no tcx.
pub fn ingress_programs(interface: u32) -> Result<u32, Errno> {
    let mut query = ProgQuery { target_ifindex: interface, attach_type: TCX_INGRESS, ..ProgQuery::default() };
    // SAFETY: the kernel reads and writes at most `size_of::<ProgQuery>()` bytes of plain data, which are there and are
    // nobody else's meanwhile; no address among them leads anywhere.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, &raw mut query, size_of::<ProgQuery>()) };
    match answer {
        0 => Ok(query.count),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
    }
}
