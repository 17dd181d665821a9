//! Where in a table of buckets a source is kept (A19).

/// The bucket of whoever has this hash, and what tells him from others in there, which is never 0: that is nobody's.
pub(super) fn place(hash: u64, buckets: usize) -> (usize, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "only some bits are wanted")]
    let (place, tag) = (hash as usize % buckets, (hash >> 32) as u32);
    (place, tag.max(1))
}
