//! What web servers write of each request, in the format that both nginx and Apache call combined.

use super::{Deed, Reading, place};

/// Reads `192.0.2.1 - user [10/Oct/2026:13:55:36 +0000] "GET /x HTTP/1.1" 404 153 "-" "agent"`.
///
/// Both escape a quotation mark in what others sent, so the first two that are not enclose the request.
pub(super) fn read(message: &str) -> Reading<'_> {
    asked(message).unwrap_or(Reading::Nothing)
}

fn asked(message: &str) -> Option<Reading<'_>> {
    let (source, rest) = place::leading(message, &[' '])?;
    let rest = &rest[rest.find("] \"")? + 3..];
    let end = end_of_text(rest)?;
    let (request, rest) = (&rest[..end], rest[end + 1..].strip_prefix(' ')?);
    let status: u16 = place::word(rest).0.parse().ok().filter(|status| (100..600).contains(status))?;
    let path = request.split(' ').nth(1).unwrap_or(request);
    Some(Reading::of(source, Deed::Asked { path, status }, None, None))
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
