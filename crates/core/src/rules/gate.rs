//! Whether the gate that was confirmed is still in force, and will be (A15, A16, A20).

mod gate_drifted;
mod gate_not_at_boot;
mod gate_removed;

#[cfg(test)]
pub(super) mod testing;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&gate_removed::RULE, &gate_drifted::RULE, &gate_not_at_boot::RULE];
