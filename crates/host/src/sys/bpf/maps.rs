//! Makes a map, and reads a number in one.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::{bpf, call, short};
use crate::bpf::object::Map;

/// BPF_MAP_CREATE and BPF_MAP_LOOKUP_ELEM of enum bpf_cmd (include/uapi/linux/bpf.h).
const MAP_CREATE: libc::c_int = 0;
const MAP_LOOKUP_ELEM: libc::c_int = 1;
/// BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_RINGBUF.
const ARRAY: u32 = 2;
/// The type of a ring buffer.
pub const RING_BUFFER: u32 = 27;

/// The beginning of union bpf_attr for BPF_MAP_CREATE.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

#[repr(C)]
struct LookUp {
    map_fd: RawFd,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Makes a map; it is gone when its last descriptor and the last program that uses it are.
///
/// # Errors
///
/// EPERM without CAP_BPF, ENOMEM and EINVAL.
pub fn create(map: &Map<'_>) -> Result<OwnedFd, Errno> {
    let attributes = MapCreate {
        map_type: map.kind,
        key_size: map.key_bytes,
        value_size: map.value_bytes,
        max_entries: map.entries,
        map_name: short(map.name),
        ..MapCreate::default()
    };
    bpf(MAP_CREATE, &attributes)
}

/// The first number of an array of 64-bit numbers, which `fd` and `map` are.
///
/// # Errors
///
/// What the kernel answers; EINVAL where it is no such array.
pub fn number(fd: impl AsFd, map: &Map<'_>) -> Result<u64, Errno> {
    // The kernel writes as much as a value of the map has, behind an address that is a mere number to the compiler.
    if (map.kind, map.key_bytes, map.value_bytes) != (ARRAY, 4, 8) {
        return Err(Errno::INVAL);
    }
    let (key, mut value) = (0_u32, 0_u64);
    let map_fd = fd.as_fd().as_raw_fd();
    let (key, place) = (&raw const key as u64, &raw mut value as u64);
    call(MAP_LOOKUP_ELEM, &LookUp { map_fd, padding: 0, key, value: place, flags: 0 })?;
    Ok(value)
}
