//! Whether anybody still reads what is written.

use std::io::{self, Stdout};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fstat, major, minor},
};

/// /dev/null (null(4)).
const NULL_DEVICE: (u32, u32) = (1, 3);
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Whether nobody reads the standard output any more (poll(2), POLLERR of a pipe).
pub(crate) fn has_gone() -> bool {
    let stdout = io::stdout();
    let mut watched = [PollFd::new(&stdout, PollFlags::empty())];
    was_closed(&stdout) || poll(&mut watched, Some(&AT_ONCE)).is_ok_and(|count| count > 0)
}

/// Whether the program was started without a standard output: then std put /dev/null in its place, open for reading too
/// (library/std/src/sys/pal/unix/mod.rs, `sanitize_standard_fds`), which `> /dev/null` never is.
pub(crate) fn was_closed(stdout: &Stdout) -> bool {
    let is_null = fstat(stdout).is_ok_and(|file| (major(file.st_rdev), minor(file.st_rdev)) == NULL_DEVICE);
    let is_both = fcntl_getfl(stdout).is_ok_and(|flags| flags & OFlags::ACCMODE == OFlags::RDWR);
    is_null && is_both
}
