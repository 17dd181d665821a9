//! What is left on a host of the watch that was enabled there: what ought to run (A19, A20).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether anybody watches, and ought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftWatch {
    /// Whether a boot starts its unit.
    pub enabled: bool,
    /// Whether anybody watches now, by the unit or by hand.
    pub runs: bool,
}
