//! Who asked for the number of a socket, as the kernel's guard kept it (A12, A24).

use alloc::string::String;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Process;

/// The start of a process is read off two clocks, which differ by so much at most.
const CLOCK_ERROR: SignedDuration = SignedDuration::from_secs(1);

/// A bind, as it was written down when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The process that asked.
    pub pid: u32,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// What it was called.
    pub name: String,
    /// The user whose rights it had.
    pub uid: u32,
    /// The digest of the mark that the socket has, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<u64>,
}

impl Opening {
    /// Whether the same process did both, and at once.
    #[must_use]
    pub fn is_with(&self, other: &Self) -> bool {
        let is_at_once = other.at.duration_since(self.at).abs() <= CLOCK_ERROR;
        is_at_once && (self.pid, self.started) == (other.pid, other.started)
    }

    /// Whether it was this process, and not a later one with its number.
    #[must_use]
    pub fn is_by(&self, pid: u32, process: &Process) -> bool {
        let is_same = |started: Timestamp| started.duration_since(self.started).abs() <= CLOCK_ERROR;
        pid == self.pid && process.started.is_some_and(is_same)
    }
}
