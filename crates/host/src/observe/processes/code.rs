//! Compares the program code that a process has mapped with the files on disk (A18).

use std::{collections::HashMap, io};

use portreeve_core::facts::ExeState;
use rustix::fs::{major, minor};

use super::view::{FileId, View, linked};
use crate::proc::{
    self,
    maps::{self, Mapping},
};

/// A process with more mappings than this has its first ones compared.
const MAPS_BYTES_MAX: usize = 8 * 1024 * 1024;
const DELETED: &str = " (deleted)";
/// How the path of a program begins that is no file (memfd_create(2)).
const MEMORY: &str = "/memfd:";

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
    let running = linked(&link).ok().flatten();
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

/// Whether `path`, the executable of a process in another mount namespace, is here another file or none.
///
/// Whoever may make a namespace mounts what he likes at any path in it (user_namespaces(7)).
pub(super) fn is_elsewhere(pid: u32, path: &str, here: Option<&View>) -> bool {
    let found = here.and_then(|here| here.find(path).ok().flatten());
    found.is_none() || linked(&format!("/proc/{pid}/exe")).ok().flatten() != found
}

/// What stands on the disk, remembered over processes that share a mount namespace.
#[derive(Debug, Default)]
pub(super) struct Disk(HashMap<(u64, String), FileId>);

impl Disk {
    /// The paths of the mapped files that were replaced or deleted; `None` where the maps cannot be read, or where
    /// none is known to be so and some could not be looked up.
    pub(super) fn stale_files(&mut self, pid: u32, view: &View) -> Option<Vec<String>> {
        let mappings = maps::read(&proc::read(format!("/proc/{pid}/maps"), MAPS_BYTES_MAX).ok()?);
        let mut is_whole = true;
        let mut stale = Vec::new();
        for mapping in mappings {
            match self.is_stale(pid, view, &mapping) {
                Ok(true) => stale.push(mapping.path),
                Ok(false) => {}
                Err(_) => is_whole = false,
            }
        }
        (is_whole || !stale.is_empty()).then_some(stale)
    }

    fn is_stale(&mut self, pid: u32, view: &View, mapping: &Mapping) -> io::Result<bool> {
        if view.is_remote(&mapping.path) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let on_disk = self.on_disk(view, &mapping.path)?;
        if on_disk.is_some_and(|id| is_mapped(id, mapping)) {
            return Ok(false);
        }
        // Overlay file systems tell another device in maps than in stat: the mapping's own link decides.
        match linked(&format!("/proc/{pid}/map_files/{}", mapping.range)) {
            Ok(mapped) => Ok(mapped.is_some() && mapped != on_disk),
            // Only root may follow that link (proc_pid_map_files(5)); the inode alone has to do.
            Err(_) => Ok(on_disk.is_none_or(|(_, inode)| inode != mapping.inode)),
        }
    }

    fn on_disk(&mut self, view: &View, path: &str) -> io::Result<FileId> {
        let key = (view.mounts, path.to_owned());
        if let Some(&id) = self.0.get(&key) {
            return Ok(id);
        }
        let id = view.find(path)?;
        self.0.insert(key, id);
        Ok(id)
    }
}

fn is_mapped((device, inode): (u64, u64), mapping: &Mapping) -> bool {
    inode == mapping.inode && (major(device), minor(device)) == mapping.device
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::processes::view::{
        Views,
        testing::{blind, with_server_at},
    };
    use std::{
        fs,
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
        let view = Views::new().of(child.id()).unwrap();
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

    #[test]
    fn a_file_on_a_network_file_system_is_never_asked_for() {
        let pid = std::process::id();
        let mut disk = Disk::default();
        let view = Views::new().of(pid).unwrap();
        let exe = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Same));
        assert_eq!(disk.stale_files(pid, &view), Some(Vec::new()));
        let view = with_server_at(view, exe.rsplit_once('/').unwrap().0);
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Unknown));
        assert_eq!(disk.stale_files(pid, &view), None);
        assert_eq!(Disk::default().stale_files(pid, &blind(view)), None, "nothing could be looked up");
    }
}
