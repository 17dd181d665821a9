//! The registry's table in use: one that was imported, else the one that is built in (A7).

use std::path::{Path, PathBuf};

use portreeve_core::{
    registry::{Binary, Registry, TableError},
    text,
    words::{Text, Words},
};

use crate::{directories, exit::Exit, failure::Failure, read};

/// The name of an imported table in a directory of ours.
pub(crate) const FILE: &str = "registry.bin";
/// What the file begins with: its kind and the version of its layout.
const KIND: &[u8; 7] = b"porttab";
const LAYOUT: u8 = 1;
/// Kind, layout, and the length of the numbers, which the descriptions follow.
const HEAD_BYTES: usize = 12;
const FILE_BYTES_MAX: usize = 16 << 20;

/// A table that is asked for as long as the program runs.
#[derive(Clone, Debug)]
pub(crate) struct TableFile {
    registry: Registry<'static>,
    /// The file that was imported; `None` for the table that is built in.
    pub(crate) path: Option<PathBuf>,
}

impl TableFile {
    /// The table in use.
    ///
    /// # Errors
    ///
    /// Where an imported one is there and cannot be used: to fall back in silence would judge by another table.
    pub(crate) fn load() -> Result<Self, Failure> {
        for directory in directories::data_in_order() {
            let path = directory.join(FILE);
            match table(&path) {
                Ok(registry) => return Ok(Self { registry, path: Some(path) }),
                Err(Unusable::Missing) => {}
                Err(Unusable::Because(cause)) => return Err(unusable(&path, cause)),
            }
        }
        Ok(Self { registry: Registry::builtin(), path: None })
    }

    /// The registry.
    pub(crate) const fn registry(&self) -> Registry<'static> {
        self.registry
    }
}

/// The bytes of a file for `table`.
pub(crate) fn encode(table: &Binary) -> Vec<u8> {
    let numbers = u32::try_from(table.numbers.len()).expect("a table of 65,536 numbers fits into 4 GiB");
    let head = KIND.iter().chain(&[LAYOUT]).copied().chain(numbers.to_le_bytes());
    head.chain(table.numbers.iter().chain(&table.descriptions).copied()).collect()
}

/// Why a file gives no table.
enum Unusable {
    Missing,
    Because(Text),
}

fn table(path: &Path) -> Result<Registry<'static>, Unusable> {
    let bytes = read::file(path, FILE_BYTES_MAX).map_err(|error| {
        // Whoever may not even enter the directory has imported nothing there.
        let missing = error.is_missing() || path.metadata().is_err_and(|error| is_denied(&error));
        if missing { Unusable::Missing } else { Unusable::Because(error.text()) }
    })?;
    // Read once in a run and needed until its end.
    decode(bytes.leak()).map_err(Unusable::Because)
}

fn is_denied(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::PermissionDenied
}

fn decode(bytes: &[u8]) -> Result<Registry<'_>, Text> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(NO_TABLE)?;
    let (kind, head) = head.split_at(KIND.len());
    let [layout, length @ ..] = head else { return Err(NO_TABLE.into()) };
    if kind != KIND {
        return Err(NO_TABLE.into());
    }
    if *layout > LAYOUT {
        return Err(text!(
            "it has layout {layout}: a newer portreeve wrote it",
            "形式が {layout} で、より新しい portreeve で作られています"
        ));
    }
    let length =
        length.try_into().map(u32::from_le_bytes).ok().and_then(|length| usize::try_from(length).ok());
    let (numbers, descriptions) = length.and_then(|length| rest.split_at_checked(length)).ok_or(NO_TABLE)?;
    Registry::from_bytes(numbers, descriptions).map_err(TableError::text)
}

const NO_TABLE: Words = Words {
    en: "it is not a table that portreeve registry import wrote",
    ja: "portreeve registry import で作られたファイルではありません",
};

fn unusable(path: &Path, cause: Text) -> Failure {
    let path = path.display();
    Failure::new(
        Exit::Unreachable,
        text!("cannot use the imported registry {path}", "取り込んだレジストリ {path} を使えません"),
    )
    .because(cause)
    .hint(text!(
        "import it again, or go back to the built-in one: rm {path}",
        "もう一度 import するか、組み込みの表に戻してください: rm {path}"
    ))
}
