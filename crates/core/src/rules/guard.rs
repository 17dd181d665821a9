//! Whether the guard that was confirmed still keeps what it should (A20, A24).

mod guard_missing;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&guard_missing::RULE];
