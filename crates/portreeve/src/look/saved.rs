//! Reads a saved snapshot: whatever is no snapshot is refused early and in little memory.

mod bounded;

use std::io::{self, BufRead as _, BufReader, Read};

use portreeve_core::{
    facts::{SNAPSHOT_VERSION, Snapshot},
    text,
    words::{Text, Words},
};
use serde::Deserialize as _;
use serde_json::error::Category;

use self::bounded::Bounded;
use crate::{
    failure::{Failure, io_cause},
    read,
    settings::Input,
};

/// A host with 100,000 connections fits.
const SNAPSHOT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;
/// What some editors put before UTF-8 (RFC 8259, 8.1 lets a reader skip it).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The snapshot that stands in `input`.
///
/// # Errors
///
/// Where it cannot be read, is no snapshot, or comes from a newer portreeve.
pub(crate) fn read(input: &Input) -> Result<Snapshot, Failure> {
    let name = match input {
        Input::Stdin => "<stdin>".into(),
        Input::File(path) => path.display().to_string(),
    };
    open(input).map_err(|cause| {
        Failure::usage(text!("cannot read the snapshot {name}", "スナップショット {name} を読めません"))
            .because(cause)
            .hint(Words { en: "portreeve snapshot > host.json", ja: "portreeve snapshot > host.json" })
    })
}

fn open(input: &Input) -> Result<Snapshot, Text> {
    match input {
        Input::Stdin => parse(io::stdin(), SNAPSHOT_BYTES_MAX),
        Input::File(path) => {
            let file = read::open(path).map_err(|error| error.text())?;
            parse(file, SNAPSHOT_BYTES_MAX)
        }
    }
}

fn parse(reader: impl Read, bytes_max: u64) -> Result<Snapshot, Text> {
    let mut source = BufReader::with_capacity(BUFFER_BYTES, Bounded::new(reader, bytes_max));
    if source.fill_buf().map_err(|error| read_cause(error.kind()))?.starts_with(BYTE_ORDER_MARK) {
        source.consume(BYTE_ORDER_MARK.len());
    }
    refuse_other_things(source.fill_buf().map_err(|error| read_cause(error.kind()))?)?;
    let mut deserializer = serde_json::Deserializer::from_reader(&mut source);
    let read = Snapshot::deserialize(&mut deserializer);
    let snapshot = read.and_then(|snapshot| deserializer.end().map(|()| snapshot));
    let snapshot = snapshot.map_err(|error| why_not(&error))?;
    if snapshot.version != SNAPSHOT_VERSION {
        return Err(other_version(snapshot.version.into()));
    }
    refuse_nonsense(&snapshot)?;
    Ok(snapshot)
}

/// Judges by the first bytes, before anything is kept.
fn refuse_other_things(head: &[u8]) -> Result<(), Text> {
    match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => {
            return Err(Words {
                en: "it is no JSON object", ja: "JSON オブジェクトではありません"
            }
            .into());
        }
        None => return Err(Words { en: "it is empty", ja: "空です" }.into()),
    }
    match version_in(head) {
        Some(version) if version != u64::from(SNAPSHOT_VERSION) => Err(other_version(version)),
        _ => Ok(()),
    }
}

/// The version where it stands first, as every portreeve writes it: a newer layout need not be understood to be refused.
fn version_in(head: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(head.get(..256.min(head.len()))?);
    let rest = text.trim_start().strip_prefix('{')?.trim_start().strip_prefix("\"version\"")?;
    let digits = rest.trim_start().strip_prefix(':')?.trim_start();
    digits.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn other_version(version: u64) -> Text {
    if version < u64::from(SNAPSHOT_VERSION) {
        return text!(
            "it has layout {version}, and this portreeve reads layout {SNAPSHOT_VERSION}",
            "形式のバージョンが {version} です。この portreeve が読めるのは {SNAPSHOT_VERSION} です"
        );
    }
    text!(
        "it has layout {version}, and this portreeve reads layout {SNAPSHOT_VERSION}; a newer portreeve wrote it",
        "形式のバージョンが {version} です。この portreeve が読めるのは {SNAPSHOT_VERSION} までで、より新しい portreeve で作られています"
    )
}

fn why_not(error: &serde_json::Error) -> Text {
    if let Some(kind) = error.io_error_kind() {
        return read_cause(kind);
    }
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let en = said.split(" at line ").next().unwrap_or_default();
    let missing = en.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let ja = match (missing, error.classify()) {
        (Some(field), _) => format!("必須の項目 `{field}` がありません"),
        (None, Category::Eof) => "途中で終わっています".into(),
        (None, Category::Syntax) => format!("JSON として正しくありません({en})"),
        (None, _) => format!("スナップショットの形式に合いません({en})"),
    };
    text!("line {line}, column {column}: {en}", "{line} 行 {column} 列: {ja}")
}

fn read_cause(kind: io::ErrorKind) -> Text {
    match kind {
        io::ErrorKind::FileTooLarge => {
            let mebibytes = SNAPSHOT_BYTES_MAX / 1024 / 1024;
            text!("it is larger than {mebibytes} MiB", "{mebibytes} MiB を超えています")
        }
        io::ErrorKind::InvalidInput => Words {
            en: "it nests deeper, or holds a longer text or more items, than any snapshot",
            ja: "入れ子の深さ、文字列の長さ、または要素の数が、スナップショットではあり得ない値です",
        }
        .into(),
        _ => io_cause(&kind.into()),
    }
}

/// What a type lets pass and an invariant does not.
fn refuse_nonsense(snapshot: &Snapshot) -> Result<(), Text> {
    if snapshot.namespaces.is_empty() {
        return Err(Words {
            en: "it holds no network namespace, so it is not whole",
            ja: "ネットワーク名前空間が 1 つもなく、不完全です",
        }
        .into());
    }
    let mut ranges = snapshot
        .namespaces
        .iter()
        .flat_map(|namespace| namespace.reserved.iter().chain([&namespace.client_range]));
    match ranges.find(|range| range.first > range.last) {
        Some(range) => {
            let (first, last) = (range.first, range.last);
            Err(text!(
                "the range {first}-{last} ends before it starts",
                "範囲 {first}-{last} は終わりが始まりより前です"
            ))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_seen_before_the_rest_is_understood() {
        assert_eq!(version_in(b" { \"version\" : 7, \"x\": ["), Some(7));
        assert_eq!(version_in(b"{\"taken\":1,\"version\":7}"), None);
        assert_eq!(version_in(b"{\"version\":"), None);
    }

    #[test]
    fn only_a_newer_layout_has_a_newer_author() {
        let other =
            |version: u32| parse(format!("{{\"version\":{version},").as_bytes(), 1_000_000).unwrap_err();
        assert_eq!(other(0).en, "it has layout 0, and this portreeve reads layout 1");
        assert!(!other(0).ja.contains("新しい"));
        assert!(other(2).en.ends_with("a newer portreeve wrote it"));
    }

    #[test]
    fn what_is_wrong_is_said_in_japanese_too() {
        let said = |text: &str| parse(text.as_bytes(), 1_000_000).unwrap_err().ja;
        assert_eq!(said("{\"version\":1}"), "1 行 13 列: 必須の項目 `taken` がありません");
        assert_eq!(said("{\"version\":1,"), "1 行 13 列: 途中で終わっています");
        assert!(said("{\"version\":1,]").starts_with("1 行 14 列: JSON として正しくありません("));
    }

    #[test]
    fn reading_ends_at_the_bound() {
        let endless = Read::chain(&b"{\"version\":1,\"x\":[1"[..], io::repeat(b'1'));
        assert_eq!(parse(endless, 1_000_000).unwrap_err().en, "it is larger than 64 MiB");
    }
}
