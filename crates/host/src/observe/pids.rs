//! The processes that /proc shows, listed when first somebody asks: the kernel's own programs need no list.

use std::sync::OnceLock;

use crate::proc;

/// Their numbers.
#[derive(Debug, Default)]
pub(super) struct Pids(OnceLock<Vec<u32>>);

impl Pids {
    /// Every process, as they were when first asked for.
    pub(super) fn all(&self) -> &[u32] {
        self.0.get_or_init(|| proc::pids().unwrap_or_default())
    }

    /// Whether /proc was asked and shows not even its reader: it is not mounted.
    pub(super) fn are_none(&self) -> bool {
        self.0.get().is_some_and(Vec::is_empty)
    }
}
