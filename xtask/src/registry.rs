//! Makes the built-in table of port numbers, and compares it with IANA's own list (A7).
//!
//! `cargo xtask registry` fetches the lists and writes `crates/core/data`; `--check` only builds the binary form
//! from the committed text and says whether it is the committed one; `--compare FILE` says what IANA's CSV names
//! that the table does not.

mod compare;
mod fetch;
mod merge;
mod services;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use portreeve_core::registry::{
    Binary, EntryError, Registry, TableError, iana,
    table::Table,
    text::{self, TextError},
};

/// Numbers and names together.
const NUMBERS_BYTES_MAX: usize = 110_000;
const DESCRIPTIONS_BYTES_MAX: usize = 150_000;

/// Why the table could not be made, or is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// An argument that the chore does not know.
    #[error("usage: cargo xtask registry [--check] [--compare FILE]")]
    Usage,
    /// A file could not be read or written.
    #[error("{}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A list could not be fetched.
    #[error("cannot fetch the lists")]
    Fetch(#[from] fetch::FetchError),
    /// A fetched list is not of its form.
    #[error("cannot read the lists")]
    Merge(#[from] merge::MergeError),
    /// The text table is malformed.
    #[error("crates/core/data/registry.txt")]
    Text(#[from] TextError),
    /// The table does not fit its binary form.
    #[error("the table has no binary form")]
    Build(#[from] EntryError),
    /// The binary form is not valid.
    #[error("the binary form is not valid")]
    Table(#[from] TableError),
    /// IANA's list is malformed.
    #[error("IANA's list")]
    Iana(#[from] iana::Mistake),
    /// The binary form is larger than it may be.
    #[error("{0} has {1} bytes, more than {2}")]
    TooLarge(&'static str, usize, usize),
    /// The committed binary form is not made of the committed text.
    #[error("crates/core/data/{0} is not made of registry.txt: run cargo xtask registry")]
    Differs(&'static str),
    /// Too much of IANA's list is missing.
    #[error("{missing} of IANA's {named} named numbers are missing, more than 2 %")]
    Missing {
        /// How many (number, protocol) IANA names and the table does not.
        missing: usize,
        /// How many IANA names.
        named: usize,
    },
}

/// Runs the chore with what follows its name on the command line.
///
/// # Errors
///
/// What kept it from its work, or what is not as it should be.
pub(crate) fn run(args: &[String]) -> Result<(), RegistryError> {
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => make(),
        ["--check"] => check(),
        ["--compare", file] => compare_with(Path::new(file)),
        ["--check", "--compare", file] | ["--compare", file, "--check"] => {
            check()?;
            compare_with(Path::new(file))
        }
        _ => Err(RegistryError::Usage),
    }
}

fn make() -> Result<(), RegistryError> {
    let lists = fetch::fetch(&workspace().join("target/registry"))?;
    let without_protocol = text::read(&read(&data("without-protocol.txt"))?)?;
    let table = merge::merge(&lists, &without_protocol)?;
    let written = text::write(&table);
    let binary = build(&text::read(&written)?)?;
    write(&data("registry.txt"), written.as_bytes())?;
    write(&data("numbers.bin"), &binary.numbers)?;
    write(&data("descriptions.bin"), &binary.descriptions)?;
    println!("{} assignments from {}", table.len(), table.source().version);
    println!(
        "numbers and names {} bytes, descriptions {} bytes",
        binary.numbers.len(),
        binary.descriptions.len()
    );
    Ok(())
}

fn check() -> Result<(), RegistryError> {
    let binary = build(&text::read(&read(&data("registry.txt"))?)?)?;
    for (name, built) in [("numbers.bin", &binary.numbers), ("descriptions.bin", &binary.descriptions)] {
        let path = data(name);
        let committed = fs::read(&path).map_err(|source| RegistryError::File { path, source })?;
        if committed != *built {
            return Err(RegistryError::Differs(name));
        }
    }
    println!("the binary form is made of the text");
    Ok(())
}

fn build(table: &Table) -> Result<Binary, RegistryError> {
    let binary = table.build()?;
    Registry::from_bytes(&binary.numbers, &binary.descriptions)?;
    for (name, bytes, most) in [
        ("numbers.bin", binary.numbers.len(), NUMBERS_BYTES_MAX),
        ("descriptions.bin", binary.descriptions.len(), DESCRIPTIONS_BYTES_MAX),
    ] {
        if bytes > most {
            return Err(RegistryError::TooLarge(name, bytes, most));
        }
    }
    Ok(binary)
}

fn compare_with(file: &Path) -> Result<(), RegistryError> {
    let bytes = fs::read(file).map_err(|source| RegistryError::File { path: file.into(), source })?;
    let ours = text::read(&read(&data("registry.txt"))?)?;
    let comparison = compare::compare(&iana::read(&bytes)?, &ours);
    print!("{comparison}");
    let (missing, named) = (comparison.missing.len(), comparison.named);
    if missing * 50 > named { Err(RegistryError::Missing { missing, named }) } else { Ok(()) }
}

fn read(path: &Path) -> Result<String, RegistryError> {
    fs::read_to_string(path).map_err(|source| RegistryError::File { path: path.into(), source })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    fs::write(path, bytes).map_err(|source| RegistryError::File { path: path.into(), source })
}

fn data(name: &str) -> PathBuf {
    workspace().join("crates/core/data").join(name)
}

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
