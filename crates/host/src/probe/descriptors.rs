//! The descriptors of everybody: asks each process for its first one (ptrace(2), PTRACE_MODE_READ_FSCREDS).

use std::{fs, io};

use super::{Reason, listed, withheld};

pub(super) fn probe(pids: &[u32]) -> Result<(), Reason> {
    listed(pids)?;
    withheld(pids.iter().filter(|&&pid| is_withheld(pid)).count())
}

/// A process may list its descriptors and still not show where they lead.
fn is_withheld(pid: u32) -> bool {
    let shown = fs::read_dir(format!("/proc/{pid}/fd")).and_then(|mut entries| {
        entries.next().map_or(Ok(()), |entry| fs::read_link(entry?.path()).map(drop))
    });
    shown.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}
