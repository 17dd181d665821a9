//! Where a path leads, where root alone says so: every folder on the way is looked at, and every link is followed by hand.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf, absolute},
};

use rustix::io::Errno;

use crate::pins::stranger::{Strange, Stranger};

/// More than the kernel follows (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// The file that `path` leads to, without links. Nobody but root can make it lead elsewhere, or write to the file, neither
/// before this nor after.
///
/// # Errors
///
/// What lets somebody else, or what cannot be looked at.
pub(crate) fn file(path: &Path) -> Result<PathBuf, Stranger> {
    let file = walk(path)?;
    Stranger::at_file(&file).map_or(Ok(file), Err)
}

/// The same of a folder.
///
/// # Errors
///
/// As of [`file()`].
pub(crate) fn folder(path: &Path) -> Result<PathBuf, Stranger> {
    let folder = walk(path)?;
    Stranger::at(&folder).map_or(Ok(folder), Err)
}

fn walk(path: &Path) -> Result<PathBuf, Stranger> {
    let path = absolute(path).map_err(|error| unseen(path, &error))?;
    let mut rest = parts(&path);
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        match Path::new(&part).components().next() {
            Some(Component::RootDir) => at = PathBuf::from("/"),
            Some(Component::ParentDir) => drop(at.pop()),
            Some(Component::Normal(name)) => {
                // What a folder holds is believed only where root alone says what it holds.
                Stranger::at(&at).map_or(Ok(()), Err)?;
                let next = at.join(name);
                let about = fs::symlink_metadata(&next).map_err(|error| unseen(&next, &error))?;
                if !about.is_symlink() {
                    at = next;
                    continue;
                }
                links += 1;
                if links > LINKS_MAX {
                    return Err(unseen(&next, &Errno::LOOP.into()));
                }
                let target = fs::read_link(&next).map_err(|error| unseen(&next, &error))?;
                let mut target = parts(&target);
                target.append(&mut rest);
                rest = target;
            }
            _ => {}
        }
    }
    Ok(at)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    path.components().map(|part| part.as_os_str().to_owned()).collect()
}

fn unseen(path: &Path, error: &io::Error) -> Stranger {
    Stranger::new(path.to_string_lossy(), Strange::Unseen(error.kind()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_root_are_followed_to_their_end() {
        assert_eq!(file(Path::new("/etc/../etc/./passwd")).unwrap(), Path::new("/etc/passwd"));
        let shell = file(Path::new("/bin/sh")).unwrap();
        assert_eq!(shell, fs::canonicalize("/bin/sh").unwrap());
        assert_eq!(folder(Path::new("/usr/bin/../lib/..")).unwrap(), Path::new("/usr"));
        assert_eq!(folder(Path::new("/")).unwrap(), Path::new("/"));
    }

    /// The file at the end is root's alone, and where the link leads another says.
    #[test]
    fn a_link_that_somebody_else_may_retarget_is_not_followed() {
        let folder = std::env::temp_dir().join(format!("portreeve-trusted-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        symlink("/etc/passwd", folder.join("link")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        let said = ["link", "loop"].map(|name| file(&folder.join(name)));
        fs::remove_dir_all(&folder).unwrap();
        for said in said {
            let stranger = said.unwrap_err();
            assert_eq!(stranger.path, std::env::temp_dir().to_string_lossy());
            assert!(matches!(stranger.what, Strange::Writable(_)), "{stranger:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_said() {
        let what = |path: &str| file(Path::new(path)).map_err(|stranger| stranger.what);
        assert_eq!(what("/nowhere/x"), Err(Strange::Unseen(io::ErrorKind::NotFound)));
        assert_eq!(what("/etc/passwd/x"), Err(Strange::NoFolder));
        assert_eq!(what("/etc"), Err(Strange::Unknown));
        assert_eq!(folder(Path::new("/etc/passwd")).unwrap_err().what, Strange::NoFolder);
    }
}
