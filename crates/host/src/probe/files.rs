//! The files that others run: asks each process for its executable (proc_pid_exe(5)).

use std::{fs, io};

use super::{Reason, listed, withheld};

pub(super) fn probe(pids: &[u32]) -> Result<(), Reason> {
    listed(pids)?;
    let is_withheld = |&&pid: &&u32| {
        let shown = fs::read_link(format!("/proc/{pid}/exe"));
        shown.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    withheld(pids.iter().filter(is_withheld).count())
}
