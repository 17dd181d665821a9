//! What web servers write of each request, in the format that both nginx and Apache call combined.

use core::net::IpAddr;

use super::{Deed, Reading, place};

/// A line of it, taken apart.
pub(super) struct Parts<'l> {
    source: IpAddr,
    /// As whom he asked, where he named a user.
    user: Option<&'l str>,
    /// When, with the bracket behind it.
    pub(super) when: &'l str,
    /// What follows the quotation mark before the request.
    asked: &'l str,
}

/// Takes `192.0.2.1 - user [10/Oct/2026:13:55:36 +0000] "GET /x HTTP/1.1" 404 153 "-" "agent"` apart.
///
/// Both escape a quotation mark in what others sent, so the first one stands before the request, and the last bracket before it is
/// the server's own, whatever a user calls himself.
pub(super) fn parts(line: &str) -> Option<Parts<'_>> {
    let (source, rest) = place::leading(line, &[' '])?;
    let (before, asked) = rest.split_once("] \"")?;
    let at = before.rfind(" [")?;
    let (who, when) = (&before[..at], &rest[at + 2..=before.len()]);
    // What identd says stands before it (RFC 1413).
    let (_, user) = place::word(who.trim_start());
    let user = Some(user).filter(|user| !["", "-", "\"\""].contains(user));
    Some(Parts { source, user, when, asked })
}

/// Reads such a line.
pub(super) fn read(message: &str) -> Reading<'_> {
    asked(message).unwrap_or(Reading::Nothing)
}

fn asked(message: &str) -> Option<Reading<'_>> {
    let Parts { source, user, asked, .. } = parts(message)?;
    let end = end_of_text(asked)?;
    let (request, rest) = (&asked[..end], asked[end + 1..].strip_prefix(' ')?);
    let status: u16 = place::word(rest).0.parse().ok().filter(|status| (100..600).contains(status))?;
    let path = request.split(' ').nth(1).unwrap_or(request);
    Some(Reading::of(source, Deed::Asked { path, status }, user, None))
}

/// Where a text ends that is in quotation marks.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}
