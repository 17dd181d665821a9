//! What Dovecot writes (login-common/client-common.c, `login_log_format_elements`; auth/auth-request.c).

use super::{Deed, Reading, pam, place};

const REMOTE: &str = "rip=";

/// Reads `imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=…`, what its
/// authentication says of an address, or what PAM says for it.
pub(super) fn read(message: &str) -> Reading<'_> {
    let message = message.strip_prefix("dovecot: ").unwrap_or(message);
    let (process, told) = message.split_once(": ").unwrap_or(("", message));
    let told = told.strip_prefix("Info: ").unwrap_or(told);
    match process {
        _ if process.ends_with("-login") => login(told),
        "auth" | "auth(default)" => pam::read(told).unwrap_or_else(|| asked(told)),
        _ if process.starts_with("auth-worker") => pam::read(told).unwrap_or_else(|| asked(told)),
        _ => pam::read(message).or_else(|| pam::read(told)).unwrap_or(Reading::Nothing),
    }
}

fn login(told: &str) -> Reading<'_> {
    let mut found = told.match_indices(REMOTE);
    let Some((at, _)) = found.next() else { return Reading::Nothing };
    // The user's name stands before it, and is his own word.
    if found.next().is_some() {
        return Reading::Ambiguous;
    }
    let Some((source, _)) = place::leading(&told[at + REMOTE.len()..], &[',']) else {
        return Reading::Nothing;
    };
    let (what, user) = match told[..at].split_once("user=<") {
        Some((what, user)) => (what, user.split_once(">, ").map(|(user, _)| user)),
        None => (&told[..at], None),
    };
    let is = |words: &str| what.contains(words);
    let deed = if what.starts_with("Login: ") {
        Deed::Welcome
    } else if is("auth failed") || is("disallowed plaintext auth") {
        Deed::Failed
    } else {
        Deed::Left
    };
    Reading::of(source, deed, user.filter(|user| !user.is_empty()), None)
}

/// `sql(user,192.0.2.1,<session>): Password mismatch`.
fn asked(told: &str) -> Reading<'_> {
    const FAILURES: [&str; 6] = [
        "Password mismatch",
        "invalid credentials",
        "unknown user",
        "pam_authenticate() failed: Authentication failure",
        "pam_authenticate() failed: Permission denied",
        "pam_authenticate() failed: User not known",
    ];
    let Some((_, rest)) = told.split_once('(') else { return Reading::Nothing };
    let Some((who, why)) = rest.rsplit_once("): ") else { return Reading::Nothing };
    if !FAILURES.iter().any(|failure| why.starts_with(failure)) {
        return Reading::Nothing;
    }
    let addresses = who.split(',').enumerate().filter_map(|(at, part)| Some((at, place::address(part)?)));
    match place::only(addresses) {
        Ok(Some((at, source))) if at > 0 => {
            let user = who.split_once(',').map(|(user, _)| user);
            Reading::of(source, Deed::Failed, user.filter(|user| !user.is_empty()), None)
        }
        Ok(_) => Reading::Nothing,
        Err(()) => Reading::Ambiguous,
    }
}
