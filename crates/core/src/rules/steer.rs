//! Whether what is steered gets to somebody (A5, A12).

mod foreign_steering;
mod steered_to_nobody;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&steered_to_nobody::RULE, &foreign_steering::RULE];
