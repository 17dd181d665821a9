//! What nginx writes of errors (src/http/ngx_http_request.c, `ngx_http_log_error`; modules/ngx_http_auth_basic_module.c).

use super::{Deed, Reading, place};

const CLIENT: &str = ", client: ";

/// Reads `*3 user "x": password mismatch, client: 192.0.2.1, server: …`.
pub(super) fn read(message: &str) -> Reading<'_> {
    let mut clients = message.match_indices(CLIENT);
    let Some((at, _)) = clients.next() else { return Reading::Nothing };
    // A user's name, a request and its headers are strangers' words.
    if clients.next().is_some() {
        return Reading::Ambiguous;
    }
    let (said, rest) = (&message[..at], &message[at + CLIENT.len()..]);
    let Some((source, _)) = place::leading(rest, &[',']) else { return Reading::Nothing };
    let said = said.trim_start_matches(|letter: char| letter == '*' || letter.is_ascii_digit()).trim_start();
    if said.starts_with("SSL_do_handshake() failed") {
        return Reading::of(source, Deed::Left, None, None);
    }
    let user = said.strip_prefix("user \"").and_then(|rest| {
        rest.strip_suffix("\": password mismatch")
            .or_else(|| rest.rsplit_once("\" was not found in \"").map(|(user, _)| user))
    });
    match user {
        Some(user) => Reading::of(source, Deed::Failed, Some(user), None),
        None => Reading::Nothing,
    }
}
