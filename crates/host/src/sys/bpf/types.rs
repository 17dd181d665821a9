//! Describes the values of a map to the kernel, where it wants to know their type (Documentation/bpf/btf.rst).

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::bpf;

/// BPF_BTF_LOAD of enum bpf_cmd (include/uapi/linux/bpf.h).
const BTF_LOAD: libc::c_int = 18;
/// The first bytes of a description, and its version.
const MAGIC: u16 = 0xeb9f;
const VERSION: u16 = 1;
const HEAD_BYTES: u32 = 24;
/// BTF_KIND_INT and BTF_KIND_ARRAY, where the kind of a type stands (struct btf_type, include/uapi/linux/btf.h).
const INT: u32 = 1 << 24;
const ARRAY: u32 = 3 << 24;
/// A signed number of 32 bits.
const SIGNED_32: u32 = 1 << 24 | 32;
/// An empty name, and the one of that number.
const NAMES: &[u8] = b"\0int\0";
const INT_NAME: u32 = 1;

/// The types of a description, by number: the key of a map, and its values.
pub(super) const KEY: u32 = 1;
pub(super) const VALUE: u32 = 2;

#[repr(C)]
struct BtfLoad {
    btf: u64,
    log: u64,
    bytes: u32,
    log_bytes: u32,
    log_level: u32,
    /// The kernel counts the last four bytes in.
    padding: u32,
}

/// Tells the kernel of a number of 32 bits ([`KEY`]), and of as many of them as make `bytes` ([`VALUE`]).
///
/// # Errors
///
/// EPERM without CAP_BPF, EINVAL where that is no whole count of them.
pub(super) fn describe(bytes: u32) -> Result<OwnedFd, Errno> {
    if !bytes.is_multiple_of(4) {
        return Err(Errno::INVAL);
    }
    let described = description(bytes / 4);
    let bytes = u32::try_from(described.len()).map_err(|_| Errno::TOOBIG)?;
    let btf = described.as_ptr() as u64;
    bpf(BTF_LOAD, &BtfLoad { btf, log: 0, bytes, log_bytes: 0, log_level: 0, padding: 0 })
}

fn description(count: u32) -> Vec<u8> {
    let int = [INT_NAME, INT, 4, SIGNED_32];
    let array = [0, ARRAY, 0, KEY, KEY, count];
    let types: Vec<u8> = int.into_iter().chain(array).flat_map(u32::to_ne_bytes).collect();
    let of = |part: &[u8]| u32::try_from(part.len()).unwrap_or(0);
    let head = [HEAD_BYTES, 0, of(&types), of(&types), of(NAMES)];
    let head = [MAGIC, VERSION]
        .into_iter()
        .flat_map(u16::to_ne_bytes)
        .chain(head.into_iter().flat_map(u32::to_ne_bytes));
    head.chain(types).chain(NAMES.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::btf::{Btf, kind};

    #[test]
    fn what_is_told_the_kernel_reads_back() {
        let bytes = description(14);
        let types = Btf::read(&bytes).expect("a description");
        let [key, values] = [KEY, VALUE].map(|id| types.get(id).expect("a type"));
        assert_eq!((key.kind, key.name, key.size_or_type), (kind::INT, "int", 4));
        assert_eq!(
            (values.kind, types.element_count(&values), types.size(VALUE)),
            (kind::ARRAY, Some(14), Some(56))
        );
    }
}
