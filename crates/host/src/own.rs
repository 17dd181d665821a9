//! The file that this program was started from, and whether what starts it later may trust it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::pins::stranger::Stranger;

/// Folders that a unit does not see (systemd.exec(5), "ProtectHome=").
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// Why nothing of the system's may start this program by itself.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// The kernel does not say which file it is, or the file is gone.
    #[error("cannot tell the file of this program")]
    Unknown(#[source] io::Error),
    /// Somebody else than root could put another program there.
    #[error("others than root may change {}", .0.path)]
    Foreign(Stranger),
    /// It is somebody's own.
    #[error("{} is in a home directory", .0.display())]
    AtHome(PathBuf),
    /// Its path holds letters that mean something in a unit or a crontab.
    #[error("{} cannot be written into a unit", .0.display())]
    Odd(PathBuf),
}

/// The path of this program, which root alone can change, and every folder above it.
///
/// # Errors
///
/// It is not so.
pub fn own() -> Result<PathBuf, OwnError> {
    // Of a file that was replaced the kernel tells a path that is none.
    let path = std::env::current_exe().and_then(fs::canonicalize).map_err(OwnError::Unknown)?;
    trusted(path)
}

fn trusted(path: PathBuf) -> Result<PathBuf, OwnError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
    if !path.to_string_lossy().bytes().all(is_plain) {
        return Err(OwnError::Odd(path));
    }
    if HOMES.iter().any(|home| path.starts_with(home)) {
        return Err(OwnError::AtHome(path));
    }
    match stranger(&path) {
        Some(stranger) => Err(OwnError::Foreign(stranger)),
        None => Ok(path),
    }
}

/// What lets others than root put another file at `path`, an absolute one without links; `None` where nothing does.
#[must_use]
pub fn stranger(path: &Path) -> Option<Stranger> {
    let folders = path.ancestors().skip(1).find_map(Stranger::at);
    folders.or_else(|| Stranger::at_file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_trusted_where_root_alone_can_change_it() {
        let path = |path: &str| trusted(path.into());
        assert_eq!(path("/usr/bin/env").unwrap(), Path::new("/usr/bin/env"));
        assert!(matches!(path("/home/dev/portreeve"), Err(OwnError::AtHome(_))));
        assert!(matches!(path("/opt/my tools/portreeve"), Err(OwnError::Odd(_))));
        assert!(matches!(path("/opt/%n/portreeve"), Err(OwnError::Odd(_))));
        assert!(
            matches!(path("/tmp/portreeve"), Err(OwnError::Foreign(stranger)) if stranger.path == "/tmp")
        );
    }
}
