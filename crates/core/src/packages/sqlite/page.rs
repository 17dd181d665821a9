//! A page of the tree that a table of SQLite is: branches, or rows (<https://www.sqlite.org/fileformat.html#b_tree_pages>).

use super::{HEAD_BYTES, record::varint};

/// What the first byte of a page says: that it has rows, or branches.
const LEAF: u8 = 13;
const INNER: u8 = 5;
/// Where the cells of either are listed, from where the page begins.
const LEAF_CELLS_AT: usize = 8;
const INNER_CELLS_AT: usize = 12;
const COUNT_AT: usize = 3;
const RIGHTMOST_AT: usize = 8;

/// A page whose list of cells is there.
pub(super) struct Page<'p> {
    /// What of it is used.
    bytes: &'p [u8],
    /// Where each cell begins.
    cells: &'p [[u8; 2]],
    /// The last branch; of a leaf none.
    rightmost: Option<u32>,
}

/// A row, as far as it stands on the page.
pub(super) struct Row<'p> {
    /// Its own number.
    pub(super) number: i64,
    /// How long it is in all.
    pub(super) bytes: usize,
    /// Its beginning.
    pub(super) local: &'p [u8],
    /// On which page it goes on, where that is not all of it.
    pub(super) overflow: Option<u32>,
}

impl<'p> Page<'p> {
    /// Reads a page, of which the first one has the head of the file before its own.
    pub(super) fn read(bytes: &'p [u8], is_first: bool, usable_bytes: usize) -> Option<Self> {
        let bytes = bytes.get(..usable_bytes)?;
        let head = bytes.get(if is_first { HEAD_BYTES } else { 0 }..)?;
        let (cells_at, rightmost) = match *head.first()? {
            LEAF => (LEAF_CELLS_AT, None),
            INNER => (INNER_CELLS_AT, Some(u32::from_be_bytes(*head.get(RIGHTMOST_AT..)?.first_chunk()?))),
            _ => return None,
        };
        let count = usize::from(u16::from_be_bytes(*head.get(COUNT_AT..)?.first_chunk()?));
        let (cells, _) = head.get(cells_at..)?.get(..count.checked_mul(2)?)?.as_chunks();
        Some(Self { bytes, cells, rightmost })
    }

    /// The page behind all branches that are told with a number; `None` of a leaf.
    pub(super) const fn rightmost(&self) -> Option<u32> {
        self.rightmost
    }

    /// The branches of an inner page, each with the last number that may be in it; `None` in place of a broken one.
    pub(super) fn branches(&self) -> impl Iterator<Item = Option<(u32, i64)>> {
        self.cells().map(|cell| {
            let (page, rest) = cell?.split_first_chunk()?;
            let (last, _) = varint(rest)?;
            Some((u32::from_be_bytes(*page), last))
        })
    }

    /// The rows of a leaf; `None` in place of a broken one.
    pub(super) fn rows(&self) -> impl Iterator<Item = Option<Row<'p>>> {
        self.cells().map(|cell| {
            let (bytes, rest) = varint(cell?)?;
            let (number, rest) = varint(rest)?;
            let bytes = usize::try_from(bytes).ok()?;
            let (local, rest) = rest.split_at_checked(local_bytes(bytes, self.bytes.len())?)?;
            let next = rest.first_chunk().map(|next| u32::from_be_bytes(*next));
            let overflow = if local.len() < bytes { Some(next?) } else { None };
            Some(Row { number, bytes, local, overflow })
        })
    }

    fn cells(&self) -> impl Iterator<Item = Option<&'p [u8]>> {
        let bytes = self.bytes;
        self.cells.iter().map(move |at| bytes.get(usize::from(u16::from_be_bytes(*at))..))
    }
}

/// How much of a row of so many bytes stands on a page of which so many are used: X, M and K of the description.
fn local_bytes(bytes: usize, usable: usize) -> Option<usize> {
    let most = usable.checked_sub(35)?;
    if bytes <= most {
        return Some(bytes);
    }
    let least = (usable.checked_sub(12)? * 32 / 255).checked_sub(23)?;
    let fitting = least + (bytes - least) % usable.checked_sub(4)?;
    Some(if fitting <= most { fitting } else { least })
}
