//! The descriptors of everybody: asks each process for its first one.

use super::{Reason, listed, withheld};
use crate::proc;

pub(super) fn probe(pids: &[u32]) -> Result<(), Reason> {
    listed(pids)?;
    withheld(pids.iter().filter(|&&pid| proc::hides_descriptors(pid)).count())
}
