//! Whether the guard keeps what it should (A20, A24).

mod guard_missing;
mod guard_owner_never_seen;
mod ineffective_socket_bind_deny;
mod opened_before_guard;
mod port_without_guard;
mod raw_or_packet_socket;

use super::Rule;
use crate::{facts::GuardStands, text, words::Text};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[
    &guard_missing::RULE,
    &guard_owner_never_seen::RULE,
    &port_without_guard::RULE,
    &opened_before_guard::RULE,
    &raw_or_packet_socket::RULE,
    &ineffective_socket_bind_deny::RULE,
];

/// How what was confirmed of the programs in the kernel comes in force again where it `stands` so, and what to type: the policy may
/// say something else by now, as after a reboot in a trial.
pub(super) fn again(stands: GuardStands) -> (Text, [&'static str; 2]) {
    match stands {
        GuardStands::Gone => (
            text!(
                "put back what was confirmed, and see what the policy changes of it",
                "確定した内容を復元し、現在の policy との違いを確認してください"
            ),
            ["portreeve apply --boot", "portreeve plan"],
        ),
        // `apply --boot` reckons with nothing that stands already, as of other network namespaces.
        GuardStands::Whole | GuardStands::Cut | GuardStands::Changed => (
            text!(
                "see what the policy has there by now, and apply it",
                "現在の policy の内容を確認し、適用し直してください"
            ),
            ["portreeve plan", "portreeve apply"],
        ),
    }
}
