//! Iterators that root left open for a group: files of a bpffs, each of which lists sockets anew when it is read (A5).
//!
//! Whoever may open such a file needs no privilege to read it; the program runs in the reader's own namespaces
//! (kernel/bpf/inode.c, `bpf_iter_fops`). A program for every port stands behind each: what is asked for is picked out
//! by the reader.

pub mod off;
pub mod put;
pub mod stranger;

use std::{io, os::fd::OwnedFd, path::Path};

use portreeve_core::port::PortRange;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat},
    io::Errno,
};

use crate::observe::sight::{Asked, List};

/// Where portreeve keeps what lasts no longer than the machine runs.
pub const RUN: &str = "/run/portreeve";
/// Where the bpffs of ours is mounted: /sys/fs/bpf itself is closed to users on many hosts.
pub const FOLDER: &str = "/run/portreeve/bpf";
/// BPF_FS_MAGIC (include/uapi/linux/magic.h).
pub(crate) const BPF_FS_MAGIC: u32 = 0xcafe_4a11;
/// Mode bits by which others than the owner may write (inode(7)).
pub(crate) const OTHERS_WRITE: u32 = 0o022;
/// Which shape records have, in every name: raised whenever `struct record` (bpf/sight.bpf.c) changes.
const LAYOUT: u32 = 1;
/// Held by whoever puts pins or takes them away.
const LOCK: &str = "pins.lock";
/// What a name begins with until its pin is whole.
const UNFINISHED: &str = "new-";

/// A pin, by what its program tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Descriptors of sockets that wait for anybody.
    Listeners,
    /// Descriptors of every socket.
    Descriptors,
    /// Sockets that a process keeps without a descriptor of its own.
    Kept,
    /// The TCP sockets of the reader's network namespace.
    Tcp,
    /// Its UDP sockets.
    Udp,
}

impl Name {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Listeners, Self::Descriptors, Self::Kept, Self::Tcp, Self::Udp];

    /// The pin that tells of `list`; of other namespaces' processes there is none, as no member may go there.
    pub(crate) const fn of(list: List, connections: bool) -> Option<Self> {
        Some(match (list, connections) {
            (List::Files, false) => Self::Listeners,
            (List::Files, true) => Self::Descriptors,
            (List::Kept, _) => Self::Kept,
            (List::Tcp, _) => Self::Tcp,
            (List::Udp, _) => Self::Udp,
            (List::Elsewhere, _) => return None,
        })
    }

    /// What its program was asked for.
    const fn asked(self) -> (List, Asked) {
        let list = match self {
            Self::Listeners | Self::Descriptors => List::Files,
            Self::Kept => List::Kept,
            Self::Tcp => List::Tcp,
            Self::Udp => List::Udp,
        };
        (list, Asked { ports: PortRange::EVERY, connections: !matches!(self, Self::Listeners) })
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Descriptors => "descriptors",
            Self::Kept => "kept",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Its file; a bpffs keeps names with dots to itself.
    pub(crate) fn file(self) -> String {
        format!("{}-{LAYOUT}", self.word())
    }
}

/// Whether a file of the folder is ours: of this layout, another one, or not finished.
fn is_ours(file: &str) -> bool {
    let file = file.strip_prefix(UNFINISHED).unwrap_or(file);
    let layout = |name: Name| file.strip_prefix(name.word())?.strip_prefix('-');
    Name::ALL.into_iter().filter_map(layout).any(|digits| digits.parse::<u32>().is_ok())
}

/// Why the folder's pins are not read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is none, or nothing is mounted on it.
    #[error("nothing is pinned at {FOLDER}")]
    Absent,
    /// It is none that root made, so that anybody may have put into it whatever he likes.
    #[error("{FOLDER} is not a bpffs that belongs to root alone")]
    Foreign,
    /// It cannot be opened.
    #[error("cannot open {FOLDER}")]
    Closed(#[source] io::Error),
}

/// Why a pin is not read.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// It is not there.
    #[error("it is not pinned")]
    Absent,
    /// It is another group's.
    #[error("it is another group's")]
    OfGroup(u32),
    /// It is none that root made.
    #[error("it does not belong to root alone")]
    Foreign,
    /// It cannot be opened.
    #[error("cannot open it")]
    Closed(#[source] io::Error),
}

/// The folder of pins, where it can be nobody's but root's.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// Where there is none, or one that somebody else made.
    pub fn open() -> Result<Self, FolderError> {
        Self::at(Path::new(FOLDER))
    }

    /// The one at `path`, where it is a bpffs of root's.
    pub(crate) fn at(path: &Path) -> Result<Self, FolderError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => FolderError::Absent,
            Errno::NOTDIR | Errno::LOOP => FolderError::Foreign,
            error => FolderError::Closed(error.into()),
        })?;
        let closed = |error: Errno| FolderError::Closed(error.into());
        let about = fstat(&folder).map_err(closed)?;
        let is_bpf = u32::try_from(fstatfs(&folder).map_err(closed)?.f_type) == Ok(BPF_FS_MAGIC);
        match (is_roots(&about), is_bpf) {
            (true, true) => Ok(Self(folder)),
            (true, false) => Err(FolderError::Absent),
            (false, _) => Err(FolderError::Foreign),
        }
    }

    /// The pin of this name, which this process may open.
    ///
    /// # Errors
    ///
    /// Where it is not there, another group's, or not root's.
    pub fn pin(&self, name: Name) -> Result<Pin, PinError> {
        let path =
            openat(&self.0, name.file(), OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .map_err(|error| match error {
                    Errno::NOENT => PinError::Absent,
                    error => PinError::Closed(error.into()),
                })?;
        let about = fstat(&path).map_err(|error| PinError::Closed(error.into()))?;
        if !is_roots(&about) || !FileType::from_raw_mode(about.st_mode).is_file() {
            return Err(PinError::Foreign);
        }
        let folder = self.0.try_clone().map_err(PinError::Closed)?;
        let pin = Pin { folder, file: name.file() };
        match pin.begin() {
            Ok(_) => Ok(pin),
            Err(Errno::ACCESS) => Err(PinError::OfGroup(about.st_gid)),
            Err(error) => Err(PinError::Closed(error.into())),
        }
    }

    /// The files in it that somebody put there: with a dot in its name the kernel alone puts one, into every bpffs
    /// (kernel/bpf/inode.c, `bpf_lookup`, `populate_bpffs`).
    fn files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.contains('.') {
                files.push(name);
            }
        }
        Ok(files)
    }

    /// Whether pins of another layout are there: another portreeve put them.
    #[must_use]
    pub fn has_other_layout(&self) -> bool {
        let ours = Name::ALL.map(Name::file);
        let is_other = |file: &String| is_ours(file) && !ours.contains(file) && !file.starts_with(UNFINISHED);
        self.files().is_ok_and(|files| files.iter().any(is_other))
    }
}

/// Whether nobody but root could have made it.
fn is_roots(about: &Stat) -> bool {
    about.st_uid == 0 && about.st_mode & OTHERS_WRITE == 0
}

/// A pin that may be opened.
#[derive(Debug)]
pub struct Pin {
    folder: OwnedFd,
    file: String,
}

impl Pin {
    /// Begins to go through its list, in the namespaces of the calling thread.
    ///
    /// # Errors
    ///
    /// Where it is gone meanwhile.
    pub(crate) fn begin(&self) -> Result<OwnedFd, Errno> {
        openat(&self.folder, &*self.file, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_is_pinned_and_in_which_layout() {
        let files = Name::ALL.map(Name::file);
        assert_eq!(files, ["listeners-1", "descriptors-1", "kept-1", "tcp-1", "udp-1"]);
        assert!(files.iter().all(|file| is_ours(file) && !file.contains('.')));
        for (file, ours) in [
            ("tcp-2", true),
            ("new-udp-1", true),
            ("tcp", false),
            ("tcp-", false),
            ("tcp-x", false),
            ("new-", false),
            ("cilium", false),
        ] {
            assert_eq!(is_ours(file), ours, "{file}");
        }
    }

    #[test]
    fn each_list_has_the_pin_that_tells_all_that_may_be_asked_of_it() {
        for name in Name::ALL {
            let (list, asked) = name.asked();
            assert_eq!(Name::of(list, asked.connections), Some(name));
            assert_eq!((asked.ports.first, asked.ports.last), (0, u16::MAX));
        }
        assert_eq!(Name::of(List::Tcp, false), Some(Name::Tcp), "one for both");
    }

    #[test]
    fn only_a_bpffs_of_root_is_trusted() {
        let told = |path: &str| {
            Folder::at(Path::new(path)).map(drop).map_err(|error| match error {
                FolderError::Absent => "absent",
                FolderError::Foreign => "foreign",
                FolderError::Closed(_) => "closed",
            })
        };
        assert_eq!(told("/nowhere"), Err("absent"));
        assert_eq!(told("/tmp"), Err("foreign"), "anybody writes there");
        assert_eq!(told("/proc/self/exe"), Err("foreign"), "a link");
        assert_eq!(told("/etc/passwd"), Err("foreign"), "a file");
        assert_eq!(told("/usr"), Err("absent"), "root's, and no bpffs");
    }
}
