//! Replaces a file of ours whole or not at all, so that a reader never meets half of one.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// Why a file could not be replaced.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub(crate) struct KeepError {
    /// The file or directory that stood in the way.
    pub(crate) path: PathBuf,
    /// What the system said.
    pub(crate) source: io::Error,
}

/// Makes `bytes` the content of `path`, with the directories above it.
///
/// The new content is on the disk before it takes the name (rename(2), fsync(2)).
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), KeepError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(|source| KeepError { path: directory.into(), source })?;
    let fresh = fresh_name(path);
    let written = write(&fresh, bytes).and_then(|()| fs::rename(&fresh, path));
    written.map_err(|source| {
        // The old content is untouched; a leftover of ours is only untidy.
        let _ = fs::remove_file(&fresh);
        KeepError { path: path.into(), source }
    })
}

/// A name beside `path` that no other run uses.
fn fresh_name(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = std::env::temp_dir().join(format!("portreeve-keep-{}", std::process::id()));
        let path = directory.join("deep/table.bin");
        replace(&path, b"old").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let error = replace(Path::new("/dev/null/table.bin"), b"").unwrap_err();
        assert_eq!(error.path, Path::new("/dev/null"));
    }
}
