//! What the policy declares against what the host does (A15, A17, A24).

mod unneeded_open_port;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&unneeded_open_port::RULE];
