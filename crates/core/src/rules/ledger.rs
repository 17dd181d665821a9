//! What is claimed against what is bound and kept (A9, A24, A25).

mod claim_in_dynamic_range;
mod claimed_and_declared;
mod stale_claim;
mod unclaimed_port;
mod unreserved_claim;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &claimed_and_declared::RULE,
    &claim_in_dynamic_range::RULE,
    &unreserved_claim::RULE,
    &unclaimed_port::RULE,
    &stale_claim::RULE,
];
