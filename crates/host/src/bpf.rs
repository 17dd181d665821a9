//! Programs that run in the kernel, fitted to the one that is there (Documentation/bpf/, A12).

pub mod btf;
pub mod fit;
pub mod hang;
pub mod known;
pub(crate) mod listing;
pub mod object;
pub mod ring;

/// `N` bytes of what a program wrote, from `place` on, which is within it.
pub(crate) fn part<const N: usize>(bytes: &[u8], place: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[place..place + N]);
    part
}

/// A digest that tells one content from another: no shield against anybody (FNV-1a in 64 bits, draft-eastlake-fnv).
#[must_use]
pub fn digest(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
