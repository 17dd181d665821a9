//! A ledger as lines of text, which go from one store to another (A25): a header, then a claim a line, each as JSON.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::{
    book::{Book, CLAIMS_MAX},
    claim::Claim,
};
use crate::{text, words::Text};

/// Bytes of a line: more than any claim that was ever granted.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// The only layout there is yet.
const LAYOUT: u32 = 1;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    portreeve_ledger: u32,
    /// Of the book that was written.
    revision: u64,
    /// How many follow; nothing where the text ends too soon.
    claims: usize,
}

/// What every header of ours has, in whatever layout.
#[derive(Debug, Deserialize)]
struct Layout {
    portreeve_ledger: u32,
}

/// What is wrong with a text, and in which line, the first being 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct TransferError {
    /// Where.
    pub line: usize,
    /// What.
    pub fault: TransferFault,
}

/// What may be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferFault {
    /// The first line is no header.
    #[error("it is not what portreeve ledger export writes")]
    NoHeader,
    /// A newer portreeve wrote it.
    #[error("it has layout {0}, and this program knows {LAYOUT}")]
    Newer(u32),
    /// A line has no end.
    #[error("it has more than {LINE_BYTES_MAX} bytes")]
    Long,
    /// A line is no claim, in the words of whoever reads it.
    #[error("it is no claim: {0}")]
    NoClaim(String),
    /// A line is something else than an object.
    #[error("it is no claim: it is no object of JSON")]
    NoObject,
    /// A claim has the number of no port.
    #[error("it is no claim: 0 is the number of no port")]
    NoPort,
    /// There is another number of claims than the header says.
    #[error("the header tells of {promised} claims, and {found} follow")]
    Count {
        /// As the header says.
        promised: usize,
        /// As there are.
        found: usize,
    },
    /// More than a ledger holds.
    #[error("a ledger holds no more than {CLAIMS_MAX} claims")]
    TooMany,
}

impl TransferError {
    /// The same in both languages.
    #[must_use]
    pub fn text(&self) -> Text {
        let Self { line, fault } = self;
        let Text { en, ja } = fault.text();
        text!("line {line}: {en}", "{line} 行目: {ja}")
    }
}

impl TransferFault {
    fn text(&self) -> Text {
        let en = self.to_string();
        let ja = match self {
            Self::NoHeader => "portreeve ledger export の出力ではありません".into(),
            Self::Newer(found) => {
                alloc::format!("形式は {found} ですが、このプログラムが扱えるのは {LAYOUT} までです")
            }
            Self::Long => alloc::format!("{LINE_BYTES_MAX} バイトを超えています"),
            Self::NoClaim(why) => alloc::format!("申請として解釈できません(エラーの内容「{why}」)"),
            Self::NoObject => "申請として解釈できません(JSON のオブジェクトではありません)".into(),
            Self::NoPort => "申請として解釈できません(0 番というポートはありません)".into(),
            Self::Count { promised, found } => {
                alloc::format!("ヘッダーでは申請は {promised} 件ですが、実際は {found} 件です")
            }
            Self::TooMany => alloc::format!("台帳に登録できる申請は {CLAIMS_MAX} 件までです"),
        };
        Text { en, ja }
    }
}

/// The lines of `book`, each without its end.
pub fn lines(book: &Book) -> impl Iterator<Item = String> {
    let header = Header { portreeve_ledger: LAYOUT, revision: book.revision(), claims: book.len() };
    core::iter::once(json(&header)).chain(book.claims().map(json))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists are JSON")
}

/// The claims of a text, each as it was written; whether they go together is not looked at.
///
/// # Errors
///
/// Where it is no such text, or not whole.
pub fn claims(text: &[u8]) -> Result<Vec<Claim>, TransferError> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut lines = text.split(|byte| *byte == b'\n').zip(1..);
    let (first, line) = lines.next().unwrap_or((&[], 1));
    let Header { claims: promised, .. } = header(first).map_err(|fault| TransferError { line, fault })?;
    let mut claims = Vec::new();
    for (text, line) in lines {
        claims.push(claim(text, claims.len()).map_err(|fault| TransferError { line, fault })?);
    }
    match claims.len() {
        found if found == promised => Ok(claims),
        found => Err(TransferError { line: 1, fault: TransferFault::Count { promised, found } }),
    }
}

fn header(line: &[u8]) -> Result<Header, TransferFault> {
    if line.len() > LINE_BYTES_MAX {
        return Err(TransferFault::NoHeader);
    }
    let Layout { portreeve_ledger } = serde_json::from_slice(line).map_err(|_| TransferFault::NoHeader)?;
    if portreeve_ledger > LAYOUT {
        return Err(TransferFault::Newer(portreeve_ledger));
    }
    serde_json::from_slice(line).ok().filter(|_| portreeve_ledger == LAYOUT).ok_or(TransferFault::NoHeader)
}

fn claim(line: &[u8], before: usize) -> Result<Claim, TransferFault> {
    if line.len() > LINE_BYTES_MAX {
        return Err(TransferFault::Long);
    }
    if before >= CLAIMS_MAX {
        return Err(TransferFault::TooMany);
    }
    // Of a list, whoever reads would tell the fields of a type of ours.
    if line.trim_ascii_start().first() != Some(&b'{') {
        return Err(TransferFault::NoObject);
    }
    let claim: Claim = serde_json::from_slice(line).map_err(|error| TransferFault::NoClaim(said(&error)))?;
    if claim.ports.first == 0 {
        return Err(TransferFault::NoPort);
    }
    Ok(claim)
}

/// What is wrong with a line, without its number: of this text it is the first one.
fn said(error: &serde_json::Error) -> String {
    let (said, column) = (error.to_string(), error.column());
    let what = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
    alloc::format!("column {column}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Lease;
    use crate::ledger::{
        ProcessId, Wish,
        testing::{Desk, at, lease, process, wish},
    };
    use alloc::format;

    /// One claim of each kind.
    fn book() -> Book {
        let mut desk = Desk::new();
        let brief = Wish { lease: lease(60, &at(0)), ..wish(1000, 2, "brief 20500/udp") };
        let inode = ProcessId { inode: Some(7), ..process(42, 99) };
        let alive = Wish { lease: Lease::While { process: inode }, ..wish(0, 3, "alive 20501/tcp") };
        let apart = Wish {
            address: "fe80::1%eth0".parse().ok(),
            device: Some("eth0".into()),
            note: Some("日本語 \"quoted\"\n\u{1b}".into()),
            scope: crate::ledger::Scope::Fleet,
            ..wish(1000, 4, "apart 20510-20519/sctp")
        };
        for wish in [wish(1000, 1, "web"), brief, apart, alive] {
            desk.granted(wish);
        }
        desk.book
    }

    fn text(lines: impl Iterator<Item = String>) -> String {
        lines.map(|line| line + "\n").collect()
    }

    fn fault(text: &str) -> (usize, TransferFault) {
        let error = claims(text.as_bytes()).expect_err("no ledger");
        (error.line, error.fault)
    }

    #[test]
    fn a_book_reads_back_as_it_is_written() {
        let book = book();
        let text = text(lines(&book));
        assert!(text.starts_with("{\"portreeve_ledger\":1,\"revision\":4,\"claims\":4}\n"), "{text}");
        assert_eq!(text.lines().count(), 5, "what a person wrote ends no line");
        let read = claims(text.as_bytes()).expect("a ledger");
        assert_eq!(Book::new(4, read), book);
        assert_eq!(
            claims(text.trim_end().as_bytes()).expect("a ledger").len(),
            4,
            "the last end is no claim"
        );
        assert_eq!(claims(b"{\"portreeve_ledger\":1,\"revision\":0,\"claims\":0}"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_ledger_is_told_with_its_line() {
        let whole = text(lines(&book()));
        for text in [
            "",
            "\n",
            "{}",
            "[]",
            "{\"portreeve_ledger\":1}",
            "{\"portreeve_ledger\":0,\"revision\":1,\"claims\":0}",
        ] {
            assert_eq!(fault(text), (1, TransferFault::NoHeader), "{text}");
        }
        assert_eq!(fault("{\"portreeve_ledger\":2,\"more\":[]}\nwhatever"), (1, TransferFault::Newer(2)));
        let cut: Vec<&str> = whole.lines().take(3).collect();
        assert_eq!(fault(&cut.join("\n")), (1, TransferFault::Count { promised: 4, found: 2 }));
        assert!(matches!(fault(&format!("{whole}\n")), (6, TransferFault::NoObject)), "an empty line");
        let half = &whole[..whole.len() - 20];
        assert!(matches!(fault(half), (5, TransferFault::NoClaim(_))));
    }

    /// Who wrote the lines need not have been portreeve.
    #[test]
    fn a_line_of_a_stranger_is_bounded() {
        let whole = text(lines(&book()));
        for (written, instead) in [
            ("\"name\":\"web\"", "\"name\":\"a b\""),
            ("\"scope\":\"host:4c1d\"", "\"scope\":\"host:\""),
            ("\"last\":20500", "\"last\":1"),
            ("\"uid\":1000", "\"uid\":-1"),
        ] {
            assert!(whole.contains(written), "{written}");
            let (_, fault) = fault(&whole.replacen(written, instead, 1));
            assert!(matches!(fault, TransferFault::NoClaim(_)), "{instead}: {fault}");
        }
        let long =
            whole.replacen("\"name\":\"web\"", &format!("\"name\":\"{}\"", "x".repeat(LINE_BYTES_MAX)), 1);
        assert_eq!(fault(&long), (2, TransferFault::Long));
        let deep = format!("{}\n{}", whole.lines().next().expect("a header"), "[".repeat(100_000));
        assert_eq!(fault(&deep), (2, TransferFault::NoObject));
        let zero = whole.replacen("\"first\":20500,\"last\":20500", "\"first\":0,\"last\":20500", 1);
        assert_eq!(fault(&zero), (3, TransferFault::NoPort));
        let error = claims(deep.as_bytes()).expect_err("no ledger").text();
        assert_eq!(error.ja, "2 行目: 申請として解釈できません(JSON のオブジェクトではありません)");
    }
}
