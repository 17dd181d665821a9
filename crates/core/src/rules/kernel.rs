//! What the kernel runs out of (A9, A20, A23).

mod backlog_full;
mod dynamic_range_exhausted;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&dynamic_range_exhausted::RULE, &backlog_full::RULE];
