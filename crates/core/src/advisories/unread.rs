//! Why a document of advisories is not read, and where it is broken (A18).

use alloc::{
    borrow::ToOwned as _,
    string::{String, ToString as _},
};
use core::fmt;

use crate::{
    text,
    words::{Lang, Text, Words},
};

/// Of what a parser says of a document, whose words it may quote.
const WHY_CHARACTERS_MAX: usize = 200;

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It has more than [`DOCUMENT_BYTES_MAX`](super::DOCUMENT_BYTES_MAX).
    TooLong,
    /// There are more than [`ADVISORIES_MAX`](super::ADVISORIES_MAX).
    TooMany,
    /// It is compressed, or an archive.
    Compressed,
    /// It is in neither format.
    Foreign,
    /// It is JSON, but not OSV's, or not even JSON.
    Json {
        /// The line, from 1.
        line: usize,
        /// How many of its bytes had been read.
        column: usize,
        /// What the parser says, which may quote the document.
        why: String,
    },
    /// It begins as debsecan's do, and goes on otherwise.
    Debsecan {
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        why: Malformed,
    },
}

/// What can be wrong with a line of debsecan's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Another version of the format than 1.
    Version,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// A hole is `name,flags,description`.
    Hole,
    /// A package is `name,number of the hole,flags,version,versions`.
    Package,
    /// No hole has that number.
    Number,
    /// The document ends before the empty line that closes a part.
    End,
}

impl Unread {
    /// As a person reads it. It may quote a stranger: whoever prints it makes that visible first.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Json { line, column, why } => text!(
                "line {line}, column {column} is not OSV's JSON: {why}",
                "{line} 行 {column} 列目が OSV の JSON ではありません: {why}"
            ),
            Self::Debsecan { line, why } => {
                let Words { en, ja } = why.words();
                text!("line {line}: {en}", "{line} 行目: {ja}")
            }
            fixed => fixed.words().into(),
        }
    }

    /// The sentence of one that says no place.
    const fn words(&self) -> Words {
        match self {
            Self::TooLong => Words {
                en: "the document is larger than 64 MiB",
                ja: "文書が 64 MiB を超えています",
            },
            Self::TooMany => Words {
                en: "there are more than 1,000,000 advisories",
                ja: "アドバイザリが 1,000,000 件を超えています",
            },
            Self::Compressed => Words {
                en: "the document is compressed: unpack it first",
                ja: "文書が圧縮されています。先に展開してください",
            },
            _ => Words {
                en: "the document is neither OSV's JSON nor debsecan's data",
                ja: "文書が OSV の JSON でも debsecan のデータでもありません",
            },
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().in_lang(Lang::En))
    }
}

impl core::error::Error for Unread {}

impl From<serde_json::Error> for Unread {
    fn from(error: serde_json::Error) -> Self {
        let said = error.to_string();
        // It says the place once more at its end.
        let why = said.rsplit_once(" at line ").map_or(said.as_str(), |(why, _)| why);
        let end = why.char_indices().nth(WHY_CHARACTERS_MAX).map_or(why.len(), |(end, _)| end);
        let why = why.get(..end).unwrap_or_default().to_owned();
        Self::Json { line: error.line(), column: error.column(), why }
    }
}

impl Malformed {
    pub(super) const fn at(self, line: usize) -> Unread {
        Unread::Debsecan { line, why: self }
    }

    const fn words(self) -> Words {
        match self {
            Self::Version => Words {
                en: "the format has another version than 1, the only one that is known",
                ja: "形式のバージョンが、対応している 1 ではありません",
            },
            Self::NotUtf8 => Words { en: "the line is not UTF-8", ja: "UTF-8 ではありません" },
            Self::Hole => Words {
                en: "this is not `name,flags,description`",
                ja: "`名前,フラグ,説明` の形になっていません",
            },
            Self::Package => Words {
                en: "this is not `package,number,flags,version,versions`",
                ja: "`パッケージ,番号,フラグ,バージョン,バージョンの一覧` の形になっていません",
            },
            Self::Number => Words {
                en: "no vulnerability above has this number",
                ja: "この番号の脆弱性は上にありません",
            },
            Self::End => {
                Words { en: "the document ends in the middle", ja: "文書が途中で終わっています" }
            }
        }
    }
}
