//! Sleeps until the next look, a signal to stop, or the reader's going.

use std::{
    io::{self, Stdout},
    os::unix::net::UnixStream,
};

use portreeve_core::words::Words;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fstat, major, minor},
};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    low_level::pipe,
};

use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
};

/// A change is told within a second.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 400_000_000 };

/// /dev/null (null(4)).
const NULL_DEVICE: (u32, u32) = (1, 3);

/// Why the sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// It is time for the next look.
    Time,
    /// SIGINT or SIGTERM came.
    Stopped,
    /// Nobody reads the output any more.
    ReaderGone,
}

/// The end of a pipe into which signals are written.
#[derive(Debug)]
pub(super) struct Stop {
    signals: UnixStream,
}

impl Stop {
    /// From now on SIGINT and SIGTERM end the sleep instead of the process.
    pub(super) fn on_signals() -> Result<Self, Failure> {
        let register = || {
            let (signals, write) = UnixStream::pair()?;
            pipe::register(SIGINT, write.try_clone()?)?;
            pipe::register(SIGTERM, write)?;
            Ok(Self { signals })
        };
        register().map_err(|error: io::Error| failed(&error))
    }

    /// Sleeps until something happens.
    pub(super) fn wait(&self) -> Result<Woken, Failure> {
        let stdout = io::stdout();
        if was_closed(&stdout) {
            return Ok(Woken::ReaderGone);
        }
        let mut both = [PollFd::new(&self.signals, PollFlags::IN), PollFd::new(&stdout, PollFlags::empty())];
        loop {
            match poll(&mut both, Some(&PAUSE)) {
                Ok(0) => return Ok(Woken::Time),
                Ok(_) if !both[0].revents().is_empty() => return Ok(Woken::Stopped),
                Ok(_) => return Ok(Woken::ReaderGone),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed(&error.into())),
            }
        }
    }
}

/// Whether the program was started without a standard output: then std put /dev/null in its place, open for reading too
/// (library/std/src/sys/pal/unix/mod.rs, `sanitize_standard_fds`), which `> /dev/null` never is.
fn was_closed(stdout: &Stdout) -> bool {
    let is_null = fstat(stdout).is_ok_and(|file| (major(file.st_rdev), minor(file.st_rdev)) == NULL_DEVICE);
    let is_both = fcntl_getfl(stdout).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR);
    is_null && is_both
}

fn failed(error: &io::Error) -> Failure {
    let what = Words { en: "cannot wait for changes", ja: "変化を待つことができません" };
    Failure::new(Exit::Unreachable, what).because(io_cause(error))
}
