//! Reads the advisories that somebody laid down: one file, or all of a directory (A18).

use std::{
    fs,
    path::{Path, PathBuf},
};

use portreeve_core::{
    advised::{Advised, advise, asked},
    advisories::{Advisories, DOCUMENT_BYTES_MAX, read},
    facts::Code,
    text,
    words::Text,
};

use crate::{
    failure::{Failure, io_cause},
    read as files,
};

/// More files than any set of advisories has: OSV has one an advisory, some 50,000 of Debian.
const FILES_MAX: usize = 1_000_000;

/// What the advisories at `path` say of the packages of `code`.
///
/// # Errors
///
/// What cannot be read, or is broken: half of them would keep silent about the other half.
pub(crate) fn advised(path: &Path, code: &Code) -> Result<Advised, Failure> {
    let asked = asked(code);
    let mut all = Advisories::default();
    for file in listed(path)? {
        let document = files::file(&file, DOCUMENT_BYTES_MAX).map_err(|error| unread(&file, error.text()))?;
        let told = read(&document, &asked).and_then(|told| all.add(told));
        told.map_err(|error| unread(&file, error.text()))?;
    }
    Ok(advise(code, &all))
}

/// The file itself, or those of the directory in their order; what begins with a dot is nobody's business.
fn listed(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: &std::io::Error| unread(path, io_cause(error));
    if !fs::metadata(path).map_err(|error| fail(&error))?.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut listed = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| fail(&error))?.take(FILES_MAX) {
        let entry = entry.map_err(|error| fail(&error))?.path();
        let is_hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !is_hidden && entry.is_file() {
            listed.push(entry);
        }
    }
    listed.sort_unstable();
    Ok(listed)
}

fn unread(path: &Path, cause: Text) -> Failure {
    let path = path.display().to_string();
    Failure::usage(text!("cannot read the advisories of {path}", "{path} のアドバイザリを読めません"))
        .because(cause)
        .hint(text!(
            "OSV's JSON (one file, or a directory of them), or what debsecan reads",
            "OSV 形式の JSON(1 ファイルまたはディレクトリ)か、debsecan のデータを指定してください"
        ))
}
