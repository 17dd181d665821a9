//! Replaces a file of ours whole or not at all, so that a reader never meets half of one.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};

/// Names that are tried for the new content before giving up.
const NAMES_MAX: u32 = 16;
/// Mode bits by which others than the owner may write (inode(7)).
const OTHERS_WRITE: u32 = 0o022;
const DIRECTORY_MODE: u32 = 0o755;

/// Who may read a file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever wrote it.
    Owner,
    /// Every user of this host.
    Everybody,
}

impl Readers {
    const fn mode(self) -> u32 {
        match self {
            Self::Owner => 0o600,
            Self::Everybody => 0o644,
        }
    }
}

/// Why a file could not be replaced.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The system refused.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or directory that stood in the way.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is as it should be, but may be as it was before when the power fails now.
    #[error("cannot sync {}", path.display())]
    Unsynced {
        /// The directory whose entries may not be on the disk.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else could plant a link where we write.
    #[error("others may write to {}", path.display())]
    Shared {
        /// The directory.
        path: PathBuf,
    },
}

impl KeepError {
    /// What stood in the way.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Write { path, .. } | Self::Unsynced { path, .. } | Self::Shared { path } => path,
        }
    }
}

/// Makes `bytes` the content of `path`, with the directories above it.
///
/// The new content is on the disk before it takes the name (rename(2), fsync(2)); no link is followed on the way.
///
/// # Errors
///
/// Where the directory is not safe to write to, or the system refuses: the old content then stays, except with
/// [`KeepError::Unsynced`], which leaves the new one.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), KeepError> {
    put(path, bytes, readers, File::sync_all)?;
    // The name is on the disk when its directory is.
    synced(above(path))
}

/// The same of what is written again and again and may be old, or broken, after the power has failed: nobody waits for the disk.
///
/// # Errors
///
/// As of [`replace()`]; the old content then stays.
pub fn replace_soon(path: &Path, bytes: &[u8], readers: Readers) -> Result<(), KeepError> {
    put(path, bytes, readers, |_| Ok(()))
}

fn put(
    path: &Path,
    bytes: &[u8],
    readers: Readers,
    sync: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), KeepError> {
    prepare(above(path))?;
    let fail = |source| KeepError::Write { path: path.into(), source };
    let (mut file, fresh) = create(path).map_err(fail)?;
    let written = write(&mut file, bytes, readers).and_then(|()| sync(&file));
    written.and_then(|()| fs::rename(&fresh, path)).map_err(|source| {
        // The old content is untouched; a leftover of ours is only untidy.
        let _ = fs::remove_file(&fresh);
        fail(source)
    })
}

/// The first `bytes_max` of the file at `path`, where nobody but its reader could have written it.
pub(crate) fn read_own(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    // A pipe in its place would else be waited for until somebody writes to it.
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let is_ours = |of: &Metadata| of.uid() == geteuid().as_raw() && of.mode() & OTHERS_WRITE == 0;
    let about = file.metadata().ok()?;
    if !about.is_file() || !is_ours(&about) || !is_ours(&fs::metadata(above(path)).ok()?) {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(bytes_max).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Takes the file at `path` away, for good when this ends well; that it is gone already is no error.
///
/// # Errors
///
/// Where the system refuses; the file then stays, except with [`KeepError::Unsynced`].
pub(crate) fn remove(path: &Path) -> Result<(), KeepError> {
    match fs::remove_file(path) {
        Ok(()) => synced(above(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeepError::Write { path: path.into(), source }),
    }
}

fn synced(directory: &Path) -> Result<(), KeepError> {
    sync(directory).map_err(|source| KeepError::Unsynced { path: directory.into(), source })
}

/// Puts the entries of a directory on the disk (fsync(2)).
fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Makes the directory where it is missing, and refuses one where others could plant something.
pub(crate) fn prepare(directory: &Path) -> Result<(), KeepError> {
    let fail = |source| KeepError::Write { path: directory.into(), source };
    let missing = missing(directory);
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(fail)?;
    // One that was made is on the disk when the one above it is.
    missing.iter().try_for_each(|made| sync(above(made))).map_err(fail)?;
    let metadata = fs::metadata(directory).map_err(fail)?;
    refuse_shared(directory, &metadata)
}

/// Refuses a directory that stands and where others could put another one in place of one of ours.
///
/// # Errors
///
/// It is another user's than root's or ours, or others may write to it.
pub(crate) fn refuse_others(directory: &Path) -> Result<(), KeepError> {
    match fs::metadata(directory) {
        Ok(metadata) => refuse_shared(directory, &metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(KeepError::Write { path: directory.into(), source }),
    }
}

fn refuse_shared(directory: &Path, metadata: &Metadata) -> Result<(), KeepError> {
    let ours = [0, geteuid().as_raw()].contains(&metadata.uid());
    if ours && metadata.mode() & OTHERS_WRITE == 0 {
        Ok(())
    } else {
        Err(KeepError::Shared { path: directory.into() })
    }
}

/// The directories that are not there, the innermost first.
fn missing(directory: &Path) -> Vec<&Path> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    directory.ancestors().take_while(is_missing).collect()
}

fn above(path: &Path) -> &Path {
    path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file beside `path`; what stands there already is neither opened nor followed (`O_EXCL`, open(2)).
fn create(path: &Path) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(Readers::Owner.mode());
    for attempt in 0..NAMES_MAX {
        let fresh = fresh_name(path, attempt);
        match options.open(&fresh) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (file, fresh)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// A name beside `path` that no other run uses.
fn fresh_name(path: &Path, attempt: u32) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{attempt}.new", std::process::id()));
    path.with_file_name(name)
}

fn write(file: &mut File, bytes: &[u8], readers: Readers) -> io::Result<()> {
    // Whatever the umask: a table that only root can read would stop everybody else.
    file.set_permissions(Permissions::from_mode(readers.mode()))?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory of the test's own that nobody else may write to.
    fn place(name: &str) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("portreeve-keep-{name}-{}", std::process::id()));
        DirBuilder::new().mode(DIRECTORY_MODE).create(&directory).unwrap();
        directory
    }

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = place("replaced");
        let path = directory.join("deep/table.bin");
        replace(&path, b"old", Readers::Everybody).unwrap();
        replace(&path, b"new", Readers::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        replace_soon(&path, b"soon", Readers::Everybody).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(fs::read(&path).unwrap(), b"soon");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let directory = place("planted");
        let (victim, path) = (directory.join("victim"), directory.join("record.json"));
        fs::write(&victim, b"precious").unwrap();
        symlink(&victim, &path).unwrap();
        symlink(&victim, fresh_name(&path, 0)).unwrap();
        replace(&path, b"ours", Readers::Owner).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::read(&path).unwrap(), b"ours");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        for attempt in 1..NAMES_MAX {
            symlink(&victim, fresh_name(&path, attempt)).unwrap();
        }
        replace(&path, b"again", Readers::Owner).unwrap_err();
        assert_eq!(
            (fs::read(&victim).unwrap(), fs::read(&path).unwrap()),
            (b"precious".into(), b"ours".into())
        );
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        for mode in [0o775, 0o757, 0o1777] {
            let directory = place(&format!("shared-{mode:o}"));
            fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
            let error = replace(&directory.join("record.json"), b"", Readers::Owner).unwrap_err();
            assert!(matches!(&error, KeepError::Shared { path } if *path == directory), "{mode:o}: {error}");
            assert!(matches!(refuse_others(&directory), Err(KeepError::Shared { .. })), "{mode:o}");
            refuse_others(&directory.join("none")).unwrap();
            assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
            fs::remove_dir_all(directory).unwrap();
        }
    }

    #[test]
    fn what_is_made_on_the_way_is_known_innermost_first() {
        let directory = place("missing");
        let deep = directory.join("a/b");
        assert_eq!(missing(&deep), [deep.as_path(), &directory.join("a")]);
        assert_eq!(missing(&directory), [""; 0].map(Path::new));
        assert_eq!(missing(Path::new("no/such")), ["no/such", "no"].map(Path::new));
        assert_eq!(["no/such", "no"].map(|path| above(Path::new(path))), ["no", "."].map(Path::new));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_gone_is_gone_for_good() {
        let directory = place("removed");
        let path = directory.join("record.json");
        fs::write(&path, b"old").unwrap();
        for _ in 0..2 {
            remove(&path).unwrap();
            assert!(!path.exists());
        }
        let error = remove(&directory).unwrap_err();
        assert!(matches!(&error, KeepError::Write { path, .. } if *path == directory), "{error}");
        let error = synced(&path).unwrap_err();
        assert!(matches!(error, KeepError::Unsynced { path: own, .. } if own == path), "it is written");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_stands_in_the_way_is_named() {
        let error = replace(Path::new("/dev/null/table.bin"), b"", Readers::Owner).unwrap_err();
        assert_eq!(error.path(), Path::new("/dev/null"));
    }
}
