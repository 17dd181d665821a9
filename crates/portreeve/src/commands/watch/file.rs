//! A saved file: a log or a capture, told apart by how it begins.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use portreeve_core::{text, watch::Packet, words::Words};
use portreeve_host::capture::{Capture, CaptureError, LINKS_READ};

use super::{
    lines::{Line, Log},
    packets::Packets,
};
use crate::{
    failure::{Failure, io_cause},
    show::escape::visible,
};

pub(super) const FAILED: Words =
    Words { en: "cannot read what is saved", ja: "保存されたファイルを読み取れません" };

/// What is compressed begins so (gzip, xz, zstd, bzip2).
const COMPRESSED: [&[u8]; 4] = [&[0x1f, 0x8b], &[0xfd, b'7', b'z', b'X'], &[0x28, 0xb5, 0x2f, 0xfd], b"BZh"];

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnreadError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a capture of what nobody here can read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// It is compressed.
    #[error("it is compressed")]
    Compressed,
}

/// One file.
pub(super) struct Saved {
    path: PathBuf,
    content: Content,
}

/// What it holds.
enum Content {
    /// Lines.
    Log(Log),
    /// Packets.
    Packets(Packets),
}

/// A line, or a packet.
pub(super) enum Piece {
    Line(Line),
    Packet(Packet),
}

impl Saved {
    /// Opens a file, or with `-` the standard input; what was written without a year was so before `now`.
    ///
    /// # Errors
    ///
    /// It cannot be read, or holds neither lines nor packets.
    pub(super) fn open(path: &Path, now: Timestamp) -> Result<Self, Failure> {
        let content = open(path, now).map_err(|error| unread(path, &error))?;
        Ok(Self { path: path.to_owned(), content })
    }

    /// Its packets, where it holds such.
    pub(super) const fn packets(&self) -> Option<&Packets> {
        match &self.content {
            Content::Packets(packets) => Some(packets),
            Content::Log(_) => None,
        }
    }

    /// Whether it holds lines, and none of a form that is read.
    pub(super) const fn is_foreign(&self) -> bool {
        match &self.content {
            Content::Log(log) => log.is_foreign(),
            Content::Packets(_) => false,
        }
    }

    /// When what comes next was written; `None` where nothing does.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        match &self.content {
            Content::Log(log) => log.next_at(),
            Content::Packets(packets) => packets.next_at(),
        }
    }

    /// What comes next.
    ///
    /// # Errors
    ///
    /// What follows it cannot be read.
    pub(super) fn take(&mut self) -> Result<Option<Piece>, Failure> {
        let piece = match &mut self.content {
            Content::Log(log) => log.take().map(|line| line.map(Piece::Line)).map_err(UnreadError::from),
            Content::Packets(packets) => {
                packets.take().map(|packet| packet.map(Piece::Packet)).map_err(UnreadError::from)
            }
        };
        piece.map_err(|error| unread(&self.path, &error))
    }

    /// Its name, as it may be shown.
    pub(super) fn name(&self) -> String {
        name(&self.path)
    }
}

fn open(path: &Path, now: Timestamp) -> Result<Content, UnreadError> {
    let mut reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(path)?))
    };
    let begin = reader.fill_buf()?;
    if COMPRESSED.iter().any(|magic| begin.starts_with(magic)) {
        return Err(UnreadError::Compressed);
    }
    if Capture::begins(begin) {
        return Ok(Content::Packets(Packets::open(reader)?));
    }
    Ok(Content::Log(Log::open(reader, now)?))
}

fn name(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

fn unread(path: &Path, error: &UnreadError) -> Failure {
    let path = name(path);
    match error {
        UnreadError::Io(source) | UnreadError::Capture(CaptureError::Io(source)) => Failure::usage(FAILED)
            .because(text!("{path} cannot be read", "{path} を読み取れません"))
            .because(io_cause(source))
            .hint(text!("name files that you may read", "読み取れるファイルを指定してください")),
        UnreadError::Capture(CaptureError::Link(link)) => Failure::usage(FAILED)
            .because(text!(
                "{path} holds packets of link type {link}",
                "{path} には、リンク層の種類が {link} のパケットがあります"
            ))
            .hint(text!("what is read: {LINKS_READ}", "読み取れる種類: {LINKS_READ}")),
        UnreadError::Compressed => {
            Failure::usage(FAILED).because(text!("{path} is compressed", "{path} は圧縮されています")).hint(
                text!(
                    "zcat, xzcat, zstdcat or bzcat {path} | portreeve watch --read -",
                    "zcat、xzcat、zstdcat、bzcat のいずれかで渡してください: zcat {path} | portreeve watch --read -"
                ),
            )
        }
    }
}
