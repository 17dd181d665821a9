//! Whether bytes that somebody else wrote are a table, down to the last one.

use alloc::{format, string::ToString};

use super::{
    layout::{
        BLOCK, DESCRIPTIONS_MAGIC, Descriptions, ENTRY_BYTES, NUMBERS_MAGIC, Numbers, RANGES_MAX,
        RECORDS_MAX, Strings, VERSION, digest,
    },
    table::{self, LIST_BYTES_MAX},
};
use crate::{port::PortRange, words::Text};

/// Why bytes are no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// They do not begin as a table does.
    #[error("this is no table of port numbers")]
    Foreign,
    /// A later portreeve wrote them.
    #[error("the table has layout {0}, which is newer than this program's")]
    Newer(u8),
    /// They end too early, or go on too long.
    #[error("the table of port numbers is cut short or has something behind it")]
    Length,
    /// More records than can be numbered.
    #[error("the table of port numbers has more records than it may")]
    TooMany,
    /// The source in its head is not three lines of text.
    #[error("the table does not say where it comes from")]
    Source,
    /// A record's number, range or protocols are out of order.
    #[error("record {0} of the table is out of order")]
    Order(usize),
    /// A record's names are no names.
    #[error("record {0} of the table has no proper name")]
    Name(usize),
    /// A record's description is no line of text.
    #[error("record {0} of the table has no proper description")]
    Description(usize),
    /// The index of numbers or names leads astray.
    #[error("the index contradicts the table")]
    Index,
    /// Numbers and descriptions were not made together.
    #[error("the descriptions belong to another table")]
    Stranger,
}

impl TableError {
    /// The reason as a person reads it.
    #[must_use]
    pub fn text(self) -> Text {
        let en = self.to_string();
        let ja = match self {
            Self::Foreign => "ポート番号表のファイルではありません".into(),
            Self::Newer(version) => {
                format!("ポート番号表の形式 {version} は、このプログラムが扱える形式より新しいものです")
            }
            Self::Length => "ポート番号表が途中で切れているか、後ろに余分なデータがあります".into(),
            Self::TooMany => "ポート番号表の件数が上限を超えています".into(),
            Self::Source => "ポート番号表に出典が書かれていません".into(),
            Self::Order(record) => format!("ポート番号表の {record} 件目の順序が正しくありません"),
            Self::Name(record) => format!("ポート番号表の {record} 件目の名前が正しくありません"),
            Self::Description(record) => format!("ポート番号表の {record} 件目の説明が正しくありません"),
            Self::Index => "ポート番号表の索引が表と矛盾しています".into(),
            Self::Stranger => "説明のファイルが別のポート番号表のものです".into(),
        };
        Text { en, ja }
    }
}

/// Takes both files apart when nothing is wrong with either.
pub(super) fn validate<'a>(
    numbers: &'a [u8],
    descriptions: &'a [u8],
) -> Result<(Numbers<'a>, Descriptions<'a>), TableError> {
    check_magic(numbers, NUMBERS_MAGIC)?;
    check_magic(descriptions, DESCRIPTIONS_MAGIC)?;
    let parts = Numbers::split(numbers).ok_or(TableError::Length)?;
    if parts.count() > RECORDS_MAX || parts.ranges.len() > RANGES_MAX {
        return Err(TableError::TooMany);
    }
    table::Source::split(parts.source).ok_or(TableError::Source)?;
    check_index(&parts)?;
    check_records(&parts)?;
    check_strings(parts.names, parts.count(), TableError::Name, table::is_name_list)?;
    let described = Descriptions::split(descriptions, parts.count()).ok_or(TableError::Length)?;
    if described.digest != digest(numbers).to_le_bytes() {
        return Err(TableError::Stranger);
    }
    check_strings(described.strings, parts.count(), TableError::Description, table::is_line)?;
    Ok((parts, described))
}

fn check_magic(bytes: &[u8], magic: [u8; 7]) -> Result<(), TableError> {
    match bytes.strip_prefix(&magic) {
        Some([VERSION, ..]) => Ok(()),
        Some([version, ..]) if *version > VERSION => Err(TableError::Newer(*version)),
        _ => Err(TableError::Foreign),
    }
}

/// Records ascend by number and, on one number, by protocol; no two say something of the same (number, protocol).
fn check_records(parts: &Numbers<'_>) -> Result<(), TableError> {
    let mut before: Option<(PortRange, u8)> = None;
    for id in 0..parts.count() {
        let (range, bits) = parts.record(id).ok_or(TableError::Length)?;
        let is_single = id < parts.lows.len();
        let follows = before.is_none_or(|(earlier, its)| {
            earlier < range || (earlier == range && highest(its) < bits & bits.wrapping_neg())
        });
        let is_proper = is_single == range.is_one() && range.first <= range.last && bits != 0 && bits < 16;
        if !(is_proper && (follows || id == parts.lows.len())) {
            return Err(TableError::Order(id));
        }
        before = Some((range, bits));
    }
    Ok(())
}

fn highest(bits: u8) -> u8 {
    bits.checked_ilog2().map_or(0, |place| 1 << place)
}

/// Strings stand one behind the other, every offset leads to its own, and the last ends where the bytes end.
fn check_strings(
    strings: Strings<'_>,
    count: usize,
    error: fn(usize) -> TableError,
    is_proper: fn(&str) -> bool,
) -> Result<(), TableError> {
    let mut rest = strings.pool;
    for index in 0..count {
        let place = strings.pool.len() - rest.len();
        if index % BLOCK == 0
            && strings
                .blocks
                .get(index / BLOCK)
                .is_none_or(|block| u32::from_le_bytes(*block) as usize != place)
        {
            return Err(TableError::Length);
        }
        let (&length, following) = rest.split_first().ok_or(TableError::Length)?;
        let (text, following) = following.split_at_checked(usize::from(length)).ok_or(TableError::Length)?;
        if !core::str::from_utf8(text).is_ok_and(is_proper) {
            return Err(error(index));
        }
        rest = following;
    }
    if rest.is_empty() { Ok(()) } else { Err(TableError::Length) }
}

/// The stretches of pages and of buckets join without a gap, and what the buckets list are records.
///
/// Whether a listed record has a name of that bucket is left to who looks there.
fn check_index(parts: &Numbers<'_>) -> Result<(), TableError> {
    let joins = |starts: &[[u8; 2]], all: usize| {
        let starts = || starts.iter().map(|start| usize::from(u16::from_le_bytes(*start)));
        starts().is_sorted() && starts().next() == Some(0) && starts().next_back() == Some(all)
    };
    let leads =
        |[_, low, high]: &[u8; ENTRY_BYTES]| usize::from(u16::from_le_bytes([*low, *high])) < parts.count();
    let is_proper = joins(parts.pages, parts.lows.len())
        && joins(parts.buckets, parts.index.len())
        && parts.index.iter().all(leads);
    if is_proper { Ok(()) } else { Err(TableError::Index) }
}

const _: () = assert!(LIST_BYTES_MAX <= u8::MAX as usize);
