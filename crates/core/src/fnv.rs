//! A hash for indices whose hits are compared in full: quick, and no shield against anybody.

/// FNV-1a in 32 bits (draft-eastlake-fnv, §2).
pub(crate) fn fnv(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
