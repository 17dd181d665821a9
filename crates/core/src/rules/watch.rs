//! Who probes this host, and whether the watch can do what the policy asks of it (A19, A20).

mod brute_forced_now;
mod lately;
mod probed_now;
#[cfg(test)]
mod testing;
mod watch_blind;
mod watch_cannot_block;
mod watch_not_running;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &brute_forced_now::RULE,
    &probed_now::RULE,
    &watch_not_running::RULE,
    &watch_blind::RULE,
    &watch_cannot_block::RULE,
];
