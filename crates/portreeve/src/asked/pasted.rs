//! Finds the port in a sentence of another program.

use std::net::IpAddr;

use portreeve_core::{
    port::{PortRange, Protocol},
    registry::Registry,
};

use super::{Asked, names, number};

/// An error message is a few lines long.
const WORDS_MAX: usize = 1_000;

/// The port that `sentence` is about: an endpoint, a URL, the number after "port", or the only number.
pub(super) fn read(sentence: &str, registry: Registry<'_>) -> Option<Asked> {
    let words: Vec<&str> = sentence.split_whitespace().take(WORDS_MAX).map(bare).collect();
    let protocol = words.iter().find_map(|word| protocol(word));
    let asked = |port| Asked { range: PortRange::one(port), protocol };
    let found = words.iter().find_map(|word| endpoint(word)).map(asked);
    found
        .or_else(|| words.iter().find_map(|word| url(word, registry)))
        .or_else(|| after_port(&words).map(asked))
        .or_else(|| only_number(&words).map(asked))
}

/// A word without the punctuation around it; brackets of an IPv6 address stay.
fn bare(word: &str) -> &str {
    let word =
        word.trim_matches(|c: char| matches!(c, '"' | '\'' | '`' | ',' | ';' | '.' | '?' | '!' | '(' | ')'));
    word.strip_suffix(':').unwrap_or(word)
}

/// `tcp`, `tcp4`, `udp6`, as Go and others write it.
fn protocol(word: &str) -> Option<Protocol> {
    let name = word.to_ascii_lowercase();
    match name.trim_end_matches(['4', '6']) {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

/// `:::3000`, `0.0.0.0:80`, `[::]:443`, `*:80`, `localhost:3000`; no `file.js:12`.
fn endpoint(word: &str) -> Option<u16> {
    let (host, port) = word.rsplit_once(':')?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let is_place = matches!(host, "" | "*" | "::" | "localhost") || inner.parse::<IpAddr>().is_ok();
    if is_place { port.parse().ok() } else { None }
}

/// Of a URL only the port counts: the one it names, else the usual one of its scheme.
fn url(word: &str, registry: Registry<'_>) -> Option<Asked> {
    let (scheme, rest) = word.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let named = host.rsplit_once(':').filter(|(before, _)| !before.starts_with('[') || before.ends_with(']'));
    match named {
        Some((_, port)) if !port.is_empty() => {
            Some(Asked { range: PortRange::one(port.parse().ok()?), protocol: None })
        }
        _ => names(scheme, registry).first().map(|usual| Asked { protocol: None, ..*usual }),
    }
}

fn after_port(words: &[&str]) -> Option<u16> {
    words.windows(2).find_map(|pair| match pair {
        [before, after] if before.eq_ignore_ascii_case("port") => after.parse().ok(),
        _ => None,
    })
}

fn only_number(words: &[&str]) -> Option<u16> {
    let mut numbers = words.iter().filter_map(|word| match number(word) {
        Some(Ok(Asked { range, .. })) if range.is_one() => Some(range.first),
        _ => None,
    });
    match (numbers.next(), numbers.next()) {
        (Some(one), None) if words.len() > 1 => Some(one),
        _ => None,
    }
}
