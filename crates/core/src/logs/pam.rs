//! What pam_unix(8) writes in the name of whoever asks it.

use super::{Deed, Reading, place};

const FAILURE: &str = "authentication failure; logname=";
const HOST: &str = " rhost=";

/// Reads `pam_unix(sshd:auth): authentication failure; … ruser=test rhost=192.0.2.1  user=test`; `None` where it is no such line.
pub(super) fn read(message: &str) -> Option<Reading<'_>> {
    let (module, told) = message.split_once(FAILURE)?;
    if !(module.starts_with("pam_") || module.starts_with("(pam_")) {
        return None;
    }
    // The user's name on his own host is his own word, and stands before it.
    let mut hosts = told.match_indices(HOST).map(|(at, _)| &told[at + HOST.len()..]);
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Some(Reading::Ambiguous) };
    let (host, rest) = place::word(host);
    let user = rest.trim_start().strip_prefix("user=");
    Some(match place::address(host) {
        Some(source) => Reading::of(source, Deed::Failed, user, None),
        None => Reading::Nothing,
    })
}
