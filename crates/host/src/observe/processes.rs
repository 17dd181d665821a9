//! What is known of a process that holds a socket (A12).

mod above;
mod catalogue;
mod code;
mod script;
pub(super) mod view;

pub(super) use above::read_above;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use portreeve_core::{
    cgroup,
    facts::{Code, ExeState, GapKind, Parent, Privilege, Process},
};

use self::{catalogue::Catalogue, code::Runs};
use super::{Files, Gaps, clock, holders::Holder, share::share, users::Users};
use crate::proc::{self, stat, status};

/// Longer command lines are cut: the kernel allows megabytes.
const CMDLINE_BYTES_MAX: usize = 32 * 1024;

/// Longer environments are cut: the kernel allows megabytes.
const ENVIRONMENT_BYTES_MAX: usize = 128 * 1024;

/// Reading a process takes more steps, but a further thread begins by reading what all of them need.
const STEPS_EACH: usize = 4;

/// The facts of everybody who holds a wanted socket, and what code they run, where files are compared.
pub(super) fn read_all(
    files: Files,
    holders: &[Holder],
    gaps: &mut Gaps,
) -> (BTreeMap<u32, Process>, Option<Code>) {
    let mut processes = BTreeMap::new();
    let mut catalogue = Catalogue::default();
    for part in share(holders, || Part::new(files), Part::read) {
        gaps.add(GapKind::VanishedProcesses, part.vanished);
        gaps.add(GapKind::HiddenFiles, part.hidden_files);
        for (pid, Known { process, runs, .. }) in part.known {
            runs.into_iter().for_each(|runs| catalogue.add(pid, runs));
            processes.insert(pid, process);
        }
    }
    (processes, (files == Files::Mappings).then(|| catalogue.into_code()))
}

/// Whether nothing can tell the units of some: the host, or a sandbox, has no cgroup2 hierarchy.
///
/// A container that merely does not mount it still tells them.
pub(super) fn hide_their_units(processes: &BTreeMap<u32, Process>) -> bool {
    processes.values().any(|process| process.cgroup.is_none())
}

/// What one thread read.
struct Part {
    reader: Reader,
    known: Vec<(u32, Known)>,
    vanished: u32,
    hidden_files: u32,
}

impl Part {
    fn new(files: Files) -> Self {
        Self { reader: Reader::new(files), known: Vec::new(), vanished: 0, hidden_files: 0 }
    }

    fn read(&mut self, holder: &Holder) -> usize {
        // Asked after the facts were read: what was read is then of the process that holds the socket.
        let read = self.reader.read(holder.pid, holder.thread());
        match read.filter(|known| holder.is_the_one(known.started_ticks)) {
            Some(known) => {
                let hidden = self.reader.files == Files::Mappings && known.process.stale_files.is_none();
                self.hidden_files += u32::from(hidden);
                self.known.push((holder.pid, known));
            }
            None => self.vanished += 1,
        }
        STEPS_EACH
    }
}

/// What was read of one process.
#[derive(Debug)]
struct Known {
    /// When it started, in clock ticks.
    started_ticks: u64,
    process: Process,
    /// The code that it runs, where that was asked for.
    runs: Option<Runs>,
}

/// What reading several processes has in common.
#[derive(Debug)]
struct Reader {
    users: Users,
    boot_nanoseconds: i128,
    /// Every capability that this kernel has, a bit each.
    all_capabilities: u64,
    files: Files,
    parents: HashMap<u32, Option<stat::Stat>>,
    code: code::Disk,
    views: view::Views,
}

impl Reader {
    fn new(files: Files) -> Self {
        Self {
            users: Users::read(),
            boot_nanoseconds: clock::booted(),
            all_capabilities: all_capabilities(),
            files,
            parents: HashMap::new(),
            code: code::Disk::default(),
            views: view::Views::new(),
        }
    }

    /// Every fact that can be read of the process; `None` where it is gone.
    ///
    /// Its files are looked at through a `thread` of it, as they are gone with a first thread that has ended.
    fn read(&mut self, pid: u32, thread: u32) -> Option<Known> {
        let path = |name: &str| format!("/proc/{thread}/{name}");
        let status =
            status::read(&proc::read(format!("/proc/{pid}/status"), proc::SMALL_BYTES).unwrap_or_default());
        let cmdline = split(&proc::read(path("cmdline"), CMDLINE_BYTES_MAX).unwrap_or_default());
        let cwd = proc::read_link(path("cwd"));
        let view = self.views.of(thread);
        let (exe, exe_state) = code::executable(thread, view.as_ref());
        let exe_elsewhere = exe.as_deref().is_some_and(|exe| self.is_elsewhere(thread, exe));
        let script = view.as_ref().zip(exe.as_deref()).and_then(|(view, exe)| {
            let asked = script::Asked { exe, cmdline: &cmdline, cwd: cwd.as_deref() };
            script::find(view, &asked, || started_in(thread))
        });
        let cgroup = proc::cgroup(pid);
        let mut runs = view.as_ref().and_then(|view| self.runs(thread, view));
        let privilege = self.privilege(thread, status);
        // The last: whoever started when it says has had the number ever since, so that all of this is of one process.
        let stat = stat::of(pid)?;
        let place = cgroup.as_deref().map(cgroup::read).unwrap_or_default();
        let started = self.started(stat.started_ticks);
        if let (Some(runs), Some(view), Some(script)) = (&mut runs, &view, &script) {
            runs.files.push(code::script(script, started, view));
        }
        if let (Some(runs), Some(exe), ExeState::Memfd) = (&mut runs, &exe, exe_state) {
            runs.files.insert(0, code::in_memory(exe));
        }
        let process = Process {
            name: script.as_deref().and_then(file_name).map_or_else(|| stat.comm.clone(), str::to_owned),
            exe,
            exe_elsewhere,
            script,
            exe_state,
            stale_files: runs.as_ref().and_then(Runs::stale_files),
            cmdline,
            user: status.uid.map(|uid| self.users.name(uid)),
            uid: status.uid,
            privilege,
            cgroup,
            unit: place.unit,
            user_unit: place.user_unit,
            container: place.container,
            started: Some(started),
            cwd,
            parent: self.parent(&stat),
        };
        Some(Known { started_ticks: stat.started_ticks, process, runs })
    }

    fn is_elsewhere(&mut self, pid: u32, exe: &str) -> bool {
        !self.views.is_shared(pid) && code::is_elsewhere(pid, exe, self.views.of(std::process::id()).as_ref())
    }

    /// Whoever started after its child is none, but has got the number of the parent.
    fn parent(&mut self, child: &stat::Stat) -> Option<Parent> {
        let pid = child.parent;
        let parent = self.parents.entry(pid).or_insert_with(|| stat::of(pid)).as_ref();
        let parent = parent.filter(|parent| parent.started_ticks <= child.started_ticks)?;
        Some(Parent { pid, name: parent.comm.clone() })
    }

    fn runs(&mut self, pid: u32, view: &view::View) -> Option<Runs> {
        match self.files {
            Files::Mappings => self.code.mapped(pid, view),
            Files::Executable => None,
        }
    }

    fn started(&self, ticks: u64) -> Timestamp {
        clock::start(self.boot_nanoseconds, ticks)
    }

    fn privilege(&self, pid: u32, status: status::Status) -> Privilege {
        let is_full = |mask| mask & self.all_capabilities == self.all_capabilities;
        match (status.uid, status.capabilities) {
            (_, Some(0)) => Privilege::None,
            (Some(0), Some(mask)) if is_full(mask) && self.views.shares_users(pid) => Privilege::Full,
            (Some(_), Some(_)) => Privilege::Some,
            _ => Privilege::Unknown,
        }
    }
}

/// The working directory that a process was started in, as a shell told it; empty where none did, and `None` of whoever is in a
/// chroot.
fn started_in(thread: u32) -> Option<String> {
    proc::read_link(format!("/proc/{thread}/root")).filter(|root| root == "/")?;
    let environment =
        proc::read(format!("/proc/{thread}/environ"), ENVIRONMENT_BYTES_MAX).unwrap_or_default();
    let told = environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"PWD="));
    Some(told.map(proc::text).unwrap_or_default())
}

fn all_capabilities() -> u64 {
    let last: Option<u32> =
        proc::read_text("/proc/sys/kernel/cap_last_cap").and_then(|text| text.trim().parse().ok());
    last.and_then(|last| u64::MAX.checked_shr(63u32.checked_sub(last)?)).unwrap_or(u64::MAX)
}

fn split(cmdline: &[u8]) -> Vec<String> {
    let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    if cmdline.is_empty() {
        return Vec::new();
    }
    cmdline.split(|&byte| byte == 0).map(proc::text).collect()
}

fn file_name(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_read_as_it_is() {
        let Known { process, runs, .. } =
            Reader::new(Files::Mappings).read(std::process::id(), std::process::id()).unwrap();
        assert_eq!(*runs.unwrap().files[0].path, *process.exe.clone().unwrap());
        assert_eq!(process.exe, std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned()));
        assert_eq!(process.exe_state, ExeState::Same);
        assert_eq!(process.cmdline, std::env::args().collect::<Vec<_>>());
        let started = process.started.unwrap();
        let now = clock::now();
        assert!(started <= now && now.as_second() - started.as_second() < 3600);
    }

    #[test]
    fn one_process_without_a_cgroup_hides_its_unit() {
        let told = |cgroup: Option<&str>| Process {
            cgroup: cgroup.map(str::to_owned),
            ..Reader::new(Files::Executable).read(std::process::id(), std::process::id()).unwrap().process
        };
        let known = (1, told(Some("/")));
        assert!(!hide_their_units(&BTreeMap::from([known.clone()])));
        assert!(hide_their_units(&BTreeMap::from([known, (2, told(None))])));
    }

    #[test]
    fn an_empty_command_line_has_no_arguments() {
        assert_eq!(split(b""), Vec::<String>::new());
        assert_eq!(split(b"a\0\0b\0"), ["a", "", "b"]);
    }
}
