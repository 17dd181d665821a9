//! The descriptors of everybody: asks each process for its first one (ptrace(2), PTRACE_MODE_READ_FSCREDS).

use std::{fs, io};

use super::{Reason, withheld};
use crate::proc::{self, mounts};

pub(super) fn probe(pids: &[u32]) -> Result<(), Reason> {
    let table = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default();
    if mounts::read(&table).hides_processes && !proc::shows_everybody() {
        return Err(Reason::Hidden);
    }
    if pids.is_empty() {
        return Err(Reason::NotMounted);
    }
    withheld(pids.iter().filter(|&&pid| is_withheld(pid)).count())
}

/// A process may list its descriptors and still not show where they lead.
fn is_withheld(pid: u32) -> bool {
    let shown = fs::read_dir(format!("/proc/{pid}/fd")).and_then(|mut entries| {
        entries.next().map_or(Ok(()), |entry| fs::read_link(entry?.path()).map(drop))
    });
    shown.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
