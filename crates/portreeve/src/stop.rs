//! Sleeps until the next look, a change, a signal to stop, or the reader's going.

use std::{
    io,
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::net::UnixStream,
    },
    time::Duration,
};

use portreeve_core::words::Words;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
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
    /// SIGINT or SIGTERM came.
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
    /// From now on SIGINT and SIGTERM end the sleep instead of the process.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let register = || {
            let (signals, write) = UnixStream::pair()?;
            pipe::register(SIGINT, write.try_clone()?)?;
            pipe::register(SIGTERM, write)?;
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
