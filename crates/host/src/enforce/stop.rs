//! Ends what holds a port, as it is told to: a unit by the service manager, a process by a signal (A16, A17).

use std::{
    fs, io, thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use crate::program::{Program, ProgramError};

/// A socket in the hands of a process: told by its inode, so that nobody else with the same number is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The process.
    pub pid: u32,
    /// Its descriptor.
    pub fd: u32,
    /// The socket.
    pub inode: u64,
}

/// Until it is looked again whether a socket was let go of.
const PAUSE: Duration = Duration::from_millis(50);

impl Held {
    /// Whether the process has the socket.
    fn is_held(self) -> bool {
        let Self { pid, fd, inode } = self;
        let link = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
        link.is_ok_and(|link| link.as_os_str() == format!("socket:[{inode}]").as_str())
    }

    /// Waits until the process has let go of the socket, until `end` at most; whether it has.
    #[must_use]
    pub fn is_let_go(self, end: Instant) -> bool {
        while self.is_held() {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(PAUSE);
        }
        true
    }
}

/// Why something was not stopped.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// systemctl did not do it.
    #[error("systemctl did not stop it")]
    Manager(#[source] ProgramError),
    /// The process does not hold the socket any more.
    #[error("process {0} does not hold the port any more")]
    Gone(u32),
    /// The kernel refused.
    #[error("cannot signal process {0}")]
    Refused(u32, #[source] io::Error),
}

/// Stops units, and waits until they have stopped.
///
/// # Errors
///
/// Where systemctl fails or takes longer than half a minute: it may stop them all the same then.
pub fn stop_units(units: &[String]) -> Result<(), StopError> {
    let mut arguments = vec!["stop", "--"];
    arguments.extend(units.iter().map(String::as_str));
    let stopped = Program::start("systemctl", &arguments).and_then(Program::finish);
    stopped.map(|_| ()).map_err(StopError::Manager)
}

/// Asks a process to end (SIGTERM, signal(7)), if it is the one that holds the socket: the number of one that ended before
/// is nobody's then (pidfd_open(2)).
///
/// # Errors
///
/// Where it does not hold the socket, or the kernel refuses.
pub fn terminate(held: Held) -> Result<(), StopError> {
    let pid = held.pid;
    let gone = || StopError::Gone(pid);
    let refused = |error: Errno| match error {
        Errno::SRCH => gone(),
        error => StopError::Refused(pid, error.into()),
    };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).filter(|_| pid > 1).ok_or_else(gone)?;
    let process = pidfd_open(number, PidfdFlags::empty()).map_err(refused)?;
    if !held.is_held() {
        return Err(gone());
    }
    pidfd_send_signal(process, Signal::TERM).map_err(refused)
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        os::{fd::AsRawFd as _, unix::fs::MetadataExt as _, unix::process::ExitStatusExt as _},
        process::{Command, Stdio},
    };

    use super::*;

    /// Whoever has another socket, or none, is not the one that is meant.
    #[test]
    fn only_the_holder_of_the_socket_is_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = fs::metadata(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap().ino();
        let input: std::os::fd::OwnedFd = listener.into();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::from(input)).spawn().unwrap();
        let pid = child.id();
        for wrong in [
            Held { pid, fd: 0, inode: inode + 1 },
            Held { pid, fd: 999, inode },
            Held { pid: 1, fd: 0, inode },
            Held { pid: 0, fd: 0, inode },
            Held { pid: u32::MAX, fd: 0, inode },
        ] {
            assert!(matches!(terminate(wrong), Err(StopError::Gone(_))), "{wrong:?}");
        }
        assert!(child.try_wait().unwrap().is_none(), "it lives on");
        let held = Held { pid, fd: 0, inode };
        assert!(!held.is_let_go(Instant::now()));
        terminate(held).unwrap();
        assert!(held.is_let_go(Instant::now() + Duration::from_secs(10)));
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }
}
