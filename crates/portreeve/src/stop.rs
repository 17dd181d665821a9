//! Sleeps until the next look, a change, a signal to stop, or the reader's going.

mod until;

pub(crate) use until::Until;

use std::{
    fs, io,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use portreeve_core::words::Words;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    low_level::pipe,
};

use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    reader::was_closed,
};

/// Why the sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The time is over, or something changed.
    Time,
    /// SIGINT, SIGTERM or SIGHUP came.
    Stopped,
    /// Nobody reads the output any more.
    ReaderGone,
}

/// The end of a pipe into which signals are written.
#[derive(Debug)]
pub(crate) struct Stop {
    signals: UnixStream,
}

impl Stop {
    /// From now on SIGINT, SIGTERM and SIGHUP end the sleep instead of the process; the last one does nothing where it did nothing before,
    /// as nohup(1) has it.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let register = || {
            let (signals, write) = UnixStream::pair()?;
            pipe::register(SIGINT, write.try_clone()?)?;
            pipe::register(SIGTERM, write.try_clone()?)?;
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            if !ignores(&status, SIGHUP) {
                pipe::register(SIGHUP, write)?;
            }
            Ok(Self { signals })
        };
        register().map_err(|error: io::Error| failed(&error))
    }

    /// What can be read as soon as one of them came.
    pub(crate) fn signals(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Sleeps until something happens, for `time` at most; any of `changes` can be read when something changed.
    pub(crate) fn wait(&self, time: Duration, changes: &[BorrowedFd<'_>]) -> Result<Woken, Failure> {
        let stdout = io::stdout();
        if was_closed(&stdout) {
            return Ok(Woken::ReaderGone);
        }
        let mut all =
            vec![PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
        all.extend(changes.iter().map(|changes| PollFd::from_borrowed_fd(*changes, PollFlags::IN)));
        let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        loop {
            match poll(&mut all, Some(&time)) {
                Ok(_) if !all[0].revents().is_empty() => return Ok(Woken::Stopped),
                Ok(_) if !all[1].revents().is_empty() => return Ok(Woken::ReaderGone),
                Ok(_) => return Ok(Woken::Time),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(&error.into())),
            }
        }
    }
}

fn failed(error: &io::Error) -> Failure {
    let what = Words { en: "cannot wait for changes", ja: "変化を待つことができません" };
    Failure::new(Exit::Unreachable, what).because(io_cause(error))
}

/// Whether a process with this status takes no notice of `signal` (proc_pid_status(5), `SigIgn`).
fn ignores(status: &str, signal: i32) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let set = line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or_default();
    set >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_has_a_process_ignore_it_ignores() {
        let status =
            |set: &str| format!("SigBlk:\t0000000000000001\nSigIgn:\t{set}\nSigCgt:\t0000000000000001\n");
        assert!(ignores(&status("0000000000000001"), SIGHUP));
        assert!(ignores(&status("0000000000001001"), SIGHUP));
        assert!(!ignores(&status("0000000000001000"), SIGHUP));
        assert!(!ignores("", SIGHUP) && !ignores("SigIgn:\t?", SIGHUP));
    }
}
