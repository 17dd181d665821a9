//! The code behind the ports: updates that wait or were not taken up, and code that nobody updates (A18).

mod code_of_no_package;
mod kernel_not_rebooted;
mod security_update_waiting;
mod update_data_old;

use alloc::vec::Vec;

use super::Rule;
use crate::{finding::Finding, patches::Patch};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &security_update_waiting::RULE,
    &kernel_not_rebooted::RULE,
    &code_of_no_package::RULE,
    &update_data_old::RULE,
];

/// What is wrong with code of which no port is known, as below a root that does not run here.
#[must_use]
pub(super) fn unlistening(patches: &[Patch<'_>]) -> Vec<Finding> {
    security_update_waiting::unlistening(patches)
}

/// The one of another group that is about code too.
const STALE_EXECUTABLE: &str = "stale-executable";

/// Whether the rule of this name is about code.
#[must_use]
pub fn is_one(name: &str) -> bool {
    name == STALE_EXECUTABLE || RULES.iter().any(|rule| rule.name == name)
}
