//! Addresses where a program writes them.

use core::net::IpAddr;

/// An address as programs write it, also one of IPv4 in the clothes of IPv6; no name of a host.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    // Nothing that is an address is longer.
    (text.len() <= 64).then(|| text.parse::<IpAddr>().ok()).flatten().map(|ip| ip.to_canonical())
}

/// The word at the beginning of `text`, up to a space, and what follows the space.
pub(super) fn word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

/// An address at the beginning of `text`, up to any of `ends`, and what follows, with that end.
pub(super) fn leading<'t>(text: &'t str, ends: &[char]) -> Option<(IpAddr, &'t str)> {
    let length = text.find(ends).unwrap_or(text.len());
    let (first, rest) = text.split_at(length);
    Some((address(first)?, rest))
}

/// ` port 50273` at the beginning of `text`, and what follows.
pub(super) fn port(text: &str) -> (Option<u16>, &str) {
    let Some(rest) = text.strip_prefix(" port ") else { return (None, text) };
    let length = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    match rest[..length].parse() {
        Ok(port) => (Some(port), &rest[length..]),
        Err(_) => (None, text),
    }
}

/// The only one of some; an error where there are several.
pub(super) fn only<T>(mut all: impl Iterator<Item = T>) -> Result<Option<T>, ()> {
    let first = all.next();
    if all.next().is_some() { Err(()) } else { Ok(first) }
}
