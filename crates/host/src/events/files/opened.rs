//! Opens what is called as a log is, where it is a file, and touches nothing else.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, AsRawFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat},
    io::Errno,
};

/// Why it is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is called so.
    Missing,
    /// The system refuses.
    Unreadable(io::ErrorKind),
    /// It is no file: a directory, a FIFO, a socket, a device.
    NoFile,
    /// It is a link that leads out of its directory, or to another link.
    Elsewhere,
}

/// What tells one file of a directory from another, as long as somebody has it open (inode(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) device: u64,
    pub(super) inode: u64,
}

/// A file that can be read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// Bytes.
    pub(super) size: u64,
}

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// A directory, to open what is in it, whatever becomes of its name.
pub(super) fn directory(path: &Path) -> Result<OwnedFd, Refused> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty()).map_err(refused)
}

/// Opens the file that is called `name` in `directory`.
///
/// A link is followed once, to a name in the same directory: a program that writes files by date has its link there. One that leads
/// elsewhere would let whoever may write to the directory choose what root reads.
pub(super) fn file(directory: impl AsFd, name: &OsStr) -> Result<Opened, Refused> {
    let (found, stat) = look(&directory, name)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => read(&found),
        FileType::Symlink => {
            let target = readlinkat(&found, "", Vec::new()).map_err(refused)?;
            let target = OsStr::from_bytes(target.as_bytes());
            if target.as_bytes().contains(&b'/') || target == ".." {
                return Err(Refused::Elsewhere);
            }
            let (found, stat) = look(&directory, target)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => read(&found),
                FileType::Symlink => Err(Refused::Elsewhere),
                _ => Err(Refused::NoFile),
            }
        }
        _ => Err(Refused::NoFile),
    }
}

/// A descriptor by which nothing is opened yet: to open a FIFO or a device would already do something.
fn look(directory: &impl AsFd, name: &OsStr) -> Result<(OwnedFd, Stat), Refused> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(directory, name, flags, Mode::empty()).map_err(refused)?;
    let stat = fstat(&found).map_err(refused)?;
    Ok((found, stat))
}

/// Opens the very file that was looked at (proc_pid_fd(5)); nobody makes us wait by a lease (fcntl(2)).
fn read(found: &OwnedFd) -> Result<Opened, Refused> {
    let path = by_descriptor(found);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path.as_str(), flags, Mode::empty()).map_err(refused)?;
    let stat = fstat(&file).map_err(refused)?;
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    Ok(Opened { file: file.into(), identity: Identity::of(&stat), size })
}

/// A path that leads to what a descriptor of ours is of, whatever its name has become.
pub(super) fn by_descriptor(of: &impl AsFd) -> String {
    format!("/proc/self/fd/{}", of.as_fd().as_raw_fd())
}

fn refused(error: Errno) -> Refused {
    match error {
        Errno::NOENT => Refused::Missing,
        Errno::NOTDIR => Refused::NoFile,
        other => Refused::Unreadable(io::Error::from(other).kind()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, os::unix::net::UnixListener};

    use rustix::fs::{CWD, mkfifoat};

    use super::*;

    #[test]
    fn files_alone_are_opened_and_links_lead_nowhere_else() {
        let folder = std::env::temp_dir().join(format!("portreeve-opened-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("log"), "line\n").unwrap();
        fs::create_dir(folder.join("folder")).unwrap();
        mkfifoat(CWD, folder.join("fifo"), Mode::RWXU).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        for (name, target) in [
            ("near", "log"),
            ("far", "/etc/passwd"),
            ("up", "../../etc/passwd"),
            ("out", ".."),
            ("chain", "near"),
            ("loop", "loop"),
            ("pipe", "fifo"),
            ("dangling", "nothing"),
            ("device", "/dev/null"),
        ] {
            symlink(target, folder.join(name)).unwrap();
        }
        let inside = directory(&folder).unwrap();
        let why = |name: &str| file(&inside, OsStr::new(name)).map(|opened| opened.size);
        let said =
            ["log", "near", "folder", "fifo", "socket", "far", "up", "out", "chain", "loop", "pipe"].map(why);
        let [missing, dangling, device] = ["nothing", "dangling", "device"].map(why);
        let null = file(directory(Path::new("/dev")).unwrap(), OsStr::new("null")).map(|opened| opened.size);
        let no_folder = directory(&folder.join("log")).map(|_| ());
        fs::remove_dir_all(&folder).unwrap();
        let (none, elsewhere) = (Err(Refused::NoFile), Err(Refused::Elsewhere));
        assert_eq!(
            said,
            [Ok(5), Ok(5), none, none, none, elsewhere, elsewhere, elsewhere, elsewhere, elsewhere, none]
        );
        assert_eq!(
            [missing, dangling, device, null],
            [Err(Refused::Missing), Err(Refused::Missing), elsewhere, none]
        );
        assert_eq!(no_folder, Err(Refused::NoFile));
    }
}
