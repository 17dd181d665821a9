//! What a unit is to be kept from binding (A24).

use alloc::string::String;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Line;

/// A unit that runs, and is not to bind what its file says (`SocketBindDeny=` of systemd.resource-control(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SocketDenial {
    /// The unit.
    pub unit: String,
    /// The line that says so.
    pub line: Line,
    /// Whether any program in the kernel is asked when it binds: without one it binds what it likes.
    pub is_in_force: bool,
}
