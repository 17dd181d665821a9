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
    let published = words.iter().find_map(|word| published(word));
    published
        .or_else(|| words.iter().find_map(|word| endpoint(word)).map(asked))
        .or_else(|| pair(&words).map(asked))
        .or_else(|| words.iter().find_map(|word| url(word, registry)))
        .or_else(|| after_port(&words).map(asked))
        .or_else(|| named(&words, protocol, registry))
        .or_else(|| only_number(&words).map(asked))
}

/// A word without the punctuation around it; brackets of an IPv6 address stay, and so does what begins one.
fn bare(word: &str) -> &str {
    let mark = |c: char| matches!(c, '"' | '\'' | '`' | ',' | ';' | '.' | '?' | '!' | '(' | ')');
    word.trim_start_matches(mark).trim_end_matches(|c: char| c == ':' || mark(c))
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

/// `0.0.0.0:7001->80/tcp`, as container engines write it: the host's port is meant.
fn published(word: &str) -> Option<Asked> {
    let (host, inside) = word.split_once("->")?;
    let port = host.rsplit_once(':').map_or(host, |(_, port)| port).parse().ok()?;
    let protocol = inside.split_once('/').and_then(|(_, name)| protocol(name));
    Some(Asked { range: PortRange::one(port), protocol })
}

/// `:::3000`, `0.0.0.0:80`, `[::]:443`, `*:80`, `localhost:3000`, `example.com:7001`; no `file.js:12`.
fn endpoint(word: &str) -> Option<u16> {
    let (host, port) = word.rsplit_once(':')?;
    if is_place(host) { port.parse().ok() } else { None }
}

fn is_place(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    matches!(host, "" | "*" | "::" | "localhost" | "null")
        || inner.parse::<IpAddr>().is_ok()
        || is_domain(host)
}

/// A name with dots whose last label is no file's ending.
fn is_domain(host: &str) -> bool {
    const SOURCES: [&str; 24] = [
        "c", "cc", "cjs", "cpp", "cs", "erl", "ex", "exs", "go", "h", "java", "js", "jsx", "kt", "lua",
        "mjs", "php", "pl", "py", "rb", "rs", "scala", "ts", "tsx",
    ];
    let Some((before, last)) = host.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    before.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !SOURCES.contains(&last.to_ascii_lowercase().as_str())
}

/// `('127.0.0.1', 7001)` and `('::1', 7001, 0, 0)`, as Python writes an address.
fn pair(words: &[&str]) -> Option<u16> {
    words.windows(2).find_map(|pair| match pair {
        [host, port] if host.parse::<IpAddr>().is_ok() => port.parse().ok(),
        _ => None,
    })
}

/// `listen tcp :http`: a service after the colon, of the protocol that the sentence names.
fn named(words: &[&str], protocol: Option<Protocol>, registry: Registry<'_>) -> Option<Asked> {
    words.iter().find_map(|word| {
        let (_, name) = word.rsplit_once(':').filter(|(host, name)| is_place(host) && !name.is_empty())?;
        let found = names(name, registry).into_iter();
        found
            .filter(|asked| protocol.is_none() || asked.protocol == protocol)
            .find(|asked| asked.range.is_one())
    })
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
