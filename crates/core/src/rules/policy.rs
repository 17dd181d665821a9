//! What is questionable about the policy itself (A15, A20).

mod policy_too_open;
mod waiver_ended;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&waiver_ended::RULE, &policy_too_open::RULE];
