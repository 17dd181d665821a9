//! Whether the guard keeps what it should (A20, A24).

mod guard_missing;
mod guard_owner_never_seen;
mod ineffective_socket_bind_deny;
mod opened_before_guard;
mod port_without_guard;
mod raw_or_packet_socket;

use super::Rule;

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &guard_missing::RULE,
    &guard_owner_never_seen::RULE,
    &port_without_guard::RULE,
    &opened_before_guard::RULE,
    &raw_or_packet_socket::RULE,
    &ineffective_socket_bind_deny::RULE,
];
