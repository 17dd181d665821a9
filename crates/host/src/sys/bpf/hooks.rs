//! Loads programs that are no iterators, and ties them to what runs them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::{ITERATOR, LINK_CREATE, LinkCreate, Place, TRACING, bpf, call, load};
use crate::bpf::object::{Hook, Occasion};

/// BPF_PROG_ATTACH, BPF_RAW_TRACEPOINT_OPEN and BPF_LINK_DETACH of enum bpf_cmd (include/uapi/linux/bpf.h).
const PROG_ATTACH: libc::c_int = 8;
const RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const LINK_DETACH: libc::c_int = 34;
/// BPF_PROG_TYPE_CGROUP_SOCK and BPF_PROG_TYPE_CGROUP_SOCK_ADDR.
const CGROUP_SOCK: u32 = 9;
const CGROUP_SOCK_ADDR: u32 = 18;
/// BPF_PROG_TYPE_SK_LOOKUP.
const SK_LOOKUP: u32 = 30;
/// BPF_TRACE_RAW_TP, BPF_CGROUP_INET_SOCK_CREATE, BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND, BPF_CGROUP_INET4_POST_BIND,
/// BPF_CGROUP_INET6_POST_BIND and BPF_CGROUP_INET_SOCK_RELEASE of enum bpf_attach_type.
const TRACE_RAW_TP: u32 = 23;
const INET_SOCK_CREATE: u32 = 2;
const INET4_BIND: u32 = 8;
const INET6_BIND: u32 = 9;
const INET4_POST_BIND: u32 = 12;
const INET6_POST_BIND: u32 = 13;
const INET_SOCK_RELEASE: u32 = 34;
/// BPF_SK_LOOKUP.
const SK_LOOKUP_ATTACH: u32 = 36;

/// BPF_F_ALLOW_MULTI and BPF_F_REPLACE of that file.
const BESIDE_OTHERS: u32 = 1 << 1;
const IN_PLACE: u32 = 1 << 2;

#[repr(C)]
struct ProgAttach {
    target_fd: RawFd,
    attach_bpf_fd: RawFd,
    attach_type: u32,
    attach_flags: u32,
    replace_bpf_fd: RawFd,
}

#[repr(C)]
struct RawTracepointOpen {
    name: u64,
    prog_fd: RawFd,
    /// The kernel counts the last four bytes in.
    padding: u32,
}

/// Loads a program for what runs it (`attach_btf_id`: its type in the kernel's BTF, 0 where it needs none).
///
/// The code is of whole instructions, 8 bytes each.
///
/// # Errors
///
/// As [`super::load_iterator`]; EINVAL too where the kernel has no such hook.
pub fn load_for(hook: Hook<'_>, code: &[u8], name: &str, attach_btf_id: u32) -> Result<OwnedFd, Errno> {
    let place = match hook {
        Hook::Iterator(_) => Place { attach_btf_id, ..ITERATOR },
        Hook::Tracepoint(_) => {
            Place { prog_type: TRACING, expected_attach_type: TRACE_RAW_TP, attach_btf_id }
        }
        Hook::Cgroup(occasion) => {
            let prog_type = match occasion {
                Occasion::Asked4 | Occasion::Asked6 => CGROUP_SOCK_ADDR,
                Occasion::Bound4 | Occasion::Bound6 | Occasion::Created | Occasion::Released => CGROUP_SOCK,
            };
            Place { prog_type, expected_attach_type: attach_type(occasion), attach_btf_id: 0 }
        }
        Hook::Lookup => {
            Place { prog_type: SK_LOOKUP, expected_attach_type: SK_LOOKUP_ATTACH, attach_btf_id: 0 }
        }
    };
    load(code, name, place, &mut [])
}

/// Ties a program to its hook until the answer is closed: its iterator or tracepoint, what the processes below the cgroup `at` do,
/// or the packets of the network namespace `at`.
///
/// # Errors
///
/// What the kernel answers: EPERM too where another program that suffers none beside it stands at that cgroup.
pub fn attach(hook: Hook<'_>, program: impl AsFd, at: Option<BorrowedFd<'_>>) -> Result<OwnedFd, Errno> {
    let prog_fd = program.as_fd().as_raw_fd();
    match hook {
        Hook::Iterator(_) => super::link_iterator(&program),
        Hook::Tracepoint(_) => bpf(RAW_TRACEPOINT_OPEN, &RawTracepointOpen { name: 0, prog_fd, padding: 0 }),
        Hook::Cgroup(occasion) => link_at(at, prog_fd, attach_type(occasion)),
        Hook::Lookup => link_at(at, prog_fd, SK_LOOKUP_ATTACH),
    }
}

/// Leaves a program with a cgroup for as long as that is there, in the place of `before` where that is given.
///
/// # Errors
///
/// What the kernel answers: E2BIG where too many are there.
pub fn leave(
    occasion: Occasion,
    program: impl AsFd,
    cgroup: BorrowedFd<'_>,
    before: Option<&OwnedFd>,
) -> Result<(), Errno> {
    let attributes = ProgAttach {
        target_fd: cgroup.as_raw_fd(),
        attach_bpf_fd: program.as_fd().as_raw_fd(),
        attach_type: attach_type(occasion),
        attach_flags: BESIDE_OTHERS | before.map_or(0, |_| IN_PLACE),
        replace_bpf_fd: before.map_or(0, AsRawFd::as_raw_fd),
    };
    call(PROG_ATTACH, &attributes).map(drop)
}

/// Cuts what ties a program to its hook at once: what has lost its last name the kernel cuts a moment later.
///
/// # Errors
///
/// EOPNOTSUPP of a hook that cannot be cut off, and what the kernel answers.
pub fn detach(tie: impl AsFd) -> Result<(), Errno> {
    // The kernel counts the second half in, which stands for nothing.
    call(LINK_DETACH, &[tie.as_fd().as_raw_fd(), 0]).map(drop)
}

fn link_at(at: Option<BorrowedFd<'_>>, prog_fd: RawFd, attach_type: u32) -> Result<OwnedFd, Errno> {
    let target_fd = at.ok_or(Errno::BADF)?.as_raw_fd().cast_unsigned();
    bpf(LINK_CREATE, &LinkCreate { prog_fd, target_fd, attach_type, flags: 0 })
}

const fn attach_type(occasion: Occasion) -> u32 {
    match occasion {
        Occasion::Asked4 => INET4_BIND,
        Occasion::Asked6 => INET6_BIND,
        Occasion::Bound4 => INET4_POST_BIND,
        Occasion::Bound6 => INET6_POST_BIND,
        Occasion::Created => INET_SOCK_CREATE,
        Occasion::Released => INET_SOCK_RELEASE,
    }
}
