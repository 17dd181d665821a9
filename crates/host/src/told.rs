//! Hands a text to a program that somebody named, without a shell, and never waits for it longer than stated.

use std::{
    ffi::OsStr,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    pins::stranger::{Strange, Stranger},
    program, trusted,
};

/// Whoever sends mail is done long before.
const RUN_MAX: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Why it was not told.
#[derive(Debug, thiserror::Error)]
pub enum TellError {
    /// Somebody else than root says what root would run.
    #[error("others than root may change {}", .0.path)]
    Foreign(Stranger),
    /// It cannot be run.
    #[error("cannot run {}", path.display())]
    Run {
        /// The program, or a file that says what to run.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It did not end in time, and was ended.
    #[error("{} did not end within {limit} s", .0.display(), limit = RUN_MAX.as_secs())]
    Slow(PathBuf),
    /// It failed.
    #[error("{} failed: {status}", path.display())]
    Failed {
        /// The program.
        path: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
}

/// The file that `path` leads to, where root alone says so and root alone may change it: it may be run by root, or say what
/// root runs. What was read of it before is what stands in it, for nobody else could have led there or written to it.
///
/// # Errors
///
/// It is not there, or somebody else may.
pub fn trust(path: &Path) -> Result<PathBuf, TellError> {
    trusted::file(path).map_err(|stranger| match stranger.what {
        Strange::Unseen(kind) => TellError::Run { path: stranger.path.into(), source: kind.into() },
        _ => TellError::Foreign(stranger),
    })
}

/// Runs `program`, an absolute path, as `called`, with `text` as its standard input; what it prints goes where ours does.
///
/// # Errors
///
/// It cannot be run, fails, or does not end within a minute.
pub fn tell<S: AsRef<OsStr>>(
    program: &Path,
    called: &Path,
    arguments: &[S],
    text: &str,
) -> Result<(), TellError> {
    let mut command = Command::new(program);
    command.arg0(called).args(arguments);
    tell_within(command, program, text, RUN_MAX)
}

fn tell_within(mut command: Command, program: &Path, text: &str, most: Duration) -> Result<(), TellError> {
    let fail = |source| TellError::Run { path: program.into(), source };
    let input = program::in_memory(text).map_err(fail)?;
    command.stdin(input).env("PATH", program::search_path()).current_dir("/").process_group(0);
    let mut child = command.spawn().map_err(fail)?;
    let ends = Instant::now() + most;
    let status = loop {
        match child.try_wait().map_err(fail)? {
            Some(status) => break status,
            None if Instant::now() >= ends => {
                end(&mut child);
                return Err(TellError::Slow(program.into()));
            }
            None => thread::sleep(PAUSE),
        }
    };
    if status.success() { Ok(()) } else { Err(TellError::Failed { path: program.into(), status }) }
}

/// Ends it, and all that it started and that did not leave it.
fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, text: &str, most: Duration) -> Result<(), TellError> {
        let shell = Path::new("/bin/sh");
        let mut command = Command::new(shell);
        command.args(["-c", script]);
        tell_within(command, shell, text, most)
    }

    #[test]
    fn it_reads_the_text_and_its_end() {
        let most = Duration::from_secs(30);
        let text = "a line\n".repeat(50_000);
        shell("[ $(wc -c) -eq 350000 ] && [ $(pwd) = / ]", &text, most).unwrap();
        let failed = shell("exit 3", "", most);
        assert!(matches!(failed, Err(TellError::Failed { status, .. }) if status.code() == Some(3)));
        let missing = tell(Path::new("/nowhere/mail"), Path::new("mail"), &[""; 0], "");
        assert!(matches!(missing, Err(TellError::Run { .. })));
        // No shell reads an argument.
        let test = Path::new("/usr/bin/test");
        tell(test, test, &["$(echo x)", "=", "$(echo x)"], "").unwrap();
        // A program of many names does what it is called by.
        tell(Path::new("/bin/sh"), Path::new("mail"), &["-c", "[ $0 = mail ]"], "").unwrap();
    }

    #[test]
    fn who_does_not_end_in_time_is_ended() {
        let slow = shell("sleep 100 & sleep 100", "", Duration::from_millis(50));
        assert!(matches!(slow, Err(TellError::Slow(_))));
    }

    #[test]
    fn what_others_can_change_root_does_not_run() {
        assert_eq!(trust(Path::new("/bin/sh")).unwrap(), Path::new("/bin/sh").canonicalize().unwrap());
        trust(Path::new("/etc/passwd")).unwrap();
        assert!(matches!(trust(Path::new("/nowhere")), Err(TellError::Run { .. })));
        let path = std::env::temp_dir().join(format!("portreeve-told-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let link = path.with_extension("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        let told = [path.as_path(), link.as_path()].map(trust);
        std::fs::remove_file(&path).unwrap();
        std::fs::remove_file(&link).unwrap();
        for told in told {
            assert!(matches!(told, Err(TellError::Foreign(_))), "it is in a folder of everybody's: {told:?}");
        }
    }
}
