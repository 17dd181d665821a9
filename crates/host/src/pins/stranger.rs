//! What stands where pins are put and is not portreeve's.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::{FOLDER, OTHERS_WRITE};

/// Something that is not portreeve's, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// Where it stands.
    pub path: String,
    /// What is strange about it.
    pub what: Strange,
}

/// What is strange about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strange {
    /// It is a symbolic link: whoever made that says where it leads.
    Link,
    /// It is no folder.
    NoFolder,
    /// It belongs to the user of this number.
    OfUser(u32),
    /// Others than root may write to it, as its mode says.
    Writable(u32),
    /// It is a folder with files.
    Full,
    /// Another file system is mounted there.
    Mounted,
    /// Nobody of ours made it.
    Unknown,
    /// It cannot be looked at, so nobody can say whose it is.
    Unseen(io::ErrorKind),
}

impl Stranger {
    pub(crate) fn new(path: impl Into<String>, what: Strange) -> Self {
        Self { path: path.into(), what }
    }

    /// What keeps `path` from being a folder that is root's alone; `None` where it is one.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let is_folder = |about: &fs::Metadata| if about.is_dir() { None } else { Some(Strange::NoFolder) };
        Self::of(path, is_folder)
    }

    /// What keeps `path` from being a file that root alone writes; `None` where it is one.
    pub(crate) fn at_file(path: &Path) -> Option<Self> {
        let is_file = |about: &fs::Metadata| if about.is_file() { None } else { Some(Strange::Unknown) };
        Self::of(path, is_file)
    }

    fn of(path: &Path, odd: impl FnOnce(&fs::Metadata) -> Option<Strange>) -> Option<Self> {
        let what = match fs::symlink_metadata(path) {
            Err(error) => Some(Strange::Unseen(error.kind())),
            Ok(about) if about.is_symlink() => Some(Strange::Link),
            Ok(about) => odd(&about).or_else(|| others(&about)),
        };
        what.map(|what| Self::new(path.to_string_lossy(), what))
    }

    /// Whether nothing is there: only for whoever makes it, that is not strange.
    pub(crate) fn is_missing(&self) -> bool {
        self.what == Strange::Unseen(io::ErrorKind::NotFound)
    }
}

/// By what others than root may change it.
fn others(about: &fs::Metadata) -> Option<Strange> {
    match about.uid() {
        0 if about.mode() & OTHERS_WRITE == 0 => None,
        0 => Some(Strange::Writable(about.mode() & 0o7777)),
        user => Some(Strange::OfUser(user)),
    }
}

/// What is strange about the folder of pins: what can be seen of it, else `what`.
pub(super) fn strange(what: Strange) -> Stranger {
    let seen = Stranger::at(Path::new(FOLDER)).filter(|seen| !matches!(seen.what, Strange::Unseen(_)));
    seen.unwrap_or_else(|| Stranger::new(FOLDER, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_is_roots_alone_is_no_stranger() {
        let what = |path: &str| Stranger::at(Path::new(path)).map(|stranger| stranger.what);
        assert_eq!(what("/usr"), None);
        assert_eq!(what("/nowhere"), Some(Strange::Unseen(io::ErrorKind::NotFound)));
        assert_eq!(what("/etc/passwd/x"), Some(Strange::Unseen(io::ErrorKind::NotADirectory)));
        assert!(Stranger::at(Path::new("/nowhere")).unwrap().is_missing());
        assert!(!Stranger::at(Path::new("/etc/passwd/x")).unwrap().is_missing());
        assert_eq!(what("/proc/self/exe"), Some(Strange::Link));
        assert_eq!(what("/etc/passwd"), Some(Strange::NoFolder));
        assert_eq!(what("/tmp"), Some(Strange::Writable(0o1777)));
        assert_eq!(Stranger::at(Path::new("/tmp")).unwrap().path, "/tmp");
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_trusted() {
        let what = |path: &str| Stranger::at_file(Path::new(path)).map(|stranger| stranger.what);
        assert_eq!(what("/etc/passwd"), None);
        assert_eq!(what("/etc"), Some(Strange::Unknown));
        assert_eq!(what("/nowhere"), Some(Strange::Unseen(io::ErrorKind::NotFound)));
    }
}
