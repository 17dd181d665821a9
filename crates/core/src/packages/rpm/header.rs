//! The header of a package: an index of tags, and the store that their values lie in (rpm, docs/manual/format_header.md).

use super::BrokenHeader;

/// One tag: which it is, of which type its values are, where they begin in the store and how many there are.
const ENTRY_BYTES: usize = 16;
/// More of either rpm refuses too (lib/header_internal.h, `hdrchkTags`, `hdrchkData`).
const ENTRIES_MAX: usize = 0xffff;
const STORE_BYTES_MAX: usize = (256 << 20) - 1;

/// So many values one tag has at most: the files of the largest packages are a tenth of it.
const VALUES_MAX: usize = 1 << 20;

/// Types of values (lib/rpmtag.h, `rpmTagType_e`).
const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;

/// A header whose two parts are there.
pub(super) struct Header<'b> {
    index: &'b [[u8; ENTRY_BYTES]],
    store: &'b [u8],
}

/// The values of a tag.
struct Values<'b> {
    kind: u32,
    count: usize,
    /// From where they begin to the end of the store.
    bytes: &'b [u8],
}

impl<'b> Header<'b> {
    /// Takes the two parts apart.
    pub(super) fn read(blob: &'b [u8]) -> Result<Self, BrokenHeader> {
        let parts = || {
            let (entries, rest) = blob.split_first_chunk()?;
            let (bytes, rest) = rest.split_first_chunk()?;
            let (entries, bytes) = (number(*entries)?, number(*bytes)?);
            if entries > ENTRIES_MAX || bytes > STORE_BYTES_MAX {
                return None;
            }
            let (index, store) = rest.split_at_checked(entries * ENTRY_BYTES)?;
            let (index, _) = index.as_chunks();
            (store.len() == bytes).then_some(Self { index, store })
        };
        parts().ok_or(BrokenHeader::Size)
    }

    /// A value of type string, without the byte that ends it.
    pub(super) fn string(&self, tag: u32) -> Result<Option<&'b [u8]>, BrokenHeader> {
        let Some(values) = self.values(tag)? else { return Ok(None) };
        let found = if values.kind == STRING { values.strings(1).next().flatten() } else { None };
        found.map(Some).ok_or(BrokenHeader::Value(tag))
    }

    /// An array of strings, in which `None` stands where the store ends before the array does.
    pub(super) fn strings(
        &self,
        tag: u32,
    ) -> Result<Option<impl ExactSizeIterator<Item = Option<&'b [u8]>>>, BrokenHeader> {
        let Some(values) = self.values(tag)? else { return Ok(None) };
        let is_array = values.kind == STRING_ARRAY;
        is_array.then(|| Some(values.strings(values.count))).ok_or(BrokenHeader::Value(tag))
    }

    /// Numbers of 32 bits.
    pub(super) fn numbers(
        &self,
        tag: u32,
    ) -> Result<Option<impl ExactSizeIterator<Item = u32>>, BrokenHeader> {
        let Some(values) = self.values(tag)? else { return Ok(None) };
        let bytes = values.bytes.get(..values.count * 4).filter(|_| values.kind == INT32);
        let (numbers, _) = bytes.ok_or(BrokenHeader::Value(tag))?.as_chunks();
        Ok(Some(numbers.iter().map(|bytes| u32::from_be_bytes(*bytes))))
    }

    /// Numbers of a byte each.
    pub(super) fn bytes(&self, tag: u32) -> Result<Option<&'b [u8]>, BrokenHeader> {
        let Some(values) = self.values(tag)? else { return Ok(None) };
        let is_bytes = matches!(values.kind, CHAR | INT8);
        values.bytes.get(..values.count).filter(|_| is_bytes).map(Some).ok_or(BrokenHeader::Value(tag))
    }

    fn values(&self, tag: u32) -> Result<Option<Values<'b>>, BrokenHeader> {
        let entries = self.index.iter().map(|entry| {
            let (numbers, _) = entry.as_chunks();
            [0, 1, 2, 3].map(|at| numbers.get(at).copied().map_or(0, u32::from_be_bytes))
        });
        let Some([_, kind, offset, count]) = entries.into_iter().find(|[found, ..]| *found == tag) else {
            return Ok(None);
        };
        let read = || {
            let (offset, count) = (usize::try_from(offset).ok()?, usize::try_from(count).ok()?);
            let bytes = self.store.get(offset..)?;
            (count <= VALUES_MAX).then_some(Values { kind, count, bytes })
        };
        read().map(Some).ok_or(BrokenHeader::Value(tag))
    }
}

impl<'b> Values<'b> {
    /// The first `count` strings, each ended by a byte of zero.
    fn strings(&self, count: usize) -> impl ExactSizeIterator<Item = Option<&'b [u8]>> + use<'b> {
        let mut rest = Some(self.bytes);
        (0..count).map(move |_| {
            let bytes = rest?;
            let end = bytes.iter().position(|&byte| byte == 0);
            rest = end.and_then(|end| bytes.get(end.checked_add(1)?..));
            bytes.get(..end?)
        })
    }
}

fn number(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}
