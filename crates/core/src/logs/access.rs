//! What web servers write of each request, in the format that both nginx and Apache call combined.

use core::net::IpAddr;

use super::{Asked, Deed, Reading, place};

/// A line of it, taken apart.
pub(super) struct Parts<'l> {
    /// Which of several hosts was asked, where that is written.
    host: Option<&'l str>,
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
    let direct = place::leading(line, &[' ']).map(|(source, rest)| (None, source, rest));
    let (host, source, rest) = direct.or_else(|| behind_host(line))?;
    let (before, asked) = rest.split_once("] \"")?;
    let at = before.rfind(" [")?;
    let (who, when) = (&before[..at], &rest[at + 2..=before.len()]);
    // Else what stands first may be no address of the server's: where a format begins with the host that was asked for, a stranger's.
    let (ident, user) = place::word(who.trim_start());
    if ident != "-" {
        return None;
    }
    let user = Some(user).filter(|user| !["", "-", "\"\""].contains(user));
    Some(Parts { host, source, user, when, asked })
}

/// The host and the address behind `www.example:443 `, which Apache puts before it where many hosts have one log (`vhost_combined`).
fn behind_host(line: &str) -> Option<(Option<&str>, IpAddr, &str)> {
    let (host, rest) = place::word(line);
    let (_, port) = host.rsplit_once(':')?;
    port.parse::<u16>().ok()?;
    place::leading(rest, &[' ']).map(|(source, rest)| (Some(host), source, rest))
}

/// Reads such a line.
pub(super) fn read(message: &str) -> Reading<'_> {
    asked(message).unwrap_or(Reading::Nothing)
}

fn asked(message: &str) -> Option<Reading<'_>> {
    let Parts { host, source, user, asked, .. } = parts(message)?;
    let end = end_of_text(asked)?;
    let (request, rest) = (&asked[..end], asked[end + 1..].strip_prefix(' ')?);
    // Where the line was cut what ends with it may be a part of a number.
    let (status, rest) = rest.split_once(' ')?;
    let status: u16 = status.parse().ok().filter(|status| (100..600).contains(status))?;
    let deed = Deed::Asked(Asked { host, request, status, is_led: is_led(rest) });
    Some(Reading::of(source, deed, user, None))
}

/// Whether `153 "page" "agent"` names a page.
fn is_led(rest: &str) -> bool {
    let (_, rest) = place::word(rest);
    let text = rest.strip_prefix('"');
    let page = text.and_then(|text| Some(&text[..end_of_text(text)?]));
    page.is_some_and(|page| !["", "-"].contains(&page))
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
