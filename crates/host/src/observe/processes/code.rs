//! Compares the program code that a process has mapped with the files on disk (A18).

use std::{
    collections::HashMap,
    fs, io,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use portreeve_core::facts::ExeState;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, major, minor, openat, openat2},
    io::Errno,
};

use crate::proc::{
    self,
    maps::{self, Mapping},
};

/// A process with more mappings than this has its first ones compared.
const MAPS_BYTES_MAX: usize = 8 * 1024 * 1024;
const DELETED: &str = " (deleted)";

/// A file by device and inode, or `None` where no file stands.
type FileId = Option<(u64, u64)>;

/// From where the paths of a process lead to its files.
///
/// /proc tells paths from the root of a process' mount namespace, not from its chroot (path_resolution(7)):
/// a daemon that locked itself up after its start still runs the file at the namespace's path.
#[derive(Debug)]
pub(super) struct View {
    mounts: u64,
    /// The root of another mount namespace; its links must not lead into ours.
    root: Option<OwnedFd>,
}

impl View {
    /// The view of a process; `None` where it may not be seen or is locked up in another mount namespace.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let mounts = fs::metadata(format!("/proc/{pid}/ns/mnt")).ok()?.st_ino();
        if mounts == fs::metadata("/proc/self/ns/mnt").ok()?.st_ino() {
            return Some(Self { mounts, root: None });
        }
        let root = format!("/proc/{pid}/root");
        if proc::read_link(&root)? != "/" {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Some(Self { mounts, root: Some(openat(CWD, root, flags, Mode::empty()).ok()?) })
    }

    /// The file that stands at `path` for the process, opened for its metadata alone.
    fn open(&self, path: &str) -> io::Result<Option<Stat>> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file = match &self.root {
            None => openat(CWD, path, flags, Mode::empty()),
            Some(root) => {
                let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
                openat2(root, path, flags, Mode::empty(), within)
            }
        };
        match file.and_then(fstat) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Which file stands at `path` for the process.
    fn find(&self, path: &str) -> io::Result<FileId> {
        Ok(self.open(path)?.map(|stat| (stat.st_dev, stat.st_ino)))
    }

    /// Whether a regular file stands at `path` for the process.
    pub(super) fn has_file(&self, path: &str) -> bool {
        let stat = self.open(path).ok().flatten();
        stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    }
}

/// The path of the executable, and whether the file there is still the one that runs.
///
/// The link itself leads to the file that runs, wherever its path went (proc_pid_exe(5)).
pub(super) fn executable(pid: u32, view: Option<&View>) -> (Option<String>, ExeState) {
    let link = format!("/proc/{pid}/exe");
    let Some(told) = proc::read_link(&link) else { return (None, ExeState::Unknown) };
    let running = found(fs::metadata(&link)).ok().flatten();
    let at = |path: &str| view.and_then(|view| view.find(path).ok());
    // A file may really be called so.
    let path = match told.strip_suffix(DELETED) {
        Some(path) if running.is_none() || at(&told).flatten() != running => path.to_owned(),
        _ => told,
    };
    if path.starts_with("/memfd:") {
        return (Some(path), ExeState::Memfd);
    }
    let state = match (running, at(&path)) {
        (Some(running), Some(Some(on_disk))) if running == on_disk => ExeState::Same,
        (Some(_), Some(Some(_))) => ExeState::Replaced,
        (Some(_), Some(None)) => ExeState::Deleted,
        _ => ExeState::Unknown,
    };
    (Some(path), state)
}

/// What stands on the disk, remembered over processes that share a mount namespace.
#[derive(Debug, Default)]
pub(super) struct Disk {
    files: HashMap<(u64, String), FileId>,
}

impl Disk {
    /// The paths of the mapped files that were replaced or deleted; `None` where the maps cannot be read.
    pub(super) fn stale_files(&mut self, pid: u32, view: &View) -> Option<Vec<String>> {
        let mappings = maps::read(&proc::read(format!("/proc/{pid}/maps"), MAPS_BYTES_MAX).ok()?);
        let stale = mappings.into_iter().filter(|mapping| self.is_stale(pid, view, mapping));
        Some(stale.map(|mapping| mapping.path).collect())
    }

    fn is_stale(&mut self, pid: u32, view: &View, mapping: &Mapping) -> bool {
        let Ok(on_disk) = self.on_disk(view, &mapping.path) else { return false };
        if on_disk.is_some_and(|id| is_mapped(id, mapping)) {
            return false;
        }
        // Overlay file systems tell another device in maps than in stat: the mapping's own link decides.
        match found(fs::metadata(format!("/proc/{pid}/map_files/{}", mapping.range))) {
            Ok(mapped) => mapped.is_some() && mapped != on_disk,
            // Only root may follow that link (proc_pid_map_files(5)); the inode alone has to do.
            Err(_) => on_disk.is_none_or(|(_, inode)| inode != mapping.inode),
        }
    }

    fn on_disk(&mut self, view: &View, path: &str) -> io::Result<FileId> {
        let key = (view.mounts, path.to_owned());
        if let Some(&id) = self.files.get(&key) {
            return Ok(id);
        }
        let id = view.find(path)?;
        self.files.insert(key, id);
        Ok(id)
    }
}

fn found(file: io::Result<fs::Metadata>) -> io::Result<FileId> {
    match file {
        Ok(file) => Ok(Some((file.st_dev(), file.st_ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_mapped((device, inode): (u64, u64), mapping: &Mapping) -> bool {
    inode == mapping.inode && (major(device), minor(device)) == mapping.device
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        process::{Command, Stdio},
    };

    #[test]
    fn a_program_that_is_deleted_while_it_runs_is_told() {
        let path = std::env::temp_dir().join(format!("portreeve-stale-{}", std::process::id()));
        fs::copy("/bin/cat", &path).unwrap();
        let mut child = Command::new(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // What it echoes proves that its code is mapped: exec(2) lets the parent go on before that.
        child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let view = View::of(child.id()).unwrap();
        let name = path.to_string_lossy().into_owned();
        assert_eq!(executable(child.id(), Some(&view)), (Some(name.clone()), ExeState::Same));
        assert_eq!(Disk::default().stale_files(child.id(), &view), Some(Vec::new()));
        fs::remove_file(&path).unwrap();
        assert_eq!(executable(child.id(), Some(&view)), (Some(name.clone()), ExeState::Deleted));
        assert_eq!(Disk::default().stale_files(child.id(), &view), Some(vec![name.clone()]));
        fs::copy("/bin/cat", &path).unwrap();
        assert_eq!(executable(child.id(), Some(&view)).1, ExeState::Replaced);
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(&path).unwrap();
    }
}
