//! Hashes for indices whose hits are compared in full, and for what changes by chance: quick, and no shield against anybody.

/// FNV-1a in 32 bits (draft-eastlake-fnv, §2).
#[must_use]
pub fn fnv(bytes: impl Iterator<Item = u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// FNV-1a in 64 bits, for digests that tell whether something is still as it was.
pub(crate) fn fnv64(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The draft's own examples.
    #[test]
    fn it_is_the_hash_that_everybody_means() {
        assert_eq!((fnv(b"".iter().copied()), fnv(b"foobar".iter().copied())), (0x811c_9dc5, 0xbf9c_f968));
        assert_eq!(fnv64(b"".iter().copied()), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv64(b"foobar".iter().copied()), 0x8594_4171_f739_67e8);
    }
}
