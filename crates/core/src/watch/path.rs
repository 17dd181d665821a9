//! The path that a request means, however it is written (RFC 3986 §5.2.4 and §6.2.2, RFC 9112 §3.2).
//!
//! Who looks for holes writes `//.env`, `/%2eenv`, `/x/../.env` and `http://host/.env`, and servers take them for the same.

use core::{hash::Hasher as _, ops::Deref};

use siphasher::sip::SipHasher13;

use super::Key;
use crate::logs::{Asked, LINE_BYTES_MAX};

/// Its bytes, decoded once, each run of slashes as one, without the host before, the question behind, and steps to where it stands
/// already (`.`) and up again (`..`). No line is longer, and a step of the watch takes no memory.
pub(super) struct Plain {
    bytes: [u8; LINE_BYTES_MAX],
    length: usize,
}

impl Deref for Plain {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Plain {
    /// Of what a request is for.
    pub(super) fn of(target: &str) -> Self {
        let path = without_host(target).split(['?', '#']).next().unwrap_or_default();
        let (mut plain, mut rest) = (Self { bytes: [0; LINE_BYTES_MAX], length: 0 }, path.as_bytes());
        while let Some((byte, behind)) = decoded(rest) {
            rest = behind;
            if byte == b'/' {
                plain.end_segment();
            }
            if byte != b'/' || plain.last() != Some(&b'/') {
                plain.push(byte);
            }
        }
        plain.end_segment();
        plain
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    /// Takes the last segment away again where it is a step, and the one before with a step up; the root is as high as there is.
    fn end_segment(&mut self) {
        let begin = last_segment(self);
        match self[begin..] {
            [b'.', b'.'] if begin > 1 => self.length = last_segment(&self[..begin - 1]),
            [b'.'] | [b'.', b'.'] => self.length = begin,
            _ => {}
        }
    }
}

/// Where it begins.
fn last_segment(path: &[u8]) -> usize {
    path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1)
}

/// What tells it from others of its host, and nobody can choose who does not know the key.
pub(super) fn digest(key: Key, asked: &Asked<'_>) -> u64 {
    hashed(key, &[asked.host.unwrap_or_default().as_bytes(), &Plain::of(asked.target())])
}

/// The same of all that a server may answer differently: the method, and the question behind it.
pub(super) fn digest_of_request(key: Key, asked: &Asked<'_>) -> u64 {
    let question = asked.target().split_once('?').map_or("", |(_, question)| question);
    let parts = [asked.host.unwrap_or_default(), asked.method(), question].map(str::as_bytes);
    hashed(key, &[parts[0], parts[1], parts[2], &Plain::of(asked.target())])
}

fn hashed(key: Key, parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(key[0], key[1]);
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

fn without_host(target: &str) -> &str {
    let is_path = target.starts_with('/');
    let Some((_, behind)) = target.split_once("://").filter(|_| !is_path) else { return target };
    behind.find('/').map_or("/", |at| &behind[at..])
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
    use alloc::string::String;

    use super::*;

    fn asked<'l>(host: Option<&'l str>, request: &'l str) -> Asked<'l> {
        Asked { host, request, status: 404, is_led: false }
    }

    #[test]
    fn whatever_means_the_same_path_is_the_same() {
        let digest = |host, request: &str| digest([1, 2], &asked(host, request));
        for written in [
            "/.env",
            "//.env",
            "/%2eenv",
            "/%2F%2E%65nv?x=/",
            "http://host/.env",
            "HTTPS://host:8443//.env#x",
            "/./.env",
            "/app//../.env",
            "/%2e%2e/a/b/../%2E./.env",
            "/../../.env",
        ] {
            let meant = String::from_utf8(Plain::of(written).to_vec());
            assert_eq!(meant.as_deref(), Ok("/.env"), "{written}");
            assert_eq!(digest(None, written), digest(None, "/.env"), "{written}");
        }
        assert_ne!(digest(None, "/.env/"), digest(None, "/.env"));
        assert_ne!(digest(Some("a.example:80"), "/"), digest(Some("b.example:80"), "/"));
    }

    #[test]
    fn a_request_is_what_it_asks_for_and_how() {
        let digest = |request: &str| digest_of_request([1, 2], &asked(None, request));
        let own = digest("GET /a?b HTTP/1.1");
        assert!(
            ["GET /a?b HTTP/2.0", "GET //a?b", "GET http://c/a?b"].map(digest).iter().all(|it| *it == own)
        );
        let others = ["OPTIONS /a?b HTTP/1.1", "GET /a?c HTTP/1.1", "GET /a HTTP/1.1", "GET /b?b HTTP/1.1"];
        assert!(others.map(digest).iter().all(|it| *it != own));
    }

    /// A line that was cut is no longer either.
    #[test]
    fn of_a_longer_path_the_beginning_is_compared() {
        let long = ["/", &"x".repeat(LINE_BYTES_MAX), "/../.env"].concat();
        assert_eq!(Plain::of(&long).len(), LINE_BYTES_MAX);
        let within = ["/", &"x".repeat(LINE_BYTES_MAX - 9), "/../.env"].concat();
        assert_eq!(&*Plain::of(&within), b"/.env");
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
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("/...", "/..."),
            ("/.a/..b", "/.a/..b"),
            (".", ""),
            ("../a", "/a"),
            ("a/..", ""),
            ("a/../../b", "/b"),
        ] {
            assert_eq!(String::from_utf8_lossy(&Plain::of(written)), meant, "{written}");
        }
        assert_eq!(Plain::of("/%ff\u{e9}").len(), 4);
    }
}
