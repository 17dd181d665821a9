//! Reads what somebody else wrote, up to a bound, and says so where it is larger.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use portreeve_core::{
    text,
    words::{Text, Words},
};

use crate::failure::io_cause;

/// Why something could not be read whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system refused.
    #[error("it cannot be read")]
    System(#[from] io::Error),
    /// A pipe with a name of its own, which is waited for without end.
    #[error("it is a named pipe")]
    NamedPipe,
    /// It is larger than anything of its kind.
    #[error("it is larger than {bytes_max} bytes")]
    TooLarge {
        /// How many bytes are read at most.
        bytes_max: usize,
    },
}

impl ReadError {
    /// The reason as a person reads it.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::System(error) => io_cause(error),
            Self::NamedPipe => Words {
                en: "it is a named pipe, whose writer may never come",
                ja: "名前付きパイプのため、書き込みを待ち続けるおそれがあります",
            }
            .into(),
            Self::TooLarge { bytes_max } => {
                let mebibytes = bytes_max >> 20;
                text!("it is larger than {mebibytes} MiB", "{mebibytes} MiB を超えています")
            }
        }
    }

    /// Whether there is nothing of that name.
    pub(crate) fn is_missing(&self) -> bool {
        let Self::System(error) = self else { return false };
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    }
}

/// The content of a file of at most `bytes_max`.
///
/// # Errors
///
/// Where the system refuses, or there is more.
pub(crate) fn file(path: &Path, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    bounded(open(path)?, bytes_max)
}

/// A file, or a pipe that a shell has opened, `<(…)`, which has no name of its own.
///
/// # Errors
///
/// Where the system refuses, or it is a named pipe.
pub(crate) fn open(path: &Path) -> Result<File, ReadError> {
    let is_pipe = fs::metadata(path)?.file_type().is_fifo();
    if is_pipe && path.canonicalize().is_ok() { Err(ReadError::NamedPipe) } else { Ok(File::open(path)?) }
}

/// All that `reader` gives, of at most `bytes_max`.
///
/// # Errors
///
/// Where the system refuses, or there is more.
pub(crate) fn bounded(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, ReadError> {
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max { Err(ReadError::TooLarge { bytes_max }) } else { Ok(bytes) }
}

/// The layout of a document alone, so that a newer file is told from a broken one.
pub(crate) fn layout(bytes: &[u8]) -> Option<u32> {
    #[derive(serde::Deserialize)]
    struct Head {
        layout: u32,
    }
    serde_json::from_slice::<Head>(bytes).ok().map(|head| head.layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_more_than_the_bound_is_too_large() {
        assert_eq!(bounded(&[7; 4][..], 4).unwrap(), [7; 4]);
        assert!(matches!(bounded(&[7; 5][..], 4), Err(ReadError::TooLarge { bytes_max: 4 })));
        assert_eq!(file(Path::new("/dev/zero"), 1 << 20).unwrap_err().text().en, "it is larger than 1 MiB");
    }
}
