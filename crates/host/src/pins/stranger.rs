//! What stands where pins are put and is not portreeve's.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

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
}

impl Stranger {
    pub(super) fn new(path: impl Into<String>, what: Strange) -> Self {
        Self { path: path.into(), what }
    }

    /// What keeps `path` from being a folder that is root's alone; `None` where it is one, or cannot be looked at.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let about = fs::symlink_metadata(path).ok()?;
        let what = match about.uid() {
            _ if about.is_symlink() => Strange::Link,
            _ if !about.is_dir() => Strange::NoFolder,
            0 if about.mode() & OTHERS_WRITE == 0 => return None,
            0 => Strange::Writable(about.mode() & 0o7777),
            user => Strange::OfUser(user),
        };
        Some(Self::new(path.to_string_lossy(), what))
    }

    /// What keeps `path` from being a file that root alone writes; `None` where it is one, or cannot be looked at.
    pub(crate) fn at_file(path: &Path) -> Option<Self> {
        let about = fs::symlink_metadata(path).ok()?;
        let what = match about.uid() {
            _ if about.is_symlink() => Strange::Link,
            _ if !about.is_file() => Strange::Unknown,
            0 if about.mode() & OTHERS_WRITE == 0 => return None,
            0 => Strange::Writable(about.mode() & 0o7777),
            user => Strange::OfUser(user),
        };
        Some(Self::new(path.to_string_lossy(), what))
    }
}

/// What is strange about the folder of pins: what can be seen of it, else `what`.
pub(super) fn strange(what: Strange) -> Stranger {
    Stranger::at(Path::new(FOLDER)).unwrap_or_else(|| Stranger::new(FOLDER, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_that_is_roots_alone_is_no_stranger() {
        let what = |path: &str| Stranger::at(Path::new(path)).map(|stranger| stranger.what);
        assert_eq!(what("/usr"), None);
        assert_eq!(what("/nowhere"), None, "nothing is no stranger");
        assert_eq!(what("/proc/self/exe"), Some(Strange::Link));
        assert_eq!(what("/etc/passwd"), Some(Strange::NoFolder));
        assert_eq!(what("/tmp"), Some(Strange::Writable(0o1777)));
        assert_eq!(Stranger::at(Path::new("/tmp")).unwrap().path, "/tmp");
    }
}
