//! Runs a program of the host, never longer and never for more bytes than stated.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, memfd_create},
    io::Errno,
    process::{Pid, PidfdFlags, geteuid, pidfd_open},
};

use crate::trusted;

/// The system's own folders of programs.
const SYSTEM: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/// Where whoever administers a host puts programs beside them.
const LOCAL: [&str; 2] = ["/usr/local/sbin", "/usr/local/bin"];
/// A listing takes milliseconds; of a hundred thousand rules some seconds.
const RUN_MAX: Duration = Duration::from_secs(30);
/// More than any packet filter has.
const LISTING_BYTES_MAX: usize = 256 << 20;
/// What a program says of a failure is quoted up to here.
const SAID_BYTES_MAX: usize = 4096;
const PIECE_BYTES: usize = 64 * 1024;

/// Why a program did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// There is no such program.
    #[error("{0} is not installed")]
    Missing(&'static str),
    /// It cannot be run.
    #[error("{0}: {1}")]
    Run(&'static str, #[source] io::Error),
    /// It did not end in time.
    #[error("{0} did not end within {limit} s", limit = RUN_MAX.as_secs())]
    Slow(&'static str),
    /// It prints more than is read.
    #[error("{0} prints more than {limit} MiB", limit = LISTING_BYTES_MAX >> 20)]
    TooLong(&'static str),
    /// It says that it is done, and prints no listing.
    #[error("{0} prints something else than a listing")]
    Garbled(&'static str),
    /// It failed.
    #[error("{}", [&format!("{name}: {status}"), said.as_str()].join(" ").trim_end())]
    Failed {
        /// Its name.
        name: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The first line that it said.
        said: String,
    },
}

impl ProgramError {
    /// Whether there is no such program.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

/// A program that is running; one that is given up is ended.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    child: Child,
    ends: Instant,
}

impl Program {
    /// Whether there is such a program.
    pub(crate) fn exists(name: &str) -> bool {
        find(name).is_some()
    }

    /// Starts it, speaking English, with nothing to read.
    pub(crate) fn start(name: &'static str, arguments: &[&str]) -> Result<Self, ProgramError> {
        Self::start_with(name, arguments, Stdio::null())
    }

    /// The same with `text` to read, however long it is.
    pub(crate) fn start_reading(
        name: &'static str,
        arguments: &[&str],
        text: &str,
    ) -> Result<Self, ProgramError> {
        let input = in_memory(text).map_err(|error| ProgramError::Run(name, error))?;
        Self::start_with(name, arguments, input.into())
    }

    fn start_with(name: &'static str, arguments: &[&str], input: Stdio) -> Result<Self, ProgramError> {
        let path = find(name).ok_or(ProgramError::Missing(name))?;
        let mut command = Command::new(path);
        command.args(arguments).env_clear().env("LC_ALL", "C").env("PATH", search_path());
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| ProgramError::Run(name, error))?;
        Ok(Self { name, child, ends: Instant::now() + RUN_MAX })
    }

    /// What it prints until it ends, which it must do with 0.
    pub(crate) fn finish(mut self) -> Result<String, ProgramError> {
        let name = self.name;
        let (Some(out), Some(err)) = (self.child.stdout.take(), self.child.stderr.take()) else {
            return Err(ProgramError::Run(name, io::ErrorKind::BrokenPipe.into()));
        };
        let (listing, said) = self.read(out, err)?;
        let status = self.end()?;
        if status.success() {
            // What is no UTF-8 is in a comment or a name, and is shown so.
            Ok(String::from_utf8(listing)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
        } else {
            let said = String::from_utf8_lossy(&said);
            let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            Err(ProgramError::Failed { name, status, said: first.trim().to_owned() })
        }
    }

    /// How it ended: one that has closed its outputs may go on, and is waited for no longer than any other (pidfd_open(2)).
    fn end(&mut self) -> Result<ExitStatus, ProgramError> {
        let name = self.name;
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty());
        let process = process.map_err(|error| ProgramError::Run(name, error.into()))?;
        loop {
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&self.left())) {
                Ok(0) => return Err(ProgramError::Slow(name)),
                Ok(_) => return self.child.wait().map_err(|error| ProgramError::Run(name, error)),
                Err(Errno::INTR) => {}
                Err(error) => return Err(ProgramError::Run(name, error.into())),
            }
        }
    }

    /// The time that it still has.
    fn left(&self) -> Timespec {
        let left = self.ends.saturating_duration_since(Instant::now());
        Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
    }

    /// Both of its outputs up to their ends.
    fn read(&self, mut out: ChildStdout, mut err: ChildStderr) -> Result<(Vec<u8>, Vec<u8>), ProgramError> {
        let (mut listing, mut said) = (Vec::new(), Vec::new());
        let (mut out_is_open, mut err_is_open) = (true, true);
        while out_is_open || err_is_open {
            let ready = self.wait(&out, &err, out_is_open, err_is_open)?;
            if ready.0 {
                out_is_open = self.take(&mut out, &mut listing)?;
            }
            if ready.1 {
                err_is_open = self.take(&mut err, &mut said)?;
                said.truncate(SAID_BYTES_MAX);
            }
            if listing.len() > LISTING_BYTES_MAX {
                return Err(ProgramError::TooLong(self.name));
            }
        }
        Ok((listing, said))
    }

    /// Which of the outputs that are open have something to read.
    fn wait(
        &self,
        out: &ChildStdout,
        err: &ChildStderr,
        out_is_open: bool,
        err_is_open: bool,
    ) -> Result<(bool, bool), ProgramError> {
        let wish = |is_open| if is_open { PollFlags::IN } else { PollFlags::empty() };
        let mut both = [PollFd::new(out, wish(out_is_open)), PollFd::new(err, wish(err_is_open))];
        match poll(&mut both, Some(&self.left())) {
            Ok(0) => Err(ProgramError::Slow(self.name)),
            Ok(_) => {
                let is_ready = |at: usize| !both[at].revents().is_empty();
                Ok((out_is_open && is_ready(0), err_is_open && is_ready(1)))
            }
            Err(Errno::INTR) => Ok((false, false)),
            Err(error) => Err(ProgramError::Run(self.name, error.into())),
        }
    }

    /// Reads what is there; whether there may be more.
    fn take(&self, from: &mut impl Read, into: &mut Vec<u8>) -> Result<bool, ProgramError> {
        let before = into.len();
        into.resize(before + PIECE_BYTES, 0);
        let length = from.read(&mut into[before..]);
        into.truncate(before + *length.as_ref().unwrap_or(&0));
        match length {
            Ok(length) => Ok(length > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(ProgramError::Run(self.name, error)),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless it is given up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of nobody else, at its beginning: a pipe would have to be filled while the outputs are read.
pub(crate) fn in_memory(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("portreeve", MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

pub(crate) fn find(name: &str) -> Option<PathBuf> {
    env::split_paths(search_path()).map(|folder| folder.join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

/// The folders of programs of this run.
pub(crate) fn search_path() -> &'static OsStr {
    static PATH: OnceLock<OsString> = OnceLock::new();
    PATH.get_or_init(|| {
        let given = env::var_os("PATH").unwrap_or_default();
        let all = if geteuid().is_root() { for_root(&given) } else { for_others(&given) };
        env::join_paths(all).unwrap_or_default()
    })
}

/// Root runs what the system has, whatever the PATH of whoever became root says first (sudo(8), su(1)); of what that adds
/// only folders into which nobody else puts a program, as they are on a host that has none of the usual ones.
fn for_root(given: &OsStr) -> Vec<PathBuf> {
    let beside = LOCAL.into_iter().map(PathBuf::from).chain(absolute(given));
    let mut all: Vec<_> = SYSTEM.map(PathBuf::from).into();
    for folder in beside.filter_map(|folder| trusted::folder(&folder).ok()) {
        if !all.contains(&folder) {
            all.push(folder);
        }
    }
    all
}

/// Others run what they would run themselves, and what their PATH leaves out.
fn for_others(given: &OsStr) -> Vec<PathBuf> {
    absolute(given).chain(SYSTEM.into_iter().chain(LOCAL).map(PathBuf::from)).collect()
}

/// Never one that depends on where the caller stands.
fn absolute(given: &OsStr) -> impl Iterator<Item = PathBuf> {
    env::split_paths(given).filter(|folder| folder.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &'static str) -> Result<String, ProgramError> {
        Program::start("sh", &["-c", arguments]).and_then(Program::finish)
    }

    #[test]
    fn root_runs_what_the_system_has_before_what_its_path_says() {
        let given = OsStr::new("/tmp:bin::/usr/lib/../sbin:/usr/lib:/nowhere:/etc/passwd");
        let of_root = for_root(given);
        assert_eq!(of_root[..4], SYSTEM.map(PathBuf::from));
        // It is root's alone; the others are everybody's, relative, the system's, missing and none.
        assert_eq!(of_root.last().unwrap(), Path::new("/usr/lib"));
        let of_others = for_others(given);
        assert_eq!(of_others[0], Path::new("/tmp"));
        for all in [of_root, of_others] {
            assert!(all.iter().all(|folder| folder.is_absolute()), "{all:?}");
        }
        assert_eq!(run("echo $PATH").unwrap().trim_end(), search_path().to_str().unwrap());
    }

    #[test]
    fn what_it_prints_is_told_whatever_it_says_beside() {
        let noisy = "i=0; while [ $i -lt 2000 ]; do echo line $i; echo noise $i >&2; i=$((i+1)); done";
        let told = run(noisy).unwrap();
        assert_eq!((told.lines().count(), told.lines().last()), (2000, Some("line 1999")));
        assert_eq!(run("printf '\\377x'").unwrap(), "\u{fffd}x");
        assert_eq!(run("echo $LC_ALL; cat").unwrap(), "C\n");
    }

    #[test]
    fn it_reads_what_it_is_given_however_long() {
        let text = "a line of the text\n".repeat(100_000);
        let told = Program::start_reading("sh", &["-c", "cat /dev/stdin"], &text).and_then(Program::finish);
        assert!(told.unwrap() == text, "it read something else");
    }

    #[test]
    fn a_failure_is_told_with_its_first_words() {
        let error = run("echo kept; echo >&2; echo 'not permitted' >&2; echo more >&2; exit 4").unwrap_err();
        assert_eq!(error.to_string(), "sh: exit status: 4 not permitted");
        let error = Program::start("portreeve-has-no-such-program", &[]).unwrap_err();
        assert_eq!(error.to_string(), "portreeve-has-no-such-program is not installed");
    }

    #[test]
    fn who_does_not_end_in_time_is_ended() {
        // The second one closes its outputs, and lives on.
        for command in ["exec sleep 100", "exec sleep 100 >&- 2>&-"] {
            let mut program = Program::start("sh", &["-c", command]).unwrap();
            program.ends = Instant::now() + Duration::from_millis(50);
            let pid = program.child.id();
            assert!(matches!(program.finish(), Err(ProgramError::Slow("sh"))), "{command}");
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{command} still runs");
        }
    }
}
