//! Compares the program code that a process has mapped with the files on disk (A18).

use std::{
    collections::{HashMap, hash_map::Entry},
    fs, io,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
    sync::Arc,
};

use portreeve_core::facts::ExeState;
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, major, minor, openat, openat2},
    io::Errno,
};

use crate::proc::{
    self,
    maps::{self, Mapping},
    mounts,
};

/// A process with more mappings than this has its first ones compared.
const MAPS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// A mount namespace has 100,000 mounts at most (proc_sys_fs(5)); nobody has network file systems beyond this.
const MOUNTS_BYTES_MAX: usize = 4 * 1024 * 1024;
const DELETED: &str = " (deleted)";
/// How the path of a program begins that is no file (memfd_create(2)).
const MEMORY: &str = "/memfd:";

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
    /// Where network file systems are mounted.
    remote: Arc<[String]>,
}

impl View {
    /// Whether a server must be asked for what stands at `path`: it may be gone, and who asks then waits for ever.
    fn is_remote(&self, path: &str) -> bool {
        self.remote.iter().any(|place| {
            let below = path.strip_prefix(place.trim_end_matches('/'));
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        })
    }

    /// The file that stands at `path` for the process, opened for its metadata alone.
    fn open(&self, path: &str) -> io::Result<Option<Stat>> {
        if self.is_remote(path) {
            return Err(io::ErrorKind::Unsupported.into());
        }
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
    let Some(view) = view.filter(|view| !view.is_remote(&told)) else {
        let path = told.strip_suffix(DELETED).unwrap_or(&told).to_owned();
        let state = if path.starts_with(MEMORY) { ExeState::Memfd } else { ExeState::Unknown };
        return (Some(path), state);
    };
    let running = found(fs::metadata(&link)).ok().flatten();
    let at = |path: &str| view.find(path).ok();
    // A file may really be called so.
    let path = match told.strip_suffix(DELETED) {
        Some(path) if running.is_none() || at(&told).flatten() != running => path.to_owned(),
        _ => told,
    };
    if path.starts_with(MEMORY) {
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
#[derive(Debug)]
pub(super) struct Disk {
    /// The mount namespace that portreeve itself is in.
    own: Option<u64>,
    /// Where each mount namespace has network file systems.
    remote: HashMap<u64, Arc<[String]>>,
    files: HashMap<(u64, String), FileId>,
}

impl Disk {
    /// Nothing of it is known yet.
    pub(super) fn new() -> Self {
        Self { own: mount_namespace("self"), remote: HashMap::new(), files: HashMap::new() }
    }

    /// The view of a process; `None` where it may not be seen or is locked up in another mount namespace.
    pub(super) fn view(&mut self, pid: u32) -> Option<View> {
        let mounts = mount_namespace(&pid.to_string())?;
        if mounts == self.own? {
            return Some(View { mounts, root: None, remote: self.remote(mounts, "self") });
        }
        let root = format!("/proc/{pid}/root");
        if proc::read_link(&root)? != "/" {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, root, flags, Mode::empty()).ok()?;
        Some(View { mounts, root: Some(root), remote: self.remote(mounts, &pid.to_string()) })
    }

    fn remote(&mut self, mounts: u64, who: &str) -> Arc<[String]> {
        match self.remote.entry(mounts) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(unknown) => {
                let table = proc::read(format!("/proc/{who}/mountinfo"), MOUNTS_BYTES_MAX);
                Arc::clone(unknown.insert(mounts::remote(&table.unwrap_or_default()).into()))
            }
        }
    }

    /// The paths of the mapped files that were replaced or deleted; `None` where the maps cannot be read, or where
    /// none is known to be so and some are on a network file system.
    pub(super) fn stale_files(&mut self, pid: u32, view: &View) -> Option<Vec<String>> {
        let mut mappings = maps::read(&proc::read(format!("/proc/{pid}/maps"), MAPS_BYTES_MAX).ok()?);
        let count = mappings.len();
        mappings.retain(|mapping| !view.is_remote(&mapping.path));
        let is_whole = mappings.len() == count;
        let stale = mappings.into_iter().filter(|mapping| self.is_stale(pid, view, mapping));
        let stale: Vec<_> = stale.map(|mapping| mapping.path).collect();
        (is_whole || !stale.is_empty()).then_some(stale)
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

/// The inode of the mount namespace of `who`, a process or `self` (mount_namespaces(7)).
fn mount_namespace(who: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{who}/ns/mnt")).ok()?.st_ino())
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
        let mut disk = Disk::new();
        let view = disk.view(child.id()).unwrap();
        let name = path.to_string_lossy().into_owned();
        assert_eq!(executable(child.id(), Some(&view)), (Some(name.clone()), ExeState::Same));
        assert_eq!(Disk::new().stale_files(child.id(), &view), Some(Vec::new()));
        fs::remove_file(&path).unwrap();
        assert_eq!(executable(child.id(), Some(&view)), (Some(name.clone()), ExeState::Deleted));
        assert_eq!(Disk::new().stale_files(child.id(), &view), Some(vec![name.clone()]));
        fs::copy("/bin/cat", &path).unwrap();
        assert_eq!(executable(child.id(), Some(&view)).1, ExeState::Replaced);
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_on_a_network_file_system_is_never_asked_for() {
        let pid = std::process::id();
        let mut disk = Disk::new();
        let mut view = disk.view(pid).unwrap();
        let exe = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Same));
        assert_eq!(disk.stale_files(pid, &view), Some(Vec::new()));
        assert!(view.has_file(&exe));
        view.remote = [exe.rsplit_once('/').unwrap().0.to_owned()].into();
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Unknown));
        assert_eq!(disk.stale_files(pid, &view), None);
        assert!(!view.has_file(&exe));
    }

    #[test]
    fn a_neighbour_of_a_network_file_system_is_not_on_it() {
        let is_remote = |place: &str, path: &str| {
            View { mounts: 0, root: None, remote: [place.to_owned()].into() }.is_remote(path)
        };
        assert!(is_remote("/srv", "/srv/a") && is_remote("/srv", "/srv") && is_remote("/", "/a"));
        assert!(!is_remote("/srv", "/srv2/a") && !is_remote("/srv/a", "/srv/b"));
    }
}
