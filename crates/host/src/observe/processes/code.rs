//! Compares the program code that a process has mapped with the files on disk (A18).

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fs, io,
    os::unix::ffi::OsStrExt as _,
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::facts::ExeState;
use rustix::fs::{major, minor};

use super::view::{Standing, View, linked};
use crate::proc::{
    self,
    maps::{self, Mapping},
};

/// Three times what the mappings take that a process may have where nobody allows more (vm.max_map_count); of one with more
/// the first are compared.
const MAPS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What /proc adds to the path of what has none any more (proc_pid_exe(5)).
pub(super) const DELETED: &str = " (deleted)";
/// From where a file may go without having been a library: programs write code that they make themselves into a file
/// without a name, and no update of the host puts anything here (hier(7), mkstemp(3)).
const SCRATCH: &[&str] = &["/tmp/", "/var/tmp/", "/dev/shm/", "/run/", "/var/run/"];
/// How the path of a program begins that is no file (memfd_create(2)).
const MEMORY: &str = "/memfd:";

/// The path of the executable, and whether the file there is still the one that runs.
///
/// The link itself leads to the file that runs, wherever its path went (proc_pid_exe(5)).
pub(super) fn executable(pid: u32, view: Option<&View>) -> (Option<String>, ExeState) {
    let link = format!("/proc/{pid}/exe");
    let told = match fs::read_link(&link).map(|told| told.into_os_string().into_string()) {
        Ok(Ok(told)) => told,
        Ok(Err(told)) => return named_in_bytes(told.as_bytes()),
        Err(_) => return (None, ExeState::Unknown),
    };
    let Some(view) = view.filter(|view| !view.is_remote(&told)) else {
        let path = told.strip_suffix(DELETED).unwrap_or(&told).to_owned();
        let state = if path.starts_with(MEMORY) { ExeState::Memfd } else { ExeState::Unknown };
        return (Some(path), state);
    };
    let running = linked(&link).ok().flatten();
    let at = |path: &str| view.look(path).ok();
    let id = |path: &str| at(path).flatten().map(|standing| standing.id);
    // A file may really be called so.
    let (path, is_deleted) = match told.strip_suffix(DELETED) {
        Some(path) if running.is_none() || id(&told) != running => (path.to_owned(), true),
        _ => (told, false),
    };
    if path.starts_with(MEMORY) {
        return (Some(path), ExeState::Memfd);
    }
    let state = match (running, at(&path)) {
        (Some(running), Some(Some(on_disk))) if running == on_disk.id => ExeState::Same,
        (Some(_), Some(Some(on_disk))) if view.covers((&on_disk, &path), &link) => ExeState::Unknown,
        (Some(_), Some(Some(_))) => ExeState::Replaced,
        // What was deleted is told to be: this path is one of a mount that nobody can reach.
        (Some(_), Some(None)) if is_deleted => ExeState::Deleted,
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

/// A name that is no UTF-8 cannot be looked up: the kernel's word counts.
fn named_in_bytes(told: &[u8]) -> (Option<String>, ExeState) {
    let whole = told.strip_suffix(DELETED.as_bytes());
    let path = proc::text(whole.unwrap_or(told));
    let state = match whole {
        _ if path.starts_with(MEMORY) => ExeState::Memfd,
        Some(_) => ExeState::Deleted,
        None => ExeState::Same,
    };
    (Some(path), state)
}

/// A file whose code a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Mapped {
    /// Its path without " (deleted)"; however many run it, it is kept once.
    pub(super) path: Arc<str>,
    pub(super) state: ExeState,
    /// Since when another file has stood at its path; where that is unknown, since when one may.
    pub(super) since: Option<Timestamp>,
}

impl Mapped {
    /// Whether it is no longer the one on the disk, and was no file that a program makes for itself.
    fn is_stale(&self, scratch: &[&str]) -> bool {
        match self.state {
            ExeState::Replaced => true,
            ExeState::Deleted => !scratch.iter().any(|place| self.path.starts_with(place)),
            ExeState::Same | ExeState::Memfd | ExeState::Unknown => false,
        }
    }

    /// Whether it could not be compared; where only its mode may have changed it was, and that is no gap.
    const fn is_hidden(&self) -> bool {
        matches!((self.state, self.since), (ExeState::Unknown, None))
    }
}

/// What one process runs.
#[derive(Debug)]
pub(super) struct Runs {
    /// The mount namespace in which its paths are meant.
    pub(super) mounts: u64,
    pub(super) files: Vec<Mapped>,
    /// Whether these are all: of whoever maps more than is read, some were not compared.
    pub(super) is_whole: bool,
}

impl Runs {
    /// The paths of those that were replaced or deleted; `None` where none is known to be so and some could not be looked up.
    pub(super) fn stale_files(&self) -> Option<Vec<String>> {
        self.stale_among(SCRATCH)
    }

    fn stale_among(&self, scratch: &[&str]) -> Option<Vec<String>> {
        let mut left = STALE_BYTES_MAX;
        let stale = self.files.iter().filter(|file| file.is_stale(scratch)).map(|file| file.path.to_string());
        let stale = stale.take_while(|path| {
            let is_room = path.len() <= left;
            left = left.saturating_sub(path.len());
            is_room
        });
        let stale: Vec<_> = stale.collect();
        let is_whole = self.is_whole && !self.files.iter().any(Mapped::is_hidden);
        (is_whole || !stale.is_empty()).then_some(stale)
    }
}

/// Sooner after the start than this a script may have been written before it, as far as clocks tell.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(1);

/// The script of a process that started then: an interpreter has read what stood there at that time.
pub(super) fn script(path: &str, started: Timestamp, view: &View) -> Mapped {
    let known = |state, since| Mapped { path: path.into(), state, since };
    let Ok(standing) = view.look(path) else { return known(ExeState::Unknown, None) };
    let Some(Standing { since, written, changed, .. }) = standing else {
        return known(ExeState::Deleted, None);
    };
    let is_later = |time: &Timestamp| started.saturating_add(CLOCKS_DIFFER).is_ok_and(|read| *time > read);
    // Whoever gave it a time that is yet to come did so before the start.
    match since.filter(is_later).filter(|_| changed.is_none_or(|changed| is_later(&changed))) {
        // What was copied up for its mode alone looks like what was put there with the time of another file.
        Some(_) if !written.is_some_and(|written| is_later(&written)) && view.is_on_overlay(path) => {
            known(ExeState::Unknown, None)
        }
        Some(since) => known(ExeState::Replaced, changed.min(Some(since)).or(Some(since))),
        // An older file that took its name, or was written into it with its time, changed no more than a new mode does; nor did
        // one to which a link leads now.
        None => match changed.max(view.led(path)).filter(is_later) {
            Some(changed) => known(ExeState::Unknown, Some(changed)),
            None => known(ExeState::Same, None),
        },
    }
}

/// A program that is in no file: its mappings look like those of code that a program makes for itself.
pub(super) fn in_memory(path: &str) -> Mapped {
    Mapped { path: path.into(), state: ExeState::Memfd, since: None }
}

/// Anybody may map thousands of files with long names, in as many processes as he likes: names of so many bytes are kept by a thread
/// that reads. Those of a whole host have less than a megabyte.
const ALL_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Of one process as many are told as old by name.
const STALE_BYTES_MAX: usize = 64 * 1024;

/// What stands on the disk, remembered over processes that share a mount namespace.
#[derive(Debug)]
pub(super) struct Disk {
    names: HashSet<Arc<str>>,
    /// The bytes of further names that are kept.
    left: usize,
    known: HashMap<(u64, Arc<str>), Option<Standing>>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { names: HashSet::new(), left: ALL_BYTES_MAX, known: HashMap::new() }
    }
}

impl Disk {
    /// The files that a process has mapped as code, as far as there is room for their names; `None` where the maps cannot be read.
    pub(super) fn mapped(&mut self, pid: u32, view: &View) -> Option<Runs> {
        let bytes = proc::read(format!("/proc/{pid}/maps"), MAPS_BYTES_MAX).ok()?;
        let (mappings, are_all) = maps::read(&bytes);
        let count = mappings.len();
        let files: Vec<_> = mappings.iter().filter_map(|mapping| self.compare(pid, view, mapping)).collect();
        let is_whole = are_all && bytes.len() < MAPS_BYTES_MAX && files.len() == count;
        Some(Runs { mounts: view.mounts, files, is_whole })
    }

    /// `None` where there is no room for its name.
    fn compare(&mut self, pid: u32, view: &View, mapping: &Mapping) -> Option<Mapped> {
        let found = self.found(view, mapping);
        // Of a name that may mean several the one is told that is there.
        let standing = found.as_deref().unwrap_or_default();
        let named = standing.iter().find(|(_, file)| is_mapped(file.id, mapping)).or(standing.first());
        let path = named.map(|(path, _)| path.clone());
        let found = found.map(|found| found.into_iter().map(|(_, file)| file).collect::<Vec<_>>());
        let (state, since) =
            found.map_or((ExeState::Unknown, None), |found| state(pid, view, mapping, &found));
        let path = path.or_else(|| self.name(&mapping.path))?;
        Some(Mapped { path, state, since })
    }

    /// The name as it is kept, once for all who run it, where there is room for it.
    fn name(&mut self, path: &str) -> Option<Arc<str>> {
        if let Some(name) = self.names.get(path) {
            return Some(name.clone());
        }
        self.left = self.left.checked_sub(path.len())?;
        let name: Arc<str> = path.into();
        self.names.insert(name.clone());
        Some(name)
    }

    /// What stands at each path that the mapping's may mean.
    fn found(&mut self, view: &View, mapping: &Mapping) -> io::Result<Vec<(Arc<str>, Standing)>> {
        if view.is_remote(&mapping.path) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        mapping.readings.iter().filter_map(|path| self.on_disk(view, path).transpose()).collect()
    }

    fn on_disk(&mut self, view: &View, path: &str) -> io::Result<Option<(Arc<str>, Standing)>> {
        let name = self.name(path).ok_or(io::ErrorKind::OutOfMemory)?;
        let standing = match self.known.entry((view.mounts, name.clone())) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => *unknown.insert(view.look(path)?),
        };
        Ok(standing.map(|standing| (name, standing)))
    }
}

/// What became of the mapped file, where `found` stand at its path.
fn state(pid: u32, view: &View, mapping: &Mapping, found: &[Standing]) -> (ExeState, Option<Timestamp>) {
    // A name that is no UTF-8 cannot be looked up: the kernel's word counts.
    let is_told = mapping.readings.is_empty() && !mapping.is_deleted;
    let link = format!("/proc/{pid}/map_files/{}", mapping.range);
    let is_found = found.iter().any(|file| is_mapped(file.id, mapping));
    if is_told || is_found || is_linked(&link, mapping, found) {
        return (ExeState::Same, None);
    }
    match found.first() {
        Some(file) if view.covers((file, &mapping.path), &link) => (ExeState::Unknown, None),
        Some(file) => (ExeState::Replaced, file.since),
        // As of the program itself.
        None if !mapping.is_deleted => (ExeState::Unknown, None),
        None => (ExeState::Deleted, None),
    }
}

/// Whether one of the files `found` is the mapped one, although the maps tell another device, as they do of overlay file
/// systems: the mapping's own link decides.
fn is_linked(link: &str, mapping: &Mapping, found: &[Standing]) -> bool {
    match linked(link) {
        // What is not mapped any more is not stale either.
        Ok(mapped) => mapped.is_none_or(|mapped| found.iter().any(|file| is_one(file.id, mapped, mapping))),
        // Only root may follow that link (proc_pid_map_files(5)); the inode alone has to do.
        Err(_) => found.iter().any(|file| file.id.1 == mapping.inode),
    }
}

/// Of an overlay on an overlay the kernel tells the file below, which has the same inode there (overlayfs.rst, "Inode
/// properties"). What it calls deleted is compared with the device: file systems of a kind count their inodes alike.
fn is_one(on_disk: (u64, u64), mapped: (u64, u64), mapping: &Mapping) -> bool {
    on_disk == mapped || on_disk.1 == mapped.1 && !mapping.is_deleted
}

fn is_mapped((device, inode): (u64, u64), mapping: &Mapping) -> bool {
    inode == mapping.inode && (major(device), minor(device)) == mapping.device
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{
        clock,
        processes::view::{
            Views,
            testing::{blind, with_server_at},
        },
    };
    use std::{
        ffi::OsStr,
        io::{Read, Write},
        os::unix::fs::symlink,
        path::{Path, PathBuf},
        process::{Child, Command, Stdio},
    };

    /// A copy of cat that runs, ended and removed when dropped.
    struct Running(Child, PathBuf);

    impl Running {
        fn at(path: PathBuf) -> Self {
            // Another process writes it: a child of a neighbouring test would inherit our descriptor, and exec(2) refuses
            // a file that is open for writing (ETXTBSY).
            assert!(Command::new("cp").arg("/bin/cat").arg(&path).status().unwrap().success());
            let mut child = Command::new(&path).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            // What it echoes proves that its code is mapped: exec(2) lets the parent go on before that.
            child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
            child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            Self(child, path)
        }

        fn exe(&self) -> (Option<String>, ExeState) {
            executable(self.0.id(), Some(&Views::new().of(self.0.id()).unwrap()))
        }

        /// The program among the files that it runs.
        fn first(&self) -> Mapped {
            let view = Views::new().of(self.0.id()).unwrap();
            Disk::default().mapped(self.0.id(), &view).unwrap().files.remove(0)
        }

        /// Wherever the tests run, which may be below /tmp, `scratch` alone counts as such a place.
        fn stale_files(&self, scratch: &'static [&'static str]) -> Option<Vec<String>> {
            let view = Views::new().of(self.0.id()).unwrap();
            Disk::default().mapped(self.0.id(), &view).unwrap().stale_among(scratch)
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.kill().expect("it runs until now");
            self.0.wait().expect("it was killed");
            let _ = fs::remove_file(&self.1);
        }
    }

    /// A path beside this test.
    fn beside(name: &[u8]) -> PathBuf {
        let mut path =
            std::env::current_exe().unwrap().with_file_name(format!("stale-{}", std::process::id()));
        path.as_mut_os_string().push(OsStr::from_bytes(name));
        path
    }

    #[test]
    fn a_program_that_is_deleted_while_it_runs_is_told() {
        let path = beside(b"");
        let running = Running::at(path.clone());
        let name = path.to_string_lossy().into_owned();
        assert_eq!(running.exe(), (Some(name.clone()), ExeState::Same));
        assert_eq!(running.stale_files(&[]), Some(Vec::new()));
        fs::remove_file(&path).unwrap();
        assert_eq!(running.exe(), (Some(name.clone()), ExeState::Deleted));
        assert_eq!(running.stale_files(&[]), Some(vec![name]));
        fs::copy("/bin/cat", &path).unwrap();
        assert_eq!(running.exe().1, ExeState::Replaced);
    }

    /// In a mount namespace of its own, runs a copy of cat at $0$1 and takes its file system away.
    const TAKE_AWAY: &str =
        "mount -t tmpfs lab \"$0\" && mkdir -p \"$0${1%/*}\" && cp /bin/cat \"$0$1\" || exit
        { sleep 0.5; umount -l \"$0\"; } & exec \"$0$1\"";

    #[test]
    fn a_program_whose_file_system_was_taken_away_cannot_be_compared() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        // Where it was taken from, another program is called so, or none is.
        for path in ["/x", "/usr/bin/env"] {
            let folder = beside(b"-taken");
            fs::create_dir_all(&folder).unwrap();
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", TAKE_AWAY]).arg(&folder).arg(path);
            let child = command.stdin(Stdio::piped()).spawn().unwrap();
            let running = Running(child, folder.join("x"));
            let table = format!("/proc/{}/mountinfo", running.0.id());
            let is_over = || {
                let is_program = running.exe().0.as_deref() == Some(path);
                is_program && !fs::read_to_string(&table).unwrap().contains("-taken")
            };
            let is_awaited = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                is_over()
            });
            assert!(is_awaited, "{:?}", running.exe());
            assert_eq!(running.exe(), (Some(path.into()), ExeState::Unknown));
            assert_eq!((running.first().state, running.stale_files(&[])), (ExeState::Unknown, None));
            drop(running);
            fs::remove_dir(&folder).unwrap();
        }
    }

    #[test]
    fn a_strange_name_is_no_stale_file() {
        for name in [&b" (deleted)"[..], b" a\nb", b" a\\012b", b" a\nb (deleted)", b" \xff"] {
            let running = Running::at(beside(name));
            assert_eq!(running.exe().1, ExeState::Same, "{name:?}");
            assert_eq!(running.stale_files(&[]), Some(Vec::new()), "{name:?}");
            assert_eq!(Some(&*running.first().path), running.exe().0.as_deref(), "{name:?}");
            assert_eq!(running.first().state, ExeState::Same, "{name:?}");
            fs::remove_file(&running.1).unwrap();
            assert_eq!(running.exe().1, ExeState::Deleted, "{name:?}");
            assert_eq!(running.stale_files(&[]).unwrap().len(), 1, "{name:?}");
        }
    }

    #[test]
    fn a_file_without_a_name_in_a_scratch_place_holds_code_of_the_program_itself() {
        let path = Path::new("/tmp").join(format!("portreeve-scratch-{}", std::process::id()));
        let running = Running::at(path.clone());
        fs::remove_file(&path).unwrap();
        assert_eq!(running.stale_files(SCRATCH), Some(Vec::new()));
        fs::copy("/bin/cat", &path).unwrap();
        assert_eq!(running.stale_files(SCRATCH), Some(vec![path.to_string_lossy().into_owned()]));
    }

    #[test]
    fn who_maps_more_than_is_read_is_not_known_to_run_what_is_on_the_disk() {
        let pid = std::process::id();
        let runs = Disk::default().mapped(pid, &Views::new().of(pid).unwrap()).unwrap();
        assert_eq!(runs.stale_files(), Some(Vec::new()));
        assert_eq!(Runs { is_whole: false, ..runs }.stale_files(), None);
    }

    #[test]
    fn a_script_that_changed_in_name_or_mode_alone_may_be_another() {
        let path = beside(b"-script.py");
        fs::write(&path, "1").unwrap();
        let view = Views::new().of(std::process::id()).unwrap();
        let name = path.to_string_lossy().into_owned();
        let ago = |milliseconds| clock::now() - SignedDuration::from_millis(milliseconds);
        assert_eq!(script(&name, ago(0), &view).state, ExeState::Same);
        assert_eq!(script(&name, ago(60_000), &view).state, ExeState::Replaced);
        std::thread::sleep(std::time::Duration::from_millis(1200));
        let started = ago(1100);
        assert_eq!(script(&name, started, &view).state, ExeState::Same);
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let touched = script(&name, started, &view);
        assert_eq!((touched.state, touched.since.is_some()), (ExeState::Unknown, true));
        let in_an_hour = std::time::SystemTime::now() + std::time::Duration::from_secs(3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(in_an_hour).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1200));
        assert_eq!(script(&name, ago(100), &view).state, ExeState::Same, "it was written before");
        let written = script(&name, started, &view);
        assert_eq!((written.state, written.since < Some(clock::now())), (ExeState::Replaced, true));
        let runs = Runs { mounts: 0, files: vec![touched], is_whole: true };
        assert_eq!(runs.stale_files(), Some(Vec::new()), "it was compared: no right is missing");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_script_to_which_another_link_leads_may_be_another() {
        let releases = beside(b"-releases");
        for release in ["1", "2"] {
            fs::create_dir_all(releases.join(release)).unwrap();
            fs::write(releases.join(release).join("x.py"), release).unwrap();
        }
        let current = releases.join("current");
        symlink("2", &current).unwrap();
        let view = Views::new().of(std::process::id()).unwrap();
        let name = current.join("x.py").to_string_lossy().into_owned();
        std::thread::sleep(std::time::Duration::from_millis(1200));
        let started = clock::now() - SignedDuration::from_millis(1100);
        assert_eq!(script(&name, started, &view).state, ExeState::Same);
        symlink("1", releases.join("next")).unwrap();
        fs::rename(releases.join("next"), &current).unwrap();
        assert_eq!(script(&name, started, &view).state, ExeState::Unknown);
        fs::remove_dir_all(&releases).unwrap();
    }

    #[test]
    fn a_file_on_a_network_file_system_is_never_asked_for() {
        let pid = std::process::id();
        let stale = |view: &View| Disk::default().mapped(pid, view).unwrap().stale_files();
        let view = Views::new().of(pid).unwrap();
        let exe = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Same));
        assert_eq!(stale(&view), Some(Vec::new()));
        let view = with_server_at(view, exe.rsplit_once('/').unwrap().0);
        assert_eq!(executable(pid, Some(&view)), (Some(exe.clone()), ExeState::Unknown));
        assert_eq!(stale(&view), None);
        assert_eq!(stale(&blind(view)), None, "nothing could be looked up");
    }
}
