//! Whether what is steered gets to somebody (A5, A12).

mod steered_to_nobody;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&steered_to_nobody::RULE];
