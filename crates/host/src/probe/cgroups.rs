//! The cgroup2 hierarchy, which leads from a socket to its unit (cgroups(7)).

use super::Reason;
use crate::proc::{self, mounts};

pub(super) fn probe() -> Result<(), Reason> {
    let table = proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default();
    mounts::read(&table).cgroup2.map(drop).ok_or(Reason::NotMounted)
}
