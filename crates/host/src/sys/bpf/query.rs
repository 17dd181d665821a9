//! Asks which programs stand at an interface, a network namespace or a cgroup (bpf(2), BPF_PROG_QUERY).

use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

/// BPF_PROG_QUERY of enum bpf_cmd, and BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET4_BIND, BPF_SK_LOOKUP and BPF_TCX_INGRESS of enum bpf_attach_type
/// (include/uapi/linux/bpf.h).
const PROG_QUERY: libc::c_int = 16;
const INET_SOCK_CREATE: u32 = 2;
const INET4_BIND: u32 = 8;
const SK_LOOKUP: u32 = 36;
const TCX_INGRESS: u32 = 46;
/// As many as the kernel lets one network namespace or cgroup have (kernel/bpf/net_namespace.c, `netns_bpf_max_progs`;
/// include/linux/bpf-cgroup-defs.h, BPF_CGROUP_MAX_PROGS).
const PROGRAMS_MAX: usize = 64;

#[repr(C)]
#[derive(Default)]
struct ProgQuery {
    /// An interface's index, or a descriptor.
    target: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    /// For how many numbers there is room; the kernel writes how many there are here, and others beside it.
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
    let mut query = ProgQuery { target: interface, attach_type: TCX_INGRESS, ..ProgQuery::default() };
    ask(&mut query, &mut [])?;
    Ok(query.count)
}

/// How many programs are asked at this very cgroup when somebody in it binds an address of IPv4.
///
/// # Errors
///
/// What the kernel answers: EPERM without CAP_NET_ADMIN.
pub fn bind_programs(cgroup: BorrowedFd<'_>) -> Result<u32, Errno> {
    let target = cgroup.as_raw_fd().cast_unsigned();
    let mut query = ProgQuery { target, attach_type: INET4_BIND, ..ProgQuery::default() };
    ask(&mut query, &mut [])?;
    Ok(query.count)
}

/// The numbers of the programs that choose sockets for the packets of a network namespace.
///
/// # Errors
///
/// What the kernel answers: EPERM without CAP_NET_ADMIN.
pub fn lookup_programs(namespace: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let target = namespace.as_raw_fd().cast_unsigned();
    numbers(ProgQuery { target, attach_type: SK_LOOKUP, ..ProgQuery::default() })
}

/// The same of those that are asked at this very cgroup when somebody in it makes a socket.
///
/// # Errors
///
/// What the kernel answers: EPERM without CAP_NET_ADMIN.
pub fn creation_programs(cgroup: BorrowedFd<'_>) -> Result<Vec<u32>, Errno> {
    let target = cgroup.as_raw_fd().cast_unsigned();
    numbers(ProgQuery { target, attach_type: INET_SOCK_CREATE, ..ProgQuery::default() })
}

fn numbers(mut query: ProgQuery) -> Result<Vec<u32>, Errno> {
    let mut ids = vec![0; PROGRAMS_MAX];
    ask(&mut query, &mut ids)?;
    ids.truncate(query.count as usize);
    Ok(ids)
}

/// Asks, and has the numbers of the programs written to `ids`.
fn ask(query: &mut ProgQuery, ids: &mut [u32]) -> Result<(), Errno> {
    query.prog_ids = if ids.is_empty() { 0 } else { ids.as_mut_ptr() as u64 };
    query.count = u32::try_from(ids.len()).map_err(|_| Errno::TOOBIG)?;
    // SAFETY: the kernel reads and writes at most `size_of::<ProgQuery>()` bytes of plain data, and at most `count` numbers at the one
    // address among them; all of that is there and nobody else's meanwhile.
    let answer = unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, query, size_of::<ProgQuery>()) };
    match answer {
        0 => Ok(()),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)),
    }
}
