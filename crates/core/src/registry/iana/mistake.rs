//! Why a file is not IANA's list, and on which line.

use alloc::string::String;
use core::fmt;

use crate::{
    port::PortRange,
    text,
    words::{Lang, Text, Words, inflect},
};

/// The first thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong there.
    pub reason: Reason,
}

/// What can be wrong with a line of IANA's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// More than [`FILE_BYTES_MAX`](super::FILE_BYTES_MAX).
    TooLarge,
    /// No row assigns anything.
    Empty,
    /// The header lacks a column.
    Column(&'static str),
    /// A row has more or fewer cells than the header.
    Cells {
        /// How many the header has.
        expected: usize,
        /// How many the row has.
        found: usize,
    },
    /// More cells in a row than any list has.
    TooManyCells,
    /// A cell longer than any list has.
    LongCell,
    /// A quote that nothing closes.
    OpenQuote,
    /// A quote within a cell that does not begin with one.
    StrayQuote,
    /// Something between a closing quote and the next comma.
    BehindQuote,
    /// A carriage return that no line feed follows.
    StrayReturn,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Neither a port nor a range of ports.
    Number(String),
    /// A protocol without ports.
    Protocol(String),
    /// A name that is none.
    Name(String),
    /// More assignments than a table may hold.
    TooMany,
    /// More names than fit on one number.
    TooManyNames(PortRange),
}

impl Mistake {
    /// The mistake as a person reads it.
    #[must_use]
    pub fn text(&self) -> Text {
        let Self { line, reason } = self;
        let Text { en, ja } = reason.text();
        text!("line {line}: {en}", "{line} 行目: {ja}")
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().in_lang(Lang::En))
    }
}

impl core::error::Error for Mistake {}

impl Reason {
    pub(super) const fn at(self, line: u32) -> Mistake {
        Mistake { line, reason: self }
    }

    fn text(&self) -> Text {
        match self {
            Self::Column(name) => text!("there is no column `{name}`", "`{name}` 列がありません"),
            Self::Cells { expected, found } => {
                let en = inflect(*found, "cell", "cells");
                text!(
                    "the row has {found} {en} where the header has {expected}",
                    "見出しの {expected} 列に対し、この行は {found} 列です"
                )
            }
            Self::Number(cell) => text!(
                "`{cell}` is neither a port nor a range of ports",
                "`{cell}` はポート番号でも範囲でもありません"
            ),
            Self::Protocol(cell) => text!(
                "`{cell}` is not tcp, udp, sctp or dccp",
                "`{cell}` は tcp、udp、sctp、dccp のいずれでもありません"
            ),
            Self::Name(cell) => text!(
                "`{cell}` is no service name: it takes at most 63 printable ASCII characters",
                "`{cell}` はサービス名として使えません(印字可能な ASCII 63 文字まで)"
            ),
            Self::TooManyNames(range) => {
                text!("{range} has more names than a number may have", "{range} に付けられた名前が多すぎます")
            }
            fixed => fixed.words().into(),
        }
    }

    /// The sentence of a reason that quotes nothing.
    const fn words(&self) -> Words {
        match self {
            Self::TooLarge => Words {
                en: "the file is larger than 16 MiB, which IANA's list is not",
                ja: "ファイルが 16 MiB を超えています。IANA の一覧はそれほど大きくありません",
            },
            Self::TooMany => Words {
                en: "there are more assignments than a table may hold",
                ja: "割り当ての件数が表の上限を超えています",
            },
            Self::TooManyCells => Words { en: "the row has too many cells", ja: "列が多すぎます" },
            Self::LongCell => {
                Words { en: "a cell is longer than 64 KiB", ja: "64 KiB を超えるセルがあります" }
            }
            Self::OpenQuote => Words {
                en: "a quote is opened here and never closed",
                ja: "ここで始まる引用符が閉じられていません",
            },
            Self::StrayQuote => Words {
                en: "there is a quote inside a cell that is not quoted",
                ja: "引用符で囲まれていないセルの中に引用符があります",
            },
            Self::BehindQuote => Words {
                en: "something stands between a closing quote and the next comma",
                ja: "閉じる引用符と次のコンマの間に余分な文字があります",
            },
            Self::StrayReturn => Words {
                en: "there is a carriage return without a line feed",
                ja: "LF の続かない CR があります",
            },
            Self::NotUtf8 => Words { en: "a cell is not UTF-8", ja: "UTF-8 でないセルがあります" },
            _ => Words {
                en: "nothing is assigned in this file", ja: "割り当てが 1 件もありません"
            },
        }
    }
}
