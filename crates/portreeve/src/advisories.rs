//! Reads the advisories that somebody laid down: one file, or all of a directory (A18).

use std::{
    fs,
    path::{Path, PathBuf},
};

use portreeve_core::{
    advised::{Advised, advise, asked, unspoken},
    advisories::{Advisories, DOCUMENT_BYTES_MAX, read},
    facts::{Code, Gap},
    text,
    words::Text,
};

use crate::{
    failure::{Failure, io_cause},
    read as files,
};

/// More files than any set of advisories has: OSV has one an advisory, some 50,000 of Debian.
const FILES_MAX: usize = 1_000_000;

/// How deep files stand at most: OSV's archives have a folder an ecosystem.
const DEPTH_MAX: usize = 8;

/// What the advisories at `path` say of the packages of `code`, and of which releases they say nothing.
///
/// # Errors
///
/// What cannot be read, or is broken: half of them would keep silent about the other half.
pub(crate) fn advised(path: &Path, code: &Code) -> Result<(Advised, Vec<Gap>), Failure> {
    let asked = asked(code);
    let mut all = Advisories::default();
    for file in listed(path)? {
        let document = files::file(&file, DOCUMENT_BYTES_MAX).map_err(|error| unread(&file, error.text()))?;
        let told = read(&document, &asked).and_then(|told| all.add(told));
        told.map_err(|error| unread(&file, error.text()))?;
    }
    Ok((advise(code, &all), unspoken(code, &all, &path.display().to_string())))
}

/// The file itself, or those of the directory and of those below it, in their order; what begins with a dot is nobody's business.
fn listed(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fail = |error: &std::io::Error| unread(path, io_cause(error));
    if !fs::metadata(path).map_err(|error| fail(&error))?.is_dir() {
        return Ok(vec![path.into()]);
    }
    let mut listed = Vec::new();
    let mut folders = vec![(path.to_path_buf(), 1)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > DEPTH_MAX {
            return Err(unread(&folder, text!("it stands too deep", "階層が深すぎます")));
        }
        for entry in fs::read_dir(&folder).map_err(|error| unread(&folder, io_cause(&error)))? {
            let entry = entry.map_err(|error| unread(&folder, io_cause(&error)))?.path();
            if is_hidden(&entry) {
                continue;
            }
            if is_folder(&entry)? {
                folders.push((entry, depth + 1));
            } else {
                listed.push(entry);
            }
            if listed.len() + folders.len() > FILES_MAX {
                return Err(unread(path, text!("there are too many files", "ファイルが多すぎます")));
            }
        }
    }
    listed.sort_unstable();
    Ok(listed)
}

/// Whether it is a directory, and no file: whatever else it is keeps silent about what it should have told.
fn is_folder(path: &Path) -> Result<bool, Failure> {
    let kind = fs::metadata(path).map_err(|error| unread(path, io_cause(&error)))?.file_type();
    if kind.is_dir() || kind.is_file() {
        return Ok(kind.is_dir());
    }
    Err(unread(path, text!("it is no file", "通常のファイルではありません")))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
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
