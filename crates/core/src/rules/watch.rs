//! Whether the watch can do what the policy asks of it (A19, A20).

mod watch_cannot_block;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&watch_cannot_block::RULE];
