//! Waits for packets, for a time, or for whoever stops a scan (ppoll(2)).

use std::{os::fd::BorrowedFd, time::Duration};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::ScanError;

/// Which of the descriptors have something; the last one is that of whoever stops.
pub(super) fn wait<const N: usize>(
    descriptors: [BorrowedFd<'_>; N],
    time: Duration,
) -> Result<[bool; N], ScanError> {
    let mut all = descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    match poll(&mut all, Some(&time)) {
        Ok(_) => Ok(all.map(|fd| !fd.revents().is_empty())),
        Err(Errno::INTR) => Ok([false; N]),
        Err(error) => Err(ScanError::Call("wait for answers", error.into())),
    }
}
