//! The path that a request means, however it is written (RFC 3986 §6.2.2, RFC 9112 §3.2).
//!
//! Who looks for holes writes `//.env`, `/%2eenv` and `http://host/.env`, and servers take them for the same.

use core::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::Key;

/// Its bytes, decoded once, each run of slashes as one, without the host before and the question behind.
pub(super) fn plain(target: &str) -> impl Iterator<Item = u8> {
    let path = without_host(target).split(['?', '#']).next().unwrap_or_default();
    Plain { rest: path.as_bytes(), is_behind_slash: false }
}

/// What tells it from others, and nobody can choose who does not know the key.
pub(super) fn digest(key: Key, target: &str) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    plain(target).for_each(|byte| hasher.write_u8(byte));
    hasher.finish()
}

fn without_host(target: &str) -> &str {
    let is_path = target.starts_with('/');
    let Some((_, behind)) = target.split_once("://").filter(|_| !is_path) else { return target };
    behind.find('/').map_or("/", |at| &behind[at..])
}

struct Plain<'p> {
    rest: &'p [u8],
    is_behind_slash: bool,
}

impl Iterator for Plain<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let (byte, rest) = decoded(self.rest)?;
            self.rest = rest;
            let was_behind_slash = core::mem::replace(&mut self.is_behind_slash, byte == b'/');
            if byte != b'/' || !was_behind_slash {
                return Some(byte);
            }
        }
    }
}

/// The first byte that is meant, and what follows it.
fn decoded(bytes: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'%', high, low, rest @ ..] = bytes
        && let (Some(high), Some(low)) = (digit(*high), digit(*low))
    {
        return Some((high << 4 | low, rest));
    }
    bytes.split_first().map(|(first, rest)| (*first, rest))
}

fn digit(letter: u8) -> Option<u8> {
    char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;

    #[test]
    fn whatever_means_the_same_path_is_the_same() {
        for written in [
            "/.env",
            "//.env",
            "/%2eenv",
            "/%2F%2E%65nv?x=/",
            "http://host/.env",
            "HTTPS://host:8443//.env#x",
        ] {
            let meant = String::from_utf8(plain(written).collect::<Vec<_>>());
            assert_eq!(meant.as_deref(), Ok("/.env"), "{written}");
            assert_eq!(digest([1, 2], written), digest([1, 2], "/.env"), "{written}");
        }
        assert_ne!(digest([1, 2], "/.env/"), digest([1, 2], "/.env"));
    }

    #[test]
    fn no_path_is_too_odd() {
        for (written, meant) in [
            ("", ""),
            ("*", "*"),
            ("http://host", "/"),
            ("/%", "/%"),
            ("/%2", "/%2"),
            ("/%zz", "/%zz"),
            ("/%252e", "/%2e"),
            ("/a?b=http://c/d", "/a"),
            ("/a//b///", "/a/b/"),
        ] {
            assert_eq!(plain(written).collect::<Vec<_>>(), meant.as_bytes(), "{written}");
        }
        assert_eq!(plain("/%ff\u{e9}").count(), 4);
    }
}
